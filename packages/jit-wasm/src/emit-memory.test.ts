import { Worker } from 'node:worker_threads'
import { ACCESS, type CompiledProgram, control, field, struct } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createCpu, type LinkOptions, link, place, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'
import { compileModule } from './module.ts'

async function compile(cpu: TestCpu, text: string, options: LinkOptions = {}): Promise<CompiledProgram> {
  const engine = await jit.create(cpu)
  return (await engine.compile([link(text, options)])).programs[0]!
}

describe('addresses', () => {
  it('take offsets below and above the register', async () => {
    const cpu = createCpu()
    const ctx = place(
      cpu.arena,
      Uint8Array.from({ length: 64 }, (_, n) => n),
    )
    const text = `
      r1 += 40
      r0 = *(u8 *)(r1 - 8)
      r2 = *(u16 *)(r1 + 8)
      r0 <<= 16
      r0 |= r2
      exit`
    expect((await compile(cpu, text)).run(ctx)).toBe((32 << 16) | (49 << 8) | 48)
  })

  it('computed for one access are not lost when it needs them twice', async () => {
    for (const shared of [false, true]) {
      const cpu = createCpu({ shared })
      const text = `
        *(u64 *)(r10 - 8) = 5
        r1 = 7
        r2 = r10
        r2 += -8
        lock *(u64 *)(r2 + 0) += r1
        r3 = r10
        r3 += -8
        r1 = 1
        r1 = xchg_64(r3 + 0, r1)
        r0 = 1
        r4 = r10
        r4 += -8
        r5 = 30
        r0 = cmpxchg_64(r4 + 0, r0, r5)
        r2 = *(u64 *)(r10 - 8)
        r0 += r1
        r0 += r2
        exit`
      expect((await compile(cpu, text)).run(0)).toBe(12 + 1 + 30)
    }
  })
})

