import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createTestCpu } from '../test/cpu.ts'
import { Bench, bareContext, link, packetContext } from '../test/harness.ts'
import { createStepper } from './stepper.ts'

const sum = `
    r6 = 3
    r0 = 0
  l:
    r1 = r6
    call twice
    r0 += 0
    r6 += -1
    if r6 != 0 goto l
    r0 = r6
    exit
  twice:
    r0 = r1
    r0 += r1
    exit`

describe('a stepper', () => {
  it('stops before the first instruction and does one at a time', async () => {
    const bench = await Bench.create()
    const program = await bench.load('r0 = r1\nr2 = 0x1122334455667788 ll\nr0 += 1\nexit')
    const stepper = createStepper(program, 4096)
    expect(stepper.state).toBe('stopped')
    expect(stepper.place).toEqual({ program: 'test', pc: 0 })
    expect(stepper.registers).toEqual([0n, 4096n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, stepper.register(10)])
    const pcs: number[] = []
    while (stepper.step() === 'stopped') pcs.push(stepper.pc)
    // An ld_imm64 takes two slots and one step.
    expect(pcs).toEqual([1, 3, 4])
    expect(stepper.state).toBe('exited')
    expect(stepper.executed).toBe(4)
    expect(stepper.register(0)).toBe(4097n)
    expect(stepper.register(2)).toBe(0x1122334455667788n)
    expect(stepper.step()).toBe('exited')
    expect(stepper.executed).toBe(4)
    stepper.close()
  })

  it('writes registers and the place to go on at', async () => {
    const bench = await Bench.create()
    const program = await bench.load('r0 = 1\nr1 = 5 ll\nr0 += r1\nexit')
    const stepper = createStepper(program, 0)
    stepper.setRegister(0, -3n)
    expect(stepper.register(0)).toBe(0xfffffffffffffffdn)
    stepper.pc = 3
    stepper.setRegister(1, 10n)
    stepper.continue()
    expect(stepper.register(0)).toBe(7n)
    for (const number of [-1, 11, 1.5]) {
      expect(() => stepper.register(number)).toThrow(`test: there is no r${number}; registers are r0 to r10`)
    }
    expect(() => stepper.setRegister(10, 0n)).toThrow('test: r10 is read-only')
    for (const slot of [2, 5, -1])
      expect(() => (stepper.pc = slot)).toThrow(`slot ${slot} is no instruction of test`)
    expect(() => stepper.step(0)).toThrow('0 steps; give an integer of 1 or more')
    stepper.close()
  })

  it('tells frames, steps over and out', async () => {
    const bench = await Bench.create()
    const stepper = createStepper(await bench.load(sum), 0)
    expect(stepper.continue({ until: ({ depth }) => depth === 1 })).toBe('condition')
    const [inner, outer] = stepper.frames
    expect(inner).toMatchObject({ program: 'test', pc: 9 })
    expect(outer).toMatchObject({ program: 'test', pc: 4 })
    expect(outer!.framePointer - inner!.framePointer).toBe(512)
    expect(stepper.stepOut()).toBe('condition')
    expect([stepper.pc, stepper.depth, stepper.register(0)]).toEqual([4, 0, 6n])
    stepper.continue({ until: ({ pc }) => pc === 3 })
    expect(stepper.stepOver()).toBe('condition')
    expect([stepper.pc, stepper.register(0)]).toEqual([4, 4n])
    expect(stepper.continue({ limit: 2 })).toBe('limit')
    expect(stepper.pc).toBe(6)
    expect(stepper.continue({ until: () => false })).toBe('exited')
    expect(stepper.frames).toHaveLength(1)
    stepper.close()
  })

  it('does as many instructions as asked for at once, and counts them', async () => {
    const bench = await Bench.create()
    const program = await bench.load(sum)
    const whole = createStepper(program, 0)
    whole.continue()
    expect([whole.pc, whole.depth]).toEqual([8, 0])
    for (let count = 1; count < whole.executed; count++) {
      const [leap, single] = [createStepper(program, 0), createStepper(program, 0)]
      leap.step(count)
      for (let n = 0; n < count; n++) single.step()
      expect(leap.executed).toBe(count)
      const frame = (n: bigint): bigint => n - leap.register(10)
      expect(leap.place).toEqual(single.place)
      expect(leap.registers.slice(0, 10)).toEqual(single.registers.slice(0, 10))
      expect(frame(leap.register(10))).toBe(0n)
      leap.close()
      single.close()
    }
    expect(whole.executed).toBe(3 + 3 * 8 + 1)
    whole.close()
  })

  it('shows faults', async () => {
    const bench = await Bench.create()
    const program = await bench.load('r0 = 1\nr1 = 64\nr0 = *(u8 *)(r1 + 1)\nexit', { checked: true })
    const stepper = createStepper(program, 0)
    expect(stepper.continue()).toBe('faulted')
    expect(stepper.fault).toEqual({ program: 'test', pc: 2, code: control.FAULT_ACCESS, address: 65 })
    expect(stepper.executed).toBe(2)
    expect(stepper.place.pc).toBe(2)
    expect(stepper.step()).toBe('faulted')
    expect(bench.fault()).toBeUndefined()
    stepper.close()
    const trapping = createStepper(await bench.load('r1 = -8\nr0 = *(u64 *)(r1 + 0)\nexit'), 0)
    expect(trapping.continue()).toBe('faulted')
    expect(trapping.fault).toMatchObject({ code: control.FAULT_ACCESS })
    trapping.close()
  })

  it('takes a helper with all its callbacks as one step', async () => {
    const bench = await Bench.create({ checkedBudget: 1000n })
    const helpers = [bench.loopHelper()]
    const source = `
        r1 = 20
        lddw r2, func(f)
        r3 = r10
        r3 += -8
        call 181
        r0 = *(u64 *)(r10 - 8)
        exit
      f:
        r0 = *(u64 *)(r2 + 0)
        r0 += r1
        *(u64 *)(r2 + 0) = r0
        r0 = 0
        exit`
    for (const checked of [true, false]) {
      const stepper = createStepper(await bench.load(source, { checked, helpers }), 0)
      bench.arena.u8.fill(0, Number(stepper.register(10)) - 512, Number(stepper.register(10)))
      stepper.step(5)
      expect(stepper.pc).toBe(6)
      expect(stepper.register(0)).toBe(20n)
      stepper.continue()
      expect([stepper.register(0), stepper.executed]).toEqual([190n, 7])
      stepper.close()
    }
    const faulty = source.replace('r0 += r1', 'r0 = *(u8 *)(r1 + 0)')
    const stepper = createStepper(await bench.load(faulty, { checked: true, helpers }), 0)
    stepper.continue()
    expect(stepper.fault).toMatchObject({ pc: 9, code: control.FAULT_ACCESS })
    expect([stepper.pc, stepper.executed]).toEqual([5, 4])
    stepper.close()
  })

  it('follows tail calls', async () => {
    const bench = await Bench.create()
    const map = bench.progArray()
    const options = {
      helpers: [bench.tailCallHelper()],
      maps: [map],
      context: packetContext,
      symbols: { MAP: map.address },
    }
    const second = await bench.load('r0 = 7\nexit', { ...options, name: 'second' })
    map.set(0, second)
    const source = 'call f\nexit\nf:\nr2 = MAP ll\nr3 = 0\ncall 12\nexit'
    const stepper = createStepper(await bench.load(source, { ...options, name: 'first' }), bench.packet([]))
    const places: string[] = []
    do places.push(`${stepper.place.program} ${stepper.pc}`)
    while (stepper.step() === 'stopped')
    expect(places).toEqual(['first 0', 'first 2', 'first 4', 'first 5', 'second 0', 'second 1', 'first 1'])
    stepper.close()
  })

  it('leaves other runs alone, and they it', async () => {
    const bench = await Bench.create()
    const other = await bench.load('r1 = -1\n*(u64 *)(r10 - 8) = r1\ncall f\nexit\nf:\nr0 = 5\nexit')
    const source = '*(u64 *)(r10 - 8) = 9\nr0 = 0\nr0 = *(u64 *)(r10 - 8)\nexit'
    const program = await bench.load(source)
    const [one, two] = [createStepper(program, 1), createStepper(program, 2)]
    const words = [control.CTL_SP, control.CTL_CTX, control.CTL_STACK_END, control.CTL_PROG]
    const before = words.map((word) => bench.ctl(word))
    one.step(2)
    two.step(1)
    expect(bench.run(other)).toBe(5n)
    expect(words.map((word) => bench.ctl(word))).toEqual(before)
    two.continue()
    one.continue()
    expect([one.register(0), two.register(0)]).toEqual([9n, 9n])
    one.close()
    two.close()
  })

  it('may be used while another program runs, and nest', async () => {
    const bench = await Bench.create()
    const inner = await bench.load('r6 = 1\ncall f\nr0 += r6\nexit\nf:\nr6 = 8\nr0 = 40\nexit')
    const seen: bigint[] = []
    const helper = bench.helper(7, () => {
      const stepper = createStepper(inner, 0)
      stepper.continue({ until: () => false })
      seen.push(stepper.register(0))
      stepper.close()
      seen.push(BigInt(inner.run(0)))
      return 1n
    })
    const source =
      'r6 = 2\nr1 = 2\nlddw r2, func(f)\ncall 181\nr0 += r6\nexit\nf:\nr6 = 9\ncall 7\nr0 = 0\nexit'
    const helpers = [helper, bench.loopHelper()]
    expect(await bench.eval(source, { checked: true, helpers })).toBe(4n)
    const stepper = createStepper(await bench.load(source, { checked: true, helpers }), 0)
    stepper.continue({ until: () => false })
    expect(stepper.register(0)).toBe(4n)
    expect(seen).toEqual(Array.from({ length: 8 }, () => 41n))
    stepper.close()
  })

  it('passes on what a helper throws', async () => {
    const bench = await Bench.create()
    const boom = new Error('boom')
    const helper = bench.helper(7, () => {
      throw boom
    })
    const top = bench.ctl(control.CTL_SP)
    const stepper = createStepper(await bench.load('call 7\nexit', { helpers: [helper] }), 0)
    expect(() => stepper.step()).toThrow(boom)
    expect(stepper.state).toBe('faulted')
    expect(bench.ctl(control.CTL_SP)).toBe(top)
    expect(await bench.eval('r0 = 2\nexit')).toBe(2n)
    stepper.close()
  })

  it('gives its memory back', async () => {
    const bench = await Bench.create()
    const program = await bench.load('r0 = 0\nexit')
    const { used } = bench.arena
    const stepper = createStepper(program, 0)
    expect(bench.arena.used).toBeGreaterThan(used)
    stepper.close()
    stepper.close()
    expect(bench.arena.used).toBe(used)
    expect(() => stepper.step()).toThrow('test: the stepper is closed')
    expect(() => stepper.pc).toThrow('test: the stepper is closed')
  })

  it('is for programs that an interpreter compiled and has not released', async () => {
    const bench = await Bench.create()
    const unit = await bench.engine.compile([link('r0 = 0\nexit', { context: bareContext(0) })])
    const program = unit.programs[0]!
    expect(() => createStepper({ ...program }, 0)).toThrow('test: no interpreter has its code')
    const stepper = createStepper(program, 0)
    unit.release()
    expect(() => stepper.step()).toThrow('test: cannot step: the program was released')
    expect(() => createStepper(program, 0)).toThrow('test: no interpreter has its code')
    stepper.close()
    expect(createTestCpu().index).toBe(0)
  })
})
