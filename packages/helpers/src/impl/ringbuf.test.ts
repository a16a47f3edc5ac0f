import { encode, type Insn, insn } from '@skep/isa'
import { type Kernel, openKernel } from '@skep/linux'
import { type HostMap, openRingBuffer, ringbuf } from '@skep/maps'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../../test/impl/calls.ts'
import { createWorld, type World } from '../../test/impl/world.ts'
import { prototypes } from '../proto/index.ts'

const RUNS = Number(process.env['SKEP_RUNS'] ?? 100)
const SLOTS = 3
const SIZE = 4096

type Step =
  | { readonly op: 'output'; readonly size: number; readonly flags: number }
  | { readonly op: 'reserve'; readonly size: number; readonly flags: number; readonly slot: number }
  | { readonly op: 'submit' | 'discard'; readonly slot: number; readonly flags: number }
  | { readonly op: 'query'; readonly what: number }

const size = fc.oneof(
  fc.integer({ min: 0, max: 700 }),
  fc.constantFrom(0, 1, 8, 2000, 4080, 4088, 4089, 5000),
)
const slot = fc.nat(SLOTS - 1)
const rarely = fc.constantFrom(0, 0, 0, 0, 1, 4)
const steps = fc.array(
  fc.oneof(
    fc.record({
      op: fc.constant('output' as const),
      // The program has so many bytes to give.
      size: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constantFrom(0, 1, 7, 8, 9)),
      flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
    }),
    fc.record({ op: fc.constant('reserve' as const), size, flags: rarely, slot }),
    fc.record({
      op: fc.constantFrom('submit' as const, 'discard' as const),
      slot,
      flags: fc.constantFrom(0, 1, 2, 7),
    }),
    fc.record({ op: fc.constant('query' as const), what: fc.integer({ min: 0, max: 5 }) }),
  ),
  { maxLength: 12 },
)

/** A slot is reserved only when it is empty, and emptied in the end. */
function lawful(given: readonly Step[]): Step[] {
  const open = new Set<number>()
  const kept = given.filter((step) => {
    if (step.op === 'reserve') {
      if (open.has(step.slot)) return false
      open.add(step.slot)
    } else if (step.op === 'submit' || step.op === 'discard') return open.delete(step.slot)
    return true
  })
  return [...kept, ...[...open].map((s) => ({ op: 'discard' as const, slot: s, flags: 0 }))]
}

function here(world: World, map: HostMap, given: readonly Step[]): bigint[] {
  const source = world.arena.alloc(512)
  const held: bigint[] = []
  const results = given.map((step) => {
    switch (step.op) {
      case 'output':
        return world.call('bpf_ringbuf_output', map.address, source, step.size, step.flags)
      case 'reserve':
        held[step.slot] = world.call('bpf_ringbuf_reserve', map.address, step.size, step.flags)
        return held[step.slot] === 0n ? 0n : 1n
      case 'query':
        return world.call('bpf_ringbuf_query', map.address, step.what)
      default: {
        const record = held[step.slot]!
        if (record !== 0n) world.call(`bpf_ringbuf_${step.op}`, record, step.flags)
        return 0n
      }
    }
  })
  world.arena.free(source)
  return results
}

const call = (name: string): Insn => insn.call_helper(prototypes.find((p) => p.name === name)!.id)

