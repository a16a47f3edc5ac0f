import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { BPF_COMPLEXITY_LIMIT_JMP_SEQ } from './limits.ts'
import { maybeFreeState } from './prune.ts'
import { maybeExitScc } from './scc.ts'
import { BPF_MAIN_FUNC, type State } from './state.ts'

/** push_stack: a copy of the current state, to go on from `insn` later. */
export function pushState(
  env: Env,
  insn: number,
  prevInsn: number,
  speculative: boolean,
  errno: 'EFAULT' | 'ENOMEM' = 'EFAULT',
): State {
  const state = env.pool.state()
  env.pool.copy(state, env.cur, false)
  state.insn = insn
  if (speculative) state.speculative = true
  env.pending.push({ state, insn, prevInsn, logPosition: env.log.position })
  if (env.pending.length > BPF_COMPLEXITY_LIMIT_JMP_SEQ) {
    fail(errno, `The sequence of ${env.pending.length} jumps is too complex.`)
  }
  if (state.parent) state.parent.branches++
  return state
}

/** push_async_cb: a callback that runs later, from nothing. */
export function pushAsyncCallback(
  env: Env,
  insn: number,
  prevInsn: number,
  subprog: number,
  sleepable: boolean,
): State {
  const state = env.pool.state()
  state.curframe = 0
  state.refCount = 0
  state.activeLocks = 0
  state.activePreemptLocks = 0
  state.activeRcuLocks = 0
  state.activeIrqId = 0
  state.activeLockId = 0
  state.activeLockOwner = 0
  state.speculative = false
  state.inSleepable = sleepable
  state.branches = 1
  state.parent = undefined
  state.insn = insn
  state.firstInsn = 0
  state.lastInsn = 0
  state.dfsDepth = 0
  state.callbackUnrollDepth = 0
  state.mayGotoDepth = 0
  state.historyLength = 0
  const frame = env.pool.frame(0)
  env.pool.initFrame(frame, BPF_MAIN_FUNC, 0, subprog)
  state.frames[0] = frame
  if (env.log.level) env.log.scratchAll()
  env.pending.push({ state, insn, prevInsn, logPosition: env.log.position })
  if (env.pending.length > BPF_COMPLEXITY_LIMIT_JMP_SEQ) {
    fail('EFAULT', `The sequence of ${env.pending.length} jumps is too complex for async cb.`)
  }
  return state
}

/** update_branch_counts: the current path ended; so may have the checkpoints that it came through. */
export function updateBranchCounts(env: Env, from: State): void {
  let state: State | undefined = from
  let checkpoint: State | undefined
  while (state) {
    if (--state.branches) break
    maybeExitScc(env, state)
    const parent: State | undefined = state.parent
    if (checkpoint) maybeFreeState(env, checkpoint)
    checkpoint = parent
    state = parent
  }
}
