/** The interpreter: entries from the host, from the function table and from a stepper. */
import {
  CTL_BUDGET,
  CTL_CTX,
  CTL_FAULT,
  CTL_FAULT_PC,
  CTL_PROG,
  CTL_R0,
  CTL_SP,
  CTL_TAIL_CALLS,
  FAULT_NONE,
} from '../../registry/src/layout/control'
import {
  ACT_CODE,
  ACT_CTX,
  ACT_DEPTH,
  ACT_DONE,
  ACT_MAY_GOTO,
  ACT_OUTER_PROG,
  ACT_PC,
  ACT_PROG,
  ACT_R10,
  ACT_SIZE,
  ACT_SP,
  ACT_STACK_END,
  ACT_STACK_TOP,
  ACT_STEPPED,
  ACT_TAIL_CALLS,
  CODE_BUDGET,
  CODE_CHECKED,
  CODE_FIRST,
  MAX_ACTIVATIONS,
} from '../src/layout/structures'
import {
  beginFrame,
  clearRegisters,
  close,
  control,
  forgetRegions,
  innermostRun,
  isOutermost,
  keepOuter,
  MAX_LOOPS,
  open,
  outerOf,
  pause,
  place,
  restoreOuter,
  resume,
  setBudget,
} from './activation'
import { Checked, Exact, exec, NEARLY_SPENT, Plain } from './dispatch-table'
import { forgetGrants, placeGrants } from './regions'

/** `area` has MAX_ACTIVATIONS activations, then MAX_GRANTS grants. */
export function init(area: u32): void {
  place(area)
  placeGrants(area + MAX_ACTIVATIONS * ACT_SIZE)
}

@inline
function isChecked(code: usize): bool {
  return load<u32>(code, CODE_CHECKED) != 0
}

@inline
function prepare(act: usize, code: usize, first: u32, sp: u32, top: u32): void {
  store<u64>(act, <u64>sp, ACT_R10)
  store<u32>(act, first, ACT_PC)
  store<u32>(act, <u32>code, ACT_CODE)
  // ACT_DEPTH and ACT_DEPTH_BASE.
  store<u64>(act, 0, ACT_DEPTH)
  store<u32>(act, MAX_LOOPS, ACT_MAY_GOTO)
  if (isChecked(code)) {
    store<u32>(act, top, ACT_STACK_TOP)
    clearRegisters(act)
    beginFrame(act)
    forgetRegions(act)
  }
}

/** For a run that nests in no other: the host's budget or else the code's, and nothing that others were given. */
@inline
function equip(code: usize): void {
  const budget = load<i64>(control, CTL_BUDGET)
  setBudget(budget > 0 ? budget : load<i64>(code, CODE_BUDGET))
  if (isChecked(code)) forgetGrants()
}

@inline
function go(act: usize, code: usize): i32 {
  const outcome = isChecked(code) ? exec<Checked>(act) : exec<Plain>(act)
  return outcome == NEARLY_SPENT ? exec<Exact>(act) : outcome
}

/**
 * Runs over contexts, whose addresses lie at `contexts`, one after the other; r0's low halves go to `results`. Stops at
 * the first fault and returns how many finished.
 */
export function run_batch(code: usize, contexts: u32, count: u32, results: u32): u32 {
  const sp = load<u32>(control, CTL_SP)
  const act = open(sp, 1)
  if (act == 0) return refuse()
  keepOuter(act)
  const outermost = isOutermost(act)
  const first = load<u32>(code, CODE_FIRST)
  store<i32>(control, FAULT_NONE, CTL_FAULT)
  let done: u32 = 0
  while (done < count) {
    store<u32>(act, done, ACT_DONE)
    const context = load<u32>(contexts + (done << 2))
    store<u32>(control, context, CTL_CTX)
    store<u32>(control, load<u32>(act, ACT_OUTER_PROG), CTL_PROG)
    store<u32>(control, 0, CTL_TAIL_CALLS)
    if (outermost) equip(code)
    prepare(act, code, first, sp, sp)
    store<u64>(act, <u64>context, 8)
    if (go(act, code) != FAULT_NONE) break
    store<u32>(results + (done << 2), load<u32>(act))
    done++
  }
  end(act, sp)
  return done
}

/** No instruction is to blame for a stack that has no room for a run. */
function refuse(): u32 {
  store<u32>(control, 0, CTL_FAULT_PC)
  return 0
}

