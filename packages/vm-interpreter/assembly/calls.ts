/** Calls that leave the loop: helpers and programs of other engines. */
import {
  CTL_FAULT,
  CTL_FAULT_PC,
  CTL_PROG,
  CTL_SP,
  CTL_TAIL_CALLS,
  MAX_BPF_STACK,
  MAX_TAIL_CALL_CNT,
} from '../../registry/src/layout/control'
import { MAP_DATA, MAP_MAX_ENTRIES, MAP_STRIDE } from '../../registry/src/layout/map'
import { PROG_SLOT } from '../../registry/src/layout/program'
import {
  ACT_CODE,
  ACT_PC,
  ACT_R10,
  ARG_FLAGS,
  ARG_SIZE,
  ARG_STILL,
  CODE_HELPER_COUNT,
  CODE_HELPERS,
  HELPER_ID,
  HELPER_SIZE,
} from '../src/layout/structures'
import { control, forgetPacket, forgetValue, setBudget, slotAt } from './activation'
import { ARGUMENTS, grantResult } from './arguments'

@inline
function prepare(act: usize, at: usize, budget: i64, sp: u32): void {
  setBudget(budget)
  store<u32>(act, <u32>at, ACT_PC)
  // For helpers that fault; code that they enter says where itself.
  store<u32>(control, slotAt(act, at), CTL_FAULT_PC)
  store<u32>(control, sp, CTL_SP)
}

/** Calls a helper with r1 to r5; FAULT_NONE, or what stopped it. Frames that it enters lie below this one. */
@inline
export function callHelper(act: usize, at: usize, slot: u32, budget: i64): i32 {
  prepare(act, at, budget, load<u32>(act, ACT_R10) - MAX_BPF_STACK)
  const result = call_indirect<u64>(
    slot,
    load<u64>(act, 8),
    load<u64>(act, 16),
    load<u64>(act, 24),
    load<u64>(act, 32),
    load<u64>(act, 40),
  )
  store<u64>(act, result)
  return load<i32>(control, CTL_FAULT)
}

/** In checked code: what was known of memory may have changed, and the result may be memory. */
@inline
export function afterCall(act: usize, args: usize): void {
  forgetValue(act)
  if ((load<u8>(args + ARGUMENTS * ARG_SIZE, ARG_FLAGS) & ARG_STILL) == 0) forgetPacket(act)
  grantResult(act, args, load<u64>(act))
}

/** The linked helper of an id, for calls by register, or 0. */
export function helperById(act: usize, id: u64): usize {
  const code: usize = load<u32>(act, ACT_CODE)
  let at: usize = load<u32>(code, CODE_HELPERS)
  const end = at + load<u32>(code, CODE_HELPER_COUNT) * HELPER_SIZE
  while (at < end) {
    if (<u64>load<u32>(at, HELPER_ID) == id) return at
    at += HELPER_SIZE
  }
  return 0
}

/**
 * The record of the program that a tail call goes to, which then is the running one; 0 when the call does not happen
 * (kernel/bpf/core.c, JMP_TAIL_CALL).
 */
export function tailCallTarget(map: usize, index: u32): usize {
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  const count = load<u32>(control, CTL_TAIL_CALLS)
  if (count >= <u32>MAX_TAIL_CALL_CNT) return 0
  const record = load<u32>(load<u32>(map, MAP_DATA) + index * load<u32>(map, MAP_STRIDE))
  if (record == 0) return 0
  store<u32>(control, count + 1, CTL_TAIL_CALLS)
  store<u32>(control, record, CTL_PROG)
  return record
}

/** Runs a program that this loop is not for in this frame's place; its r0 becomes this one's. */
export function runElsewhere(act: usize, at: usize, record: usize, budget: i64): i32 {
  // A little lower, as whatever is called: this activation is not over yet.
  prepare(act, at, budget, load<u32>(act, ACT_R10) - 16)
  const r0 = call_indirect<u64>(
    load<u32>(record, PROG_SLOT),
    load<u64>(act, 8),
    <u64>0,
    <u64>0,
    <u64>0,
    <u64>0,
  )
  store<u64>(act, r0)
  return load<i32>(control, CTL_FAULT)
}
