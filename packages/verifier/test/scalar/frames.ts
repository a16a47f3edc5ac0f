/** Frames for tests: registers and stack slots as plain objects, and how they compare in Linux 6.18, written plainly. */
import * as layout from '../../src/layout.ts'
import { show, writeRecord } from './records.ts'
import type { Numeric, Pair } from './reference.ts'

export interface Reg {
  type: number
  id: number
  ref: number
  off: number
  /** Six words that the kind owns. */
  aux: number[]
  precise: boolean
  numbers: Numeric
}

export interface Slot {
  types: number[]
  reg: Reg
}

export interface TestFrame {
  regs: Reg[]
  slots: Slot[]
}

export function writeReg(memory: WebAssembly.Memory, at: number, reg: Reg): void {
  const view = new DataView(memory.buffer)
  view.setInt32(at + layout.REG_TYPE, reg.type, true)
  view.setInt32(at + layout.REG_ID, reg.id, true)
  view.setInt32(at + layout.REG_REF_OBJ_ID, reg.ref, true)
  view.setInt32(at + layout.REG_OFF, reg.off, true)
  for (const [i, word] of reg.aux.entries()) view.setInt32(at + layout.REG_AUX0 + 4 * i, word, true)
  view.setInt32(at + layout.REG_FLAGS, reg.precise ? layout.REG_FLAG_PRECISE : 0, true)
  writeRecord(memory, at, reg.numbers)
}

export function writeFrame(memory: WebAssembly.Memory, at: number, frame: TestFrame): void {
  for (let r = 0; r < layout.MAX_FRAME_REGS; r++) writeReg(memory, at + r * layout.REG_SIZE, frame.regs[r]!)
  for (const [spi, slot] of frame.slots.entries()) {
    const address = at + layout.FRAME_STACK + spi * layout.SLOT_SIZE
    writeReg(memory, address, slot.reg)
    new Uint8Array(memory.buffer).set(slot.types, address + layout.SLOT_TYPES)
  }
}

/** Which identities correspond (check_ids). */
export class Ids {
  readonly pairs: [number, number][] = []
  #temporary: number

  constructor(last: number) {
    this.#temporary = last
  }

  check(old: number, current: number): boolean {
    if (old === 0 || current === 0) return old === current
    for (const [x, y] of this.pairs) {
      if (x === old) return y === current
      if (y === current) return false
    }
    if (this.pairs.length === 600) return false
    this.pairs.push([old, current])
    return true
  }

