import type { Insn } from '@skep/isa'
import { type CompiledProgram, control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { Bench, bareContext } from '../test/harness.ts'
import { tameProgram } from '../test/random.ts'
import { createStepper } from './stepper.ts'

const CONTEXT = 64

/** A program, its context, and what a run leaves: r0, the context and the frame. */
class Subject {
  readonly bench: Bench
  readonly program: CompiledProgram
  readonly #context: number

  constructor(bench: Bench, program: CompiledProgram) {
    this.bench = bench
    this.program = program
    this.#context = bench.place(CONTEXT)
  }

  reset(): number {
    const { arena } = this.bench
    for (let n = 0; n < CONTEXT; n++) arena.u8[this.#context + n] = (n * 37) & 0xff
    return this.#context
  }

  context(): Uint8Array {
    return this.bench.arena.u8.slice(this.#context, this.#context + CONTEXT)
  }

  /** With a budget: what the run leaves. */
  run(budget: bigint): object {
    const { bench } = this
    bench.setBudget(budget)
    const top = bench.ctl(control.CTL_SP)
    bench.arena.u8.fill(0, top - 64, top)
    const r0 = bench.run(this.program, this.reset())
    return { r0, context: this.context(), frame: bench.arena.u8.slice(top - 64, top) }
  }

  /** The same by single steps. */
  step(count: number): object {
    const { bench } = this
    const stepper = createStepper(this.program, this.reset())
    stepper.step(count)
    const [r0, r10] = [stepper.register(0), Number(stepper.register(10))]
    const stopped = { code: control.FAULT_BUDGET, pc: stepper.pc, address: 0 }
    const result = {
      r0: stepper.state === 'exited' ? r0 : stopped,
      context: this.context(),
      frame: bench.arena.u8.slice(r10 - 64, r10),
    }
    stepper.close()
    return result
  }
}

const load = async (bench: Bench, source: string | Insn[], checked: boolean): Promise<Subject> =>
  new Subject(bench, await bench.load(source, { checked, context: bareContext(CONTEXT) }))

describe.each([
  ['plain', false],
  ['checked', true],
])('%s code', (_, checked) => {
  it('does in one go what it does one by one', async () => {
    const bench = await Bench.create({ budget: 1n << 40n, checkedBudget: 1n << 40n })
    for (let seed = 1; seed <= 400; seed++) {
      const subject = await load(bench, tameProgram(seed), checked)
      expect(subject.run(0n), `seed ${seed}`).toEqual(subject.step(1_000_000))
    }
  })

  it('stops exactly where the budget ends, whatever the instructions', async () => {
    const bench = await Bench.create()
    for (let seed = 1; seed <= 25; seed++) {
      const subject = await load(bench, tameProgram(seed), checked)
      const stepper = createStepper(subject.program, subject.reset())
      stepper.continue()
      const total = stepper.executed
      stepper.close()
      for (const budget of [
        1,
        2,
        3,
        20,
        21,
        22,
        23,
        50,
        101,
        202,
        203,
        204,
        333,
        total - 2,
        total - 1,
        total,
      ]) {
        if (budget > total || budget < 1) continue
        expect(subject.run(BigInt(budget)), `seed ${seed}, budget ${budget}`).toEqual(subject.step(budget))
      }
      expect(subject.run(BigInt(total))).toMatchObject({ r0: expect.any(BigInt) })
      expect(subject.run(BigInt(total - 1))).toMatchObject({ r0: { code: control.FAULT_BUDGET } })
    }
  })

  it('counts over calls, returns, callbacks and tail calls', async () => {
    const bench = await Bench.create()
    const helpers = [bench.loopHelper()]
    const source = `
        r6 = 0
        call f
        r1 = 3
        lddw r2, func(g)
        r3 = r10
        call 181
        r0 += r6
        exit
      f:
        r7 = 4
      l:
        r7 += -1
        if r7 != 0 goto l
        r0 = 0
        exit
      g:
        r0 = 0
        exit`
    const program = await bench.load(source, { checked, helpers })
    // 8 of the main function, 11 of f, three times 2 of g.
    for (let budget = 1n; budget <= 25n; budget++) {
      bench.setBudget(budget)
      const result = bench.run(program)
      if (budget < 25n) expect(result, `${budget}`).toMatchObject({ code: control.FAULT_BUDGET })
      else expect(result).toBe(3n)
    }
    bench.setBudget(24n)
    expect(bench.run(program)).toMatchObject({ pc: 8 })
    bench.setBudget(22n)
    expect(bench.run(program)).toMatchObject({ pc: 15 })
  })

  it('gives a run its own default when the host says nothing', async () => {
    const bench = await Bench.create({ budget: 30n, checkedBudget: 20n })
    const program = await bench.load('l:\ngoto l', { checked })
    for (const _ of [1, 2]) expect(bench.run(program)).toMatchObject({ code: control.FAULT_BUDGET })
    // A round takes 3 instructions.
    const source = (rounds: number): string =>
      `r0 = ${rounds}\nl:\nr0 += -1\nr1 = r0\nif r1 != 0 goto l\nexit`
    const most = checked ? 6 : 9
    expect(await bench.eval(source(most), { checked })).toBe(0n)
    expect(await bench.eval(source(most + 1), { checked })).toMatchObject({ code: control.FAULT_BUDGET })
  })
})
