import { arg, control, type HelperDef, type LinkedHelper, type Lower, ret } from '@skep/registry'
import { beforeEach, describe, expect, it } from 'vitest'
import { bigHelper, createCpu, link, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'

let cpu: TestCpu
beforeEach(() => {
  cpu = createCpu()
})

/** A helper with an expression; its implementation counts how often it is called. */
function lowered(lower: Lower, def: Partial<HelperDef> = {}): { helper: LinkedHelper; calls: () => number } {
  let calls = 0
  const helper = bigHelper(
    cpu,
    1,
    (r1, r2) => {
      calls++
      return r1 * 1000n + r2
    },
    { args: [arg.u64(), arg.u64()], returns: ret.u64(), ...def, lower },
  )
  return { helper, calls: () => calls }
}

async function run(
  helper: LinkedHelper,
  r1: bigint,
  r2: bigint,
  shared = false,
): Promise<{ r0: bigint; alone: boolean }> {
  if (shared) cpu = createCpu({ shared: true })
  const engine = await jit.create(cpu)
  const { programs } = await engine.compile([
    link(`r1 = ${r1} ll\nr2 = ${r2} ll\ncall 1\nexit`, { helpers: [helper] }),
  ])
  programs[0]!.run(0)
  return { r0: cpu.r0(), alone: programs[0]!.direct!.alone }
}

const A = 0x0123_4567_89ab_cdefn
const B = 13n
const a: Lower = ['arg', 0]
const b: Lower = ['arg', 1]
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)

describe('lowered helpers', () => {
  it.each<[string, Lower, bigint]>([
    ['i64 arithmetic', ['i64.sub', ['i64.mul', a, b], ['i64', -1n]], u64(A * B + 1n)],
    ['rotation', ['i64.rotl', a, b], u64((A << 13n) | (A >> 51n))],
    ['a comparison', ['i64.lt_s', ['i64', -5], b], 1n],
    ['low halves', ['i32.add', ['i32.wrap_i64', a], ['i32.wrap_i64', b]], 0x89ab_cdfcn],
    ['an i32 without a sign', ['i32', -1], 0xffff_ffffn],
    ['an i32 with a sign', ['i64.extend_i32_s', ['i32', -1]], u64(-1n)],
    ['bytes reversed in 64 bits', ['i64.bswap', a], 0xefcd_ab89_6745_2301n],
    ['bytes reversed in 32 bits', ['i32.bswap', ['i32.wrap_i64', a]], 0xefcd_ab89n],
    ['bytes reversed in 16 bits', ['i32.bswap16', ['i32.wrap_i64', a]], 0xefcdn],
    ['a choice', ['if', ['i64.gt_u', a, b], ['i64.popcnt', a], ['i64.clz', a]], 32n],
    [
      'names, the inner one first',
      [
        'let',
        'x',
        a,
        [
          'let',
          'y',
          ['i32.wrap_i64', b],
          ['let', 'x', ['i64', 7], ['i64.shl', ['get', 'x'], ['i64.extend_i32_u', ['get', 'y']]]],
        ],
      ],
      7n << 13n,
    ],
    ['an argument twice', ['i64.mul', a, a], u64(A * A)],
    ['unshared memory', ['shared', ['i64', 1], ['i64', 2]], 2n],
    ['an argument that is not asked for', ['i64', 5], 5n],
  ])('%s', async (_, lower, wanted) => {
    const { helper, calls } = lowered(lower)
    expect(await run(helper, A, B)).toEqual({ r0: wanted, alone: true })
    expect(calls()).toBe(0)
  })

  it('read and write memory: the control block, and what an argument points to', async () => {
    const word = cpu.arena.alloc(16)
    cpu.arena.u32[(word + 4) >>> 2] = 0x8000_0005
    cpu.setCtl(control.CTL_CPU, 3)
    const at: Lower = ['i32.wrap_i64', a]
    const { helper } = lowered([
      'do',
      ['i64.store', at, ['i64.load32_s', at, 4], 8],
      ['i32.load', ['control'], control.CTL_CPU],
    ])
    expect((await run(helper, BigInt(word), 0n)).r0).toBe(3n)
    expect(cpu.arena.view.getBigUint64(word + 8, true)).toBe(u64(BigInt(0x8000_0005 | 0)))
  })

  it('may fall back to the helper itself, with all of its arguments', async () => {
    const lower: Lower = ['if', ['i64.eq', a, ['i64', 1]], ['i64', 42], ['call']]
    const { helper, calls } = lowered(lower)
    expect(await run(helper, 1n, 9n)).toEqual({ r0: 42n, alone: false })
    expect(calls()).toBe(0)
    expect(await run(helper, 2n, 9n)).toEqual({ r0: 2009n, alone: false })
    expect(calls()).toBe(1)
  })

  it('may differ in shared memory', async () => {
    cpu = createCpu({ shared: true })
    const { helper, calls } = lowered(['shared', ['i64.add', ['call'], ['i64', 1]], ['i64', 2]])
    const engine = await jit.create(cpu)
    const { programs } = await engine.compile([link('r1 = 4\nr2 = 5\ncall 1\nexit', { helpers: [helper] })])
    programs[0]!.run(0)
    expect(cpu.r0()).toBe(4006n)
    expect([calls(), programs[0]!.direct!.alone]).toEqual([1, false])
  })

  it('are refused with a JitError when no definition has checked them', async () => {
    const { helper } = lowered(['i64', 1])
    const broken = { ...helper, def: { ...helper.def, lower: ['i64.add', ['arg', 0]] as never } }
    await expect(run(broken, 1n, 2n)).rejects.toMatchObject({
      code: 'BAD_PROGRAM',
      message: expect.stringContaining('helper_1: lower : i64.add is followed by 2, not 1'),
    })
  })
})
