import { type Btf, describeType, formatCHeader, formatType, parseBtf } from '@skep/btf'
import { readElf } from '@skep/loader-elf'
import { Command } from 'commander'
import { about, readInput } from '../input.ts'
import { jsonValue, print } from '../output.ts'
import { RefusedError, UsageError } from '../report.ts'

type Format = 'c' | 'raw' | 'json'

interface Options {
  readonly base?: string
  readonly json?: boolean
  readonly pretty?: boolean
}

/** `skep btf dump file FILE format c`: as bpftool; the words `file` and `format` may be left out. */
export function btfCommand(): Command {
  const dump = new Command('dump')
    .description('print the types of an object or of raw BTF, as bpftool btf dump does')
    .argument('<words...>', '[file] FILE [[format] c|raw|json]')
    .option('-B, --base <file>', 'BTF that the file’s continues (/sys/kernel/btf/vmlinux for a module)')
    .option('-j, --json', 'the types as one JSON object')
    .option('-p, --pretty', 'the same, by lines')
    .addHelpText('after', '\nExample:\n  skep btf dump file firewall.o format c')
    .action(async (words: string[], options: Options) => {
      const { file, format } = parseWords(words, options)
      const base = options.base === undefined ? undefined : await readBtf(options.base)
      const btf = await readBtf(file, base)
      const first = base?.count ?? 1
      const ids = Array.from({ length: btf.count - first }, (_, i) => first + i)
      if (format === 'c') printHeader(btf, ids)
      else if (format === 'raw') for (const id of ids) print(formatType(btf, id))
      else print(typesAsJson(btf, ids, options.pretty === true))
    })
  return new Command('btf').description('types in BTF').addCommand(dump)
}

function parseWords(words: readonly string[], options: Options): { file: string; format: Format } {
  const rest = words[0] === 'file' && words.length > 1 ? words.slice(1) : [...words]
  const [file = '', ...more] = rest
  const [word, extra] = more[0] === 'format' ? more.slice(1) : more
  if (extra !== undefined) throw new UsageError(`btf dump: "${extra}" is one word too many`)
  if (more[0] === 'format' && word === undefined)
    throw new UsageError('btf dump: give a format: c, raw or json')
  const asked = options.json || options.pretty ? 'json' : 'raw'
  const format = word ?? asked
  if (format === 'c' || format === 'raw' || format === 'json')
    return { file, format: format === 'raw' ? asked : format }
  throw new UsageError(`btf dump: no format ${format}; there are: c, raw, json`)
}

/** Raw BTF, or that of an object. */
async function readBtf(file: string, base?: Btf): Promise<Btf> {
  const bytes = await readInput(file)
  const isElf = bytes.length > 4 && bytes[0] === 0x7f && bytes[1] === 0x45
  try {
    const section = isElf ? readElf(bytes).section('.BTF') : undefined
    if (isElf && !section) throw new RefusedError('NO_BTF', 'the object has no .BTF; compile it with -g')
    return parseBtf(section?.data ?? bytes, base)
  } catch (error) {
    throw about(file, error)
  }
}

/** With the guards and the attribute that bpftool writes around them. */
function printHeader(btf: Btf, ids: readonly number[]): void {
  print('#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n#ifndef BPF_NO_PRESERVE_ACCESS_INDEX')
  print('#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n#endif\n')
  const text = formatCHeader(btf, { ids })
  if (text !== '') print(text.trimEnd())
  print(
    '\n#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n#endif /* __VMLINUX_H__ */',
  )
}

/** Numbers of 64 bits stand in it as numbers, as bpftool writes them. */
function typesAsJson(btf: Btf, ids: readonly number[], pretty: boolean): string {
  const types = ids.map((id) => describeType(btf, id))
  const text = JSON.stringify(
    { types },
    (key, value: unknown) => (typeof value === 'bigint' ? `\u0001${value}\u0001` : jsonValue(key, value)),
    pretty ? 2 : undefined,
  )
  return text.replaceAll(/"\\u0001(-?\d+)\\u0001"/g, '$1')
}