/** The same as a program; results go into the values of an array. */
function program(ring: number, array: number, given: readonly Step[]): Insn[] {
  const value = (register: number, offset: number): Insn[] =>
    insn.ld_imm64(register, (BigInt(offset) << 32n) | BigInt(array), 2)
  const map = insn.ld_imm64(1, BigInt(ring), 1)
  const at = (n: number): number => -8 * (n + 1)
  const code: Insn[] = []
  given.forEach((step, n) => {
    const result = [...value(1, 512 + 8 * n), insn.stx_dw(1, 0, 0)]
    switch (step.op) {
      case 'output':
        code.push(...map, ...value(2, 0), insn.mov64_imm(3, step.size), insn.mov64_imm(4, step.flags))
        code.push(call('bpf_ringbuf_output'), ...result)
        break
      case 'query':
        code.push(...map, insn.mov64_imm(2, step.what), call('bpf_ringbuf_query'), ...result)
        break
      case 'reserve':
        code.push(...map, insn.mov64_imm(2, step.size), insn.mov64_imm(3, step.flags))
        code.push(call('bpf_ringbuf_reserve'), insn.stx_dw(10, 0, at(step.slot)))
        // value() takes two slots.
        code.push(insn.jeq64_imm(0, 0, 4), insn.mov64_imm(0, 1), ...result)
        break
      default:
        code.push(insn.ldx_dw(1, 10, at(step.slot)), insn.jeq64_imm(1, 0, 2))
        code.push(insn.mov64_imm(2, step.flags), call(`bpf_ringbuf_${step.op}`))
    }
  })
  return [...code, insn.mov64_imm(0, 0), insn.exit()]
}

const zero = new Uint8Array(4)

describe.skipIf(missing)(named('bpf_ringbuf_* as the kernel'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it('gives the same results for random reservations', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (random, repeat) => {
        const given = lawful(random)
        const world = createWorld()
        using map = world.createMap(ringbuf, { keySize: 0, valueSize: 0, maxEntries: SIZE })
        using ring = kernel.createMap({ type: 'ringbuf', maxEntries: SIZE })
        using array = kernel.createMap({
          type: 'array',
          keySize: 4,
          valueSize: 512 + 8 * (given.length + 1),
          maxEntries: 1,
        })
        const loaded = kernel.loadProgram({
          type: 'socket_filter',
          insns: encode(program(ring.fd, array.fd, given)),
          logLevel: 1,
        })
        if (!loaded.ok) throw new Error(`${loaded.errno}: ${loaded.log}`)
        try {
          for (let n = 0; n < repeat; n++) {
            array.update(zero, new Uint8Array(array.valueSize))
            loaded.testRun({ dataIn: new Uint8Array(64) })
            const view = new DataView(array.lookup(zero)!.buffer)
            const theirs = given.map((_, i) => view.getBigUint64(512 + 8 * i, true))
            expect(here(world, map, given)).toEqual(theirs)
          }
        } finally {
          loaded.close()
        }
      }),
      { numRuns: RUNS },
    )
  })
})

