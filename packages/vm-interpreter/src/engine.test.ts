import { allDefs, insn } from '@skep/isa'
import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createTestCpu } from '../test/cpu.ts'
import { Bench, bareContext, link, packetContext } from '../test/harness.ts'
import { interpreterEngine } from './engine.ts'
import { InterpreterError } from './errors.ts'
import { handlerOf } from './handler-of.ts'
import * as h from './layout/handlers.ts'
import * as layout from './layout/structures.ts'

describe('the engine', () => {
  it('has a handler of its own for every instruction', () => {
    const byHandler = new Map<number, string[]>()
    for (const { name } of allDefs) {
      const handler = handlerOf(name)
      byHandler.set(handler, [...(byHandler.get(handler) ?? []), name])
    }
    const shared = [...byHandler.values()].filter((names) => names.length > 1)
    expect(shared).toEqual([
      ['ld_imm64_hi', 'call_kfunc', 'gotox'],
      ['ja', 'gotol'],
    ])
    expect(new Set(Object.values(h)).size).toBe(Object.keys(h).length)
    expect(Math.max(...Object.values(h))).toBeLessThan(256)
  })

  it('knows where the arena keeps shapes', () => {
    const { arena } = createTestCpu()
    const block = arena.alloc(64)
    for (const shape of [1, arena.alloc(12), 0]) {
      expect(arena.exports.setShape(block, shape)).toBe(0)
      expect(arena.view.getUint32(block - layout.BLOCK_SHAPE_BELOW, true)).toBe(shape)
    }
  })

  it('runs with the context in r1 and gives both halves of r0', async () => {
    const bench = await Bench.create()
    const program = await bench.load('r0 = r1\nr0 <<= 8\nexit')
    expect(program.run(0x1234567)).toBe(0x23456700)
    expect(bench.r0()).toBe(0x123456700n)
    expect(program.run(0xfffffff0)).toBe(0xfffff000)
    expect(bench.ctl(control.CTL_CTX)).toBe(0)
  })

  it('runs batches, each context with its own budget', async () => {
    const bench = await Bench.create({ checkedBudget: 50n })
    for (const checked of [false, true]) {
      const contexts = [5, 6, 7].map((n) => bench.place([n]))
      const list = bench.place(12)
      const results = bench.place(12)
      bench.arena.u32.set(contexts, list >>> 2)
      const source = 'r1 = *(u8 *)(r1 + 0)\nr0 = 0\nl:\nr0 += r1\nr1 += -1\nif r1 != 0 goto l\nexit'
      const program = await bench.load(source, { checked, context: bareContext(1) })
      expect(program.runBatch(list, 3, results)).toBe(3)
      expect([...bench.arena.u32.subarray(results >>> 2, (results >>> 2) + 3)]).toEqual([15, 21, 28])
      expect(program.runBatch(list, 0, results)).toBe(0)
      // 3 n + 3 instructions for n.
      bench.arena.u8[contexts[1]!] = 17
      expect(program.runBatch(list, 3, results)).toBe(checked ? 1 : 3)
      expect(bench.fault()?.code).toBe(checked ? control.FAULT_BUDGET : undefined)
      expect(program.runBatch(list, 1, results)).toBe(1)
      expect(bench.fault()).toBeUndefined()
    }
  })

  it('restores the control block after every run', async () => {
    const bench = await Bench.create()
    const words = [
      control.CTL_CTX,
      control.CTL_PROG,
      control.CTL_TAIL_CALLS,
      control.CTL_SP,
      control.CTL_BUDGET,
    ]
    bench.setCtl(control.CTL_CTX, 1)
    bench.setCtl(control.CTL_PROG, 2)
    bench.setCtl(control.CTL_TAIL_CALLS, 3)
    bench.setBudget(1000n)
    const before = words.map((word) => bench.ctl(word))
    const context = bench.packet([])
    for (const source of [
      'r0 = 0\nexit',
      'call f\nexit\nf:\nr0 = 0\nexit',
      'l:\ngoto l',
      'r0 = *(u8 *)(r0 + 0)',
    ]) {
      await bench.eval(source, { checked: true, context: packetContext }, context)
      expect(words.map((word) => bench.ctl(word))).toEqual(before)
    }
  })

  it('lets a helper run other programs, within what is left of the budget', async () => {
    const bench = await Bench.create({ checkedBudget: 100n })
    const inner = await bench.load('r1 = 20\nl:\nr1 += -1\nif r1 != 0 goto l\nr0 = r6\nexit', {
      checked: true,
    })
    const seen: unknown[] = []
    const helper = bench.helper(7, () => {
      seen.push(inner.run(4096), bench.fault()?.code)
      bench.setCtl(control.CTL_FAULT, control.FAULT_NONE)
      return 5n
    })
    const source = 'r6 = 6\ncall 7\nr0 += r6\ncall 7\nr0 += r6\nexit'
    const context = bench.place(16)
    const options = { checked: true, helpers: [helper], context: bareContext(16) }
    expect(await bench.eval(source, options, context)).toBe(11n)
    expect(seen).toEqual([0, undefined, 0, undefined])
    // 43 instructions of the inner program count each time.
    const three = `r6 = 6\ncall 7\ncall 7\ncall 7\nexit`
    expect(await bench.eval(three, options, context)).toMatchObject({ code: control.FAULT_BUDGET })
    expect(seen.slice(4)).toEqual([0, undefined, 0, undefined, 0, control.FAULT_BUDGET])
  })

  it('passes on what a helper throws, and is ready again', async () => {
    const bench = await Bench.create()
    const boom = new Error('boom')
    const helper = bench.helper(7, () => {
      throw boom
    })
    const top = bench.ctl(control.CTL_SP)
    bench.setBudget(77n)
    for (const checked of [false, true]) {
      const program = await bench.load('call f\nexit\nf:\ncall 7\nexit', { checked, helpers: [helper] })
      for (let n = 0; n < 40; n++) expect(() => program.run(64)).toThrow(boom)
      expect([bench.ctl(control.CTL_SP), bench.ctl(control.CTL_CTX), bench.budget()]).toEqual([top, 0, 77n])
      // Entries from the table leave the stack to who calls them.
      for (let n = 0; n < 40; n++) {
        expect(() => program.entry(0n, 0n, 0n, 0n, 0n)).toThrow(boom)
        bench.setCtl(control.CTL_SP, top)
      }
      expect(await bench.eval('call f\nexit\nf:\nr0 = 9\nexit', { checked })).toBe(9n)
    }
    const list = bench.place(8)
    let left = 1
    const later = bench.helper(7, () => {
      if (left-- === 0) throw boom
      return 1n
    })
    const program = await bench.load('call 7\nexit', { helpers: [later] })
    expect(() => program.runBatch(list, 2, list)).toThrow(boom)
  })

  it('keeps a run that goes on apart from one that failed inside it', async () => {
    const bench = await Bench.create()
    const throwing = bench.helper(8, () => {
      throw new Error('inner')
    })
    const inner = await bench.load('r6 = 99\ncall 8\nexit', { helpers: [throwing] })
    const helper = bench.helper(7, () => {
      expect(() => inner.run(0)).toThrow('inner')
      return 1n
    })
    const source =
      'r6 = 42\nr1 = 1\nlddw r2, func(f)\ncall 181\nr0 = r6\nexit\nf:\ncall 7\nr6 = 5\ncall 7\nr0 = 0\nexit'
    expect(await bench.eval(source, { helpers: [helper, bench.loopHelper()] })).toBe(42n)
  })

  it('makes a trap a fault', async () => {
    const bench = await Bench.create()
    const high = bench.arena.u8.length
    expect(await bench.eval(`r1 = ${high} ll\nr0 = *(u8 *)(r1 + 0)\nexit`)).toMatchObject({
      code: control.FAULT_ACCESS,
    })
    const list = bench.place(8)
    bench.arena.u32.set([bench.place(1), high], list >>> 2)
    const program = await bench.load('r0 = *(u8 *)(r1 + 0)\nexit')
    expect(program.runBatch(list, 2, list)).toBe(1)
    expect(bench.fault()?.code).toBe(control.FAULT_ACCESS)
    expect(await bench.eval('r0 = 1\nexit')).toBe(1n)
  })

  it('gives everything back', async () => {
    const bench = await Bench.create()
    const { used, count } = bench.arena
    const source = 'r1 = 1\nlddw r2, func(f)\ncall 181\nexit\nf:\nr0 = 0\nexit'
    const helpers = [bench.loopHelper()]
    for (const checked of [false, true]) {
      const unit = await bench.engine.compile([link(source, { helpers, checked }), link('r0 = 0\nexit')])
      expect(bench.arena.count).toBe(count + 2)
      unit.release()
      unit.release()
      expect([bench.arena.used, bench.arena.count]).toEqual([used, count])
    }
    const bad = bench.engine.compile([link(source, { helpers }), link('call 5\nexit')])
    await expect(bad).rejects.toThrow(InterpreterError)
    expect([bench.arena.used, bench.arena.count]).toEqual([used, count])
  })

  it('says ENOMEM when the arena is full', async () => {
    const bench = await Bench.create({}, createTestCpu({ limit: 1 << 18 }))
    const long = link(Array.from({ length: 20_000 }, () => insn.mov64_imm(0, 0)))
    await expect(bench.engine.compile([long])).rejects.toMatchObject({ code: 'ENOMEM' })
  })

  it('is an engine with a checked mode', () => {
    expect(interpreterEngine).toMatchObject({ name: 'interpreter', checked: true })
  })
})

