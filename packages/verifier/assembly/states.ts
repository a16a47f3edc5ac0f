// Whole records and frames: is a state no worse than one that was explored (states_equal, func_states_equal, regsafe,
// stacksafe and check_ids of kernel/bpf/verifier.c), and what is done to every register of a frame.
import {
  BPF_ADD_CONST,
  EXPLORE_ALU_LIMITS,
  FRAME_STACK,
  MAX_FRAME_REGS,
  NOT_EXACT,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_TP_BUFFER,
  REG_AUX0,
  REG_AUX1,
  REG_AUX2,
  REG_AUX4,
  REG_FLAGS,
  REG_FLAG_PRECISE,
  REG_ID,
  REG_OFF,
  REG_REF_OBJ_ID,
  REG_SIZE,
  REG_TYPE,
  SCALAR_VALUE,
  SLOT_SIZE,
  SLOT_TYPES,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  STATES_EXACT,
  UNINIT_STACK_READ,
} from '../src/layout.ts'
import { numeric_equal, numeric_within } from './compare'
import { mark_reg_unknown } from './register'

const ID_MAP_SIZE = 600
/** Address of pairs of identities, old and current, that correspond. */
let ids: usize = 0
let idCount: i32 = 0
let temporaryId: i32 = 0

/** Forgets which identities correspond; `last` is the last one given out. */
export function ids_begin(at: usize, last: i32): void {
  ids = at
  idCount = 0
  temporaryId = last
}

export function check_ids(old: i32, current: i32): bool {
  if ((old != 0) != (current != 0)) return false
  if (!old) return true
  let at = ids
  for (let i = 0; i < idCount; i++, at += 8) {
    if (load<i32>(at) == old) return load<i32>(at, 4) == current
    if (load<i32>(at, 4) == current) return false
  }
  if (idCount == ID_MAP_SIZE) return false
  store<i32>(at, old)
  store<i32>(at, current, 4)
  idCount++
  return true
}

/** A scalar linked with nothing stands for one linked with anything, which only tells more about it. */
function check_scalar_ids(old: i32, current: i32): bool {
  return !old || check_ids(old, current ? current : ++temporaryId)
}

// @ts-ignore: decorator
@inline
function word(r: usize, field: usize): i32 {
  return load<i32>(r + field)
}

// @ts-ignore: decorator
@inline
function sameWord(a: usize, b: usize, field: usize): bool {
  return load<i32>(a + field) == load<i32>(b + field)
}

/** Kind, offset and the words that the kind owns: everything but identities and numbers. */
function same_shape(a: usize, b: usize): bool {
  return (
    sameWord(a, b, REG_TYPE) &&
    sameWord(a, b, REG_OFF) &&
    load<u64>(a, REG_AUX0) == load<u64>(b, REG_AUX0) &&
    load<u64>(a, REG_AUX2) == load<u64>(b, REG_AUX2) &&
    load<u64>(a, REG_AUX4) == load<u64>(b, REG_AUX4)
  )
}

function same_ids(old: usize, current: usize): bool {
  return (
    check_ids(word(old, REG_ID), word(current, REG_ID)) &&
    check_ids(word(old, REG_REF_OBJ_ID), word(current, REG_REF_OBJ_ID))
  )
}

export function regs_exact(old: usize, current: usize): bool {
  return same_shape(old, current) && numeric_equal(old, current) && same_ids(old, current)
}

function scalar_safe(old: usize, current: usize, exact: i32, flags: i32): bool {
  const oldId = word(old, REG_ID)
  const currentId = word(current, REG_ID)
  if (flags & EXPLORE_ALU_LIMITS) {
    return same_shape(old, current) && numeric_equal(old, current) && check_scalar_ids(oldId, currentId)
  }
  if (exact == NOT_EXACT && !(word(old, REG_FLAGS) & REG_FLAG_PRECISE)) return true
  if (oldId && (oldId ^ currentId) & <i32>BPF_ADD_CONST) return false
  if (oldId & <i32>BPF_ADD_CONST && !sameWord(old, current, REG_OFF)) return false
  // With a constant or without, all that is linked has one identity.
  const plain = ~(<i32>BPF_ADD_CONST)
  return numeric_within(old, current) && check_scalar_ids(oldId & plain, currentId & plain)
}

function packet_safe(old: usize, current: usize): bool {
  const range = word(old, REG_AUX0)
  if (range > word(current, REG_AUX0)) return false
  // At or beyond the end, comparisons go one way only; the other way must not count as dead for longer ranges.
  if (range < 0 && range != word(current, REG_AUX0)) return false
  return (
    sameWord(old, current, REG_OFF) &&
    check_ids(word(old, REG_ID), word(current, REG_ID)) &&
    numeric_within(old, current)
  )
}