describe('loads of kernel objects', () => {
  it('read 0 where the pointer is bad', async () => {
    const cpu = createCpu()
    const end = cpu.arena.memory.buffer.byteLength
    const good = place(cpu.arena, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    const ctx = place(cpu.arena, 16)
    const access = Uint8Array.from([0, ACCESS.btf, 0])
    for (const [size, expected] of [
      ['u8', 1n],
      ['u16', 0x0201n],
      ['u32', 0x0403_0201n],
      ['u64', 0x0807_0605_0403_0201n],
    ] as const) {
      const text = `r1 = *(u64 *)(r1 + 0)\nr0 = *(${size} *)(r1 + 4)\nexit`
      const program = await compile(cpu, text, { facts: { access } })
      const read = (pointer: bigint): bigint => {
        cpu.arena.view.setBigUint64(ctx, pointer, true)
        program.run(ctx)
        expect(cpu.ctl(control.CTL_FAULT)).toBe(0)
        return cpu.r0()
      }
      expect(read(BigInt(good - 4))).toBe(expected)
      expect(read(0n)).toBe(0n)
      expect(read(-4n)).toBe(0n)
      expect(read(65528n)).toBe(0n)
      expect(read(0x1_0000_0000n + BigInt(good - 4))).toBe(0n)
      expect(read(BigInt(end - 4))).toBe(0n)
      expect(read(0xffff_8880_0000_0000n)).toBe(0n)
    }
  })
})

describe('packet loads', () => {
  const context = struct(
    '__sk_buff',
    { len: field.u32(), data: field.packet(), data_end: field.packetEnd() },
    { packet: { data: 'data', end: 'data_end' } },
  )
  const bytes = Uint8Array.from({ length: 40 }, (_, n) => n + 1)

  async function load(text: string): Promise<bigint> {
    const cpu = createCpu()
    const packet = place(cpu.arena, bytes)
    const ctx = place(cpu.arena, 16)
    cpu.arena.u32.set([40, packet, packet + 40], ctx >>> 2)
    const program = await compile(cpu, `r6 = r1\nr0 = -1\n${text}\nexit`, { context })
    program.run(ctx)
    return cpu.r0()
  }

  it('are big-endian, zero-extended, and end the program with 0 past the packet', async () => {
    for (const [text, expected] of [
      ['ldabsb 3', 4n],
      ['ldabsh 3', 0x0405n],
      ['ldabsw 3', 0x0405_0607n],
      ['ldabsb 39', 40n],
      ['ldabsw 36', 0x2526_2728n],
      ['ldabsw 37\nr0 = 5', 0n],
      ['ldabsb 40\nr0 = 5', 0n],
      ['ldabsw 0x7fffffff\nr0 = 5', 0n],
      ['r7 = 3\nldindb r7, 2', 6n],
      ['r7 = 0x100000003 ll\nldindh r7, 2', 0x0607n],
      ['r7 = 39\nldindb r7, 0', 40n],
      ['r7 = 39\nldindh r7, 0\nr0 = 5', 0n],
      ['r7 = -1\nldindb r7, 0\nr0 = 5', 0n],
      ['r7 = 40\nldindb r7, -1', 40n],
    ] as const) {
      expect(await load(text), text).toBe(expected)
    }
  })

  it('count negative offsets from the link layer’s and the network’s header', async () => {
    for (const [text, expected] of [
      ['ldabsb -0x100000', 15n],
      ['ldabsh -0x200000', 0x0102n],
      ['ldabsw -0x1fffff', 0x0203_0405n],
      ['ldabsb -0xfffe6', 0x29n - 0x29n],
      ['ldabsb -0xfffe7', 40n],
      ['ldabsb -0x200001\nr0 = 5', 0n],
      ['r7 = -0x100000\nldindb r7, 1', 16n],
      ['r7 = -0x200000\nldindb r7, 1', 2n],
      ['r7 = -0x200000\nldindb r7, -1\nr0 = 5', 0n],
      ['r7 = -1\nldindb r7, -5\nr0 = 5', 0n],
    ] as const) {
      expect(await load(text), text).toBe(expected)
    }
  })

  it('in a subprogram end only that', async () => {
    expect(await load('call sub\nr0 += 3\nexit\nsub:\nr6 = r1\nldabsb 99\nr0 = 9')).toBe(3n)
  })
})

describe('atomics in shared memory', () => {
  it('lose nothing when two threads run the same program', async () => {
    const cpu = createCpu({ shared: true })
    const counters = place(cpu.arena, 32)
    const rounds = 20_000
    // Four ways to add one: the last loops until its compare-and-exchange hits.
    const text = `
      r2 = 1
      lock *(u64 *)(r1 + 0) += r2
      r3 = 1
      r3 = atomic_fetch_add((u64 *)(r1 + 8), r3)
      lock *(u32 *)(r1 + 16) += r2
      again:
      r0 = *(u64 *)(r1 + 24)
      r4 = r0
      r5 = r0
      r5 += 1
      r0 = cmpxchg_64(r1 + 24, r0, r5)
      if r0 != r4 goto again
      exit`
    const { bytes } = compileModule([link(text)], { shared: true })
    const source = `
      const { parentPort, workerData } = require('node:worker_threads')
      const { bytes, memory, control, ctx, rounds } = workerData
      const env = {
        memory,
        table: new WebAssembly.Table({ initial: 1, element: 'anyfunc' }),
        control: new WebAssembly.Global({ value: 'i32' }, control),
      }
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env })
      for (let n = 0; n < rounds; n++) exports['0.run'](ctx)
      parentPort.postMessage('done')`
    const workers = [0, 1].map(() => {
      const block = place(cpu.arena, control.CTL_SIZE)
      const workerData = { bytes, memory: cpu.arena.memory, control: block, ctx: counters, rounds }
      return new Worker(source, { eval: true, workerData })
    })
    await Promise.all(
      workers.map((worker) => new Promise((done, fail) => worker.on('exit', done).on('error', fail))),
    )
    const { view } = cpu.arena
    expect([0, 8, 16, 24].map((at) => Number(view.getBigUint64(counters + at, true)))).toEqual(
      Array(4).fill(2 * rounds),
    )
  })
})
