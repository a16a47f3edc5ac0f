import { type Insn, targetDelta } from '@skep/isa'
import { FACT, type LinkedProgram } from '@skep/registry'
import { JitError } from './errors.ts'
import type { FlowGraph } from './graph.ts'

/** A run of instructions that is only entered at its first and only left at its last. */
export interface Block {
  /** Slots [first, end); an ld_imm64 counts two. */
  readonly first: number
  readonly end: number
  /** Slot of the conditional jump or may_goto that ends the block and chooses between two ways, or -1. */
  readonly branch: number
  /** Set when the block runs into a slot that no verified path reaches: it must not go on. */
  readonly trap: boolean
}

/** The control flow of one function of a program. */
export interface FunctionBlocks {
  readonly blocks: readonly Block[]
  /** Nodes are places in `blocks`; the first successor is where a branch goes that is taken. */
  readonly graph: FlowGraph
}

/** Divides the slots [from, to) of a program into blocks. Slots that the verifier found unreachable are left out. */
export function findBlocks(program: LinkedProgram, from: number, to: number): FunctionBlocks {
  const { insns } = program
  const facts = program.facts
  const reachable = (slot: number): boolean => slot < to && (!facts || facts.reachable[slot] === 1)
  const flagsAt = (slot: number): number => facts?.flags[slot] ?? 0

  const target = (slot: number, insn: Insn): number => {
    const to_ = slot + 1 + targetDelta(insn)!
    if (to_ < from || to_ >= to || insns[to_]?.def.kind === 'ld_imm64_hi') {
      throw new JitError('BAD_PROGRAM', program.name, `${insn.def.name} goes to slot ${to_}`, slot)
    }
    return to_
  }
  const ways = (slot: number): { taken: number; next: number } => {
    const insn = insns[slot]!
    const next = slot + 1
    switch (insn.def.kind) {
      case 'ja':
        return { taken: target(slot, insn), next: -1 }
      case 'exit':
        return { taken: -1, next: -1 }
      case 'may_goto':
        return { taken: target(slot, insn), next }
      case 'jump': {
        const flags = flagsAt(slot)
        if (flags & FACT.neverTaken) return { taken: -1, next }
        if (flags & FACT.alwaysTaken) return { taken: target(slot, insn), next: -1 }
        return { taken: target(slot, insn), next }
      }
      default:
        return { taken: -1, next: insn.def.kind === 'ld_imm64' ? slot + 2 : next }
    }
  }
  const isJump = (slot: number): boolean => {
    const { kind } = insns[slot]!.def
    return kind === 'ja' || kind === 'exit' || kind === 'may_goto' || kind === 'jump'
  }

  // Only what is found from the entry on counts, so leaders are collected by following the paths.
  const leader = new Uint8Array(to - from + 1)
  const seen = new Uint8Array(to - from + 1)
  const work = [from]
  leader[0] = 1
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    while (reachable(slot) && !seen[slot - from]) {
      seen[slot - from] = 1
      if (insns[slot]!.def.kind === 'ld_imm64_hi') {
        throw new JitError('BAD_PROGRAM', program.name, 'runs into the second half of an ld_imm64', slot)
      }
      const { taken, next } = ways(slot)
      if (taken >= 0) {
        leader[taken - from] = 1
        work.push(taken)
      }
      if (isJump(slot) && next >= 0 && next <= to) leader[next - from] = 1
      if (next < 0) break
      slot = next
    }
  }

  const blockAt = new Int32Array(to - from + 1).fill(-1)
  const blocks: Block[] = []
  for (let first = from; first < to; ) {
    if (!leader[first - from] || !seen[first - from]) {
      first++
      continue
    }
    let last = first
    let end = first
    while (end < to && seen[end - from] && (end === first || !leader[end - from])) {
      last = end
      end += insns[end]!.def.kind === 'ld_imm64' ? 2 : 1
      if (isJump(last)) break
    }
    const { taken, next } = ways(last)
    const canTake = taken >= 0 && reachable(taken)
    const canFall = next >= 0 && reachable(next)
    blockAt[first - from] = blocks.length
    blocks.push({
      first,
      end,
      branch: canTake && canFall && taken !== next ? last : -1,
      trap: !canTake && !canFall && insns[last]!.def.kind !== 'exit',
    })
    first = end
  }

  const succs = blocks.map(({ first, end, branch }) => {
    let last = first
    for (let slot = first; slot < end; slot += insns[slot]!.def.kind === 'ld_imm64' ? 2 : 1) last = slot
    const { taken, next } = ways(last)
    const to_ = [taken, next]
      .filter((slot) => slot >= 0 && reachable(slot))
      .map((slot) => blockAt[slot - from]!)
    return branch < 0 ? to_.slice(0, 1) : to_
  })
  if (blocks.length === 0) {
    throw new JitError(
      'BAD_PROGRAM',
      program.name,
      'a function without instructions that can be reached',
      from,
    )
  }
  return { blocks, graph: { entry: 0, succs } }
}