/** Is what was safe with `old` safe with `current`? */
export function reg_safe(old: usize, current: usize, exact: i32, flags: i32): bool {
  if (exact == STATES_EXACT) return regs_exact(old, current)
  const type = word(old, REG_TYPE)
  const currentType = word(current, REG_TYPE)
  if (type == NOT_INIT && (exact == NOT_EXACT || currentType == NOT_INIT)) return true
  if (type != currentType) return false
  switch (type & 0xff) {
    case SCALAR_VALUE:
      return scalar_safe(old, current, exact, flags)
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_TP_BUFFER:
      return same_shape(old, current) && numeric_within(old, current) && same_ids(old, current)
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET:
      return packet_safe(old, current)
    case PTR_TO_ARENA:
      return true
    default:
      return regs_exact(old, current)
  }
}

// @ts-ignore: decorator
@inline
function type_at(types: usize, i: i32): i32 {
  return load<u8>(types + i)
}

const ALL_MISC: u64 = STACK_MISC * 0x0101010101010101

function is_all_misc(types: u64, flags: i32): bool {
  // Of STACK_INVALID, which is 0, and STACK_MISC, which is one bit.
  return flags & UNINIT_STACK_READ ? !(types & ~ALL_MISC) : types == ALL_MISC
}

/** The scalar that a whole slot stands for, or 0; `unbound` is one of which nothing is known. */
function scalar_of_slot(slot: usize, unbound: usize, flags: i32): usize {
  if (load<u8>(slot, SLOT_TYPES) == STACK_SPILL && word(slot, REG_TYPE) == SCALAR_VALUE) return slot
  return is_all_misc(load<u64>(slot, SLOT_TYPES), flags) ? unbound : 0
}

/** Slots of the same types, by what they hold. */
function held_safe(old: usize, current: usize, exact: i32, flags: i32): bool {
  switch (<i32>load<u8>(old, SLOT_TYPES + 7)) {
    case STACK_SPILL:
      return reg_safe(old, current, exact, flags)
    case STACK_DYNPTR:
      return (
        load<u64>(old, REG_AUX0) == load<u64>(current, REG_AUX0) &&
        check_ids(word(old, REG_REF_OBJ_ID), word(current, REG_REF_OBJ_ID))
      )
    case STACK_ITER:
      return (
        load<u64>(old, REG_AUX0) == load<u64>(current, REG_AUX0) &&
        sameWord(old, current, REG_AUX2) &&
        check_ids(word(old, REG_REF_OBJ_ID), word(current, REG_REF_OBJ_ID))
      )
    case STACK_IRQ_FLAG:
      return (
        check_ids(word(old, REG_REF_OBJ_ID), word(current, REG_REF_OBJ_ID)) && sameWord(old, current, REG_AUX0)
      )
    default:
      return true
  }
}

function slot_safe(old: usize, current: usize, exact: i32, flags: i32, unbound: usize): bool {
  const first = type_at(old + SLOT_TYPES, 0)
  // A whole scalar against a slot of unknown bytes, either way round.
  if (first != STACK_INVALID && !(flags & UNINIT_STACK_READ && first == STACK_MISC)) {
    const oldScalar = scalar_of_slot(old, unbound, flags)
    const scalar = oldScalar ? scalar_of_slot(current, unbound, flags) : 0
    if (scalar) return reg_safe(oldScalar, scalar, exact, flags)
  }
  for (let i = 0; i < 8; i++) {
    const type = type_at(old + SLOT_TYPES, i)
    const currentType = type_at(current + SLOT_TYPES, i)
    if (type == STACK_INVALID) continue
    if (type == STACK_MISC && (flags & UNINIT_STACK_READ || currentType == STACK_ZERO)) continue
    if (type != currentType) return false
    if (i == 7) return held_safe(old, current, exact, flags)
  }
  return true
}

function stack_safe(
  old: usize,
  slots: i32,
  current: usize,
  currentSlots: i32,
  exact: i32,
  flags: i32,
  unbound: usize,
): bool {
  for (let spi = 0; spi < slots; spi++) {
    const oldSlot = old + FRAME_STACK + spi * SLOT_SIZE
    const slot = current + FRAME_STACK + spi * SLOT_SIZE
    const present = spi < currentSlots
    const types = load<u64>(oldSlot, SLOT_TYPES)
    if (exact != NOT_EXACT && (!present || types != load<u64>(slot, SLOT_TYPES))) return false
    if (!types || (flags & UNINIT_STACK_READ && is_all_misc(types, flags))) continue
    if (!present || !slot_safe(oldSlot, slot, exact, flags, unbound)) return false
  }
  return true
}

/**
 * Is one function's part of a state no worse than that of an explored one? By addresses of frames and numbers of slots
 * in use; `live` are the registers that may still be read, `unbound` is a record of a scalar of which nothing is
 * known.
 */
export function frame_safe(
  old: usize,
  slots: i32,
  current: usize,
  currentSlots: i32,
  live: i32,
  exact: i32,
  flags: i32,
  unbound: usize,
): bool {
  for (let r = 0; r < MAX_FRAME_REGS; r++) {
    if (live & (1 << r) && !reg_safe(old + r * REG_SIZE, current + r * REG_SIZE, exact, flags)) return false
  }
  return stack_safe(old, slots, current, currentSlots, exact, flags, unbound)
}