describe('programs that are no code', () => {
  const refused = async (program: ReturnType<typeof link>): Promise<InterpreterError> => {
    const bench = await Bench.create()
    const outcome = bench.engine.compile([program])
    await expect(outcome).rejects.toThrow(InterpreterError)
    return outcome.catch((error) => error)
  }

  it('are refused with the instruction', async () => {
    for (const checked of [false, true]) {
      const options = { checked, name: 'bad' }
      const cases = [
        [[], 'there is no instruction', 0],
        [[insn.ja(5), insn.exit()], 'ja goes to 6, which is no instruction', 0],
        [[insn.exit(), insn.jeq64_imm(0, 0, -3)], 'jeq64_imm goes to -1, which is no instruction', 1],
        [[insn.ja(1), ...insn.ld_imm64(0, 1n), insn.exit()], 'ja goes to 2, which is no instruction', 0],
        [[insn.call_local(9), insn.exit()], 'call_local goes to 10, which is no instruction', 0],
        [[{ ...insn.mov64_imm(0, 0), dst: 11 }], 'dst is r11, registers go up to r10', 0],
        [[insn.exit(), { ...insn.mov64_reg(0, 0), src: 15 }], 'src is r15, registers go up to r10', 1],
        [
          [...insn.ld_imm64(1, 77n), insn.exit()].map((i) => ({ ...i, src: i.imm64 ? 4 : 0 })),
          'goes to 77',
          0,
        ],
      ] as const
      for (const [insns, fact, slot] of cases) {
        const program = { ...link('exit', options), insns }
        const error = await refused(program)
        expect(error.code).toBe('BAD_PROGRAM')
        expect(error.insn).toBe(slot)
        expect(error.message).toContain(fact)
        expect(error.message).toMatch(/^bad: insn \d+: /)
      }
    }
  })

  it('are refused when verified code would need what is not there', async () => {
    expect((await refused(link('r0 = 0\ncall 5\nexit'))).message).toContain(
      'calls helper 5, which is not linked',
    )
    expect((await refused(link('r10 = 0\nexit'))).message).toContain('writes r10, which is read-only')
    const program = link('r0 = 0\nexit\ncall 5\nexit')
    program.facts!.reachable.set([0, 0], 2)
    const bench = await Bench.create()
    await expect(bench.engine.compile([program])).resolves.toBeDefined()
  })
})
