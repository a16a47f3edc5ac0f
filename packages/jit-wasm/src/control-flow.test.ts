import { insn, parseAssembly } from '@skep/isa'
import { type CompiledProgram, FACT, type LinkedProgram } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { weakFacts } from '../../vm-interpreter/test/cpu.ts'
import { createCpu, link } from '../test/harness.ts'
import { findBlocks } from './blocks.ts'
import { MAX_MAY_GOTO } from './emit-jump.ts'
import { jit } from './engine.ts'
import { compileModule } from './module.ts'

const cpu = createCpu()

async function compile(program: LinkedProgram): Promise<CompiledProgram> {
  const engine = await jit.create(cpu)
  return (await engine.compile([program])).programs[0]!
}

async function run(text: string): Promise<number> {
  return (await compile(link(text))).run(0)
}

describe('may_goto', () => {
  it('falls through 8,388,608 times in each call of a function, then jumps, and goes on jumping', async () => {
    const text = `
      r1 = 0
      again:
      may_goto done
      r1 += 1
      goto again
      done:
      may_goto sub
      r1 = 1
      sub:
      r6 = r1
      call count
      r0 <<= 32
      r0 |= r6
      exit
      count:
      r0 = 0
      more:
      may_goto out
      r0 += 1
      goto more
      out:
      exit`
    const program = await compile(link(text))
    program.run(0)
    expect(cpu.r0()).toBe((BigInt(MAX_MAY_GOTO) << 32n) | BigInt(MAX_MAY_GOTO))
    program.run(0)
    expect(cpu.r0()).toBe((BigInt(MAX_MAY_GOTO) << 32n) | BigInt(MAX_MAY_GOTO))
  })
})

describe('the verifier’s facts', () => {
  const text = `
    r0 = 1
    if r1 == 0 goto zero
    r0 = 2
    exit
    zero:
    r0 = 3
    exit`
  const { insns } = parseAssembly(text)

  it('leave out code that no path reaches', () => {
    const all = weakFacts(insns.length)
    const facts = { ...all, reachable: all.reachable.slice() }
    facts.reachable.fill(0, 4, 6)
    const program = link(text, { facts })
    const { blocks, graph } = findBlocks(program, 0, insns.length)
    expect(blocks.map(({ first }) => first)).toEqual([0, 2])
    expect(graph.succs).toEqual([[1], []])
    const whole = compileModule([link(text)], { shared: false, control: 0 }).bytes.length
    expect(compileModule([program], { shared: false, control: 0 }).bytes.length).toBeLessThan(whole)
  })

  it('decide jumps that always or never happen', async () => {
    for (const [flag, expected] of [
      [FACT.alwaysTaken, 3],
      [FACT.neverTaken, 2],
    ] as const) {
      const flags = new Uint8Array(insns.length)
      flags[1] = flag
      const program = await compile(link(text, { facts: { flags } }))
      expect([program.run(0), program.run(1)]).toEqual([expected, expected])
    }
  })

  it('let arithmetic of pointers be done in 32 bits', async () => {
    const arithmetic =
      'r2 = *(u32 *)(r1 + 0)\nr2 += 34\nr3 = *(u32 *)(r1 + 4)\nr0 = 0\nif r2 > r3 goto +1\nr0 = 1\nexit'
    const flags = new Uint8Array(7)
    flags[1] = FACT.fits32
    const narrow = compileModule([link(arithmetic, { facts: { flags } })], { shared: false, control: 0 })
    const wide = compileModule([link(arithmetic)], { shared: false, control: 0 })
    expect(narrow.bytes.length).toBeLessThan(wide.bytes.length)
    const program = await compile(link(arithmetic, { facts: { flags } }))
    const ctx = cpu.arena.alloc(16)
    cpu.arena.u32.set([1000, 1034], ctx >>> 2)
    expect(program.run(ctx)).toBe(1)
    cpu.arena.u32.set([1001, 1034], ctx >>> 2)
    expect(program.run(ctx)).toBe(0)
  })

  it('are needed', async () => {
    const { facts: _, ...bare } = link(text)
    await expect(compile(bare)).rejects.toMatchObject({ name: 'JitError', code: 'NO_FACTS', program: 'test' })
  })
})

describe('control flow', () => {
  it('takes jumps of every distance and gotol', async () => {
    expect(await run('r0 = 1\ngotol far\nr0 = 2\nfar:\nr0 += 1\nif r0 == 2 goto +0\nexit')).toBe(2)
  })

  it('runs loops with several entries', async () => {
    const text = `
      r2 = 5
      r0 = 0
      if r1 == 0 goto b
      a:
      r0 += 1
      b:
      r0 += 100
      r2 += -1
      if r2 != 0 goto a
      exit`
    const program = await compile(link(text))
    expect([program.run(0), program.run(1)]).toEqual([504, 505])
  })

  it('stops where a path runs into what the verifier called unreachable', async () => {
    const text = 'r0 = 1\nif r1 == 0 goto +1\nexit\nr0 = 2\nexit'
    const reachable = new Uint8Array(5).fill(1)
    reachable.fill(0, 1)
    const program = await compile(link(text, { facts: { reachable } }))
    expect(program.run(0)).toBe(0)
    expect(cpu.ctl(8)).not.toBe(0)
  })

  it('refuses jumps out of the function, with the slot', () => {
    const bad = (code: ReturnType<typeof insn.exit>[]): unknown => {
      try {
        compileModule([link(code)], { shared: false, control: 0 })
      } catch (error) {
        return error
      }
      return undefined
    }
    expect(bad([insn.ja(5), insn.exit()])).toMatchObject({ code: 'BAD_PROGRAM', insn: 0 })
    expect(bad([insn.ja(-2), insn.exit()])).toMatchObject({ code: 'BAD_PROGRAM', insn: 0 })
    expect(bad([insn.ja(1), ...insn.ld_imm64(0, 1), insn.exit()])).toMatchObject({
      code: 'BAD_PROGRAM',
      insn: 0,
    })
    expect(bad([insn.call_helper(99), insn.exit()])).toMatchObject({ code: 'UNKNOWN_HELPER', insn: 0 })
    expect(bad([insn.call_kfunc(0, 7), insn.exit()])).toMatchObject({ code: 'UNSUPPORTED_INSN', insn: 0 })
    expect(bad([insn.gotox(1), insn.exit()])).toMatchObject({ code: 'UNSUPPORTED_INSN', insn: 0 })
    expect(bad([insn.ld_abs_w(0), insn.exit()])).toMatchObject({ code: 'UNSUPPORTED_INSN', insn: 0 })
  })
})