describe('a ring buffer', () => {
  const world = createWorld()
  const create = (): HostMap => world.createMap(ringbuf, { keySize: 0, valueSize: 0, maxEntries: SIZE })
  const source = world.arena.alloc(4096)
  const output = (map: HostMap, text: string, flags = 0): bigint => {
    world.arena.u8.set(new TextEncoder().encode(text), source)
    return world.call('bpf_ringbuf_output', map.address, source, text.length, flags)
  }
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
  const drain = (map: HostMap): string[] => {
    const all: string[] = []
    openRingBuffer(map).consume((r) => void all.push(text(r)))
    return all
  }

  it('gives records in the order of their reservation, up to the first that is busy', () => {
    using map = create()
    const first = world.call('bpf_ringbuf_reserve', map.address, 5, 0)
    const second = world.call('bpf_ringbuf_reserve', map.address, 6, 0)
    world.arena.u8.set(new TextEncoder().encode('first'), Number(first))
    world.arena.u8.set(new TextEncoder().encode('second'), Number(second))
    output(map, 'third')
    world.call('bpf_ringbuf_submit', second, 0)
    expect(drain(map)).toEqual([])
    world.call('bpf_ringbuf_submit', first, 0)
    expect(drain(map)).toEqual(['first', 'second', 'third'])
    expect(openRingBuffer(map).available).toBe(0)
  })

  it('passes over discarded records, and takes no record back twice', () => {
    using map = create()
    const record = world.call('bpf_ringbuf_reserve', map.address, 8, 0)
    world.call('bpf_ringbuf_discard', record, 0)
    world.call('bpf_ringbuf_submit', record, 0)
    output(map, 'kept')
    expect(drain(map)).toEqual(['kept'])
  })

  it('goes round, with records in one piece', () => {
    using map = create()
    const ring = openRingBuffer(map)
    const seen: string[] = []
    const put: string[] = []
    for (let n = 0; n < 2000; n++) {
      const record = `${n}:`.padEnd(1 + ((n * 131) % 900), 'x')
      put.push(record)
      expect(output(map, record)).toBe(0n)
      if (n % 3 === 2) ring.consume((r) => void seen.push(text(r)))
    }
    ring.consume((r) => void seen.push(text(r)))
    expect(seen).toEqual(put)
    expect(ring.lost).toBe(0)
  })

  it('counts what found no room', () => {
    using map = create()
    const ring = openRingBuffer(map)
    let fine = 0
    for (let n = 0; n < 100; n++) if (output(map, 'x'.repeat(92)) === 0n) fine++
    // 92 + 8 bytes rounded up to 104; 39 of them are the most that stays below 4096.
    expect([fine, ring.lost, drain(map).length]).toEqual([39, 61, 39])
  })

  it('wakes a loop, and ends it with the map', async () => {
    const map = create()
    const seen: string[] = []
    const loop = (async () => {
      for await (const record of openRingBuffer(map)) seen.push(text(record))
    })()
    await Promise.resolve()
    output(map, 'one')
    output(map, 'two')
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(seen).toEqual(['one', 'two'])
    output(map, 'unheard', 1)
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(seen).toEqual(['one', 'two'])
    output(map, 'forced', 2)
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(seen).toEqual(['one', 'two', 'unheard', 'forced'])
    map.close()
    await loop
  })

  it('leaves records of an abandoned loop in the ring', async () => {
    using map = create()
    for (const word of ['a', 'b', 'c']) output(map, word)
    for await (const record of openRingBuffer(map)) if (text(record) === 'a') break
    expect(drain(map)).toEqual(['b', 'c'])
  })

  it('may be closed while it is read', () => {
    const map = create()
    for (const word of ['a', 'b', 'c']) output(map, word)
    const ring = openRingBuffer(map)
    const before = world.arena.count
    let count = 0
    ring.consume(() => {
      count++
      map.close()
      return !ring.closed
    })
    expect([count, ring.closed, ring.consume(() => {})]).toEqual([1, true, 0])
    expect(world.arena.count).toBeLessThan(before)
    expect(() => openRingBuffer(map)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  })

  it('is written through dynptrs', () => {
    using map = create()
    const dynptr = world.arena.alloc(32)
    const reserve = (bytes: number | bigint, flags = 0): bigint =>
      world.call('bpf_ringbuf_reserve_dynptr', map.address, bytes, flags, dynptr)
    const einval = BigInt.asUintN(64, -22n)
    expect(reserve(11)).toBe(0n)
    world.arena.u8.set(new TextEncoder().encode('hello world'), source)
    expect(world.call('bpf_dynptr_write', dynptr, 0, source, 11, 0)).toBe(0n)
    expect(world.call('bpf_dynptr_write', dynptr, 1, source, 11, 0)).toBe(BigInt.asUintN(64, -7n))
    expect(world.call('bpf_dynptr_write', dynptr, 0, source, 1, 1)).toBe(einval)
    const slice = world.call('bpf_dynptr_data', dynptr, 6, 5)
    expect(text(world.arena.u8.slice(Number(slice), Number(slice) + 5))).toBe('world')
    expect(world.call('bpf_dynptr_data', dynptr, 7, 5)).toBe(0n)
    expect(world.call('bpf_dynptr_read', source, 5, dynptr, 6, 0)).toBe(0n)
    world.call('bpf_ringbuf_submit_dynptr', dynptr, 0)
    expect(world.call('bpf_dynptr_read', source, 1, dynptr, 0, 0)).toBe(einval)
    world.call('bpf_ringbuf_submit_dynptr', dynptr, 0)
    expect(reserve(4, 1)).toBe(einval)
    expect(reserve(1 << 24)).toBe(BigInt.asUintN(64, -7n))
    expect(reserve(4090)).toBe(einval)
    expect(reserve(3)).toBe(0n)
    world.call('bpf_ringbuf_discard_dynptr', dynptr, 0)
    expect(drain(map)).toEqual(['hello world'])
  })
})
