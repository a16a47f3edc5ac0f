import { type Insn, parseAssembly } from '@skep/isa'
import { control, type LinkedHelper } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { Bench, link, packetContext } from '../test/harness.ts'
import { findKnown } from './known.ts'

const known = (source: string, helpers: readonly LinkedHelper[] = []) =>
  findKnown(link(source, { checked: true, helpers }))

const bench = await Bench.create()
const callback = bench.loopHelper()
const reader = bench.helper(4, () => 0n, { args: [{ kind: 'mem', size: 8 }] })

describe('what is known of unverified code', () => {
  it('follows the context and the frame pointer through moves and constants', () => {
    const code = known(
      'r6 = r1\nr6 += 8\nr6 -= 4\nr0 = *(u32 *)(r6 + 0)\nr2 = r10\nr2 += -16\n*(u64 *)(r2 + 8) = 1\nexit',
    )
    expect(code.baseAt(3)).toEqual({ base: 'ctx', offset: 4 })
    expect(code.baseAt(6)).toEqual({ base: 'fp', offset: -16 })
    expect(code.frameBytes).toBe(8)
  })

  it.each([
    ['another way to the access', 'if r2 == 0 goto l\nr1 += 8\nl:\nr0 = *(u32 *)(r1 + 0)\nexit', 2],
    ['a loop that moves the pointer', 'l:\nr0 = *(u32 *)(r1 + 0)\nr1 += 4\nif r0 != 0 goto l\nexit', 0],
    ['a call', 'call 4\nr0 = *(u32 *)(r1 + 0)\nexit', 1],
    ['a function', 'call f\nexit\nf:\nr0 = *(u32 *)(r1 + 0)\nexit', 2],
    [
      'a callback that begins at the first instruction',
      'r0 = *(u32 *)(r1 + 0)\nr2 = 0\nif r0 == 0 goto l\nlddw r2, func(start)\nl:\nexit',
      0,
    ],
    ['32 bits of it', 'w1 = w1\nr0 = *(u32 *)(r1 + 0)\nexit', 1],
    ['a sum with a register', 'r1 += r2\nr0 = *(u32 *)(r1 + 0)\nexit', 1],
    [
      'an exchange',
      'lock *(u64 *)(r10 - 8) += r2\nr1 = xchg((u64 *)(r10 - 8), r1)\nr0 = *(u32 *)(r1 + 0)\nexit',
      2,
    ],
    ['too far away', 'r1 += 2000000\nr1 -= 2000000\nr0 = *(u32 *)(r1 + 0)\nexit', 2],
  ])('does not follow the context through %s', (_, source, slot) => {
    const code = known(source.includes('start') ? `start:\n${source}` : source, [reader])
    expect(code.baseAt(slot)).toBeUndefined()
  })

  it.each([
    ['stores', '*(u64 *)(r10 - 24) = r1\nr0 = *(u32 *)(r10 - 4)\nexit', 24],
    ['arguments of helpers, which go up', 'r1 = r10\nr1 += -40\ncall 4\nexit', 40],
    ['nothing', 'r0 = 0\nexit', 0],
    ['pointers that are compared', 'r1 = r10\nr1 += -40\nif r1 == r10 goto l\nl:\nexit', 0],
    ['sums with registers', 'r1 = r10\nr1 += r2\nexit', 512],
    ['halves of pointers', 'w1 = w10\nexit', 512],
    ['pointers in memory', '*(u64 *)(r10 - 8) = r10\nexit', 512],
    ['pointers that atomics store', 'r1 = r10\nlock *(u64 *)(r10 - 8) += r1\nexit', 512],
    ['pointers that functions get', 'r1 = r10\ncall f\nexit\nf:\nexit', 512],
    ['pointers that functions see', 'r7 = r10\ncall f\nexit\nf:\nexit', 512],
    ['pointers that functions return', 'call f\nexit\nf:\nr0 = r10\nexit', 512],
    ['pointers that callbacks get', 'r1 = 1\nlddw r2, func(f)\nr3 = r10\ncall 181\nexit\nf:\nexit', 512],
    ['unlike pointers', 'r6 = r10\nif r2 == 0 goto l\nr6 += -8\nl:\nexit', 512],
    ['calls by register', 'r1 = r10\ncallx r2\nexit', 512],
    ['accesses below the frame', 'r0 = *(u8 *)(r10 - 513)\nexit', 512],
  ])('counts how much of the frame can be looked at: %s', (_, source, bytes) => {
    expect(known(source, [reader, callback]).frameBytes).toBe(bytes)
  })
})

describe('what is known', () => {
  it('lets nothing through that a check would stop', async () => {
    const context = bench.packet([1, 2, 3, 4])
    const options = { checked: true, context: packetContext }
    for (const text of [
      '*(u32 *)(r1 + 0) = 0',
      'r0 = *(u64 *)(r1 + 60)',
      'r0 = *(u8 *)(r1 - 1)',
      'r0 = *(u8 *)(r10 + 0)',
    ])
      expect(await bench.eval(`${text}\nexit`, options, context), text).toMatchObject({
        code: control.FAULT_ACCESS,
      })
  })

  it('leaves nothing of others in a frame to be found', async () => {
    const top = bench.ctl(control.CTL_SP)
    const functions = ['r1 = r10\nr1 += -512\ncall f\nexit\nf:\nr0 = *(u64 *)(r1 + 0)\nexit']
    const sums = [
      'r1 = r10\nr2 = 512\nr1 -= r2\nr0 = *(u64 *)(r1 + 0)\nexit',
      'r0 = *(u64 *)(r10 - 512)\nexit',
    ]
    const kept = [
      'r1 = r10\n*(u64 *)(r10 - 8) = r1\nr1 = *(u64 *)(r10 - 8)\nr1 += -256\nr0 = *(u64 *)(r1 + 0)\nexit',
    ]
    for (const source of [...functions, ...sums, ...kept]) {
      bench.arena.u8.fill(0xaa, top - 1024, top)
      expect(await bench.eval(source, { checked: true }), source).toBe(0n)
    }
  })

  it('does not bind a stepper, which may set registers', async () => {
    const { createStepper } = await import('./stepper.ts')
    const insns: Insn[] = parseAssembly('r0 = *(u32 *)(r1 + 0)\nexit').insns as Insn[]
    const program = await bench.load(insns, { checked: true, context: packetContext })
    const stepper = createStepper(program, bench.packet([1]))
    stepper.setRegister(1, 64n)
    stepper.continue()
    expect(stepper.state).toBe('faulted')
    stepper.close()
  })
})
