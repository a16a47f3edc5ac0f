import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Features, StandaloneMetadata } from '@skep/jit-wasm/standalone'
import type { GlobalValue } from '@skep/runtime'
import { Command, InvalidArgumentError, Option } from 'commander'
import pc from 'picocolors'
import { compileObject } from '../compile-object.ts'
import { collect, collectGlobal } from '../initial-values.ts'
import { about, readInput } from '../input.ts'
import { type Column, print, printJson, table } from '../output.ts'
import { EXIT, UsageError } from '../report.ts'
import { kernelTypes } from '../target-kernel.ts'
import { createJudge, openObject, verifyObject } from '../verify-object.ts'
import { report } from './verify.ts'

interface Options {
  readonly output?: string
  readonly program?: string
  readonly type?: string
  readonly kernelBtf?: string
  readonly features: Features
  readonly clock: boolean
  readonly printk: boolean
  readonly packetSize: number
  readonly memory?: number
  readonly seed?: bigint
  readonly set: Readonly<Record<string, GlobalValue>>
  readonly map: readonly string[]
  readonly json?: boolean
}

/** `skep compile FILE -o MODULE`: verified programs, their maps and globals as one WebAssembly module. */
export function compileCommand(): Command {
  return new Command('compile')
    .description('make a WebAssembly module of an object that runs without Skep')
    .argument('<file>', 'object file')
    .option(
      '-o, --output <module>',
      'where the module goes (default: the name of the object with .wasm, here)',
    )
    .option('--program <name>', 'only this program')
    .option('--type <name>', 'type of the programs whose section names none (sched_cls, xdp, …)')
    .option('--kernel-btf <file>', "BTF of the kernel that programs are for (default: the running one's)")
    .addOption(
      new Option('--features <version>', 'WebAssembly that the host must know; 3.0 has tail calls')
        .choices(['1.0', '2.0', '3.0'])
        .default('2.0'),
    )
    .option('--no-clock', 'import no clock: every reading is a microsecond after the last')
    .option('--no-printk', 'import no printk: texts are lost')
    .option('--packet-size <bytes>', 'room for a packet', integer(64, 2 ** 30), 65536)
    .option('--memory <MiB>', 'most memory of maps and allocations', integer(1, 3584))
    .option('--seed <number>', 'for hash functions and random numbers (default: from the object)', seedNumber)
    .option('--set <name=value>', 'first value of a global variable (repeatable)', collectGlobal, {})
    .option('--map <name=key:value>', 'add an element, key and value in hex (repeatable)', collect, [])
    .option('--json', 'answer with JSON: the metadata of the module')
    .addHelpText('after', '\nExample:\n  skep compile firewall.o -o firewall.wasm')
    .action(compileFile)
}

const integer =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give an integer from ${least} to ${most}.`)
  }

function seedNumber(text: string): bigint {
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text) && BigInt(text) < 1n << 64n) return BigInt(text)
  throw new InvalidArgumentError('Give an integer of at most 64 bits.')
}

async function compileFile(file: string, options: Options): Promise<void> {
  const judge = await createJudge(options)
  const spec = await openObject(file, judge, options)
  if (spec.programs.length === 0)
    throw new UsageError(`${file}: no program${options.program ? ` "${options.program}"` : ''}`)
  const verdicts = verifyObject(judge, spec, false)
  if (verdicts.some(({ verdict }) => verdict === 'reject')) {
    if (options.json) printJson({ programs: verdicts })
    else report(file, verdicts, false)
    process.exitCode = EXIT.refused
    return
  }
  const seed = options.seed ?? seedOf(await readInput(file))
  const module = await compileObject(spec, { ...options, seed }, kernelTypes(judge.target)).catch((error) => {
    throw about(file, error)
  })
  const output = options.output ?? `${basename(file).replace(/\.o$/, '')}.wasm`
  await writeFile(output, module.bytes)
  const { length } = module.bytes
  if (options.json) printJson({ file: output, bytes: length, ...module.metadata })
  else describe(output, length, module.metadata)
  process.exitCode = EXIT.fine
}

/** The same object gives the same module. */
const seedOf = (object: Uint8Array): bigint => createHash('sha256').update(object).digest().readBigUInt64LE(0)

const programColumns: readonly Column[] = [
  { name: 'program' },
  { name: 'type' },
  { name: 'runs with' },
  { name: 'context' },
]

const mapColumns: readonly Column[] = [
  { name: 'map', align: 'right' },
  { name: 'name' },
  { name: 'type' },
  { name: 'key', align: 'right' },
  { name: 'value', align: 'right' },
  { name: 'entries', align: 'right' },
]

function describe(output: string, bytes: number, metadata: StandaloneMetadata): void {
  const { programs, maps, imports, features, abi } = metadata
  const needs = imports.length === 0 ? 'nothing' : imports.map((name) => `skep.${name}`).join(' and ')
  print(`${pc.bold(output)}: ${bytes} bytes, ABI ${abi}, WebAssembly ${features}, imports ${needs}\n`)
  print(
    table(
      programColumns,
      programs.map(({ name, type, context, packetContextSize }) => [
        name,
        type ?? '',
        `run_${name}`,
        packetContextSize === undefined ? (context?.name ?? '') : `context_${name}`,
      ]),
    ),
  )
  if (maps.length === 0) return
  print('')
  print(
    table(
      mapColumns,
      maps.map((map) => [map.index, map.name, map.type, map.keySize, map.valueSize, map.maxEntries]),
    ),
  )
}
