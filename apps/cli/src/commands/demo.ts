import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { attachXdp, runXdpCapture, type XdpBatchView, type XdpStats } from '@skep/hook-xdp'
import { createPcapSource, ipv4 } from '@skep/packet'
import { codec, createRuntime, parseObject } from '@skep/runtime'
import { Command } from 'commander'
import pc from 'picocolors'
import { print, table } from '../output.ts'
import { RefusedError } from '../report.ts'
import { VerdictTable } from '../verdicts.ts'

const BLOCKED = ['192.0.2.66', '192.0.2.77']
const BLOCKED_PORT = 9999
/** How often the capture is replayed to measure a rate. */
const ROUNDS = 1000
/** Bytes before the first record of a pcap file. */
const PCAP_HEADER = 24

const testdata = (name: string): string => fileURLToPath(new URL(`../testdata/${name}`, import.meta.url))
const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${pc.dim(text)}`)
}

interface Result {
  readonly stats: XdpStats
  readonly verdicts: Uint8Array
  readonly table: VerdictTable
  readonly hits: readonly (readonly [string, bigint])[]
  readonly printed: readonly string[]
  /** Packets a second over the replays. */
  readonly rate: number
}

/** The capture so many times over, as one. */
function* replays(capture: Uint8Array, rounds: number): Generator<Uint8Array> {
  yield capture
  for (let round = 1; round < rounds; round++) yield capture.subarray(PCAP_HEADER)
}

/** The firewall object over the recorded capture on one engine. */
async function run(engine: string, object: Uint8Array, capture: Uint8Array, rounds: number): Promise<Result> {
  progress(`${engine}: verifying and compiling firewall.o`)
  const runtime = await createRuntime({ engine })
  const printed: string[] = []
  runtime.on('printk', (line) => printed.push(line.text.trimEnd()))
  const collection = await runtime.load(parseObject(object, runtime.platform), {
    globals: { blocked_udp_port: BLOCKED_PORT },
  })
  const blocked = collection.map('blocked', { key: ipv4, value: codec.u64 })
  for (const source of BLOCKED) blocked.set(source, 0n)
  const program = collection.program('firewall', 'xdp')

  progress(`${engine}: running over the capture`)
  const source = await createPcapSource(capture)
  const verdictTable = new VerdictTable(source.linkType)
  const verdicts: number[] = []
  const onBatch = (batch: XdpBatchView): void => {
    verdictTable.add(batch)
    for (let i = 0; i < batch.count; i++) verdicts.push(batch.verdict(i))
  }
  const stats = await attachXdp(program, source, { onBatch }).done
  const hits = [...blocked]

  progress(`${engine}: measuring`)
  const started = performance.now()
  const { packets } = (await runXdpCapture(program, replays(capture, rounds))).stats
  const rate = packets / ((performance.now() - started) / 1000)
  runtime.close()
  progress('')
  return { stats, verdicts: Uint8Array.from(verdicts), table: verdictTable, hits, printed, rate }
}

const count = (n: number): string => Math.round(n).toLocaleString('en')

/** `skep demo`: what a newcomer sees first. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run the example firewall over recorded traffic')
    .action(async () => {
      const object = new Uint8Array(await readFile(testdata('firewall.o')))
      const capture = new Uint8Array(await readFile(testdata('traffic.pcap')))
      print(pc.bold('An XDP firewall, compiled by clang for Linux, over recorded traffic'))
      print(`firewall.o blocks ${BLOCKED.join(' and ')} and UDP to port ${BLOCKED_PORT}.\n`)

      const jit = await run('jit', object, capture, ROUNDS)
      print(`${jit.table}\n`)
      print(
        table(
          [{ name: 'blocked source' }, { name: 'tries', align: 'right' }],
          jit.hits.map(([address, tries]) => [address, tries.toString()]),
        ),
      )
      print('\nprinted by the program')
      for (const line of jit.printed) print(`  ${line}`)

      const interpreter = await run('interpreter', object, capture, Math.ceil(ROUNDS / 10))
      print('')
      print(
        table(
          [{ name: 'engine' }, { name: 'packets/s, reading the capture included', align: 'right' }],
          [
            ['jit', count(jit.rate)],
            ['interpreter', count(interpreter.rate)],
          ],
        ),
      )
      const differing = jit.verdicts.reduce(
        (n, verdict, i) => n + (verdict === interpreter.verdicts[i] ? 0 : 1),
        0,
      )
      if (differing > 0 || jit.verdicts.length !== interpreter.verdicts.length) {
        throw new RefusedError(
          'ENGINES_DIFFER',
          `${differing} of ${jit.verdicts.length} verdicts differ between the engines`,
        )
      }
      print(`\nBoth engines gave the same ${count(jit.verdicts.length)} verdicts.`)
    })
}