  checkScalar(old: number, current: number): boolean {
    if (old === 0) return true
    return this.check(old, current === 0 ? ++this.#temporary : current)
  }
}

const sameNumbers = (a: Reg, b: Reg): boolean => show(a.numbers) === show(b.numbers)
const sameShape = (a: Reg, b: Reg): boolean =>
  a.type === b.type && a.off === b.off && a.aux.every((word, i) => word === b.aux[i])

/** range_within and tnum_in */
function within(old: Reg, current: Reg): boolean {
  const inside = ([a, b]: Pair, [c, d]: Pair): boolean => a <= c && d <= b
  const [x, y] = [old.numbers, current.numbers]
  const known = ~x.tnum[1]
  return (
    (y.tnum[1] & known) === 0n &&
    (y.tnum[0] & known) === x.tnum[0] &&
    (['s32', 'u32', 's64', 'u64'] as const).every((part) => inside(x[part], y[part]))
  )
}

export const regsExact = (old: Reg, current: Reg, ids: Ids): boolean =>
  sameShape(old, current) &&
  sameNumbers(old, current) &&
  ids.check(old.id, current.id) &&
  ids.check(old.ref, current.ref)

const SHAPED = [
  layout.PTR_TO_MAP_KEY,
  layout.PTR_TO_MAP_VALUE,
  layout.PTR_TO_MEM,
  layout.PTR_TO_BUF,
  layout.PTR_TO_TP_BUFFER,
]

/** regsafe */
export function regSafe(old: Reg, current: Reg, exact: number, flags: number, ids: Ids): boolean {
  if (exact === layout.STATES_EXACT) return regsExact(old, current, ids)
  if (old.type === layout.NOT_INIT && (exact === layout.NOT_EXACT || current.type === layout.NOT_INIT))
    return true
  if (old.type !== current.type) return false
  const base = old.type & 0xff
  if (base === layout.SCALAR_VALUE) {
    if (flags & layout.EXPLORE_ALU_LIMITS)
      return sameShape(old, current) && sameNumbers(old, current) && ids.checkScalar(old.id, current.id)
    if (exact === layout.NOT_EXACT && !old.precise) return true
    const constant = layout.BPF_ADD_CONST | 0
    if (old.id !== 0) {
      if ((old.id & constant) !== (current.id & constant)) return false
      if (old.id & constant && old.off !== current.off) return false
    }
    return within(old, current) && ids.checkScalar(old.id & ~constant, current.id & ~constant)
  }
  if (SHAPED.includes(base)) {
    return (
      sameShape(old, current) &&
      within(old, current) &&
      ids.check(old.id, current.id) &&
      ids.check(old.ref, current.ref)
    )
  }
  if (base === layout.PTR_TO_PACKET || base === layout.PTR_TO_PACKET_META) {
    const [range, other] = [old.aux[0]!, current.aux[0]!]
    if (range < 0 ? range !== other : range > other) return false
    return old.off === current.off && ids.check(old.id, current.id) && within(old, current)
  }
  return base === layout.PTR_TO_ARENA || regsExact(old, current, ids)
}

/** stacksafe, byte by byte. */
function stackSafe(
  old: TestFrame,
  current: TestFrame,
  exact: number,
  flags: number,
  unbound: Reg,
  ids: Ids,
): boolean {
  const uninit = (flags & layout.UNINIT_STACK_READ) !== 0
  const scalarOf = ({ types, reg }: Slot): Reg | undefined => {
    if (types[0] === layout.STACK_SPILL && reg.type === layout.SCALAR_VALUE) return reg
    const misc = types.every(
      (type) => type === layout.STACK_MISC || (uninit && type === layout.STACK_INVALID),
    )
    return misc ? unbound : undefined
  }
  for (let i = 0; i < old.slots.length * 8; i++) {
    const slot = old.slots[i >> 3]!
    const other = current.slots[i >> 3]
    const type = slot.types[i & 7]!
    if (exact !== layout.NOT_EXACT && (!other || other.types[i & 7] !== type)) return false
    if (type === layout.STACK_INVALID || (uninit && type === layout.STACK_MISC)) continue
    if (!other) return false
    const scalar = scalarOf(slot)
    const otherScalar = scalarOf(other)
    if (scalar && otherScalar) {
      if (!regSafe(scalar, otherScalar, exact, flags, ids)) return false
      i |= 7
      continue
    }
    if (type === layout.STACK_MISC && other.types[i & 7] === layout.STACK_ZERO) continue
    if (type !== other.types[i & 7]) return false
    if ((i & 7) !== 7) continue
    const [a, b] = [slot.reg, other.reg]
    const sameAux = (words: number): boolean => a.aux.slice(0, words).every((word, n) => word === b.aux[n])
    if (type === layout.STACK_SPILL && !regSafe(a, b, exact, flags, ids)) return false
    if (type === layout.STACK_DYNPTR && !(sameAux(2) && ids.check(a.ref, b.ref))) return false
    if (type === layout.STACK_ITER && !(sameAux(3) && ids.check(a.ref, b.ref))) return false
    if (type === layout.STACK_IRQ_FLAG && !(ids.check(a.ref, b.ref) && sameAux(1))) return false
  }
  return true
}

/** func_states_equal */
export const frameSafe = (
  old: TestFrame,
  current: TestFrame,
  live: number,
  exact: number,
  flags: number,
  unbound: Reg,
  ids: Ids,
): boolean =>
  old.regs.every((reg, r) => !((live >> r) & 1) || regSafe(reg, current.regs[r]!, exact, flags, ids)) &&
  stackSafe(old, current, exact, flags, unbound, ids)
