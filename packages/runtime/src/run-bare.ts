import type { Insn } from '@skep/isa'
import {
  type Cpu,
  control,
  type Engine,
  type LinkedHelper,
  type LinkedProgram,
  type ProgramFacts,
} from '@skep/registry'
import { ProgramFault } from './errors.ts'
import { readFault } from './program.ts'

/** What a bare run needs of a runtime. */
export interface BareParts {
  readonly engine: Engine
  /** The engine checks what nobody verified. */
  readonly checked: boolean
  readonly cpu: Cpu
  readonly helper: (id: number) => Promise<LinkedHelper>
}

/** Instructions that a bare run may take: the verifier's own limit. */
const BARE_BUDGET = 1_000_000n

/** Runs instructions over a block of memory, whose address is r1 and whose length r2; returns r0. Throws ProgramFault. */
export async function runBare(
  insns: readonly Insn[],
  memory: Uint8Array,
  { engine, checked, cpu, helper }: BareParts,
): Promise<bigint> {
  const linked = await linkBare(insns, memory.length, checked, helper)
  const unit = await engine.compile([linked])
  const { arena, control: at } = cpu
  let block = 0
  try {
    block = arena.alloc(Math.max(memory.length, 1))
    arena.u8.set(memory, block)
    const { view } = arena
    view.setUint32(at + control.CTL_CTX, block, true)
    view.setBigInt64(at + control.CTL_BUDGET, BARE_BUDGET, true)
    view.setInt32(at + control.CTL_FAULT, control.FAULT_NONE, true)
    view.setUint32(at + control.CTL_TAIL_CALLS, 0, true)
    const r0 = unit.programs[0]!.entry(BigInt(block), BigInt(memory.length), 0n, 0n, 0n)
    const fault = readFault(arena, at, linked.name)
    if (fault) throw fault
    return BigInt.asUintN(64, r0)
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause
    throw new ProgramFault('TRAP', linked.name, {
      message: `stopped by WebAssembly: ${cause.message}`,
      cause,
    })
  } finally {
    // Later runs have their engine's own budget.
    arena.view.setBigInt64(at + control.CTL_BUDGET, 0n, true)
    if (block !== 0) arena.free(block)
    unit.release()
  }
}

/** Bare instructions as a program whose context is `size` bytes; without facts for checked engines, else all reachable. */
async function linkBare(
  insns: readonly Insn[],
  size: number,
  checked: boolean,
  helper: (id: number) => Promise<LinkedHelper>,
): Promise<LinkedProgram> {
  const helpers = new Map<number, LinkedHelper>()
  const starts = new Set([0])
  for (const [slot, insn] of insns.entries()) {
    if (insn.def.name === 'call_helper' && !helpers.has(insn.imm))
      helpers.set(insn.imm, await helper(insn.imm))
    if (insn.def.name === 'call_local') starts.add(slot + 1 + insn.imm)
  }
  // A call by register reaches the helpers whose ids the program loads; other constants name none.
  if (insns.some((insn) => insn.def.name === 'callx')) {
    for (const { def, imm } of insns) {
      if (def.name !== 'mov64_imm' || helpers.has(imm)) continue
      const linked = await helper(imm).catch(() => undefined)
      if (linked) helpers.set(imm, linked)
    }
  }
  const subprograms = [...starts].sort((a, b) => a - b)
  const n = insns.length
  const facts: ProgramFacts = {
    reachable: new Uint8Array(n).fill(1),
    access: new Uint8Array(n),
    callMap: new Int32Array(n).fill(-1),
    callback: new Int32Array(n).fill(-1),
    flags: new Uint8Array(n),
    subprograms,
    stackDepth: subprograms.map(() => 512),
  }
  return {
    name: 'bare',
    insns,
    subprograms,
    ...(checked ? {} : { facts }),
    helpers,
    maps: [],
    context: { kind: 'struct', name: 'memory', size, fields: [] },
  }
}
