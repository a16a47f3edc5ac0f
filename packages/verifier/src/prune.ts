import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { pushHistory } from './history.ts'
import { NOT_EXACT, RANGE_WITHIN, REG_AUX2, STATES_EXACT } from './layout.ts'
import { printLine } from './log.ts'
import { printState } from './log-state.ts'
import { propagatePrecision } from './precision.ts'
import { isMayGoto } from './program.ts'
import { aux0, offOf, word } from './regs.ts'
import { addBackedge, incompleteReadMarks, maybeEnterScc } from './scc.ts'
import { frameInsn, type State, sameCallsites, slotOf } from './state.ts'
import { ITER_STATE_ACTIVE, iterDepthsDiffer, maybeLooping, statesEqual } from './states-equal.ts'

/** The list of checkpoints that a state at `insn` is compared with, oldest first; other instructions may share it. */
export function exploredAt(env: Env, insn: number): State[] {
  const { callsite } = env.cur.frame
  const at = ((insn ^ callsite) >>> 0) % env.program.length
  env.exploredStates[at] ??= []
  return env.exploredStates[at]!
}

const alive = new Int32Array(2)

/** clean_verifier_state: registers and slots that are read no more compare as nothing. */
function cleanState(env: Env, state: State): void {
  env.liveness.prepare(state)
  state.cleaned = true
  for (let f = 0; f <= state.curframe; f++) {
    const frame = state.frames[f]!
    const live = env.liveRegs[frameInsn(state, f)]!
    env.liveness.aliveSlots(f, alive)
    env.domain.records.cleanFrame(frame.address, frame.slots, live, alive[0]!, alive[1]!)
  }
}

/** clean_live_states: checkpoints whose paths all ended. */
function cleanLiveStates(env: Env, list: readonly State[], insn: number): void {
  for (const state of list) {
    if (state.branches || state.insn !== insn || state.cleaned) continue
    if (!sameCallsites(state, env.cur) || incompleteReadMarks(env, state)) continue
    cleanState(env, state)
  }
}

/** The iterator that the next instruction advances is in its round, not drained. */
function iteratorActive(env: Env): boolean {
  const pointer = env.reg(1)
  const frame = env.cur.frames[aux0(env, pointer)]
  const spi = slotOf(offOf(env, pointer) + env.domain.constLo(pointer))
  return frame !== undefined && word(env, frame.slot(spi), REG_AUX2) === ITER_STATE_ACTIVE
}

const MISS = 0
const HIT = 1
/** Equal to a state that this path came through: a loop that converges. */
const LOOP_HIT = 2

/** Compares with a checkpoint that is still being explored: with one, that is, that this path may have come through. */
function compareActive(env: Env, state: State, insn: number): number {
  const { cur } = env
  const frame = state.frame
  if (frame.inAsyncCallback && frame.asyncEntries !== cur.frame.asyncEntries) return MISS
  if (env.isIterNext[insn]) {
    return statesEqual(env, state, cur, RANGE_WITHIN) && iteratorActive(env) ? LOOP_HIT : MISS
  }
  if (isMayGoto(env.program, insn) && state.mayGotoDepth !== cur.mayGotoDepth) {
    if (statesEqual(env, state, cur, RANGE_WITHIN)) return LOOP_HIT
  }
  if (env.callsCallback[insn]) return statesEqual(env, state, cur, RANGE_WITHIN) ? LOOP_HIT : MISS
  if (
    maybeLooping(env, state, cur) &&
    statesEqual(env, state, cur, STATES_EXACT) &&
    !iterDepthsDiffer(env, state, cur) &&
    state.mayGotoDepth === cur.mayGotoDepth &&
    state.callbackUnrollDepth === cur.callbackUnrollDepth
  ) {
    printLine(env, insn, '; ')
    if (env.log.needed) {
      env.log.print(`infinite loop detected at insn ${insn}\ncur state:`)
      printState(env, cur, cur.curframe, true)
      env.log.print('old state:')
      printState(env, state, cur.curframe, true)
    }
    env.failPrinted('EINVAL', `infinite loop detected at insn ${insn}`)
  }
  return MISS
}

/**
 * Is the current state at `insn` no worse than one that was explored? Otherwise it may become a checkpoint itself
 * (is_state_visited).
 */
export function isStateVisited(env: Env, insn: number): boolean {
  const { cur } = env
  const force = env.privileges.testStateFreq || env.forceCheckpoint[insn] === 1 || cur.historyLength > 40
  let add = force
  if (env.jumpsProcessed - env.prevJumpsProcessed >= 2 && env.insnProcessed - env.prevInsnProcessed >= 8) {
    add = true
  }
  const list = exploredAt(env, insn)
  cleanLiveStates(env, list, insn)
  let count = 0
  for (let i = list.length - 1; i >= 0; i--) {
    const state = list[i]!
    count++
    if (state.insn !== insn) continue
    let result: number
    if (state.branches) {
      result = compareActive(env, state, insn)
      if (
        result === MISS &&
        !force &&
        env.jumpsProcessed - env.prevJumpsProcessed < 20 &&
        env.insnProcessed - env.prevInsnProcessed < 100
      ) {
        add = false
      }
    } else {
      const loop = incompleteReadMarks(env, state)
      result = statesEqual(env, state, cur, loop ? RANGE_WITHIN : NOT_EXACT) ? (loop ? LOOP_HIT : HIT) : MISS
    }
    if (result !== MISS) {
      hit(env, state, insn, result === LOOP_HIT)
      return true
    }
    if (add) state.misses++
    const patience = env.forceCheckpoint[insn] && state.branches > 0 ? 64 : 3
    if (state.misses > state.hits * patience + patience) {
      state.inFreeList = true
      list.splice(i, 1)
      env.freeListCount++
      env.exploredCount--
      maybeFreeState(env, state)
    }
  }
  if (env.maxStatesPerInsn < count) env.maxStatesPerInsn = count
  if (add) addCheckpoint(env, list, insn)
  return false
}

function hit(env: Env, state: State, insn: number, loop: boolean): void {
  const { cur } = env
  state.hits++
  if (env.jumpPoint[env.insn]) pushHistory(env, cur, 0, undefined)
  propagatePrecision(env, state, cur)
  if (!loop) return
  const backedge = env.pool.state()
  env.pool.copy(backedge, cur, false)
  backedge.equalState = state
  backedge.insn = insn
  if (!addBackedge(env, state, backedge)) {
    env.pool.release(backedge)
    fail('EFAULT', `verifier bug: no loop at insn ${insn} for an equal state`)
  }
}

function addCheckpoint(env: Env, list: State[], insn: number): void {
  const { cur } = env
  env.totalStates++
  env.exploredCount++
  env.updatePeakStates()
  env.prevJumpsProcessed = env.jumpsProcessed
  env.prevInsnProcessed = env.insnProcessed
  const state = env.pool.state()
  env.pool.copy(state, cur, false)
  state.insn = insn
  maybeEnterScc(env, state)
  cur.parent = state
  cur.firstInsn = insn
  cur.dfsDepth = state.dfsDepth + 1
  cur.historyLength = 0
  list.push(state)
}

/** maybe_free_verifier_state: a checkpoint out of the lists that nothing leads to any more. */
export function maybeFreeState(env: Env, state: State): void {
  if (!state.inFreeList || state.branches !== 0 || incompleteReadMarks(env, state)) return
  env.freeListCount--
  env.pool.release(state)
}
