import { type Btf, describeType, formatCHeader, formatType, parseBtf } from '@skep/btf'
import { readElf } from '@skep/loader-elf'
import { Command } from 'commander'
import { about, readInput } from '../input.ts'
import { btfBytes, btfShow } from '../kernel/btf.ts'
import { type KernelOptions, kernelCommand, Words, withKernel } from '../kernel/with-kernel.ts'
import { print } from '../output.ts'
import { RefusedError, UsageError } from '../report.ts'
import { wideJson } from '../wide-json.ts'

type Format = 'c' | 'raw' | 'json'

interface Options {
  readonly base?: string
  readonly json?: boolean
  readonly pretty?: boolean
  readonly kernel?: boolean
}

/** `skep btf dump file FILE format c`: as bpftool; the words `file` and `format` may be left out. */
export function btfCommand(): Command {
  const dump = new Command('dump')
    .description('print the types of an object or of raw BTF, as bpftool btf dump does')
    .argument('<words...>', '[file] FILE [[format] c|raw|json], or with --kernel id|prog|map ID')
    .option('--kernel', 'of BTF that the running kernel holds')
    .option('-B, --base <file>', 'BTF that the file’s continues (/sys/kernel/btf/vmlinux for a module)')
    .option('-j, --json', 'the types as one JSON object')
    .option('-p, --pretty', 'the same, by lines')
    .addHelpText('after', '\nExample:\n  skep btf dump file firewall.o format c')
    .action(async (words: string[], options: Options) => {
      const held = options.kernel ? await heldBtf(words, options) : undefined
      const { file, format } = parseWords(held ? held.rest : words, options)
      const base = options.base === undefined ? undefined : await readBtf(options.base)
      const btf = held ? parseBtf(held.bytes, base) : await readBtf(file, base)
      const first = base?.count ?? 1
      const ids = Array.from({ length: btf.count - first }, (_, i) => first + i)
      if (format === 'c') printHeader(btf, ids)
      else if (format === 'raw') for (const id of ids) print(formatType(btf, id))
      else print(typesAsJson(btf, ids, options.pretty === true))
    })
  const show = kernelCommand('show', 'BTF that the running kernel holds')
    .alias('list')
    .argument('[words...]', '[id ID]')
    .action((words: string[], options: KernelOptions) =>
      withKernel('btf show', options, (kernel, write) =>
        btfShow(kernel, new Words('btf', ['show', ...words]), write),
      ),
    )
  return new Command('btf').description('types in BTF').addCommand(dump).addCommand(show)
}

/** The BTF that `id ID`, `prog id ID` or `map id ID` names, and the words behind. */
async function heldBtf(
  words: readonly string[],
  options: Options,
): Promise<{ readonly bytes: Uint8Array; readonly rest: readonly string[] }> {
  const left = new Words('btf dump', words)
  const kind = left.take('id', 'prog', 'map')
  if (kind === undefined) throw new UsageError('btf dump: with --kernel, give id, prog or map')
  if (kind !== 'id') left.take('id')
  const id = left.number('id')
  let bytes = new Uint8Array(0)
  await withKernel('btf dump', options, (kernel) => {
    bytes = btfBytes(kernel, kind as 'id', id).slice()
  })
  return { bytes, rest: [`${kind} ${id}`, ...left.until()] }
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

const typesAsJson = (btf: Btf, ids: readonly number[], pretty: boolean): string =>
  wideJson({ types: ids.map((id) => describeType(btf, id)) }, pretty)
