import { decode } from '@skep/isa'
import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { bytesOf, conformanceCases } from '../../../vitest.conformance.ts'
import { Bench, bareContext } from '../test/harness.ts'
import { createStepper } from './stepper.ts'

describe.skipIf(!conformanceCases)('bpf_conformance (skipped where the corpus is absent)', () => {
  const cases = (conformanceCases ?? []).filter((one) => one.expected_r0 !== null)

  for (const checked of [false, true]) {
    for (const shared of [false, true]) {
      for (const stepped of [false, true]) {
        const how = [checked ? 'checked' : 'plain', shared && 'shared memory', stepped && 'stepped']
        it(`gives the expected r0 in all 313 cases: ${how.filter(Boolean).join(', ')}`, async () => {
          const bench = await Bench.create({ shared })
          // The suite's only helper: it exits when r0 is zero in its own runner, and only returns 0 here.
          const unwind = bench.helper(5, () => 0n)
          const wrong: string[] = []
          for (const one of cases) {
            const mem = bytesOf(one.mem)
            const program = await bench.load(decode(bytesOf(one.insns)), {
              checked,
              helpers: [unwind],
              context: bareContext(mem.length),
            })
            const context = bench.place(mem)
            let r0: bigint
            let fault: unknown
            if (stepped) {
              const stepper = createStepper(program, context)
              stepper.setRegister(2, BigInt(mem.length))
              stepper.continue()
              r0 = stepper.register(0)
              fault = stepper.fault
              stepper.close()
            } else {
              r0 = BigInt.asUintN(64, program.entry(BigInt(context), BigInt(mem.length), 0n, 0n, 0n))
              fault = bench.fault()
            }
            if (r0 !== BigInt(one.expected_r0!) || fault)
              wrong.push(`${one.name}: ${r0.toString(16)} for ${one.expected_r0}, ${JSON.stringify(fault)}`)
            bench.arena.free(context)
          }
          expect(cases.length).toBe(313)
          expect(wrong).toEqual([])
          expect(bench.ctl(control.CTL_FAULT)).toBe(control.FAULT_NONE)
        })
      }
    }
  }
})
