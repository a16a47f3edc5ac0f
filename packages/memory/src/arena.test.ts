import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Arena, createArena, openArena } from './arena.ts'
import { ArenaError } from './errors.ts'
import { memoryModule } from './module.ts'
import { allocPerCpu } from './per-cpu.ts'

const code = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof ArenaError) return error.code
    throw error
  }
  return 'nothing thrown'
}

/** What the arena must agree with: the live allocations by address, with the byte that each is filled with. */
type Model = Map<number, { size: number; fill: number }>

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('alloc' as const),
      size: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 600 }) },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 70_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 3_000_000 }) },
      ),
      align: fc.constantFrom(1, 8, 16, 32, 64, 4096, 65536),
      pick: fc.nat(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('free' as const),
      pick: fc.nat(),
      size: fc.constant(0),
      align: fc.constant(1),
    }),
  },
)

function runSteps(
  arena: Arena,
  steps: readonly { kind: 'alloc' | 'free'; size: number; align: number; pick: number }[],
): Model {
  const model: Model = new Map()
  steps.forEach(({ kind, size, align, pick }, n) => {
    if (kind === 'free') {
      const address = [...model.keys()][pick % Math.max(model.size, 1)]
      if (address === undefined) return
      const { size, fill } = model.get(address)!
      expect(arena.u8.subarray(address, address + size).every((b) => b === fill)).toBe(true)
      arena.free(address)
      model.delete(address)
    } else {
      let address: number
      try {
        address = arena.alloc(size, align)
      } catch (error) {
        expect((error as ArenaError).code).toBe('ENOMEM')
        return
      }
      expect(address % Math.max(align, 16)).toBe(0)
      expect(address).toBeGreaterThanOrEqual(0x20000)
      const bytes = arena.u8.subarray(address, address + size)
      expect(bytes.every((b) => b === 0)).toBe(true)
      for (const [other, { size: otherSize }] of model) {
        expect(address >= other + otherSize || other >= address + size).toBe(true)
      }
      const fill = (n % 255) + 1
      bytes.fill(fill)
      model.set(address, { size, fill })
    }
  })
  return model
}

