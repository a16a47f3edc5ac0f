import type { Env } from './env.ts'
import { REG_SIZE } from './layout.ts'
import { MAX_BPF_REG } from './limits.ts'
import { exploredAt } from './prune.ts'
import { SCALAR_VALUE } from './reg-type.ts'
import { isPrecise, markUnknown, typeOf } from './regs.ts'
import { isSpilled, type State, sameCallsites } from './state.ts'
import { regsExact, resetIdMap } from './states-equal.ts'

/** find_prev_entry: the checkpoint of the round before, on the way to `state`, at the same instruction. */
export function findPreviousEntry(env: Env, state: State, insn: number): State | undefined {
  const list = exploredAt(env, insn)
  for (let i = list.length - 1; i >= 0; i--) {
    const old = list[i]!
    if (old.insn === insn && old.branches && sameCallsites(old, state) && old.dfsDepth < state.dfsDepth) {
      return old
    }
  }
  return undefined
}

function widen(env: Env, old: number, cur: number): void {
  if (typeOf(env, old) !== SCALAR_VALUE || typeOf(env, cur) !== SCALAR_VALUE) return
  if (isPrecise(env, old) || isPrecise(env, cur) || regsExact(env, old, cur)) return
  markUnknown(env, cur)
}

/** widen_imprecise_scalars: what changed from round to round without mattering may be anything in the next. */
export function widenImpreciseScalars(env: Env, old: State, cur: State): void {
  resetIdMap(env)
  for (let f = old.curframe; f >= 0; f--) {
    const oldFrame = old.frames[f]!
    const curFrame = cur.frames[f]!
    for (let r = 0; r < MAX_BPF_REG; r++) {
      widen(env, oldFrame.address + r * REG_SIZE, curFrame.address + r * REG_SIZE)
    }
    const slots = Math.min(oldFrame.slots, curFrame.slots)
    for (let spi = 0; spi < slots; spi++) {
      if (!isSpilled(env.heap, oldFrame.types(spi)) || !isSpilled(env.heap, curFrame.types(spi))) continue
      widen(env, oldFrame.slot(spi), curFrame.slot(spi))
    }
  }
}
