import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filterCapture } from '@skep/hook-socket'
import { attachXdp, movesPackets, runXdpCapture } from '@skep/hook-xdp'
import { createPcapSource, encodeCapture, parseCapture } from '@skep/packet'
import { openBlockingSink, openPcapSink } from '@skep/packet/node'
import { type Collection, createRuntime, parseObject, type Runtime } from '@skep/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VerdictTable } from '../src/verdicts.ts'

const testdata = fileURLToPath(new URL('../testdata/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'skep-run-'))
const traffic = readFileSync(`${testdata}traffic.pcap`)
const captures = { pcap: traffic, pcapng: readFileSync(`${testdata}traffic.pcapng`) }
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0

let runtime: Runtime
beforeAll(async () => {
  runtime = await createRuntime()
})
afterAll(() => {
  runtime.close()
  rmSync(folder, { recursive: true })
})

const load = async (file: string): Promise<Collection> =>
  runtime.load(parseObject(readFileSync(file), runtime.platform))

/** What both ways tell of a run: its counters, its table, the packets that passed, and the maps afterwards. */
const told = (stats: object, verdicts: VerdictTable, path: string, collection: Collection) => ({
  stats,
  verdicts: verdicts.toJSON().sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
  passed: [...parseCapture(readFileSync(path))].map(({ data, seconds, nanos }) => ({
    hex: Buffer.from(data).toString('hex'),
    seconds,
    nanos,
  })),
  // A hash map's order is of its seed.
  maps: [...collection.maps].map(([name, map]) => {
    const elements: string[] = []
    if (map.keySize > 0) {
      for (let key = map.nextKey(); key; key = map.nextKey(key)) elements.push(`${key}: ${map.lookup(key)}`)
    }
    return [name, ...elements.sort()]
  }),
})

describe('a capture without room between packets', () => {
  const objects = ['pass_drop', 'blacklist', 'proto_count', 'loops', 'bpf2bpf', 'globals', 'csum', 'firewall']

  it.each(objects)('%s: as attachXdp', async (name) => {
    const fixed: string[] = []
    for (const [format, bytes] of Object.entries(captures)) {
      const { programs } = parseObject(readFileSync(`${testdata}${name}.o`), runtime.platform)
      for (const { name: chosen, type } of programs) {
        if (type !== 'xdp') continue
        const first = await load(`${testdata}${name}.o`)
        const program = first.program(chosen, 'xdp')
        if (movesPackets(program)) {
          await expect(runXdpCapture(program, bytes)).rejects.toMatchObject({ code: 'MOVES_PACKETS' })
          first.close()
          continue
        }
        fixed.push(`${chosen} ${format}`)
        const fast = join(folder, 'fast.pcap')
        const sink = openBlockingSink(fast)
        const { stats, linkType, protocols } = await runXdpCapture(program, bytes, { pass: sink })
        await sink.close!()
        const table = new VerdictTable(linkType)
        for (const [protocol, counts] of protocols) table.addCounts(protocol, counts)
        const one = told(stats, table, fast, first)
        first.close()

        const second = await load(`${testdata}${name}.o`)
        const source = await createPcapSource(bytes)
        const slow = join(folder, 'slow.pcap')
        const pass = await openPcapSink(slow)
        const verdicts = new VerdictTable(source.linkType)
        const link = attachXdp(second.program(chosen, 'xdp'), source, {
          pass,
          onBatch: (batch) => verdicts.add(batch),
        })
        const attached = await link.done
        await pass.close()
        expect(one).toEqual(told(attached, verdicts, slow, second))
        second.close()
      }
    }
    expect(fixed.length).toBeGreaterThan(0)
  })

  it('programs that make room before packets, or call others that may, are attached', async () => {
    for (const name of ['adjust', 'tailcall_parser']) {
      const collection = await load(`${testdata}${name}.o`)
      const moves = [...collection.programs.values()].filter((p) => p.type === 'xdp' && movesPackets(p))
      expect(moves.length, name).toBeGreaterThan(0)
      collection.close()
    }
  })
})

describe('a socket filter over a capture', () => {
  const text = readFileSync(
    fileURLToPath(new URL('../../bench/programs/filter.ddd', import.meta.url)),
    'utf8',
  )
  const expression = 'ip and tcp port 443 and not host 192.0.2.7'

  it.skipIf(!hasTcpdump)('keeps what tcpdump keeps (skipped where there is no tcpdump)', async () => {
    const capture = join(folder, 'whole.pcap')
    const reference = join(folder, 'tcpdump.pcap')
    writeFileSync(capture, traffic)
    // tcpdump gives its privileges up before it opens a file in a folder of root's.
    const { status } = spawnSync('tcpdump', ['-r', capture, '-w', reference, '-Z', 'root', expression])
    expect(status).toBe(0)
    const wanted = [...parseCapture(readFileSync(reference))]
    expect(wanted.length).toBeGreaterThan(0)
    const collection = await runtime.load(parseObject(Buffer.from(text), runtime.platform))
    const pieces: Uint8Array[] = []
    const [name] = collection.programs.keys()
    const program = collection.program(name!, 'socket_filter')
    const { stats } = await filterCapture(program, traffic, {
      pass: { write: (piece) => void pieces.push(piece.slice()) },
    })
    collection.close()
    expect(stats.passed).toBe(wanted.length)
    expect(Buffer.concat(pieces)).toEqual(Buffer.from(encodeCapture(wanted)))
  })

  it('refuses a program of another type', async () => {
    const collection = await load(`${testdata}blacklist.o`)
    const [program] = collection.programs.values()
    await expect(filterCapture(program as never, traffic)).rejects.toMatchObject({
      code: 'WRONG_PROGRAM_TYPE',
      message: expect.stringContaining('of type xdp, not socket_filter'),
    })
    collection.close()
  })
})