describe.each([
  ['unshared', false],
  ['shared', true],
] as const)('arena, %s', (_, shared) => {
  it('gives zeroed, aligned, disjoint blocks that keep their bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const arena = createArena({ shared, limit: 8 << 20 })
        const model = runSteps(arena, steps)
        expect(arena.exports.check()).toBe(0)
        expect(arena.count).toBe(model.size)
        for (const [address, { size }] of model) {
          expect(arena.sizeOf(address)).toBe(Math.max(size, 1))
          expect(arena.contains(address, Math.max(size, 1))).toBe(true)
          expect(arena.contains(address, size + 2)).toBe(false)
          expect(arena.contains(address + 1, Math.max(size, 1))).toBe(false)
          expect(arena.contains(address - 1, 1)).toBe(false)
          expect(arena.exports.baseOf(address + size - 1) >>> 0).toBe(size === 0 ? 0 : address)
        }
        for (const address of model.keys()) arena.free(address)
        expect(arena.used).toBe(0)
        expect(arena.exports.check()).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  it('contains agrees with the allocations byte by byte', () => {
    const arena = createArena({ shared })
    const blocks = [24, 1, 300, 16, 5000, 7].map((size) => ({ address: arena.alloc(size), size }))
    arena.free(blocks[2]!.address)
    const live = blocks.filter((_, n) => n !== 2)
    const end = blocks.at(-1)!.address + 100
    for (let at = blocks[0]!.address - 40; at < end; at++) {
      for (const size of [1, 8, 24]) {
        const expected = live.some((b) => at >= b.address && at + size <= b.address + b.size)
        expect(arena.contains(at, size), `${at} ${size}`).toBe(expected)
      }
    }
    for (const [at, size] of [
      [0, 1],
      [8, 4],
      [0xffff, 1],
      [0x10000, 4],
      [0xffff_fff8, 8],
      [blocks[0]!.address, 0xffff_ffff],
    ] as const) {
      expect(arena.contains(at, size)).toBe(false)
    }
  })

  it('finds the block of an address in the middle of a large one', () => {
    const arena = createArena({ shared })
    const large = arena.alloc(40 << 20)
    const small = arena.alloc(8)
    for (const offset of [1, 4096, 1 << 20, (33 << 20) + 5, (40 << 20) - 1]) {
      expect(arena.contains(large + offset, 1)).toBe(true)
      expect(arena.exports.baseOf(large + offset) >>> 0).toBe(large)
    }
    expect(arena.contains(large + (40 << 20), 1)).toBe(false)
    expect(arena.contains(small, 8)).toBe(true)
  })

  it('hides what a shape hides', () => {
    const arena = createArena({ shared })
    const slab = arena.alloc(32 + 3 * 48)
    const shape = arena.alloc(12)
    arena.u32.set([40, 48, 20], shape / 4)
    expect(arena.exports.setShape(slab, shape)).toBe(0)
    for (let offset = 0; offset < 32 + 3 * 48; offset++) {
      for (const size of [1, 8, 20]) {
        const start = (offset - 40) % 48
        const expected = offset >= 40 && start + size <= 20 && offset + size <= 32 + 3 * 48
        expect(arena.contains(slab + offset, size), `${offset} ${size}`).toBe(expected)
      }
    }
    expect(arena.exports.setShape(slab, 1)).toBe(0)
    expect(arena.contains(slab + 40, 4)).toBe(false)
    expect(arena.exports.setShape(slab + 16, 1)).toBe(1)
    arena.free(slab)
    expect(arena.contains(arena.alloc(32 + 3 * 48) + 40, 4)).toBe(true)
  })

  it('refuses a second free and an address that it never gave out', () => {
    const arena = createArena({ shared })
    const a = arena.alloc(100)
    const b = arena.alloc(100)
    arena.free(a)
    expect(code(() => arena.free(a))).toBe('BAD_FREE')
    for (const address of [0, 16, b + 16, b + 1, 0x10000, 0xffff_fff0])
      expect(code(() => arena.free(address))).toBe('BAD_FREE')
    arena.free(b)
    expect(arena.exports.check()).toBe(0)
  })

  it('stops at its limit, and gives the whole of it again after a free', () => {
    const arena = createArena({ shared, limit: 32 << 20 })
    const whole = (32 << 20) - 16
    const first = arena.alloc(whole)
    expect(code(() => arena.alloc(1))).toBe('ENOMEM')
    arena.free(first)
    expect(arena.sizeOf(arena.alloc(whole))).toBe(whole)
    expect(arena.peak).toBe(32 << 20)
    expect(() => arena.alloc(64)).toThrow(
      'ENOMEM: 64 bytes (aligned to 16) do not fit: 33554432 of 33554432 bytes are in use',
    )
  })

  it('does not grow when the same blocks come and go', () => {
    const arena = createArena({ shared })
    const cycle = (): void => {
      const blocks = Array.from({ length: 500 }, (_, n) => arena.alloc((n * 37) % 3000, n % 5 ? 16 : 128))
      for (let n = 0; n < blocks.length; n += 2) arena.free(blocks[n]!)
      for (let n = 1; n < blocks.length; n += 2) arena.free(blocks[n]!)
    }
    cycle()
    const size = arena.memory.buffer.byteLength
    for (let n = 0; n < 20; n++) cycle()
    expect(arena.memory.buffer.byteLength).toBe(size)
    expect([arena.used, arena.count, arena.exports.check()]).toEqual([0, 0, 0])
  })

  it('renews its views when the memory grew', () => {
    const arena = createArena({ shared })
    const before = arena.u8
    const address = arena.alloc(64 << 20)
    arena.u32[(address >> 2) + 9_000_000] = 7
    expect(arena.u8 === before).toBe(false)
    expect(arena.view.getUint32(address + 36_000_000, true)).toBe(7)
    expect(arena.i32[(address >> 2) + 9_000_000]).toBe(7)
  })

  it('works on the same blocks from a second instance of the module', () => {
    const arena = createArena({ shared, cpus: 3 })
    const other = openArena(arena.memory)
    const a = arena.alloc(10)
    expect([other.shared, other.cpus, other.limit, other.count]).toEqual([shared, 3, arena.limit, 1])
    expect(other.alloc(10)).not.toBe(a)
    other.free(a)
    expect(code(() => arena.free(a))).toBe('BAD_FREE')
  })

  it('lays per-CPU blocks on cache lines of their own', () => {
    const arena = createArena({ shared, cpus: 4 })
    const area = allocPerCpu(arena, 100)
    expect(area.stride).toBe(128)
    expect(area.of(3)).toBe(area.address + 384)
    expect(arena.sizeOf(area.address)).toBe(512)
    area.free()
    expect(arena.used).toBe(0)
  })
})

describe('arena options', () => {
  it('refuses what means nothing', () => {
    expect(code(() => createArena({ limit: 1 }))).toBe('EINVAL')
    expect(code(() => createArena({ limit: 2 ** 40 }))).toBe('EINVAL')
    expect(code(() => createArena({ cpus: 0 }))).toBe('EINVAL')
    expect(code(() => openArena(new WebAssembly.Memory({ initial: 4 })))).toBe('EINVAL')
    const arena = createArena()
    for (const [size, align] of [
      [-1, 16],
      [1.5, 16],
      [1, 3],
      [1, 0],
      [Number.NaN, 16],
    ] as const) {
      expect(code(() => arena.alloc(size, align))).toBe('EINVAL')
    }
    expect(code(() => arena.alloc(2 ** 33))).toBe('ENOMEM')
  })

  it('takes the largest limit without taking the memory', () => {
    for (const limit of [0x1000_0000, 0x7000_0000, 0x7654_3210, 0x8000_0000, 0xe000_0000]) {
      const arena = createArena({ limit })
      const address = arena.alloc(3 << 20)
      expect(arena.contains(address + (2 << 20), 1 << 20)).toBe(true)
      expect(arena.exports.check()).toBe(0)
    }
  })
})

describe('threads', () => {
  it('share one allocator without losing a block', async () => {
    const arena = createArena({ shared: true, limit: 64 << 20 })
    const source = `
      const { workerData: { memory, bytes, seed }, parentPort } = require('node:worker_threads')
      const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
      const { alloc, free, contains } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, table } }).exports
      let state = seed
      const random = (n) => ((state = Math.imul(state, 1664525) + 1013904223 >>> 0) >>> 8) % n
      const live = []
      let bad = 0
      for (let n = 0; n < 60000; n++) {
        if (live.length < 50 || random(2)) {
          const size = random(400) + 4
          const address = alloc(size, 16) >>> 0
          const words = new Int32Array(memory.buffer, address, size >> 2)
          if (words.some((w) => w !== 0) || contains(address, size) !== 1) bad++
          words.fill(seed)
          live.push({ address, size })
        } else {
          const [{ address, size }] = live.splice(random(live.length), 1)
          if (new Int32Array(memory.buffer, address, size >> 2).some((w) => w !== seed)) bad++
          if (free(address) !== 0) bad++
        }
      }
      for (const { address } of live) if (free(address) !== 0) bad++
      parentPort.postMessage(bad)`
    const results = [1, 2].map(
      (seed) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(source, {
            eval: true,
            workerData: { memory: arena.memory, bytes: memoryModule.bytes(true), seed },
          })
          worker.once('message', resolve)
          worker.once('error', reject)
        }),
    )
    expect(await Promise.all(results)).toEqual([0, 0])
    expect([arena.used, arena.count, arena.exports.check()]).toEqual([0, 0, 0])
  })
})
