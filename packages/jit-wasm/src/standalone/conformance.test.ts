import { decode, insn } from '@skep/isa'
import { defineHelper, type LinkedHelper, type WasmModuleDef } from '@skep/registry'
import { type Code, helperType, ModuleBuilder } from '@skep/wasm'
import { describe, expect, it } from 'vitest'
import { bytesOf, conformanceCases } from '../../../../vitest.conformance.ts'
import { createCpu, link } from '../../test/harness.ts'
import type { Features } from './abi.ts'
import { buildStandalone } from './build.ts'

const cases = (conformanceCases ?? []).filter(({ expected_r0 }) => expected_r0 !== null)

/** The helpers of the suite's own plugins (bpf_conformance, src/test_helpers.h), in wasm as a plugin's would be. */
function suiteHelpers(): LinkedHelper[] {
  const module = new ModuleBuilder('suite')
  const write = (name: string, body: (code: Code) => void): void =>
    body(module.function(helperType, { export: name }).code)
  write('gather', (code) => {
    code.i64_const(0)
    for (let n = 0; n < 5; n++) code.i64_const(8).i64_shl().local_get(n).i64_const(255).i64_and().i64_or()
  })
  write('unwind', (code) => code.i64_const(-1))
  write('swap32', (code) => {
    code.i64_const(0)
    for (let n = 0; n < 4; n++) {
      code.i64_const(8).i64_shl().local_get(0)
      code
        .i64_const(8 * n)
        .i64_shr_u()
        .i64_const(255)
        .i64_and()
        .i64_or()
    }
  })
  const bytes = module.encode()
  const def: WasmModuleDef = { name: 'suite', bytes: () => bytes }
  return [
    [0, 'gather'],
    [5, 'unwind'],
    [6, 'swap32'],
  ].map(([id, name]) => ({
    def: defineHelper({
      name: `helper_${id}`,
      id: id as number,
      args: Array.from({ length: 5 }, () => ({ kind: 'anything' as const })),
      returns: { kind: 'integer' },
      wasm: { module: def, export: name as string },
    }),
    fn: (() => 0n) as LinkedHelper['fn'],
    slot: 0,
  }))
}

type Exports = Readonly<{
  memory: WebAssembly.Memory
  skep_alloc: (size: number, align: number) => number
  skep_r0: () => bigint
  run_case: (context: number) => number
  batch_case: (contexts: number, count: number, results: number) => number
}>

describe.skipIf(!conformanceCases)(
  'bpf_conformance as standalone modules (skipped where the corpus is absent)',
  () => {
    it('has all of its cases', () => {
      expect(cases.length).toBe(313)
    })

    it.each<Features>(['1.0', '2.0', '3.0'])(
      'gives the expected r0 in every case, in WebAssembly %s',
      (features) => {
        const wrong: string[] = []
        for (const { name, insns, mem, expected_r0 } of cases) {
          const memory = bytesOf(mem)
          // The suite also passes the memory's size, in r2.
          const code = [insn.mov64_imm(2, memory.length), ...decode(bytesOf(insns))]
          const cpu = createCpu()
          const { bytes } = buildStandalone(
            {
              arena: cpu.arena,
              control: cpu.control,
              programs: [{ linked: link(code, { name: 'case', helpers: suiteHelpers() }), record: 0 }],
              maps: [],
              variables: [],
              license: '',
              verified: false,
            },
            { features },
          )
          const module = new WebAssembly.Module(bytes)
          const made = new WebAssembly.Instance(module).exports as unknown as Exports
          const place = (content: Uint8Array): number => {
            const at = made.skep_alloc(Math.max(content.length, 1), 16)
            new Uint8Array(made.memory.buffer).set(content, at)
            return at
          }
          const expected = BigInt(expected_r0!)
          const check = (how: string, low: number): void => {
            const r0 = BigInt.asUintN(64, made.skep_r0())
            if (r0 !== expected || low >>> 0 !== Number(r0 & 0xffff_ffffn))
              wrong.push(`${name} (${how}): 0x${r0.toString(16)}, expected ${expected_r0}`)
          }
          check('run', made.run_case(memory.length > 0 ? place(memory) : 0))
          const contexts = place(new Uint8Array(8))
          const view = new DataView(made.memory.buffer)
          view.setUint32(contexts, memory.length > 0 ? place(memory) : 0, true)
          expect(made.batch_case(contexts, 1, contexts + 4)).toBe(1)
          check('batch', view.getUint32(contexts + 4, true))
        }
        expect(wrong).toEqual([])
      },
    )
  },
)
