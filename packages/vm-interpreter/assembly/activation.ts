/** Activations: where they lie, how they nest, and the frames in them. */
import {
  CTL_CTX,
  CTL_FAULT,
  CTL_FAULT_ADDR,
  CTL_FAULT_PC,
  CTL_PROG,
  CTL_SP,
  CTL_STACK_END,
  CTL_TAIL_CALLS,
  FAULT_STACK,
  MAX_BPF_STACK,
  MAX_CALL_FRAMES,
} from '../../registry/src/layout/control'
import {
  ACT_CODE,
  ACT_CTX,
  ACT_DEPTH,
  ACT_DEPTH_BASE,
  ACT_FRAMES,
  ACT_IS_RUN,
  ACT_MAY_GOTO,
  ACT_OUTER_BASE,
  ACT_OUTER_BUDGET,
  ACT_OUTER_CTX,
  ACT_OUTER_DEPTH,
  ACT_OUTER_PROG,
  ACT_OUTER_SP,
  ACT_OUTER_STACK_END,
  ACT_OUTER_STEPPER,
  ACT_OUTER_TAIL_CALLS,
  ACT_PACKET_ROOM,
  ACT_PC,
  ACT_PROG,
  ACT_R10,
  ACT_R6,
  ACT_SIZE,
  ACT_SP,
  ACT_STACK_END,
  ACT_STACK_LOW,
  ACT_STACK_ROOM,
  ACT_STACK_TOP,
  ACT_TAIL_CALLS,
  ACT_VALUE_ROOM,
  CODE_FIRST,
  CODE_FRAME_BYTES,
  CODE_SLOTS,
  FRAME_CODE,
  FRAME_DEPTH_BASE,
  FRAME_MAY_GOTO,
  FRAME_R6,
  FRAME_RETURN,
  FRAME_SIZE,
  FRAME_STACK_TOP,
  MAX_ACTIVATIONS,
  MAX_FRAMES,
  REC_SIZE,
} from '../src/layout/structures'

// @ts-ignore: decorator
@external("env", "control")
export declare const control: i32

/** include/linux/bpf.h, BPF_MAX_LOOPS: what may_goto allows in one frame. */
export const MAX_LOOPS: u32 = 8 * 1024 * 1024

/** This CPU's activations and how many are in use. */
let activations: usize = 0
let depth: u32 = 0
/** The stepper that runs, or 0. It has a stack of its own; the first `base` activations are on another one. */
let stepper: usize = 0
let base: u32 = 0

/** Instructions that the run in progress may still take, whatever nests in it included. */
let budget: i64 = 0

@inline
export function budgetLeft(): i64 {
  return budget
}

@inline
export function setBudget(instructions: i64): void {
  budget = instructions
}

export function place(area: usize): void {
  activations = area
}

/**
 * The activation for an entry with this CTL_SP, or 0 when too many nest. Those that were opened at or below it are
 * over, even if an exception kept them from saying so: whatever they call is entered with a lower CTL_SP.
 */
export function open(sp: u32, isRun: u32): usize {
  while (depth > base && load<u32>(activations + (depth - 1) * ACT_SIZE, ACT_SP) <= sp) depth--
  if (depth >= <u32>MAX_ACTIVATIONS || sp < load<u32>(control, CTL_STACK_END) + MAX_BPF_STACK) {
    store<i32>(control, FAULT_STACK, CTL_FAULT)
    return 0
  }
  const act = activations + depth * ACT_SIZE
  store<u32>(act, sp, ACT_SP)
  store<u32>(act, isRun, ACT_IS_RUN)
  depth++
  return act
}

/** Whether no other activation is on the stack in use. */
@inline
export function isOutermost(act: usize): bool {
  return act == activations + base * ACT_SIZE
}

/** The activation that this one is nested in, or 0. */
@inline
export function outerOf(act: usize): usize {
  return isOutermost(act) ? stepper : act - ACT_SIZE
}

/** Ends an activation and those nested in it. */
@inline
export function close(act: usize): void {
  depth = <u32>((act - activations) / ACT_SIZE)
}

/** The innermost activation that a run of the host began, or 0. */
export function innermostRun(): usize {
  for (let n = depth; n > base; n--) {
    const act = activations + (n - 1) * ACT_SIZE
    if (load<u32>(act, ACT_IS_RUN) != 0) return act
  }
  return 0
}

