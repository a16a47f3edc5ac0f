import { encode, insn } from '@skep/isa'
import { type Kernel, openKernel } from '@skep/linux'
import { type HostMap, openPerfBuffer, type PerfRecord, perfEventArray } from '@skep/maps'
import { control, programLayout, skbLayout, xdpLayout } from '@skep/registry'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../../test/impl/calls.ts'
import { createWorld } from '../../test/impl/world.ts'

const RUNS = Number(process.env['SKEP_RUNS'] ?? 100)
const CURRENT_CPU = 0xffff_ffffn
const SOCKET_FILTER = 1
const XDP = 6
const KPROBE = 2
const errno = (n: number): bigint => BigInt.asUintN(64, BigInt(-n))
const [ENOENT, E2BIG, EFAULT, EINVAL, ENOSPC, EOPNOTSUPP] = [2, 7, 14, 22, 28, 95].map(errno)

const world = createWorld()
const { arena } = world
const record = arena.alloc(programLayout.PROG_RECORD_SIZE)
arena.view.setUint32(world.control + control.CTL_PROG, record, true)
const source = arena.alloc(4096)
const packet = arena.alloc(64)
for (let n = 0; n < 64; n++) arena.u8[packet + n] = n
const context = arena.alloc(256)

/** Calls the helper as a program of a type over a packet of 64 bytes. */
function output(type: number, map: HostMap, flags: bigint, size: number): bigint {
  arena.view.setUint32(record + programLayout.PROG_TYPE, type, true)
  const [data, end] =
    type === XDP ? [xdpLayout.XDP_DATA, xdpLayout.XDP_DATA_END] : [skbLayout.SKB_DATA, skbLayout.SKB_DATA_END]
  arena.view.setUint32(context + data, packet, true)
  arena.view.setUint32(context + end, packet + 64, true)
  return world.call('bpf_perf_event_output', context, map.address, flags, source, size)
}

const create = (maxEntries = 4): HostMap => world.createMap(perfEventArray, { valueSize: 4, maxEntries })

describe.skipIf(missing)(named('bpf_perf_event_output as the kernel, without a reader'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it('gives the same errno', () => {
    // The kernel's current CPU is in the map, as ours is.
    const entries = Math.max(4, kernel.possibleCpus)
    const flags = fc
      .tuple(
        fc.constantFrom(0n, 1n, 3n, BigInt(entries), BigInt(entries + 96), CURRENT_CPU),
        fc.constantFrom(0n, 0n, 1n, 63n, 64n, 65n, 0xf_ffffn),
        fc.constantFrom(0n, 0n, 0n, 1n << 52n, 1n << 63n),
      )
      .map(([index, length, more]) => index | (length << 32n) | more)
    const types = fc.constantFrom(['socket_filter', SOCKET_FILTER] as const, ['xdp', XDP] as const)
    fc.assert(
      fc.property(types, flags, fc.integer({ min: 0, max: 64 }), ([type, id], asked, size) => {
        using theirs = kernel.createMap({
          type: 'perf_event_array',
          keySize: 4,
          valueSize: 4,
          maxEntries: entries,
        })
        using array = kernel.createMap({ type: 'array', keySize: 4, valueSize: 128, maxEntries: 1 })
        const value = (register: number, offset: number) =>
          insn.ld_imm64(register, (BigInt(offset) << 32n) | BigInt(array.fd), 2)
        const loaded = kernel.loadProgram({
          type,
          license: 'GPL',
          insns: encode([
            ...insn.ld_imm64(2, BigInt(theirs.fd), 1),
            ...insn.ld_imm64(3, asked),
            ...value(4, 0),
            insn.mov64_imm(5, size),
            insn.call_helper(25),
            ...value(1, 120),
            insn.stx_dw(1, 0, 0),
            insn.mov64_imm(0, 0),
            insn.exit(),
          ]),
          logLevel: 1,
        })
        if (!loaded.ok) throw new Error(`${loaded.errno}: ${loaded.log}`)
        // A socket filter sees the packet behind its Ethernet header.
        loaded.testRun({ dataIn: new Uint8Array(type === 'xdp' ? 64 : 78) })
        loaded.close()
        const result = new DataView(array.lookup(new Uint8Array(4))!.buffer).getBigUint64(120, true)
        using map = create(entries)
        expect(output(id, map, asked, size)).toBe(result)
      }),
      { numRuns: RUNS },
    )
  })
})

