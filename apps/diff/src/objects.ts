import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { ParseElfOptions } from '@skep/loader-elf'
import { createDefaultPlatform } from '@skep/runtime'
import type { Knowledge } from '../../../packages/loader-elf/test/recorded.ts'
import { compareObject, type Outcome } from './objects/compare.ts'
import { type Collection, type Options, parseOptions, usage } from './objects/options.ts'
import { type Row, summary, withFigures } from './objects/page.ts'
import { type Answer, Reference } from './objects/reference.ts'
import { runProgram } from './run-program.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const KERNEL_BTF = '/sys/kernel/btf/vmlinux'
const CONFIG = '/proc/config.gz'

const isElf = (file: string): boolean => {
  const start = Buffer.alloc(4)
  const fd = openSync(file, 'r')
  readSync(fd, start, 0, 4, 0)
  closeSync(fd)
  return start.readUInt32BE(0) === 0x7f454c46
}

async function objectsOf({ path }: Collection): Promise<string[]> {
  if (!statSync(path).isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isElf)
    .sort()
}

/** As libbpf finds them: the running kernel's types, configuration and version. */
function runningKernel(): ParseElfOptions {
  const [a = 0, b = 0, c = 0] = release()
    .split(/[.-]/)
    .map((part) => Number.parseInt(part, 10) || 0)
  return {
    kernelBtf: readFileSync(KERNEL_BTF),
    kconfig: gunzipSync(readFileSync(CONFIG)).toString('latin1'),
    kernelVersion: (a << 16) | (b << 8) | Math.min(c, 255),
  }
}

async function run(options: Options): Promise<number> {
  const source = join(root, 'packages/loader-elf/testdata/libbpf/record.c')
  const references = [undefined, ...options.libbpf].map((folder) => new Reference(source, folder))
  const platform = createDefaultPlatform()
  const known: Knowledge = { platform, cpus: possibleCpus() }
  const parseOptions = { ...runningKernel(), platform }
  const rows: Row[] = []
  try {
    for (const collection of options.collections) {
      for (const file of await objectsOf(collection)) {
        const bytes = await readFile(file)
        const compare = (answer: Answer): Outcome => compareObject(bytes, answer, parseOptions, known)
        const row = {
          collection: collection.name,
          file: relative(collection.path, file) || file,
          ...(await judged(references, file, compare)),
        }
        rows.push(row)
        tell(row, options)
      }
    }
  } finally {
    for (const reference of references) reference.close()
  }
  console.log(summary(rows))
  if (options.out !== undefined) {
    const versions = references.map((one) => one.version)
    writeFileSync(options.out, withFigures(readFileSync(options.out, 'utf8'), rows, versions, release()))
  }
  const bad = rows.some(
    ({ outcome: o }) => o.kind === 'short' || o.kind === 'differs' || (o.kind === 'beyond' && !o.known),
  )
  return bad ? 1 : 0
}

/** The outcome beside the first libbpf that gives the same; else beside the first that takes it; else beside the first. */
async function judged(
  references: readonly Reference[],
  file: string,
  compare: (answer: Answer) => Outcome,
): Promise<Pick<Row, 'answer' | 'outcome'>> {
  let best: Pick<Row, 'answer' | 'outcome'> | undefined
  for (const reference of references) {
    const answer = await reference.ask(file)
    const outcome = compare(answer)
    // What libbpf took before 1.0 and takes no more need not be taken here.
    const newer = !reference.version.startsWith('0.') || outcome.kind !== 'short'
    const decides = answer.kind === 'taken' && best?.answer.kind !== 'taken' && newer
    if (!best || decides || outcome.kind === 'same') best = { answer, outcome }
    if (outcome.kind === 'same') break
  }
  return best!
}

function tell({ collection, file, outcome }: Row, { show, all }: Options): void {
  const name = `${collection} ${file}`
  switch (outcome.kind) {
    case 'same':
      if (all) console.log(`same     ${name}`)
      return
    case 'refused':
      if (all) console.log(`refused  ${name}\n  here   ${outcome.ours}\n  libbpf ${oneLine(outcome.theirs)}`)
      return
    case 'beyond':
      if (all || !outcome.known)
        console.log(
          `beyond   ${name}\n  ${outcome.known?.kind ?? 'for no known reason'}: ${oneLine(outcome.theirs)}`,
        )
      return
    case 'short':
      console.log(`short    ${name}\n  ${outcome.ours}`)
      return
    case 'differs':
      console.log(`differs  ${name}`)
      for (const one of outcome.differences.slice(0, show)) console.log(`  ${one}`)
  }
}

const oneLine = (text: string): string => text.replaceAll('\n', ' | ').slice(0, 300)

function possibleCpus(): number {
  const ranges = readFileSync('/sys/devices/system/cpu/possible', 'latin1').trim().split(',')
  return ranges
    .map((range) => range.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0)
}

process.exitCode = await runProgram({ parseOptions, usage, run })