/** Keeps what the control block says about the running program. */
@inline
export function keepOuter(act: usize): void {
  store<u32>(act, load<u32>(control, CTL_CTX), ACT_OUTER_CTX)
  store<u32>(act, load<u32>(control, CTL_PROG), ACT_OUTER_PROG)
  store<u32>(act, load<u32>(control, CTL_TAIL_CALLS), ACT_OUTER_TAIL_CALLS)
}

@inline
export function restoreOuter(act: usize): void {
  store<u32>(control, load<u32>(act, ACT_OUTER_CTX), CTL_CTX)
  store<u32>(control, load<u32>(act, ACT_OUTER_PROG), CTL_PROG)
  store<u32>(control, load<u32>(act, ACT_OUTER_TAIL_CALLS), CTL_TAIL_CALLS)
}

/** Puts a stepper's values into the control block. */
export function resume(act: usize): void {
  keepOuter(act)
  store<u32>(act, load<u32>(control, CTL_SP), ACT_OUTER_SP)
  store<u32>(act, load<u32>(control, CTL_STACK_END), ACT_OUTER_STACK_END)
  store<u32>(act, depth, ACT_OUTER_DEPTH)
  store<u32>(act, base, ACT_OUTER_BASE)
  store<u32>(act, <u32>stepper, ACT_OUTER_STEPPER)
  store<i64>(act, budget, ACT_OUTER_BUDGET)
  store<u32>(control, load<u32>(act, ACT_CTX), CTL_CTX)
  store<u32>(control, load<u32>(act, ACT_PROG), CTL_PROG)
  store<u32>(control, load<u32>(act, ACT_TAIL_CALLS), CTL_TAIL_CALLS)
  store<u32>(control, load<u32>(act, ACT_SP), CTL_SP)
  store<u32>(control, load<u32>(act, ACT_STACK_END), CTL_STACK_END)
  stepper = act
  base = depth
}

/** Takes a stepper's values out of the control block again. */
export function pause(act: usize): void {
  store<u32>(act, load<u32>(control, CTL_PROG), ACT_PROG)
  store<u32>(act, load<u32>(control, CTL_TAIL_CALLS), ACT_TAIL_CALLS)
  restoreOuter(act)
  store<u32>(control, load<u32>(act, ACT_OUTER_SP), CTL_SP)
  store<u32>(control, load<u32>(act, ACT_OUTER_STACK_END), CTL_STACK_END)
  depth = load<u32>(act, ACT_OUTER_DEPTH)
  base = load<u32>(act, ACT_OUTER_BASE)
  stepper = load<u32>(act, ACT_OUTER_STEPPER)
  budget = load<i64>(act, ACT_OUTER_BUDGET)
}

/** Records why and where a run ends. */
export function fault(act: usize, at: usize, code: i32, address: u64): i32 {
  store<i32>(control, code, CTL_FAULT)
  store<u32>(control, slotAt(act, at), CTL_FAULT_PC)
  store<u32>(control, <u32>address, CTL_FAULT_ADDR)
  store<u32>(act, <u32>at, ACT_PC)
  return code
}

/** The slot of the instruction in a record. */
export function slotAt(act: usize, at: usize): u32 {
  const code: usize = load<u32>(act, ACT_CODE)
  const index = (at - load<u32>(code, CODE_FIRST)) / REC_SIZE
  return load<u32>(<usize>load<u32>(code, CODE_SLOTS) + (index << 2))
}

/** For checked code, at the start of a function: what the frame allows, and zeros where the program may look at it. */
export function beginFrame(act: usize): void {
  boundStack(act)
  const end: usize = load<u32>(act, ACT_R10)
  let at: usize = end - load<u32>(load<u32>(act, ACT_CODE), CODE_FRAME_BYTES)
  const zero = i64x2.splat(0)
  while (at < end) {
    v128.store(at, zero)
    at += 16
  }
}

function boundStack(act: usize): void {
  const low = load<u64>(act, ACT_R10) - MAX_BPF_STACK
  store<u64>(act, low, ACT_STACK_LOW)
  store<u64>(act, <u64>load<u32>(act, ACT_STACK_TOP) - low - 7, ACT_STACK_ROOM)
}

