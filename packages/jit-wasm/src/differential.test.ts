import type { Insn } from '@skep/isa'
import { control, type LinkedHelper } from '@skep/registry'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bigHelper, createCpu, link, place, type TestCpu } from '../test/harness.ts'
import { RANDOM_HELPERS, type RandomOptions, randomProgram } from '../test/random-program.ts'
import { interpret } from '../test/reference.ts'
import { jit } from './engine.ts'

const mask = (1n << 64n) - 1n
const mix = (...r: readonly bigint[]): bigint =>
  r.reduce((sum, value) => (sum * 0x9e3779b97f4a7c15n + value) & mask, 1n)

function helpersOf(cpu: TestCpu): {
  linked: LinkedHelper[]
  plain: Map<number, (...r: readonly bigint[]) => bigint>
} {
  // Changes what it points to and returns what was there.
  const pointer = (r1: bigint, r2: bigint): bigint => {
    const old = cpu.arena.view.getBigUint64(Number(r2), true)
    cpu.arena.view.setBigUint64(Number(r2), mix(old, r1), true)
    return old
  }
  return {
    linked: [
      bigHelper(cpu, RANDOM_HELPERS.numbers, mix),
      bigHelper(cpu, RANDOM_HELPERS.pointer, pointer, {
        args: [{ kind: 'anything' }, { kind: 'mem', access: 'readwrite', size: 8 }],
      }),
    ],
    plain: new Map<number, (...r: readonly bigint[]) => bigint>([
      [RANDOM_HELPERS.numbers, mix],
      [RANDOM_HELPERS.pointer, (r1, r2) => pointer(r1!, r2!)],
    ]),
  }
}

const BUFFER = 64

async function createBench(shared: boolean): Promise<(insns: Insn[]) => Promise<void>> {
  const cpu = createCpu({ shared })
  const engine = await jit.create(cpu)
  const helpers = helpersOf(cpu)
  const buffer = place(cpu.arena, BUFFER)
  const batch = place(cpu.arena, 8 * 3)
  const stack = cpu.ctl(control.CTL_SP)
  const bytes = (): Uint8Array => cpu.arena.u8.slice(buffer, buffer + BUFFER)
  const reset = (): void => {
    for (let n = 0; n < BUFFER; n++) cpu.arena.u8[buffer + n] = (n * 37) & 0xff
    cpu.arena.u8.fill(0, stack - 4096, stack)
  }
  return async (insns) => {
    reset()
    const world = { view: cpu.arena.view, stackTop: stack, helpers: helpers.plain, limit: 200_000 }
    const expected = interpret(insns, world, [BigInt(buffer)])
    if (expected === undefined) return
    const memory = bytes()
    const { programs } = await engine.compile([link(insns, { helpers: helpers.linked })])
    const program = programs[0]!

    reset()
    expect(program.run(buffer)).toBe(Number(expected & 0xffff_ffffn))
    expect(cpu.r0()).toBe(expected)
    expect(bytes()).toEqual(memory)

    reset()
    cpu.arena.u32.set([buffer, buffer], batch >>> 2)
    expect(program.runBatch(batch, 1, batch + 8)).toBe(1)
    expect(cpu.r0()).toBe(expected)
    expect(bytes()).toEqual(memory)

    reset()
    expect(BigInt.asUintN(64, program.entry(BigInt(buffer), 0n, 0n, 0n, 0n))).toBe(expected)
    expect(bytes()).toEqual(memory)
    expect(cpu.ctl(control.CTL_SP)).toBe(stack)
  }
}

const sizes: readonly (readonly [string, RandomOptions])[] = [
  ['straight lines', { blocks: 1, length: 40, subprograms: 0, buffer: BUFFER }],
  ['tangles of short blocks', { blocks: 9, length: 3, subprograms: 0, buffer: BUFFER }],
  ['larger programs with subprograms', { blocks: 6, length: 10, subprograms: 2, buffer: BUFFER }],
]

describe('compiled programs', () => {
  for (const [what, options] of sizes) {
    for (const shared of [false, true]) {
      it(`do what RFC 9669 says: ${what}${shared ? ', shared memory' : ''}`, async () => {
        const check = await createBench(shared)
        await fc.assert(
          fc.asyncProperty(fc.nat(), async (seed) => check(randomProgram(seed, options))),
          { numRuns: 150 },
        )
      })
    }
  }
})
