import { PcapError } from '@skep/packet'
import type { GlobalValue, MapHandle, ProgramSpec } from '@skep/runtime'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { addElements, collect, collectGlobal } from '../initial-values.ts'
import { about } from '../input.ts'
import { print, printJson, table, toHex } from '../output.ts'
import { EXIT, UsageError } from '../report.ts'
import { runOver } from './run-capture.ts'
import { loadObject } from './run-load.ts'

interface Options {
  readonly pcap?: string
  readonly write?: string
  readonly program?: string
  readonly engine: string
  readonly set: Readonly<Record<string, GlobalValue>>
  readonly map: readonly string[]
  readonly json?: boolean
  readonly jsonl?: boolean
}

/** `skep run FILE --pcap CAPTURE`: a program over a capture, its verdicts, maps and printed lines. */
export function runCommand(): Command {
  return new Command('run')
    .description('run an XDP program or a socket filter over a capture')
    .argument('[file]', 'object file')
    .option('--pcap <capture>', 'pcap or pcapng file with the packets')
    .option('-w, --write <capture>', 'write the packets that pass to a pcap file')
    .option('--program <name>', 'which program, when the object has several')
    .addOption(new Option('--engine <name>').choices(['jit', 'interpreter']).default('jit'))
    .option('--set <name=value>', 'first value of a global variable (repeatable)', collectGlobal, {})
    .option('--map <name=key:value>', 'add an element, key and value in hex (repeatable)', collect, [])
    .option('--json', 'answer with JSON')
    .option('--jsonl', 'read programs as JSON lines on standard input, test-run each, answer with one line')
    .addHelpText('after', '\nExample:\n  skep run firewall.o --pcap traffic.pcap --set blocked_udp_port=9999')
    .action(async (file: string | undefined, options: Options) => {
      if (options.jsonl) {
        if (file !== undefined) throw new UsageError('--jsonl reads standard input; give no file')
        const { runLines } = await import('./run-lines.ts')
        return runLines(options.engine)
      }
      if (file === undefined || options.pcap === undefined) {
        throw new UsageError('give an object file and --pcap with a capture, or --jsonl')
      }
      await runCapture(file, options.pcap, options)
    })
}

async function runCapture(file: string, capture: string, options: Options): Promise<void> {
  const { runtime, spec, collection } = await loadObject(file, options.engine, options.set)
  const printed: string[] = []
  const problems: string[] = []
  runtime.on('printk', (line) => {
    printed.push(line.text)
    if (!options.json) print(pc.dim(line.text.trimEnd()))
  })
  runtime.on('exception', (error) => {
    problems.push(error.message)
  })
  try {
    const { name, type } = choose(spec.programs, options.program)
    addElements(collection, options.map)
    const { stats, verdicts } = await runOver(collection, name, type, capture, options.write).catch(
      (error) => {
        throw error instanceof PcapError ? about(capture, error) : error
      },
    )
    if (options.json) {
      const maps = Object.fromEntries([...collection.maps].map(([name, map]) => [name, dump(map)]))
      printJson({ program: name, engine: options.engine, stats, verdicts, maps, printed, problems })
    } else {
      print(`${verdicts}`)
      for (const [name, map] of collection.maps) printMap(name, map)
      for (const problem of new Set(problems)) process.stderr.write(`${pc.yellow('warning:')} ${problem}\n`)
    }
    collection.close()
    process.exitCode = EXIT.fine
  } finally {
    runtime.close()
  }
}

/** Types of programs that run over packets of a capture. */
const runnable = ['xdp', 'socket_filter']

function choose(
  programs: readonly ProgramSpec[],
  wanted: string | undefined,
): { name: string; type: string } {
  const found = programs.flatMap(({ name, type }) =>
    runnable.includes(`${type}`) && (wanted ?? name) === name ? [{ name, type: `${type}` }] : [],
  )
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    const names = found.map((p) => p.name).join(', ')
    throw new UsageError(`the object has several programs for packets; choose with --program: ${names}`)
  }
  if (wanted === undefined) throw new UsageError('the object has no XDP program and no socket filter')
  const other = programs.find((p) => p.name === wanted)
  throw new UsageError(
    other
      ? `program ${wanted} is of type ${other.type}; run takes ${runnable.join(' and ')}`
      : `no program ${wanted}; there are: ${programs.map((p) => p.name).join(', ') || 'none'}`,
  )
}

/** Elements as hex; data sections are left to debuggers. */
function dump(map: MapHandle): { key: string; value: string }[] {
  const elements: { key: string; value: string }[] = []
  if (map.keySize === 0) return elements
  for (let key = map.nextKey(); key && elements.length < map.maxEntries; key = map.nextKey(key)) {
    const value = map.lookup(key)
    if (value) elements.push({ key: toHex(key), value: toHex(value) })
  }
  return elements
}

const MOST_ROWS = 20

function printMap(name: string, map: MapHandle): void {
  if (name.startsWith('.')) return
  const elements = dump(map).filter((e) => map.type !== 'array' || !/^0*$/.test(e.value))
  print(`\n${pc.bold(name)} (${map.type}, ${elements.length} element${elements.length === 1 ? '' : 's'})`)
  if (elements.length === 0) return
  print(
    table(
      [{ name: 'key' }, { name: 'value' }],
      elements.slice(0, MOST_ROWS).map((e) => [e.key, e.value]),
    ),
  )
  if (elements.length > MOST_ROWS) print(pc.dim(`… ${elements.length - MOST_ROWS} more; --json prints all`))
}
