/** The interpreter: entries from the host, from the function table and from a stepper. */
import {
  CTL_BUDGET,
  CTL_CTX,
  CTL_FAULT,
  CTL_R0,
  CTL_SP,
  CTL_STACK_END,
  CTL_TAIL_CALLS,
  FAULT_NONE,
  FAULT_STACK,
  MAX_BPF_STACK,
} from '../../registry/src/layout/control'
import {
  ACT_CODE,
  ACT_DEPTH,
  ACT_MAY_GOTO,
  ACT_PC,
  ACT_SIZE,
  CODE_BUDGET,
  CODE_CHECKED,
  CODE_FIRST,
  MAX_ACTIVATIONS,
} from '../src/layout'
import { control } from './access'
import { exec } from './exec'

/** The first of this CPU's activations, and how many are in use. */
let activations: usize = 0
let depth: u32 = 0

const BPF_MAX_LOOPS: u32 = 8 * 1024 * 1024

/** `area` has MAX_ACTIVATIONS × ACT_SIZE bytes. */
export function init(area: u32): void {
  activations = area
}

@inline
function prepare(act: usize, code: u32, first: u32, sp: u32): void {
  store<u64>(act, sp, 80)
  store<u32>(act, first, ACT_PC)
  store<u32>(act, 0, ACT_DEPTH)
  store<u32>(act, code, ACT_CODE)
  store<u32>(act, BPF_MAX_LOOPS, ACT_MAY_GOTO)
}

@inline
function go(act: usize, code: u32): i32 {
  return load<u32>(code, CODE_CHECKED) != 0 ? exec<f32>(act) : exec<i32>(act)
}

/** One run from the host; the low half of r0. */
export function run(code: u32, context: u32): u32 {
  const act = activations + depth * ACT_SIZE
  if (depth >= <u32>MAX_ACTIVATIONS) {
    store<i32>(control, FAULT_STACK, CTL_FAULT)
    return 0
  }
  const sp = load<u32>(control, CTL_SP)
  const outer = load<u32>(control, CTL_CTX)
  const budget = load<i64>(control, CTL_BUDGET)
  prepare(act, code, load<u32>(code, CODE_FIRST), sp)
  store<u64>(act, 0)
  store<u64>(act, context, 8)
  for (let i: u32 = 16; i < 80; i += 8) store<u64>(act + i, 0)
  store<u32>(control, context, CTL_CTX)
  store<u32>(control, 0, CTL_TAIL_CALLS)
  store<i32>(control, FAULT_NONE, CTL_FAULT)
  store<i64>(control, load<i64>(code, CODE_BUDGET), CTL_BUDGET)
  depth++
  go(act, code)
  depth--
  store<u32>(control, sp, CTL_SP)
  store<u32>(control, outer, CTL_CTX)
  store<i64>(control, budget, CTL_BUDGET)
  const r0 = load<u64>(act)
  store<u64>(control, r0, CTL_R0)
  return <u32>r0
}

/** Runs over contexts; stops at the first fault and returns how many finished. */
export function run_batch(code: u32, contexts: u32, count: u32, results: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const verdict = run(code, load<u32>(contexts + (i << 2)))
    if (load<i32>(control, CTL_FAULT) != FAULT_NONE) return i
    store<u32>(results + (i << 2), verdict)
  }
  return count
}

/** A callback or a program entered through the function table, inside a run. Its r10 comes from CTL_SP. */
export function call(code: u32, first: u32, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const sp = load<u32>(control, CTL_SP)
  if (depth >= <u32>MAX_ACTIVATIONS || sp < load<u32>(control, CTL_STACK_END) + MAX_BPF_STACK) {
    store<i32>(control, FAULT_STACK, CTL_FAULT)
    return 0
  }
  const act = activations + depth * ACT_SIZE
  prepare(act, code, first, sp)
  store<u64>(act, r1, 8)
  store<u64>(act, r2, 16)
  store<u64>(act, r3, 24)
  store<u64>(act, r4, 32)
  store<u64>(act, r5, 40)
  for (let i: usize = 48; i < 80; i += 8) store<u64>(act + i, 0)
  depth++
  go(act, code)
  depth--
  store<u32>(control, sp, CTL_SP)
  return load<u64>(act)
}

/** Makes an activation ready for `step`, without running. */
export function begin(act: u32, code: u32, context: u32): void {
  prepare(act, code, load<u32>(code, CODE_FIRST), load<u32>(control, CTL_SP))
  store<u64>(act, 0)
  store<u64>(act, context, 8)
  for (let i: u32 = 16; i < 80; i += 8) store<u64>(act + i, 0)
  store<u32>(control, 0, CTL_TAIL_CALLS)
}

/** Runs at most `count` instructions of an activation; FAULT_NONE when the program exited, FAULT_BUDGET when it can go on. */
export function step(act: u32, context: u32, count: u32): i32 {
  store<u32>(control, context, CTL_CTX)
  store<i32>(control, FAULT_NONE, CTL_FAULT)
  store<i64>(control, count, CTL_BUDGET)
  const sp = load<u32>(control, CTL_SP)
  const outcome = go(act, load<u32>(act, ACT_CODE))
  store<u32>(control, sp, CTL_SP)
  return outcome
}

/** After a trap in the host: no activation is in use. */
export function reset(): void {
  depth = 0
}
