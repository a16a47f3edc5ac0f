import { control } from '@skep/registry'
import { createThunks } from '@skep/wasm'
import { describe, expect, it } from 'vitest'
import { Bench, type Fault, packetContext } from '../test/harness.ts'

const forms = [
  ['plain', false],
  ['checked', true],
] as const

describe.each(forms)('calls in %s code', (_, checked) => {
  it('gives a helper r1 to r5 whole and takes all of its result', async () => {
    const bench = await Bench.create()
    const seen: bigint[][] = []
    const helper = bench.helper(7, (...registers) => {
      seen.push(registers)
      return 0x1122334455667788n
    })
    const source =
      'r1 = 0xfedcba9876543210 ll\nr2 = -1\nr3 = 3\nr4 = 4\nr5 = 5\nr6 = 6\ncall 7\nr0 += r6\nexit'
    expect(await bench.eval(source, { checked, helpers: [helper] })).toBe(0x112233445566778en)
    expect(seen).toEqual([[0xfedcba9876543210n, 0xffffffffffffffffn, 3n, 4n, 5n]])
  })

  it('calls a helper by a register', async () => {
    const bench = await Bench.create()
    const helpers = [bench.helper(7, () => 70n), bench.helper(0x1_0002, () => 20n), bench.tailCallHelper()]
    const source = (id: number): string => `r3 = ${id}\ncallx r3\nexit`
    expect(await bench.eval(source(7), { checked, helpers })).toBe(70n)
    expect(await bench.eval(source(0x1_0002), { checked, helpers })).toBe(20n)
    for (const id of [8, 12]) {
      const fault = await bench.eval(source(id), { checked, helpers })
      expect(fault).toMatchObject({ code: control.FAULT_ILLEGAL, pc: 1 })
    }
  })

  it('tells helpers the context and a stack below the frame', async () => {
    const bench = await Bench.create()
    const top = bench.ctl(control.CTL_SP)
    const seen: number[] = []
    const helper = bench.helper(7, () => {
      seen.push(bench.ctl(control.CTL_CTX), bench.ctl(control.CTL_SP))
      return 0n
    })
    const source = 'call f\ncall 7\nexit\nf:\ncall 7\nexit'
    await bench.eval(source, { checked, helpers: [helper] }, 4096)
    expect(seen).toEqual([4096, top - 1024, 4096, top - 512])
    expect([bench.ctl(control.CTL_CTX), bench.ctl(control.CTL_SP)]).toEqual([0, top])
  })

  it('stops when a helper says that it faulted, with the place of the call', async () => {
    const bench = await Bench.create()
    const helper = bench.helper(7, () => {
      bench.setCtl(control.CTL_FAULT, control.FAULT_EXCEPTION)
      return 0n
    })
    const fault = await bench.eval('r0 = 0\nr1 = 1 ll\ncall 7\nexit', { checked, helpers: [helper] })
    expect(fault).toMatchObject({ code: control.FAULT_EXCEPTION, pc: 3 })
  })

  it('allows eight frames', async () => {
    const bench = await Bench.create()
    const source = 'f:\nr1 += -1\nr0 = r1\nif r1 == 0 goto out\ncall f\nout:\nexit'
    const program = await bench.load(source, { checked })
    const enter = (depth: bigint): bigint | Fault => {
      const r0 = program.entry(depth, 0n, 0n, 0n, 0n)
      return bench.fault() ?? r0
    }
    expect(enter(8n)).toBe(0n)
    expect(enter(9n)).toMatchObject({ code: control.FAULT_STACK, pc: 3 })
  })

  it('stops where the stack area ends', async () => {
    const bench = await Bench.create()
    const top = bench.ctl(control.CTL_SP)
    bench.setCtl(control.CTL_STACK_END, top - 1024)
    expect(await bench.eval('call f\nexit\nf:\nr0 = 4\nexit', { checked })).toBe(4n)
    const deeper = await bench.eval('call f\nexit\nf:\ncall g\nexit\ng:\nr0 = 4\nexit', { checked })
    expect(deeper).toMatchObject({ code: control.FAULT_STACK, pc: 2 })
    bench.setCtl(control.CTL_STACK_END, top - 256)
    expect(await bench.eval('r0 = 0\nexit', { checked })).toMatchObject({ code: control.FAULT_STACK, pc: 0 })
  })

  it('runs callbacks, which share the frame of their caller', async () => {
    const bench = await Bench.create()
    const source = `
        *(u64 *)(r10 - 8) = 0
        r1 = 10
        lddw r2, func(callback)
        r3 = r10
        r3 += -8
        r4 = 0
        call 181
        r6 = r0
        r0 = *(u64 *)(r10 - 8)
        r6 <<= 32
        r0 |= r6
        exit
      callback:
        r3 = *(u64 *)(r2 + 0)
        r3 += r1
        *(u64 *)(r2 + 0) = r3
        *(u64 *)(r10 - 8) = 99
        r0 = 0
        if r1 != 6 goto +1
        r0 = 1
        exit`
    const helpers = [bench.loopHelper()]
    // 0 + 1 + … + 6, in 7 rounds.
    expect(await bench.eval(source, { checked, helpers })).toBe((7n << 32n) | 21n)
  })

  it('nests callbacks, and stops when they nest too deep', async () => {
    const bench = await Bench.create()
    const nested = `
        r1 = 3
        lddw r2, func(outer)
        r3 = r10
        *(u64 *)(r10 - 8) = 0
        r3 += -8
        call 181
        r0 = *(u64 *)(r10 - 8)
        exit
      outer:
        r3 = r2
        r1 = 4
        lddw r2, func(inner)
        call 181
        r0 = 0
        exit
      inner:
        r0 = *(u64 *)(r2 + 0)
        r0 += 1
        *(u64 *)(r2 + 0) = r0
        r0 = 0
        exit`
    const helpers = [bench.loopHelper()]
    expect(await bench.eval(nested, { checked, helpers })).toBe(12n)
    const endless =
      'r1 = 1\nlddw r2, func(again)\ncall 181\nexit\nagain:\nr1 = 1\nlddw r2, func(again)\ncall 181\nexit'
    const fault = await bench.eval(endless, { checked, helpers })
    expect(fault).toMatchObject({ code: control.FAULT_STACK })
    expect(await bench.eval('r0 = 3\nexit', { checked })).toBe(3n)
  })

  it('stops a helper that loops over a callback that faults', async () => {
    const bench = await Bench.create({ checkedBudget: 1000n, budget: 1000n })
    const helpers = [bench.loopHelper()]
    const source = 'r1 = -1\nlddw r2, func(callback)\ncall 181\nexit\ncallback:\ngoto callback'
    const fault = await bench.eval(source, { checked, helpers })
    expect(fault).toMatchObject({ code: control.FAULT_BUDGET, pc: 5 })
  })

  it('goes on in another program by a tail call, once', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const options = {
      checked,
      context: packetContext,
      helpers: [bench.tailCallHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    const source = 'r6 = r1\nr2 = MAP ll\nr3 = INDEX\ncall 12\nr0 = 5\nexit'
    const next = await bench.load('r0 = *(u32 *)(r1 + 12)\nr0 += 70\nexit', options)
    const record = map.set(1, next)
    const context = bench.packet([])
    bench.arena.view.setUint32(context + 12, 7, true)
    const run = async (index: number): Promise<bigint | Fault> =>
      bench.eval(source.replace('INDEX', `${index}`), options, context)
    expect(await run(1)).toBe(77n)
    expect(bench.ctl(control.CTL_PROG)).toBe(0)
    // An empty slot, an index past the end, and one whose low half alone counts.
    expect(await run(0)).toBe(5n)
    expect(await run(4)).toBe(5n)
    expect(await bench.eval(source.replace('INDEX', '0x100000001 ll'), options, context)).toBe(77n)
    const told = bench.helper(7, () => BigInt(bench.ctl(control.CTL_PROG)))
    map.set(2, await bench.load('call 7\nexit', { ...options, helpers: [told] }))
    const another = bench.arena.view.getUint32(map.data + 8, true)
    expect(await run(2)).toBe(BigInt(another))
    expect(record).not.toBe(another)
  })

  it('makes 33 tail calls', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const context = bench.packet([])
    const options = {
      checked,
      context: packetContext,
      helpers: [bench.tailCallHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    const source = `
      r0 = *(u32 *)(r1 + 12)
      r0 += 1
      *(u32 *)(r1 + 12) = r0
      r2 = MAP ll
      r3 = 0
      call 12
      exit`
    const program = await bench.load(source, options)
    map.set(0, program)
    for (const runs of [1, 2]) {
      program.run(context)
      expect(bench.fault()).toBeUndefined()
      expect(bench.arena.view.getUint32(context + 12, true)).toBe(34 * runs)
    }
    expect(bench.ctl(control.CTL_TAIL_CALLS)).toBe(0)
  })

  it('returns from a tail call in a subprogram to the caller', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const context = bench.packet([])
    const options = {
      checked,
      context: packetContext,
      helpers: [bench.tailCallHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    // The program that is called has functions of its own, and another length.
    map.set(0, await bench.load('r6 = 1\nr0 = 0\ncall f\nr0 += 4\nexit\nf:\nr0 = 30\nexit', options))
    const source = 'r6 = 1000\ncall f\nr0 += r6\nexit\nf:\nr2 = MAP ll\nr3 = 0\ncall 12\nr0 = 0\nexit'
    expect(await bench.eval(source, options, context)).toBe(1034n)
    // Where a fault happens after that is told in the caller's slots.
    const faulty = `${source.replace('r0 += r6', 'call 99')}`
    if (checked) expect(await bench.eval(faulty, options, context)).toMatchObject({ pc: 2 })
  })

  it('shows a program that a tail call enters no frame but its own', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const context = bench.packet([])
    const options = {
      checked,
      context: packetContext,
      helpers: [bench.tailCallHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    map.set(0, await bench.load('r0 = *(u64 *)(r10 + 504)\nexit', options))
    const source = `
        *(u64 *)(r10 - 8) = 77
        r6 = r10
        call f
        r1 = *(u64 *)(r6 - 8)
        r0 += r1
        exit
      f:
        r2 = MAP ll
        r3 = SLOT
        call 12
        r0 = 0
        exit`
    const run = (slot: number): Promise<bigint | Fault> =>
      bench.eval(source.replace('SLOT', `${slot}`), options, context)
    if (checked) expect(await run(0)).toMatchObject({ code: control.FAULT_ACCESS, pc: 0 })
    // The caller's own frames are there again afterwards.
    map.set(1, await bench.load('r0 = 1\nexit', options))
    expect(await run(1)).toBe(78n)
  })

  it('may tail-call in subprograms again and again', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const context = bench.packet([])
    const options = {
      checked,
      context: packetContext,
      helpers: [bench.tailCallHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    const source = 'r6 = 1\ncall f\nr0 += r6\nexit\nf:\nr2 = MAP ll\nr3 = 0\ncall 12\nr0 = 100\nexit'
    const program = await bench.load(source, options)
    map.set(0, program)
    expect(bench.run(program, context)).toBe(134n)
  })

  it('leaves to other engines what is theirs', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const context = bench.packet([])
    const options = {
      context: packetContext,
      helpers: [bench.tailCallHelper()],
      maps: [map],
      symbols: { MAP: map.address },
    }
    const [foreign] = createThunks([{ params: ['i32'], result: 'u32', call: (r1) => r1 }])
    const [none] = createThunks([{ params: [], result: 'void', call: () => {} }])
    const program = await bench.load('r0 = 0\nexit', options)
    // A program without interpreter code, and one that is not of the same form.
    map.set(0, { ...program, entry: foreign as never }, 0)
    map.set(1, await bench.load('*(u64 *)(r10 - 8) = 1\nr0 = 41\nexit', { ...options, checked: !checked }))
    map.set(2, { ...program, entry: none as never }, 0)
    const source = (index: number): string =>
      `r6 = 1\ncall f\nr0 += r6\nexit\nf:\nr2 = MAP ll\nr3 = ${index}\ncall 12\nr0 = 0\nexit`
    const eval_ = async (index: number): Promise<bigint | Fault> =>
      bench.eval(source(index), { ...options, checked }, context)
    expect(await eval_(0)).toBe(BigInt(context) + 1n)
    expect(await eval_(1)).toBe(42n)
    expect(await eval_(2)).toBe(1n)
    // In the main function it is the same.
    const direct = 'r2 = MAP ll\nr3 = 1\ncall 12\nr0 = 0\nexit'
    expect(await bench.eval(direct, { ...options, checked }, context)).toBe(41n)
    expect(bench.budget()).toBe(0n)
    expect(bench.ctl(control.CTL_CTX)).toBe(0)
  })
})