describe('a perf buffer', () => {
  const all = (buffer: { consume(take: (r: PerfRecord) => unknown): number }): PerfRecord[] => {
    const records: PerfRecord[] = []
    buffer.consume((r) => void records.push({ ...r, data: r.data.slice() }))
    return records
  }
  // The world's helpers run on CPU 3.
  const cpu = 3

  it('gives samples with the part of the packet that was asked for', () => {
    using map = create()
    expect(output(XDP, map, CURRENT_CPU, 4)).toBe(ENOENT)
    using buffer = openPerfBuffer(map)
    arena.u8.set([9, 8, 7, 6], source)
    expect(output(XDP, map, CURRENT_CPU, 4)).toBe(0n)
    expect(output(SOCKET_FILTER, map, 3n | (5n << 32n), 3)).toBe(0n)
    expect(output(KPROBE, map, CURRENT_CPU, 1)).toBe(0n)
    expect(output(KPROBE, map, CURRENT_CPU | (1n << 32n), 1)).toBe(EINVAL)
    expect(output(XDP, map, CURRENT_CPU | (65n << 32n), 1)).toBe(EFAULT)
    expect(output(XDP, map, 4n, 1)).toBe(E2BIG)
    expect(output(XDP, map, 0n, 1)).toBe(EOPNOTSUPP)
    expect(all(buffer)).toEqual([
      { cpu, data: Uint8Array.of(9, 8, 7, 6), lost: 0 },
      { cpu, data: Uint8Array.of(9, 8, 7, 0, 1, 2, 3, 4), lost: 0 },
      { cpu, data: Uint8Array.of(9), lost: 0 },
    ])
  })

  it('counts what found no room, and tells it with the next sample', () => {
    using map = create()
    using buffer = openPerfBuffer(map, { bytes: 4096 })
    const results = Array.from({ length: 10 }, () => output(XDP, map, CURRENT_CPU, 1000))
    expect(results.map((r) => r === 0n)).toEqual([true, true, true, true, ...Array(6).fill(false)])
    expect(results[9]).toBe(ENOSPC)
    expect(buffer.lost).toBe(6)
    expect(all(buffer).map((r) => r.lost)).toEqual([0, 0, 0, 0])
    expect(output(XDP, map, CURRENT_CPU, 8)).toBe(0n)
    expect(all(buffer).map((r) => r.lost)).toEqual([6])
    expect(buffer.lost).toBe(0)
  })

  it('wakes a loop, ends with its map, and leaves nothing behind', async () => {
    const before = arena.count
    const map = create()
    const buffer = openPerfBuffer(map)
    const seen: number[] = []
    const loop = (async () => {
      for await (const { data } of buffer) seen.push(data.length)
    })()
    await Promise.resolve()
    output(XDP, map, CURRENT_CPU, 5)
    output(XDP, map, CURRENT_CPU, 6)
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(seen).toEqual([5, 6])
    map.close()
    await loop
    expect([buffer.closed, arena.count]).toEqual([true, before])
  })

  it('has one reader at a time, also of a frozen map', () => {
    using map = create()
    const first = openPerfBuffer(map)
    expect(() => openPerfBuffer(map)).toThrow(expect.objectContaining({ code: 'EBUSY' }))
    map.freeze()
    first.close()
    first.close()
    expect(map.size).toBe(0)
    expect(output(XDP, map, CURRENT_CPU, 5)).toBe(ENOENT)
    expect(() => openPerfBuffer(create(), { bytes: 5000 })).toThrow('bytes is 5000; give a power of two')
  })
})