function same_record(a: usize, b: usize): bool {
  return (
    load<u64>(a, REG_TYPE) == load<u64>(b, REG_TYPE) &&
    sameWord(a, b, REG_REF_OBJ_ID) &&
    same_shape(a, b) &&
    numeric_equal(a, b)
  )
}

/** The first register in which two frames differ, identities included, tried from `first` on; -1 for none. */
export function frame_differs(a: usize, b: usize, first: i32): i32 {
  if (!same_record(a + first * REG_SIZE, b + first * REG_SIZE)) return first
  for (let r = 0; r < MAX_FRAME_REGS; r++) {
    if (!same_record(a + r * REG_SIZE, b + r * REG_SIZE)) return r
  }
  return -1
}

/** Any scalar. */
export function mark_unknown(r: usize): void {
  mark_record(r, SCALAR_VALUE)
  mark_reg_unknown(r)
}

/** Nothing that may be read. */
export function mark_not_init(r: usize): void {
  mark_record(r, NOT_INIT)
  mark_reg_unknown(r)
}

/** Sets the kind, and clears everything else but REG_SUBREG_DEF and the numeric part. */
export function mark_record(r: usize, type: i32): void {
  store<u64>(r, <u64>(<u32>type))
  store<u64>(r, 0, REG_REF_OBJ_ID)
  store<u64>(r, 0, REG_AUX0)
  store<u64>(r, 0, REG_AUX2)
  store<u64>(r, 0, REG_AUX4)
  store<i32>(r, 0, REG_FLAGS)
}

export function clear_caller_saved(frame: usize): void {
  for (let r = 0; r <= 5; r++) mark_not_init(frame + r * REG_SIZE)
}

/** What is read no more compares as nothing: registers, but the frame pointer, and slots by two words of bits. */
export function clean_frame(frame: usize, slots: i32, live: i32, aliveLow: i32, aliveHigh: i32): void {
  for (let r = 0; r < MAX_FRAME_REGS - 1; r++) {
    const reg = frame + r * REG_SIZE
    if (!(live & (1 << r)) && word(reg, REG_TYPE) != NOT_INIT) mark_not_init(reg)
  }
  const alive = (<u64>(<u32>aliveHigh) << 32) | <u64>(<u32>aliveLow)
  for (let spi = 0; spi < slots; spi++) {
    if ((alive >> spi) & 1) continue
    const slot = frame + FRAME_STACK + spi * SLOT_SIZE
    mark_not_init(slot)
    store<u64>(slot, 0, SLOT_TYPES)
  }
}

// @ts-ignore: decorator
@inline
function is_spilled_scalar(slot: usize): bool {
  return load<u8>(slot, SLOT_TYPES + 7) == STACK_SPILL && word(slot, REG_TYPE) == SCALAR_VALUE
}

/** Which registers are precise scalars; which slots hold one goes to `out`, two words of bits. */
export function precise_scalars(frame: usize, slots: i32, out: usize): i32 {
  let regs = 0
  for (let r = 0; r < MAX_FRAME_REGS - 1; r++) {
    const reg = frame + r * REG_SIZE
    if (word(reg, REG_TYPE) == SCALAR_VALUE && word(reg, REG_FLAGS) & REG_FLAG_PRECISE) regs |= 1 << r
  }
  let held: u64 = 0
  for (let spi = 0; spi < slots; spi++) {
    const slot = frame + FRAME_STACK + spi * SLOT_SIZE
    if (is_spilled_scalar(slot) && word(slot, REG_FLAGS) & REG_FLAG_PRECISE) held |= (<u64>1) << spi
  }
  store<u64>(out, held)
  return regs
}

/**
 * Marks scalars precise: registers whose bits are in the word at `asked`, and slots by the two words at `asked + 8`.
 * Bits of what is no scalar, or was marked before, are cleared there.
 */
export function mark_precise(frame: usize, slots: i32, asked: usize): bool {
  let regs = load<i32>(asked)
  for (let r = 0; r < MAX_FRAME_REGS - 1; r++) {
    if (!(regs & (1 << r))) continue
    const reg = frame + r * REG_SIZE
    const flags = word(reg, REG_FLAGS)
    if (word(reg, REG_TYPE) != SCALAR_VALUE || flags & REG_FLAG_PRECISE) regs &= ~(1 << r)
    else store<i32>(reg, flags | REG_FLAG_PRECISE, REG_FLAGS)
  }
  let held = load<u64>(asked, 8)
  for (let left = held; left; left &= left - 1) {
    const spi = <i32>ctz<u64>(left)
    const slot = frame + FRAME_STACK + spi * SLOT_SIZE
    const scalar = spi < slots && is_spilled_scalar(slot)
    const flags = scalar ? word(slot, REG_FLAGS) : 0
    if (!scalar || flags & REG_FLAG_PRECISE) held &= ~((<u64>1) << spi)
    else store<i32>(slot, flags | REG_FLAG_PRECISE, REG_FLAGS)
  }
  store<i32>(asked, regs)
  store<u64>(asked, held, 8)
  return regs != 0 || held != 0
}

export function copy_bytes(to: usize, from: usize, bytes: i32): void {
  memory.copy(to, from, bytes)
}