/** After something may have moved the packet. */
@inline
export function forgetPacket(act: usize): void {
  store<u64>(act, 0, ACT_PACKET_ROOM)
}

/** After something may have given a map's memory back. */
@inline
export function forgetValue(act: usize): void {
  const zero = i64x2.splat(0)
  v128.store(act, zero, ACT_VALUE_ROOM)
  v128.store(act, zero, ACT_VALUE_ROOM + 16)
}

@inline
export function forgetRegions(act: usize): void {
  forgetPacket(act)
  forgetValue(act)
}

/** Zeroes all registers but r1 and r10. */
@inline
export function clearRegisters(act: usize): void {
  const zero = i64x2.splat(0)
  store<u64>(act, 0)
  v128.store(act, zero, 16)
  v128.store(act, zero, 32)
  v128.store(act, zero, 48)
  v128.store(act, zero, 64)
}

/** Enters a subprogram: a frame for the caller, 512 bytes of stack for the callee. False when there is no room. */
export function pushFrame(act: usize, back: usize, checked: bool): bool {
  const count = load<u32>(act, ACT_DEPTH)
  const r10 = load<u32>(act, ACT_R10)
  if (
    count + 1 >= load<u32>(act, ACT_DEPTH_BASE) + MAX_CALL_FRAMES ||
    count >= <u32>MAX_FRAMES ||
    r10 < load<u32>(control, CTL_STACK_END) + 2 * MAX_BPF_STACK
  )
    return false
  const frame = act + ACT_FRAMES + count * FRAME_SIZE
  store<u32>(frame, <u32>back, FRAME_RETURN)
  store<u32>(frame, load<u32>(act, ACT_CODE), FRAME_CODE)
  store<u32>(frame, load<u32>(act, ACT_DEPTH_BASE), FRAME_DEPTH_BASE)
  store<u32>(frame, load<u32>(act, ACT_MAY_GOTO), FRAME_MAY_GOTO)
  store<u32>(frame, load<u32>(act, ACT_STACK_TOP), FRAME_STACK_TOP)
  for (let i: usize = 0; i < 40; i += 8) store<u64>(frame + i, load<u64>(act + i, ACT_R6), FRAME_R6)
  store<u32>(act, count + 1, ACT_DEPTH)
  store<u32>(act, MAX_LOOPS, ACT_MAY_GOTO)
  store<u64>(act, <u64>(r10 - MAX_BPF_STACK), ACT_R10)
  if (checked) beginFrame(act)
  return true
}

/** Leaves the running function; the record to go on at, 0 when it was the outermost. */
export function popFrame(act: usize): usize {
  const count = load<u32>(act, ACT_DEPTH)
  if (count == 0) return 0
  const frame = act + ACT_FRAMES + (count - 1) * FRAME_SIZE
  for (let i: usize = 0; i < 40; i += 8) store<u64>(act + i, load<u64>(frame + i, FRAME_R6), ACT_R6)
  store<u32>(act, load<u32>(frame, FRAME_CODE), ACT_CODE)
  store<u32>(act, load<u32>(frame, FRAME_DEPTH_BASE), ACT_DEPTH_BASE)
  store<u32>(act, load<u32>(frame, FRAME_MAY_GOTO), ACT_MAY_GOTO)
  store<u32>(act, load<u32>(frame, FRAME_STACK_TOP), ACT_STACK_TOP)
  store<u32>(act, count - 1, ACT_DEPTH)
  // Should the caller be another program, its context may place the packet elsewhere.
  forgetRegions(act)
  boundStack(act)
  return load<u32>(frame, FRAME_RETURN)
}

/** The program of `code` takes the running function's place, frame and all. */
export function replaceProgram(act: usize, code: usize, checked: bool): void {
  store<u32>(act, <u32>code, ACT_CODE)
  store<u32>(act, load<u32>(act, ACT_DEPTH), ACT_DEPTH_BASE)
  store<u32>(act, MAX_LOOPS, ACT_MAY_GOTO)
  if (checked) {
    // Frames above are another program's.
    store<u32>(act, load<u32>(act, ACT_R10), ACT_STACK_TOP)
    clearRegisters(act)
    beginFrame(act)
    forgetRegions(act)
  }
}
