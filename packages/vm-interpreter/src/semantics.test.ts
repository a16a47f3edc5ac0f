import { parseAssembly } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { Bench, bareContext } from '../test/harness.ts'
import semantics from '../testdata/semantics.json' with { type: 'json' }
import { createStepper } from './stepper.ts'

interface Row {
  readonly name: string
  readonly asm: string
  /** The context, in hex. */
  readonly mem?: string
  readonly r0: string
}

const rows: readonly Row[] = semantics

/** What the rows give that differ from the table. */
async function wrong(
  options: { readonly shared: boolean; readonly checked: boolean },
  how: 'run' | 'step',
): Promise<string[]> {
  const bench = await Bench.create({ shared: options.shared, checkedBudget: 1n << 40n })
  const failures: string[] = []
  for (const { name, asm, mem = '', r0 } of rows) {
    const bytes = Buffer.from(mem, 'hex')
    const program = await bench.load(asm, { checked: options.checked, context: bareContext(bytes.length) })
    const context = bench.place(bytes)
    let got: unknown
    if (how === 'run') got = bench.run(program, context)
    else {
      const stepper = createStepper(program, context)
      stepper.continue()
      got = stepper.fault ?? stepper.register(0)
      stepper.close()
    }
    if (got !== BigInt(r0)) {
      failures.push(`${name}: ${typeof got === 'bigint' ? `0x${got.toString(16)}` : JSON.stringify(got)}`)
    }
    bench.arena.free(context)
  }
  return failures
}

describe('the semantics table', () => {
  for (const shared of [false, true]) {
    for (const checked of [false, true]) {
      const where = `${checked ? 'checked' : 'plain'}${shared ? ', shared memory' : ''}`
      it(`holds: ${where}`, async () => {
        expect(await wrong({ shared, checked }, 'run')).toEqual([])
      })
      it(`holds one instruction at a time: ${where}`, async () => {
        expect(await wrong({ shared, checked }, 'step')).toEqual([])
      })
    }
  }

  it('has every instruction that needs no packet, helper or map', () => {
    const used = new Set(rows.flatMap(({ asm }) => parseAssembly(asm).insns.map((insn) => insn.def.name)))
    expect(used.size).toBeGreaterThan(160)
  })
})
