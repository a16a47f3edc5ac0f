import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { decode } from '@skep/isa'
import { createArena } from '@skep/memory'
import { type Cpu, control, type LinkedHelper, type LinkedProgram, type ProgramFacts } from '@skep/registry'
import { createThunks } from '@skep/wasm'
import { describe, expect, it } from 'vitest'
import { createInterpreterEngine } from './engine.ts'

const corpus = new URL('../../../../shared/corpora/conformance.jsonl.gz', import.meta.url)

interface Case {
  name: string
  insns: string
  mem: string
  expected_r0: string | null
  expected_error: string | null
}

function testCpu(): Cpu {
  const arena = createArena({})
  const block = arena.alloc(control.CTL_SIZE, 64)
  const stack = arena.alloc(control.STACK_SIZE, 64)
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 4096 })
  let next = 1
  arena.view.setUint32(block + control.CTL_SP, stack + control.STACK_SIZE, true)
  arena.view.setUint32(block + control.CTL_STACK_END, stack, true)
  return {
    arena,
    table,
    control: block,
    index: 0,
    addFunction: (fn) => {
      table.set(next, fn as never)
      return next++
    },
    removeFunction: (slot) => table.set(slot, null),
  }
}

const noFacts = (n: number): ProgramFacts => ({
  reachable: new Uint8Array(n).fill(1),
  access: new Uint8Array(n),
  callMap: new Int32Array(n).fill(-1),
  callback: new Int32Array(n).fill(-1),
  flags: new Uint8Array(n),
  subprograms: [0],
  stackDepth: [0],
})

describe.skipIf(!existsSync(corpus))('bpf_conformance (skipped where the corpus is absent)', () => {
  const cases = (existsSync(corpus) ? gunzipSync(readFileSync(corpus)).toString() : '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Case)
    .filter((c) => c.expected_r0 !== null)

  for (const checked of [false, true]) {
    it(`gives the expected r0 in all ${cases.length} cases, ${checked ? 'checked' : 'plain'}`, async () => {
      const cpu = testCpu()
      const [fn] = createThunks([{ params: [], result: 'i32', call: () => 0 }])
      const unwind: LinkedHelper = {
        def: { name: 'unwind', id: 5, args: [], returns: { kind: 'integer' } },
        fn: fn!,
        slot: cpu.addFunction(fn),
      }
      const wrong: string[] = []
      for (const c of cases) {
        const insns = decode(Uint8Array.from(Buffer.from(c.insns, 'hex')))
        const mem = Buffer.from(c.mem.replaceAll(/\s/g, ''), 'hex')
        const engine = await createInterpreterEngine().create(cpu)
        const program: LinkedProgram = {
          name: c.name,
          insns,
          subprograms: [0],
          ...(checked ? {} : { facts: noFacts(insns.length) }),
          helpers: new Map([[5, unwind]]),
          maps: [],
          context: { kind: 'struct', name: 'memory', size: mem.length, fields: [] },
        }
        const unit = await engine.compile([program])
        const ctx = cpu.arena.alloc(Math.max(mem.length, 16))
        cpu.arena.u8.set(mem, ctx)
        cpu.arena.view.setUint32(cpu.control + control.CTL_CTX, ctx, true)
        cpu.arena.view.setBigInt64(cpu.control + control.CTL_BUDGET, 1_000_000n, true)
        cpu.arena.view.setInt32(cpu.control + control.CTL_FAULT, 0, true)
        const r0 = BigInt.asUintN(64, unit.programs[0]!.entry(BigInt(ctx), BigInt(mem.length), 0n, 0n, 0n))
        const fault = cpu.arena.view.getInt32(cpu.control + control.CTL_FAULT, true)
        if (r0 !== BigInt(c.expected_r0!) || fault !== control.FAULT_NONE) {
          wrong.push(`${c.name}: ${r0.toString(16)} instead of ${c.expected_r0}, fault ${fault}`)
        }
        cpu.arena.free(ctx)
        unit.release()
      }
      expect(wrong).toEqual([])
    })
  }
})