/** Gives the control block back as it was before a run. */
@inline
function end(act: usize, sp: u32): void {
  restoreOuter(act)
  store<u32>(control, sp, CTL_SP)
  store<u64>(control, load<u64>(act), CTL_R0)
  close(act)
}

/** One run; the low half of r0. */
export function run(code: usize, context: u32): u32 {
  const sp = load<u32>(control, CTL_SP)
  const act = open(sp, 1)
  if (act == 0) return refuse()
  keepOuter(act)
  store<i32>(control, FAULT_NONE, CTL_FAULT)
  store<u32>(control, context, CTL_CTX)
  store<u32>(control, 0, CTL_TAIL_CALLS)
  if (isOutermost(act)) equip(code)
  prepare(act, code, load<u32>(code, CODE_FIRST), sp, sp)
  store<u64>(act, <u64>context, 8)
  go(act, code)
  end(act, sp)
  return load<u32>(control, CTL_R0)
}

@inline
function setArguments(act: usize, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): void {
  store<u64>(act, r1, 8)
  store<u64>(act, r2, 16)
  store<u64>(act, r3, 24)
  store<u64>(act, r4, 32)
  store<u64>(act, r5, 40)
}

/** A program entered through the function table: by a tail call of another engine, or by the host with registers. */
export function enter(code: usize, first: u32, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const sp = load<u32>(control, CTL_SP)
  const act = open(sp, 0)
  if (act == 0) return 0
  if (isOutermost(act)) {
    store<i32>(control, FAULT_NONE, CTL_FAULT)
    equip(code)
  }
  store<u32>(control, <u32>r1, CTL_CTX)
  prepare(act, code, first, sp, sp)
  setArguments(act, r1, r2, r3, r4, r5)
  go(act, code)
  store<u32>(control, sp, CTL_SP)
  const r0 = load<u64>(act)
  close(act)
  return r0
}

/**
 * A callback, entered through the function table by a helper. When something faulted it returns 1, which is how
 * callbacks say that they want no more.
 */
export function call_back(code: usize, first: u32, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const sp = load<u32>(control, CTL_SP)
  const act = open(sp, 0)
  if (act == 0) return 1
  const outer = outerOf(act)
  if (outer == 0) {
    store<i32>(control, FAULT_NONE, CTL_FAULT)
    equip(code)
  } else if (load<i32>(control, CTL_FAULT) != FAULT_NONE) {
    close(act)
    return 1
  }
  // What its caller may touch of the stack, it may too: pointers to it are how the two share data.
  const shares = outer != 0 && load<u32>(outer, ACT_CODE) == <u32>code
  prepare(act, code, first, sp, shares ? load<u32>(outer, ACT_STACK_TOP) : sp)
  setArguments(act, r1, r2, r3, r4, r5)
  const outcome = go(act, code)
  store<u32>(control, sp, CTL_SP)
  const r0 = load<u64>(act)
  close(act)
  return outcome == FAULT_NONE ? r0 : 1
}

/**
 * After an exception in the innermost run: the control block as it was before. Returns how many runs of its batch had
 * finished.
 */
export function recover(): u32 {
  const act = innermostRun()
  if (act == 0) return 0
  restoreOuter(act)
  store<u32>(control, load<u32>(act, ACT_SP), CTL_SP)
  close(act)
  return load<u32>(act, ACT_DONE)
}

/** Makes an activation outside of the area ready for `step`. Its stack goes from `stack` up to `sp`. */
export function begin(act: usize, code: usize, context: u32, stack: u32, sp: u32): void {
  prepare(act, code, load<u32>(code, CODE_FIRST), sp, sp)
  clearRegisters(act)
  store<u64>(act, <u64>context, 8)
  store<u32>(act, sp, ACT_SP)
  store<u32>(act, sp, ACT_STACK_TOP)
  store<u32>(act, stack, ACT_STACK_END)
  store<u32>(act, context, ACT_CTX)
  store<u32>(act, load<u32>(control, CTL_PROG), ACT_PROG)
  store<u32>(act, 0, ACT_TAIL_CALLS)
  store<u32>(act, 1, ACT_STEPPED)
}

/** Runs at most `count` instructions of an activation: FAULT_NONE when the program exited, STEP_PAUSED, or a fault. */
export function step(act: usize, count: u32): i32 {
  resume(act)
  store<i32>(control, FAULT_NONE, CTL_FAULT)
  setBudget(count)
  const outcome = exec<Exact>(act)
  pause(act)
  return outcome
}

/** After an exception in `step`. */
export function abandon_step(act: usize): void {
  pause(act)
}
