import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { BPF_JGE, BPF_JGT, BPF_JLE, BPF_JLT, REG_AUX0, REG_TYPE } from './layout.ts'
import { MAX_PACKET_OFF } from './limits.ts'
import {
  baseType,
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  isPacketPointerAny,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
} from './reg-type.ts'
import { checkRegionBytes } from './region.ts'
import { aux0, forEachReg, idOf, markInvalid, offOf, sminIsNegative, typeOf } from './regs.ts'
import type { State } from './state.ts'

/** Ranges of a packet pointer that was found at or beyond the end. */
export const AT_PKT_END: number = -1
export const BEYOND_PKT_END: number = -2

/** May programs of this type touch the packet through pointers? With `pktAccess` given: may this helper, for them? */
export function mayAccessPacket(env: Env, write: boolean, pktAccess: boolean | undefined): boolean {
  const access = env.type.packetAccess ?? 'none'
  if (access === 'none' || (write && access === 'read')) return false
  if (env.type.packetToAnyHelper) return true
  return pktAccess ?? true
}

/** check_packet_access: the bytes lie in the range that comparisons with the end have shown. */
export function checkPacketAccess(
  env: Env,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
): void {
  const reg = env.reg(regno)
  if (sminIsNegative(env, reg)) {
    failReg(
      regno,
      'EACCES',
      `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    )
  }
  const outside = `R${regno} offset is outside of the packet`
  if (aux0(env, reg) < 0) failReg(regno, 'EINVAL', outside)
  checkRegionBytes(env, regno, off, size, aux0(env, reg), zeroAllowed, outside)
}

/** After a comparison that shows `pointer` to be before the end: its range, for it and all that share its base. */
function findGoodPointers(env: Env, state: State, pointer: number, type: number, open: boolean): void {
  const off = offOf(env, pointer)
  if (off < 0 || (off === 0 && open)) return
  const umax = env.domain.umax(pointer)
  if (umax > MAX_PACKET_OFF || umax + off > MAX_PACKET_OFF) return
  const range = off + (open ? 1 : 0)
  const id = idOf(env, pointer)
  const { i32 } = env.heap
  forEachReg(env, state, (reg) => {
    if (i32[(reg + REG_TYPE) >> 2] !== type || idOf(env, reg) !== id) return
    const at = (reg + REG_AUX0) >> 2
    if (i32[at]! < range) i32[at] = range
  })
}

function markEnd(env: Env, state: State, regno: number, open: boolean): void {
  const reg = state.frame.reg(regno)
  if (typeOf(env, reg) !== PTR_TO_PACKET) return
  env.heap.i32[(reg + REG_AUX0) >> 2] = open ? BEYOND_PKT_END : AT_PKT_END
}

/** reg_is_init_pkt_pointer: the start of the packet as the context gives it. */
const isPacketStart = (env: Env, reg: number): boolean =>
  typeOf(env, reg) === PTR_TO_PACKET &&
  idOf(env, reg) === 0 &&
  offOf(env, reg) === 0 &&
  env.domain.isZero(reg) !== 0

const isBefore = (env: Env, low: number, high: number): boolean =>
  (typeOf(env, low) === PTR_TO_PACKET && typeOf(env, high) === PTR_TO_PACKET_END) ||
  (typeOf(env, low) === PTR_TO_PACKET_META && isPacketStart(env, high))

/**
 * try_match_pkt_pointers: a comparison of a packet pointer with the end, or of metadata with the packet's start. `dst`
 * and `src` hold the values before the jump, in the branch not taken.
 */
export function matchPacketPointers(
  env: Env,
  op: number,
  dstReg: number,
  srcReg: number,
  notTaken: State,
  taken: State,
): boolean {
  const dst = notTaken.frame.reg(dstReg)
  const src = notTaken.frame.reg(srcReg)
  const forward = isBefore(env, dst, src)
  const backward = !forward && isBefore(env, src, dst)
  if (!forward && !backward) return false
  const pointer = forward ? dst : src
  const pointerReg = forward ? dstReg : srcReg
  // In which branch the pointer is before the end, and whether it may be at the end there.
  let goodTaken: boolean
  let open: boolean
  switch (op) {
    case BPF_JGT:
      goodTaken = backward
      open = backward
      break
    case BPF_JLT:
      goodTaken = forward
      open = forward
      break
    case BPF_JGE:
      goodTaken = backward
      open = forward
      break
    case BPF_JLE:
      goodTaken = forward
      open = backward
      break
    default:
      return false
  }
  findGoodPointers(env, goodTaken ? taken : notTaken, pointer, typeOf(env, pointer), open)
  markEnd(env, goodTaken ? notTaken : taken, pointerReg, !open)
  return true
}

/** is_pkt_ptr_branch_taken: 1 always, 0 never, -1 unknown. */
export function packetBranchTaken(env: Env, dst: number, src: number, op: number): number {
  let pointer: number
  let compare = op
  if (typeOf(env, src) === PTR_TO_PACKET_END) pointer = dst
  else if (typeOf(env, dst) === PTR_TO_PACKET_END) {
    pointer = src
    compare = FLIPPED[op] ?? op
  } else return -1
  const range = aux0(env, pointer)
  if (range >= 0) return -1
  switch (compare) {
    case BPF_JLE:
    case BPF_JGT:
      return range === BEYOND_PKT_END ? Number(compare === BPF_JGT) : -1
    case BPF_JLT:
    case BPF_JGE:
      return range === BEYOND_PKT_END || range === AT_PKT_END ? Number(compare === BPF_JGE) : -1
    default:
      return -1
  }
}

const FLIPPED: Readonly<Record<number, number>> = {
  [BPF_JGT]: BPF_JLT,
  [BPF_JLT]: BPF_JGT,
  [BPF_JGE]: BPF_JLE,
  [BPF_JLE]: BPF_JGE,
}

/** Memory of dynptrs that are over a packet. */
const DYNPTR_PACKET = DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP | DYNPTR_TYPE_SKB_META

/** clear_all_pkt_pointers: the packet may have moved. */
export function clearPacketPointers(env: Env): void {
  forEachReg(env, env.cur, (reg) => {
    const type = typeOf(env, reg)
    const slice = baseType(type) === PTR_TO_MEM && (type & DYNPTR_PACKET) !== 0
    if (isPacketPointerAny(type) || slice) markInvalid(env, reg)
  })
}
