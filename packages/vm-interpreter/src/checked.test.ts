import { control, field, mapLayout, type StructContext, struct } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { Bench, bareContext, type Fault, type LinkOptions, packetContext } from '../test/harness.ts'

const { FAULT_ACCESS, FAULT_ALIGNMENT, FAULT_BUDGET, FAULT_ILLEGAL } = control

const run = (
  bench: Bench,
  source: string,
  options: Omit<LinkOptions, 'checked'> = {},
  context = 0,
): Promise<bigint | Fault> => bench.eval(source, { ...options, checked: true }, context)

describe('accesses of checked code', () => {
  it('reach the frame, not what lies around it', async () => {
    const bench = await Bench.create()
    const top = bench.ctl(control.CTL_SP)
    const store = (size: string, offset: number): Promise<bigint | Fault> =>
      run(bench, `r0 = 0\n*(${size} *)(r10 ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}) = r0\nexit`)
    for (const [size, bytes] of [
      ['u8', 1],
      ['u16', 2],
      ['u32', 4],
      ['u64', 8],
    ] as const) {
      expect(await store(size, -512)).toBe(0n)
      expect(await store(size, -bytes)).toBe(0n)
      expect(await store(size, -513)).toEqual({ code: FAULT_ACCESS, pc: 1, address: top - 513 })
      expect(await store(size, 1 - bytes)).toEqual({ code: FAULT_ACCESS, pc: 1, address: top + 1 - bytes })
    }
  })

  it('reach the frames of callers, and no longer those of callees', async () => {
    const bench = await Bench.create()
    const caller = 'r1 = r10\ncall f\nexit\nf:\nr0 = *(u64 *)(r1 - 512)\nexit'
    expect(await run(bench, caller)).toBe(0n)
    const top = bench.ctl(control.CTL_SP)
    const callee = 'call f\nr0 = *(u64 *)(r0 - 8)\nexit\nf:\nr0 = r10\nexit'
    expect(await run(bench, callee)).toEqual({ code: FAULT_ACCESS, pc: 1, address: top - 520 })
  })

  it('begin with frames and registers of zeros', async () => {
    const bench = await Bench.create()
    await bench.eval(
      'r1 = -1\n*(u64 *)(r10 - 8) = r1\n*(u64 *)(r10 - 512) = r1\nr9 = -1\nr2 = -1\nr0 = 0\nexit',
    )
    const sum = [2, 3, 4, 5, 6, 7, 8, 9].map((n) => `r0 |= r${n}`).join('\n')
    const source = `${sum}\nr1 = *(u64 *)(r10 - 8)\nr0 |= r1\nr1 = *(u64 *)(r10 - 512)\nr0 |= r1\nexit`
    expect(await run(bench, source)).toBe(0n)
  })

  it('have addresses of 64 bits', async () => {
    const bench = await Bench.create()
    const high = (base: string): string =>
      `r1 = ${base}\nr2 = 1\nr2 <<= 32\nr1 += r2\nr0 = *(u8 *)(r1 - 8)\nexit`
    expect(await run(bench, high('r10'))).toMatchObject({ code: FAULT_ACCESS, pc: 4 })
    for (const address of ['0', '-1', '-8', '0xfffffffc', '0x7fffffff', '0x8000000000000000']) {
      for (const size of ['u8', 'u64'])
        expect(await run(bench, `r1 = ${address} ll\nr0 = *(${size} *)(r1 + 0)\nexit`)).toMatchObject({
          code: FAULT_ACCESS,
          pc: 2,
        })
    }
  })

  it('reach of the context what its fields allow', async () => {
    const bench = await Bench.create()
    const context = bench.packet([1, 2, 3, 4])
    const options = { context: packetContext }
    const read = (size: string, offset: number): Promise<bigint | Fault> =>
      run(bench, `r0 = *(${size} *)(r1 + ${offset})\nexit`, options, context)
    const write = (size: string, offset: number): Promise<bigint | Fault> =>
      run(bench, `r0 = 0\n*(${size} *)(r1 + ${offset}) = r0\nexit`, options, context)
    expect(await read('u32', 12)).toBe(0n)
    expect(await read('u8', 15)).toBe(0n)
    expect(await read('u64', 4)).toBeTypeOf('bigint')
    expect(await write('u32', 12)).toBe(0n)
    expect(await write('u16', 14)).toBe(0n)
    expect(await read('u32', 16)).toEqual({ code: FAULT_ACCESS, pc: 0, address: context + 16 })
    expect(await read('u64', 12)).toMatchObject({ code: FAULT_ACCESS })
    expect(await read('u32', 20)).toBe(0n)
    expect(await read('u64', 20)).toMatchObject({ code: FAULT_ACCESS })
    expect(await read('u32', 24)).toMatchObject({ code: FAULT_ACCESS })
    for (const offset of [0, 4, 8, 11, 16, 20]) {
      expect(await write('u8', offset)).toEqual({ code: FAULT_ACCESS, pc: 1, address: context + offset })
    }
    expect(await run(bench, 'r0 = *(u8 *)(r1 - 1)\nexit', options, context)).toMatchObject({
      code: FAULT_ACCESS,
      address: context - 1,
    })
  })

  it('reach no context that nothing is known of, unless its size is given', async () => {
    const bench = await Bench.create()
    const context = bench.place([1, 2, 3, 4])
    expect(await run(bench, 'r0 = *(u8 *)(r1 + 0)\nexit', {}, context)).toMatchObject({ code: FAULT_ACCESS })
    const sized = await Bench.create({ contextSize: 4 }, bench.cpu)
    expect(await run(sized, 'r0 = *(u32 *)(r1 + 0)\nexit', {}, context)).toBe(0x04030201n)
    expect(await run(sized, 'r0 = *(u8 *)(r1 + 4)\nexit', {}, context)).toMatchObject({ code: FAULT_ACCESS })
    expect(await run(sized, '*(u8 *)(r1 + 0) = 0\nexit', {}, context)).toMatchObject({ code: FAULT_ACCESS })
  })

  it('reach the packet between data and data_end', async () => {
    const bench = await Bench.create()
    for (const length of [0, 1, 4, 7, 8, 9, 64]) {
      const context = bench.packet(Array.from({ length }, (_, n) => n + 1))
      const at = (size: string, offset: number): Promise<bigint | Fault> =>
        run(
          bench,
          `r1 = *(u32 *)(r1 + 0)\nr0 = *(${size} *)(r1 + ${offset})\nexit`,
          { context: packetContext },
          context,
        )
      for (const [size, bytes] of [
        ['u8', 1],
        ['u16', 2],
        ['u32', 4],
        ['u64', 8],
      ] as const) {
        if (length >= bytes) {
          const last = (await at(size, length - bytes)) as bigint
          expect(last & 0xffn).toBe(BigInt(length - bytes + 1))
          expect(await at(size, 0)).toBeTypeOf('bigint')
        }
        expect(await at(size, Math.max(length - bytes + 1, 0))).toMatchObject({ code: FAULT_ACCESS, pc: 1 })
      }
    }
  })

  it('reach metadata before the packet, and packets that helpers move', async () => {
    const bench = await Bench.create()
    const context = bench.packet([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    const { view } = bench.arena
    const data = view.getUint32(context, true)
    view.setUint32(context, data + 8, true)
    const meta = 'r1 = *(u32 *)(r1 + 8)\nr0 = *(u8 *)(r1 + 0)\nexit'
    expect(await run(bench, meta, { context: packetContext }, context)).toBe(1n)
    const shrink = bench.helper(7, () => {
      view.setUint32(context + 4, data + 10, true)
      return 0n
    })
    const options = { context: packetContext, helpers: [shrink] }
    const source = (offset: number): string =>
      `r6 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r6 + 7)\ncall 7\nr0 = *(u8 *)(r6 + ${offset})\nexit`
    expect(await run(bench, source(1), options, context)).toBe(10n)
    view.setUint32(context + 4, data + 16, true)
    expect(await run(bench, source(2), options, context)).toEqual({
      code: FAULT_ACCESS,
      pc: 3,
      address: data + 10,
    })
  })

  it('reach the values of the program’s own maps', async () => {
    const bench = await Bench.create()
    const mine = bench.arrayMap({ valueSize: 12, entries: 3 })
    const other = bench.arrayMap()
    const at = (address: number, size = 'u32', write = false): Promise<bigint | Fault> =>
      run(
        bench,
        `r0 = 0\nr1 = ${address} ll\n${write ? `*(${size} *)(r1 + 0) = r0` : `r0 = *(${size} *)(r1 + 0)`}\nexit`,
        { maps: [mine] },
      )
    for (const element of [0, 1, 2]) {
      const value = mine.data + element * 16
      expect(await at(value)).toBe(0n)
      expect(await at(value + 8, 'u32', true)).toBe(0n)
      // Behind the 12 bytes of a value lie 4 of padding.
      expect(await at(value + 8, 'u64')).toEqual({ code: FAULT_ACCESS, pc: 3, address: value + 8 })
      expect(await at(value + 12, 'u8')).toMatchObject({ code: FAULT_ACCESS })
    }
    expect(await at(mine.data + 48, 'u8')).toMatchObject({ code: FAULT_ACCESS })
    expect(await at(mine.data - 1, 'u8')).toMatchObject({ code: FAULT_ACCESS })
    expect(await at(mine.address)).toMatchObject({ code: FAULT_ACCESS })
    expect(await at(other.data)).toMatchObject({ code: FAULT_ACCESS })
  })

  it('reach no map that gives out no values, for it keeps books there', async () => {
    const bench = await Bench.create()
    const ring = bench.arrayMap({ ops: [], type: 27 })
    const source = `r1 = ${ring.data} ll\nr0 = *(u8 *)(r1 + 0)\nexit`
    expect(await run(bench, source, { maps: [ring] })).toMatchObject({ code: FAULT_ACCESS })
    const percpu = { ...ring, ops: { lookup_percpu: {} } }
    expect(await run(bench, source, { maps: [percpu] })).toBe(0n)
  })

  it('respect what a map forbids to programs', async () => {
    const bench = await Bench.create()
    const map = bench.arrayMap()
    const { view } = bench.arena
    const flags = (value: number): void => view.setUint32(map.address + mapLayout.MAP_FLAGS, value, true)
    const access = (text: string): Promise<bigint | Fault> =>
      run(bench, `r0 = 0\nr1 = ${map.data} ll\n${text}\nexit`, { maps: [map] })
    flags(mapLayout.BPF_F_RDONLY_PROG)
    expect(await access('r0 = *(u64 *)(r1 + 0)')).toBe(0n)
    expect(await access('*(u64 *)(r1 + 0) = r0')).toMatchObject({ code: FAULT_ACCESS })
    expect(await access('lock *(u64 *)(r1 + 0) += r0')).toMatchObject({ code: FAULT_ACCESS })
    flags(mapLayout.BPF_F_WRONLY_PROG)
    expect(await access('r0 = *(u64 *)(r1 + 0)')).toMatchObject({ code: FAULT_ACCESS })
    expect(await access('*(u64 *)(r1 + 0) = r0')).toBe(0n)
  })

  it('keep away from special fields of values', async () => {
    const bench = await Bench.create()
    const map = bench.arrayMap({ valueSize: 24, entries: 2 })
    const fields = bench.place(20)
    bench.arena.u32.set([2, 4, 4, 16, 8], fields >>> 2)
    bench.arena.view.setUint32(map.address + mapLayout.MAP_FIELDS, fields, true)
    const write = (offset: number, size: string): Promise<bigint | Fault> =>
      run(bench, `r0 = 0\nr1 = ${map.data + 24 + offset} ll\n*(${size} *)(r1 + 0) = r0\nexit`, {
        maps: [map],
      })
    expect(await write(0, 'u32')).toBe(0n)
    expect(await write(8, 'u64')).toBe(0n)
    for (const [offset, size] of [
      [4, 'u8'],
      [0, 'u64'],
      [7, 'u8'],
      [6, 'u16'],
      [12, 'u64'],
      [16, 'u64'],
      [23, 'u8'],
    ] as const)
      expect(await write(offset, size)).toMatchObject({ code: FAULT_ACCESS })
    // Nor are they given away with the value.
    const looked = (offset: number): Promise<bigint | Fault> =>
      run(
        bench,
        `*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = ${map.address} ll\ncall 1\n*(u8 *)(r0 + ${offset}) = 0\nr0 = 0\nexit`,
        { maps: [map], helpers: [bench.lookupHelper()] },
      )
    expect(await looked(0)).toBe(0n)
    expect(await looked(4)).toMatchObject({ code: FAULT_ACCESS })
    expect(await looked(16)).toMatchObject({ code: FAULT_ACCESS })
  })

  it('reach nothing else that lives in the arena', async () => {
    const bench = await Bench.create()
    const program = await bench.load('exit', { checked: true })
    const strangers = {
      control: bench.cpu.control,
      'the CPU’s stack area': bench.ctl(control.CTL_STACK_END),
      code: program.code,
      'the null page': 8,
      'the allocator’s state': 0x1_0000,
      'another’s memory': bench.place(64),
      'above the stack': bench.ctl(control.CTL_SP),
    }
    for (const [what, address] of Object.entries(strangers)) {
      for (const text of [
        'r0 = *(u8 *)(r1 + 0)',
        '*(u8 *)(r1 + 0) = r0',
        'r0 = load_acquire((u64 *)(r1 + 0))',
      ]) {
        expect(await run(bench, `r1 = ${address} ll\n${text}\nexit`), what).toEqual({
          code: FAULT_ACCESS,
          pc: 2,
          address,
        })
      }
    }
  })

  it.each([false, true])('refuse misaligned atomics, shared memory: %s', async (shared) => {
    const bench = await Bench.create({ shared })
    const top = bench.ctl(control.CTL_SP)
    for (const text of [
      'lock *(u64 *)(r10 - 12) += r1',
      'lock *(u32 *)(r10 - 10) += w1',
      'r1 = xchg_64(r10 - 12, r1)',
      'r0 = load_acquire((u64 *)(r10 - 12))',
      'w0 = load_acquire((u16 *)(r10 - 11))',
      'store_release((u32 *)(r10 - 10), w1)',
    ]) {
      const offset = Number(/r10 - (\d+)/.exec(text)![1])
      expect(await run(bench, `r0 = 0\n${text}\nexit`), text).toEqual({
        code: FAULT_ALIGNMENT,
        pc: 1,
        address: top - offset,
      })
    }
    expect(await run(bench, 'r1 = 5\nlock *(u64 *)(r10 - 520) += r1\nexit')).toMatchObject({
      code: FAULT_ACCESS,
    })
    // Plain accesses need no alignment.
    expect(await run(bench, 'r1 = 5\n*(u64 *)(r10 - 13) = r1\nr0 = *(u64 *)(r10 - 13)\nexit')).toBe(5n)
  })
})

describe('instructions of checked code', () => {
  it('fault when they are not allowed, and only when they are reached', async () => {
    const bench = await Bench.create()
    const options = { context: bareContext(0) }
    for (const text of [
      'call 12345',
      'r10 = 5',
      'r10 += 8',
      'w10 = w1',
      'r10 = *(u64 *)(r10 - 8)',
      'r10 = 5 ll',
      'r10 = -r10',
      'r10 = be16 r10',
      'r10 = atomic_fetch_add((u64 *)(r10 - 8), r10)',
      'r10 = xchg_64(r10 - 8, r10)',
      'r0 = *(u8 *)skb[0]',
      'call kernel-function#70',
    ]) {
      expect(await run(bench, `r0 = 1\n${text}\nexit`, options), text).toMatchObject({
        code: FAULT_ILLEGAL,
        pc: 1,
      })
      expect(await run(bench, `r0 = 1\nexit\n${text}\nexit`, options), text).toBe(1n)
    }
    expect(await run(bench, 'r0 = 1')).toMatchObject({ code: FAULT_ILLEGAL, pc: 1 })
    expect(await run(bench, 'r0 = r10\nlock *(u64 *)(r10 - 8) += r10\nexit')).toBe(
      BigInt(bench.ctl(control.CTL_SP)),
    )
  })

  it('end with the budget, a million unless said', async () => {
    const bench = await Bench.create()
    const endless = 'r0 = 0\nl:\nr0 += 1\ngoto l'
    expect(await run(bench, endless)).toEqual({ code: FAULT_BUDGET, pc: 2, address: 0 })
    expect(bench.r0()).toBe(500_000n)
    const small = await Bench.create({ checkedBudget: 100n }, bench.cpu)
    expect(await run(small, endless)).toEqual({ code: FAULT_BUDGET, pc: 2, address: 0 })
    expect(bench.r0()).toBe(50n)
    bench.setBudget(10n)
    expect(await run(bench, endless)).toEqual({ code: FAULT_BUDGET, pc: 2, address: 0 })
    expect(bench.r0()).toBe(5n)
    expect(bench.budget()).toBe(10n)
  })
})

describe('what checked code passes to helpers', () => {
  const read = { kind: 'mem', access: 'read' } as const
  const write = { kind: 'mem', access: 'write' } as const

  async function setup(
    args: Parameters<Bench['helper']>[2] & object,
    rest: { context?: StructContext } = {},
  ): Promise<{ bench: Bench; calls: number; call(text: string, context?: number): Promise<bigint | Fault> }> {
    const bench = await Bench.create()
    const map = bench.arrayMap({ valueSize: 16, entries: 2 })
    const other = bench.arrayMap()
    const result = {
      bench,
      calls: 0,
      call: (text: string, context = 0): Promise<bigint | Fault> =>
        run(
          bench,
          `${text}\ncall 7\nexit`,
          {
            helpers: [helper],
            maps: [map],
            symbols: { MAP: map.address, DATA: map.data, OTHER: other.address },
            ...rest,
          },
          context,
        ),
    }
    const helper = bench.helper(
      7,
      () => {
        result.calls++
        return 1n
      },
      args,
    )
    return result
  }

  it('is memory of the size that it says', async () => {
    const t = await setup({ args: [read, { kind: 'const_size' }] })
    const frame = 'r1 = r10\nr1 += -16\n'
    expect(await t.call(`${frame}r2 = 16`)).toBe(1n)
    expect(await t.call(`r1 = DATA ll\nr2 = 16`)).toBe(1n)
    expect(await t.call(`r1 = r10\nr1 += -512\nr2 = 512`)).toBe(1n)
    expect(t.calls).toBe(3)
    const top = t.bench.ctl(control.CTL_SP)
    expect(await t.call(`${frame}r2 = 17`)).toEqual({ code: FAULT_ACCESS, pc: 3, address: top - 16 })
    for (const size of ['0', '-1', '0x80000000 ll', '0x100000010 ll'])
      expect(await t.call(`${frame}r2 = ${size}`)).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call('r1 = DATA ll\nr2 = 17')).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call('r1 = 0\nr2 = 1')).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call(`r1 = 0x100000000 ll\nr1 += r10\nr1 += -16\nr2 = 16`)).toMatchObject({
      code: FAULT_ACCESS,
    })
    expect(t.calls).toBe(3)
  })

  it('may be empty or null where the descriptor says so', async () => {
    const t = await setup({ args: [{ ...read, nullable: true }, { kind: 'const_size_or_zero' }] })
    expect(await t.call('r1 = 0\nr2 = 0')).toBe(1n)
    expect(await t.call('r1 = 0\nr2 = 8')).toMatchObject({ code: FAULT_ACCESS })
    const fixed = await setup({ args: [{ ...read, size: 8, nullable: true }] })
    expect(await fixed.call('r1 = 0')).toBe(1n)
    expect(await fixed.call('r1 = r10\nr1 += -8')).toBe(1n)
    expect(await fixed.call('r1 = r10\nr1 += -7')).toMatchObject({ code: FAULT_ACCESS })
  })

  it('is memory that it may write to, where the helper writes', async () => {
    const t = await setup({ args: [write, { kind: 'const_size' }] }, { context: packetContext })
    const context = t.bench.packet([1, 2, 3, 4])
    expect(await t.call('r1 += 12\nr2 = 4', context)).toBe(1n)
    expect(await t.call('r1 += 20\nr2 = 4', context)).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call('r1 = *(u32 *)(r1 + 0)\nr2 = 4', context)).toBe(1n)
    expect(await t.call('r1 = *(u32 *)(r1 + 0)\nr2 = 5', context)).toMatchObject({ code: FAULT_ACCESS })
    const reader = await setup({ args: [read, { kind: 'const_size' }] }, { context: packetContext })
    const again = reader.bench.packet([])
    expect(await reader.call('r1 += 20\nr2 = 4', again)).toBe(1n)
    expect(await reader.call('r1 += 12\nr2 = 8', again)).toMatchObject({ code: FAULT_ACCESS })
  })

  it('is one of its maps, with a key and a value of their sizes', async () => {
    const t = await setup({
      args: [
        { kind: 'const_map_ptr' },
        { kind: 'map_key', access: 'read' },
        { kind: 'map_value', access: 'read' },
      ],
    })
    const rest = 'r2 = r10\nr2 += -4\nr3 = r10\nr3 += -16'
    expect(await t.call(`r1 = MAP ll\n${rest}`)).toBe(1n)
    for (const map of ['OTHER ll', '0', 'DATA ll', 'r10'])
      expect(await t.call(`r1 = ${map}\n${rest}`), map).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call('r1 = MAP ll\nr1 += 1\nr2 = r10\nr3 = r10')).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call('r1 = MAP ll\nr2 = r10\nr2 += -3\nr3 = r10\nr3 += -16')).toMatchObject({
      code: FAULT_ACCESS,
    })
    expect(await t.call('r1 = MAP ll\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -15')).toMatchObject({
      code: FAULT_ACCESS,
    })
  })

  it('is a map that has the operation, or is of the type', async () => {
    const bench = await Bench.create()
    const map = bench.arrayMap({ ops: ['lookup'], type: 2 })
    const options = (helper: ReturnType<Bench['helper']>): LinkOptions => ({
      helpers: [helper],
      maps: [map],
      symbols: { MAP: map.address },
    })
    const source = 'r1 = MAP ll\ncall 7\nexit'
    const arg = { kind: 'const_map_ptr' } as const
    const lookup = bench.helper(7, () => 1n, { args: [arg], mapOp: 'lookup' })
    const push = bench.helper(7, () => 1n, { args: [arg], mapOp: 'push' })
    const array = bench.helper(7, () => 1n, { args: [{ ...arg, mapTypes: ['array'] }] })
    expect(await run(bench, source, options(lookup))).toBe(1n)
    expect(await run(bench, source, options(push))).toMatchObject({ code: FAULT_ACCESS })
    expect(await run(bench, source, options(array))).toMatchObject({ code: FAULT_ACCESS })
    const knowing = await Bench.create({ mapTypes: [{ name: 'array', id: 2 }] }, bench.cpu)
    expect(await run(knowing, source, options(array))).toBe(1n)
  })

  it('is a program array for a tail call, and the context', async () => {
    const bench = await Bench.create()
    const values = bench.arrayMap({ valueSize: 8, entries: 4 })
    const context = bench.packet([])
    const program = await bench.load('r0 = 1\nexit')
    // A value that looks like a slot with a program in it.
    bench.arena.view.setUint32(values.data, bench.progArray().set(0, program), true)
    const options = {
      helpers: [bench.tailCallHelper()],
      maps: [values],
      context: packetContext,
      symbols: { MAP: values.address },
    }
    const source = 'r2 = MAP ll\nr3 = 0\ncall 12\nr0 = 5\nexit'
    expect(await run(bench, source, options, context)).toMatchObject({ code: FAULT_ACCESS, pc: 3 })
    const slots = bench.progArray()
    const fine = { ...options, maps: [slots], symbols: { MAP: slots.address } }
    expect(await run(bench, source, fine, context)).toBe(5n)
    expect(await run(bench, `r1 += 4\n${source}`, fine, context)).toMatchObject({ code: FAULT_ACCESS, pc: 4 })
    // Bare memory is no context that a helper or another program could trust.
    const bare = { ...fine, context: bareContext(32) }
    expect(await run(bench, source, bare, context)).toMatchObject({ code: FAULT_ILLEGAL, pc: 3 })
  })

  it('is a callback of its own', async () => {
    const bench = await Bench.create()
    const helpers = [bench.loopHelper()]
    const good = 'r1 = 2\nlddw r2, func(f)\ncall 181\nexit\nf:\nr0 = 0\nexit'
    expect(await run(bench, good, { helpers })).toBe(2n)
    const other = await bench.load(good, { helpers })
    expect(other.code).toBeGreaterThan(0)
    for (let slot = 0; slot < 12; slot++) {
      expect(await run(bench, `r1 = 2\nr2 = ${slot}\ncall 181\nexit`, { helpers })).toMatchObject({
        code: FAULT_ILLEGAL,
      })
    }
  })

  it('is a string that ends', async () => {
    const t = await setup({ args: [{ kind: 'const_str' }] })
    expect(await t.call('*(u64 *)(r10 - 8) = 0x6968\nr1 = r10\nr1 += -8')).toBe(1n)
    expect(await t.call('*(u64 *)(r10 - 8) = -1\nr1 = r10\nr1 += -8')).toMatchObject({ code: FAULT_ACCESS })
    expect(await t.call('r1 = 0')).toMatchObject({ code: FAULT_ACCESS })
  })

  it('goes to no helper of a program type, where there is only bare memory', async () => {
    const bench = await Bench.create()
    const helpers = [
      bench.helper(7, () => 1n, { programTypes: ['xdp'] }),
      bench.helper(8, () => 2n, { programTypes: 'all' }),
    ]
    const bare = { helpers, context: bareContext(8) }
    expect(await run(bench, 'call 7\nexit', bare)).toMatchObject({ code: FAULT_ILLEGAL, pc: 0 })
    expect(await run(bench, 'r1 = 7\ncallx r1\nexit', bare)).toMatchObject({ code: FAULT_ILLEGAL, pc: 1 })
    expect(await run(bench, 'call 8\nexit', bare)).toBe(2n)
    expect(await run(bench, 'call 7\nexit', { helpers, context: packetContext })).toBe(1n)
  })

  it('is nothing whose state only the verifier follows', async () => {
    for (const kind of ['dynptr', 'spin_lock', 'timer', 'btf_id', 'ringbuf_mem', 'kptr_xchg_dest'] as const) {
      const t = await setup({ args: [{ kind }] })
      expect(await t.call('r1 = r10\nr1 += -16'), kind).toMatchObject({ code: FAULT_ILLEGAL, pc: 2 })
      expect(t.calls).toBe(0)
    }
    const zero = await setup({ args: [{ kind: 'anything', zero: true }] })
    expect(await zero.call('r1 = 0')).toBe(1n)
    expect(await zero.call('r1 = 1')).toMatchObject({ code: FAULT_ILLEGAL })
  })

  it('comes back as memory that it may use', async () => {
    const bench = await Bench.create()
    const given = bench.place(16)
    const other = bench.place(16)
    const helper = bench.helper(7, () => BigInt(given), { returns: { kind: 'mem', size: 12 } })
    const plain = bench.helper(8, () => BigInt(other))
    const options = { helpers: [helper, plain] }
    const use = (id: number, size: string, offset: number): Promise<bigint | Fault> =>
      run(
        bench,
        `call ${id}\nr1 = 3\n*(${size} *)(r0 + ${offset}) = r1\nr0 = *(${size} *)(r0 + ${offset})\nexit`,
        options,
      )
    expect(await use(7, 'u64', 0)).toBe(3n)
    expect(await use(7, 'u32', 8)).toBe(3n)
    expect(await use(7, 'u64', 8)).toMatchObject({ code: FAULT_ACCESS, pc: 2 })
    expect(await use(8, 'u8', 0)).toMatchObject({ code: FAULT_ACCESS, pc: 2 })
    const header = bench.arrayMap().address
    const inner = bench.helper(7, () => BigInt(header), { returns: { kind: 'mem', size: 4 } })
    expect(await run(bench, 'call 7\nr0 = *(u32 *)(r0 + 0)\nexit', { helpers: [inner] })).toMatchObject({
      code: FAULT_ACCESS,
    })
    // What one run was given, the next has not.
    expect(await run(bench, `r0 = ${given} ll\nr0 = *(u8 *)(r0 + 0)\nexit`, options)).toMatchObject({
      code: FAULT_ACCESS,
    })
    const sized = bench.helper(7, () => BigInt(given), {
      args: [{ kind: 'anything' }],
      returns: { kind: 'mem', sizeArg: 0 },
    })
    const half = (offset: number): string => `r1 = 8\ncall 7\nr0 = *(u8 *)(r0 + ${offset})\nexit`
    expect(await run(bench, half(7), { helpers: [sized] })).toBe(0n)
    expect(await run(bench, half(8), { helpers: [sized] })).toMatchObject({ code: FAULT_ACCESS })
  })

  it('comes back as values of maps, whatever their layout', async () => {
    const bench = await Bench.create()
    const map = bench.arrayMap({ valueSize: 8, entries: 2 })
    const options = {
      helpers: [bench.lookupHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    const source = (offset: number): string => `
      *(u32 *)(r10 - 4) = 1
      r1 = MAP ll
      r2 = r10
      r2 += -4
      call 1
      if r0 == 0 goto +2
      r1 = *(u64 *)(r0 + ${offset})
      r0 = r1
      exit`
    bench.arena.view.setBigUint64(map.data + 8, 99n, true)
    expect(await run(bench, source(0), options)).toBe(99n)
    expect(await run(bench, source(1), options)).toMatchObject({ code: FAULT_ACCESS, pc: 7 })
    // A plugin's map whose values lie in a block of its own.
    const values = bench.place(16)
    const lookup = bench.helper(1, () => BigInt(values), {
      args: [{ kind: 'const_map_ptr' }, { kind: 'map_key', access: 'read' }],
      returns: { kind: 'map_value', nullable: true },
    })
    bench.arena.view.setBigUint64(values, 98n, true)
    expect(await run(bench, source(0), { ...options, helpers: [lookup] })).toBe(98n)
    expect(await run(bench, source(8), { ...options, helpers: [lookup] })).toMatchObject({
      code: FAULT_ACCESS,
    })
  })

  it('knows fields that only some attach types may write', async () => {
    const bench = await Bench.create()
    const context = struct('some', { a: field.u32({ write: ['x'] }), b: field.u32({ read: ['x'] }) })
    const at = bench.place(8)
    expect(await run(bench, 'r0 = *(u32 *)(r1 + 4)\n*(u32 *)(r1 + 0) = r0\nexit', { context }, at)).toBe(0n)
  })
})
