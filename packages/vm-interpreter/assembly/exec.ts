/**
 * The loop: one record after the other until the program exits, faults or has used its budget. All state but the place and
 * the budget lies in the activation, so that it can stop and go on after any instruction.
 */
import {
  CTL_BUDGET,
  CTL_FAULT,
  CTL_FAULT_ADDR,
  CTL_FAULT_PC,
  CTL_PROG,
  CTL_SP,
  CTL_STACK_END,
  CTL_TAIL_CALLS,
  FAULT_ACCESS,
  FAULT_BUDGET,
  FAULT_ILLEGAL,
  FAULT_NONE,
  FAULT_STACK,
  MAX_BPF_STACK,
  MAX_CALL_FRAMES,
  MAX_TAIL_CALL_CNT,
} from '../../registry/src/layout/control'
import { MAP_DATA, MAP_MAX_ENTRIES, MAP_STRIDE } from '../../registry/src/layout/map'
import { PROG_CODE, PROG_SLOT } from '../../registry/src/layout/program'
import * as h from '../src/handler'
import {
  ACT_CODE,
  ACT_DEPTH,
  ACT_FRAMES,
  ACT_MAY_GOTO,
  ACT_PC,
  CODE_CHECKED,
  CODE_FIRST,
  CODE_HELPER_COUNT,
  CODE_HELPERS,
  FRAME_MAY_GOTO,
  FRAME_R6,
  FRAME_RETURN,
  FRAME_SIZE,
  REC_DST,
  REC_IMM,
  REC_OFF,
  REC_SIZE,
  REC_SRC,
} from '../src/layout'
import { control, packetAt, permitted, refuseAtomic } from './access'
import { div32, div64, mod32, mod64, sdiv32, sdiv64, smod32, smod64 } from './alu'
import {
  atomic_add,
  atomic_and,
  atomic_cmpxchg,
  atomic_load,
  atomic_or,
  atomic_store,
  atomic_xchg,
  atomic_xor,
} from './atomics'

/** include/linux/bpf.h: what may_goto allows in one frame. */
const BPF_MAX_LOOPS: u32 = 8 * 1024 * 1024

@inline
function dst(regs: usize, pc: usize): u64 {
  return load<u64>(regs + load<u8>(pc, REC_DST))
}

@inline
function reg(regs: usize, pc: usize): u64 {
  return load<u64>(regs + load<u8>(pc, REC_SRC))
}

@inline
function set(regs: usize, pc: usize, value: u64): void {
  store<u64>(regs + load<u8>(pc, REC_DST), value)
}

@inline
function setSrc(regs: usize, pc: usize, value: u64): void {
  store<u64>(regs + load<u8>(pc, REC_SRC), value)
}

@inline
function imm(pc: usize): u64 {
  return load<u64>(pc, REC_IMM)
}

@inline
function offset(pc: usize): u64 {
  return <u64>(<i64>load<i32>(pc, REC_OFF))
}

@inline
function target(pc: usize): usize {
  return load<u32>(pc, REC_OFF)
}

/** Records why and where, and stops the run. */
function fault(act: usize, pc: usize, code: i32, address: u32): i32 {
  const first: usize = load<u32>(load<u32>(act, ACT_CODE), CODE_FIRST)
  store<i32>(control, code, CTL_FAULT)
  store<u32>(control, <u32>((pc - first) / REC_SIZE), CTL_FAULT_PC)
  store<u32>(control, address, CTL_FAULT_ADDR)
  store<u32>(act, <u32>pc, ACT_PC)
  return code
}

/** Enters a subprogram: a frame for the caller, 512 bytes of stack for the callee. False when there is no room. */
function enter(act: usize, back: usize): bool {
  const depth = load<u32>(act, ACT_DEPTH)
  const r10 = load<u64>(act, 80)
  if (depth + 1 >= <u32>MAX_CALL_FRAMES || r10 < <u64>load<u32>(control, CTL_STACK_END) + 2 * MAX_BPF_STACK) return false
  const frame = act + ACT_FRAMES + depth * FRAME_SIZE
  store<u32>(frame, <u32>back, FRAME_RETURN)
  store<u32>(frame, load<u32>(act, ACT_MAY_GOTO), FRAME_MAY_GOTO)
  for (let i: usize = 0; i < 40; i += 8) store<u64>(frame + i, load<u64>(act + 48 + i), FRAME_R6)
  store<u32>(act, depth + 1, ACT_DEPTH)
  store<u32>(act, BPF_MAX_LOOPS, ACT_MAY_GOTO)
  store<u64>(act, r10 - MAX_BPF_STACK, 80)
  return true
}

/** Leaves the running function; the record to go on at, 0 when it was the outermost. */
function leave(act: usize): usize {
  const depth = load<u32>(act, ACT_DEPTH)
  if (depth == 0) return 0
  const frame = act + ACT_FRAMES + (depth - 1) * FRAME_SIZE
  for (let i: usize = 0; i < 40; i += 8) store<u64>(act + 48 + i, load<u64>(frame + i, FRAME_R6))
  store<u32>(act, load<u32>(frame, FRAME_MAY_GOTO), ACT_MAY_GOTO)
  store<u32>(act, depth - 1, ACT_DEPTH)
  return load<u32>(frame, FRAME_RETURN)
}

/** The program in a program array's slot, 0 when the tail call does not happen. */
function tailCallTarget(map: usize, index: u32): usize {
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  const count = load<u32>(control, CTL_TAIL_CALLS)
  if (count >= <u32>MAX_TAIL_CALL_CNT) return 0
  const record = load<u32>(load<u32>(map, MAP_DATA) + index * load<u32>(map, MAP_STRIDE))
  if (record != 0) store<u32>(control, count + 1, CTL_TAIL_CALLS)
  return record
}

/** The function-table slot of a linked helper, for calls by register; 0 when the program has not linked it. */
function slotOfHelper(act: usize, id: u64): u32 {
  const code: usize = load<u32>(act, ACT_CODE)
  let at: usize = load<u32>(code, CODE_HELPERS)
  const end = at + load<u32>(code, CODE_HELPER_COUNT) * 8
  while (at < end) {
    if (<u64>load<u32>(at) == id) return load<u32>(at, 4)
    at += 8
  }
  return 0
}

/** `M` is a float for checked code and an integer for verified code: two loops are compiled. */
export function exec<M>(act: usize): i32 {
  const regs = act
  let pc: usize = load<u32>(act, ACT_PC)
  let budget = load<i64>(control, CTL_BUDGET)
  while (true) {
    if (--budget < 0) {
      store<i64>(control, 0, CTL_BUDGET)
      return fault(act, pc, FAULT_BUDGET, 0)
    }
    switch (<i32>load<u16>(pc)) {
      case h.ADD64_IMM:
        set(regs, pc, dst(regs, pc) + imm(pc))
        break
      case h.ADD64_REG:
        set(regs, pc, dst(regs, pc) + reg(regs, pc))
        break
      case h.SUB64_IMM:
        set(regs, pc, dst(regs, pc) - imm(pc))
        break
      case h.SUB64_REG:
        set(regs, pc, dst(regs, pc) - reg(regs, pc))
        break
      case h.MUL64_IMM:
        set(regs, pc, dst(regs, pc) * imm(pc))
        break
      case h.MUL64_REG:
        set(regs, pc, dst(regs, pc) * reg(regs, pc))
        break
      case h.DIV64_IMM:
        set(regs, pc, div64(dst(regs, pc), imm(pc)))
        break
      case h.DIV64_REG:
        set(regs, pc, div64(dst(regs, pc), reg(regs, pc)))
        break
      case h.SDIV64_IMM:
        set(regs, pc, sdiv64(dst(regs, pc), imm(pc)))
        break
      case h.SDIV64_REG:
        set(regs, pc, sdiv64(dst(regs, pc), reg(regs, pc)))
        break
      case h.OR64_IMM:
        set(regs, pc, dst(regs, pc) | imm(pc))
        break
      case h.OR64_REG:
        set(regs, pc, dst(regs, pc) | reg(regs, pc))
        break
      case h.AND64_IMM:
        set(regs, pc, dst(regs, pc) & imm(pc))
        break
      case h.AND64_REG:
        set(regs, pc, dst(regs, pc) & reg(regs, pc))
        break
      case h.LSH64_IMM:
        set(regs, pc, dst(regs, pc) << imm(pc))
        break
      case h.LSH64_REG:
        set(regs, pc, dst(regs, pc) << reg(regs, pc))
        break
      case h.RSH64_IMM:
        set(regs, pc, dst(regs, pc) >> imm(pc))
        break
      case h.RSH64_REG:
        set(regs, pc, dst(regs, pc) >> reg(regs, pc))
        break
      case h.MOD64_IMM:
        set(regs, pc, mod64(dst(regs, pc), imm(pc)))
        break
      case h.MOD64_REG:
        set(regs, pc, mod64(dst(regs, pc), reg(regs, pc)))
        break
      case h.SMOD64_IMM:
        set(regs, pc, smod64(dst(regs, pc), imm(pc)))
        break
      case h.SMOD64_REG:
        set(regs, pc, smod64(dst(regs, pc), reg(regs, pc)))
        break
      case h.XOR64_IMM:
        set(regs, pc, dst(regs, pc) ^ imm(pc))
        break
      case h.XOR64_REG:
        set(regs, pc, dst(regs, pc) ^ reg(regs, pc))
        break
      case h.ARSH64_IMM:
        set(regs, pc, <u64>(<i64>dst(regs, pc) >> <i64>imm(pc)))
        break
      case h.ARSH64_REG:
        set(regs, pc, <u64>(<i64>dst(regs, pc) >> <i64>reg(regs, pc)))
        break
      case h.ADD32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) + <u32>imm(pc)))
        break
      case h.ADD32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) + <u32>reg(regs, pc)))
        break
      case h.SUB32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) - <u32>imm(pc)))
        break
      case h.SUB32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) - <u32>reg(regs, pc)))
        break
      case h.MUL32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) * <u32>imm(pc)))
        break
      case h.MUL32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) * <u32>reg(regs, pc)))
        break
      case h.DIV32_IMM:
        set(regs, pc, <u64>div32(<u32>dst(regs, pc), <u32>imm(pc)))
        break
      case h.DIV32_REG:
        set(regs, pc, <u64>div32(<u32>dst(regs, pc), <u32>reg(regs, pc)))
        break
      case h.SDIV32_IMM:
        set(regs, pc, <u64>sdiv32(<u32>dst(regs, pc), <u32>imm(pc)))
        break
      case h.SDIV32_REG:
        set(regs, pc, <u64>sdiv32(<u32>dst(regs, pc), <u32>reg(regs, pc)))
        break
      case h.OR32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) | <u32>imm(pc)))
        break
      case h.OR32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) | <u32>reg(regs, pc)))
        break
      case h.AND32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) & <u32>imm(pc)))
        break
      case h.AND32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) & <u32>reg(regs, pc)))
        break
      case h.LSH32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) << <u32>imm(pc)))
        break
      case h.LSH32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) << <u32>reg(regs, pc)))
        break
      case h.RSH32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) >> <u32>imm(pc)))
        break
      case h.RSH32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) >> <u32>reg(regs, pc)))
        break
      case h.MOD32_IMM:
        set(regs, pc, <u64>mod32(<u32>dst(regs, pc), <u32>imm(pc)))
        break
      case h.MOD32_REG:
        set(regs, pc, <u64>mod32(<u32>dst(regs, pc), <u32>reg(regs, pc)))
        break
      case h.SMOD32_IMM:
        set(regs, pc, <u64>smod32(<u32>dst(regs, pc), <u32>imm(pc)))
        break
      case h.SMOD32_REG:
        set(regs, pc, <u64>smod32(<u32>dst(regs, pc), <u32>reg(regs, pc)))
        break
      case h.XOR32_IMM:
        set(regs, pc, <u64>(<u32>dst(regs, pc) ^ <u32>imm(pc)))
        break
      case h.XOR32_REG:
        set(regs, pc, <u64>(<u32>dst(regs, pc) ^ <u32>reg(regs, pc)))
        break
      case h.ARSH32_IMM:
        set(regs, pc, <u64>(<u32>(<i32>dst(regs, pc) >> <i32>imm(pc))))
        break
      case h.ARSH32_REG:
        set(regs, pc, <u64>(<u32>(<i32>dst(regs, pc) >> <i32>reg(regs, pc))))
        break
      case h.MOV64_IMM:
        set(regs, pc, imm(pc))
        break
      case h.MOV64_REG:
        set(regs, pc, reg(regs, pc))
        break
      case h.MOV32_IMM:
        set(regs, pc, <u64>(<u32>imm(pc)))
        break
      case h.MOV32_REG:
        set(regs, pc, <u64>(<u32>reg(regs, pc)))
        break
      case h.MOVSX64_8_REG:
        set(regs, pc, <u64>(<i64>(<i8>reg(regs, pc))))
        break
      case h.MOVSX64_16_REG:
        set(regs, pc, <u64>(<i64>(<i16>reg(regs, pc))))
        break
      case h.MOVSX64_32_REG:
        set(regs, pc, <u64>(<i64>(<i32>reg(regs, pc))))
        break
      case h.MOVSX32_8_REG:
        set(regs, pc, <u64>(<u32>(<i32>(<i8>reg(regs, pc)))))
        break
      case h.MOVSX32_16_REG:
        set(regs, pc, <u64>(<u32>(<i32>(<i16>reg(regs, pc)))))
        break
      case h.NEG64:
        set(regs, pc, 0 - dst(regs, pc))
        break
      case h.NEG32:
        set(regs, pc, <u64>(<u32>0 - <u32>dst(regs, pc)))
        break
      case h.ADDR_SPACE_CAST:
        set(regs, pc, reg(regs, pc))
        break
      case h.LE16:
        set(regs, pc, <u64>(<u16>dst(regs, pc)))
        break
      case h.LE32:
        set(regs, pc, <u64>(<u32>dst(regs, pc)))
        break
      case h.LE64:
        set(regs, pc, dst(regs, pc))
        break
      case h.BE16:
        set(regs, pc, <u64>bswap<u16>(<u16>dst(regs, pc)))
        break
      case h.BE32:
        set(regs, pc, <u64>bswap<u32>(<u32>dst(regs, pc)))
        break
      case h.BE64:
        set(regs, pc, bswap<u64>(dst(regs, pc)))
        break
      case h.BSWAP16:
        set(regs, pc, <u64>bswap<u16>(<u16>dst(regs, pc)))
        break
      case h.BSWAP32:
        set(regs, pc, <u64>bswap<u32>(<u32>dst(regs, pc)))
        break
      case h.BSWAP64:
        set(regs, pc, bswap<u64>(dst(regs, pc)))
        break
      case h.LDX_B:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 1, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>load<u8>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LDX_H:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 2, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>load<u16>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LDX_W:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 4, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>load<u32>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LDX_DW:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 8, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>load<u64>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LDXSX_B:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 1, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>(<i64>load<i8>(<usize>(reg(regs, pc) + offset(pc)))))
        break
      case h.LDXSX_H:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 2, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>(<i64>load<i16>(<usize>(reg(regs, pc) + offset(pc)))))
        break
      case h.LDXSX_W:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 4, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>(<i64>load<i32>(<usize>(reg(regs, pc) + offset(pc)))))
        break
      case h.ST_B:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 1, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u8>(<usize>(dst(regs, pc) + offset(pc)), <u8>imm(pc))
        break
      case h.ST_H:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 2, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u16>(<usize>(dst(regs, pc) + offset(pc)), <u16>imm(pc))
        break
      case h.ST_W:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 4, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>imm(pc))
        break
      case h.ST_DW:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 8, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>imm(pc))
        break
      case h.STX_B:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 1, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u8>(<usize>(dst(regs, pc) + offset(pc)), <u8>reg(regs, pc))
        break
      case h.STX_H:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 2, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u16>(<usize>(dst(regs, pc) + offset(pc)), <u16>reg(regs, pc))
        break
      case h.STX_W:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 4, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc))
        break
      case h.STX_DW:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 8, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        store<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc))
        break
      case h.ATOMIC64_ADD:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_add<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc))
        break
      case h.ATOMIC64_FETCH_ADD:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_add<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc)))
        break
      case h.ATOMIC64_OR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_or<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc))
        break
      case h.ATOMIC64_FETCH_OR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_or<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc)))
        break
      case h.ATOMIC64_AND:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_and<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc))
        break
      case h.ATOMIC64_FETCH_AND:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_and<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc)))
        break
      case h.ATOMIC64_XOR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_xor<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc))
        break
      case h.ATOMIC64_FETCH_XOR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_xor<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc)))
        break
      case h.ATOMIC64_XCHG:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_xchg<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc)))
        break
      case h.ATOMIC64_CMPXCHG:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 8)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        store<u64>(regs, <u64>atomic_cmpxchg<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>load<u64>(regs), <u64>reg(regs, pc)))
        break
      case h.ATOMIC32_ADD:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_add<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc))
        break
      case h.ATOMIC32_FETCH_ADD:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_add<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc)))
        break
      case h.ATOMIC32_OR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_or<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc))
        break
      case h.ATOMIC32_FETCH_OR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_or<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc)))
        break
      case h.ATOMIC32_AND:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_and<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc))
        break
      case h.ATOMIC32_FETCH_AND:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_and<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc)))
        break
      case h.ATOMIC32_XOR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        atomic_xor<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc))
        break
      case h.ATOMIC32_FETCH_XOR:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_xor<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc)))
        break
      case h.ATOMIC32_XCHG:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        setSrc(regs, pc, <u64>atomic_xchg<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc)))
        break
      case h.ATOMIC32_CMPXCHG:
        if (isFloat<M>()) {
          const bad = refuseAtomic(act, dst(regs, pc) + offset(pc), 4)
          if (bad) return fault(act, pc, bad, <u32>(dst(regs, pc) + offset(pc)))
        }
        store<u64>(regs, <u64>atomic_cmpxchg<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>load<u64>(regs), <u32>reg(regs, pc)))
        break
      case h.LOAD_ACQ_B:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 1, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>atomic_load<u8>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LOAD_ACQ_H:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 2, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>atomic_load<u16>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LOAD_ACQ_W:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 4, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>atomic_load<u32>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.LOAD_ACQ_DW:
        if (isFloat<M>() && !permitted(act, reg(regs, pc) + offset(pc), 8, false)) return fault(act, pc, FAULT_ACCESS, <u32>(reg(regs, pc) + offset(pc)))
        set(regs, pc, <u64>atomic_load<u64>(<usize>(reg(regs, pc) + offset(pc))))
        break
      case h.STORE_REL_B:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 1, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        atomic_store<u8>(<usize>(dst(regs, pc) + offset(pc)), <u8>reg(regs, pc))
        break
      case h.STORE_REL_H:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 2, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        atomic_store<u16>(<usize>(dst(regs, pc) + offset(pc)), <u16>reg(regs, pc))
        break
      case h.STORE_REL_W:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 4, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        atomic_store<u32>(<usize>(dst(regs, pc) + offset(pc)), <u32>reg(regs, pc))
        break
      case h.STORE_REL_DW:
        if (isFloat<M>() && !permitted(act, dst(regs, pc) + offset(pc), 8, true)) return fault(act, pc, FAULT_ACCESS, <u32>(dst(regs, pc) + offset(pc)))
        atomic_store<u64>(<usize>(dst(regs, pc) + offset(pc)), <u64>reg(regs, pc))
        break
      case h.LD_ABS_B: {
        const at = packetAt(act, <i32>imm(pc), 1)
        if (at == 0) {
          store<u64>(regs, 0)
          pc = leave(act)
          if (pc == 0) {
            store<i64>(control, budget, CTL_BUDGET)
            return FAULT_NONE
          }
          continue
        }
        store<u64>(regs, <u64>load<u8>(at))
        break
      }
      case h.LD_IND_B: {
        const at = packetAt(act, <i32>(reg(regs, pc) + imm(pc)), 1)
        if (at == 0) {
          store<u64>(regs, 0)
          pc = leave(act)
          if (pc == 0) {
            store<i64>(control, budget, CTL_BUDGET)
            return FAULT_NONE
          }
          continue
        }
        store<u64>(regs, <u64>load<u8>(at))
        break
      }
      case h.LD_ABS_H: {
        const at = packetAt(act, <i32>imm(pc), 2)
        if (at == 0) {
          store<u64>(regs, 0)
          pc = leave(act)
          if (pc == 0) {
            store<i64>(control, budget, CTL_BUDGET)
            return FAULT_NONE
          }
          continue
        }
        store<u64>(regs, <u64>bswap<u16>(load<u16>(at)))
        break
      }
      case h.LD_IND_H: {
        const at = packetAt(act, <i32>(reg(regs, pc) + imm(pc)), 2)
        if (at == 0) {
          store<u64>(regs, 0)
          pc = leave(act)
          if (pc == 0) {
            store<i64>(control, budget, CTL_BUDGET)
            return FAULT_NONE
          }
          continue
        }
        store<u64>(regs, <u64>bswap<u16>(load<u16>(at)))
        break
      }
      case h.LD_ABS_W: {
        const at = packetAt(act, <i32>imm(pc), 4)
        if (at == 0) {
          store<u64>(regs, 0)
          pc = leave(act)
          if (pc == 0) {
            store<i64>(control, budget, CTL_BUDGET)
            return FAULT_NONE
          }
          continue
        }
        store<u64>(regs, <u64>bswap<u32>(load<u32>(at)))
        break
      }
      case h.LD_IND_W: {
        const at = packetAt(act, <i32>(reg(regs, pc) + imm(pc)), 4)
        if (at == 0) {
          store<u64>(regs, 0)
          pc = leave(act)
          if (pc == 0) {
            store<i64>(control, budget, CTL_BUDGET)
            return FAULT_NONE
          }
          continue
        }
        store<u64>(regs, <u64>bswap<u32>(load<u32>(at)))
        break
      }
      case h.LD_IMM64:
        set(regs, pc, imm(pc))
        break
      case h.JEQ64_IMM:
        if (dst(regs, pc) == imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JEQ64_REG:
        if (dst(regs, pc) == reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGT64_IMM:
        if (dst(regs, pc) > imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGT64_REG:
        if (dst(regs, pc) > reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGE64_IMM:
        if (dst(regs, pc) >= imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGE64_REG:
        if (dst(regs, pc) >= reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSET64_IMM:
        if ((dst(regs, pc) & imm(pc)) != 0) {
          pc = target(pc)
          continue
        }
        break
      case h.JSET64_REG:
        if ((dst(regs, pc) & reg(regs, pc)) != 0) {
          pc = target(pc)
          continue
        }
        break
      case h.JNE64_IMM:
        if (dst(regs, pc) != imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JNE64_REG:
        if (dst(regs, pc) != reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGT64_IMM:
        if (<i64>dst(regs, pc) > <i64>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGT64_REG:
        if (<i64>dst(regs, pc) > <i64>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGE64_IMM:
        if (<i64>dst(regs, pc) >= <i64>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGE64_REG:
        if (<i64>dst(regs, pc) >= <i64>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLT64_IMM:
        if (dst(regs, pc) < imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLT64_REG:
        if (dst(regs, pc) < reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLE64_IMM:
        if (dst(regs, pc) <= imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLE64_REG:
        if (dst(regs, pc) <= reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLT64_IMM:
        if (<i64>dst(regs, pc) < <i64>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLT64_REG:
        if (<i64>dst(regs, pc) < <i64>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLE64_IMM:
        if (<i64>dst(regs, pc) <= <i64>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLE64_REG:
        if (<i64>dst(regs, pc) <= <i64>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JEQ32_IMM:
        if (<u32>dst(regs, pc) == <u32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JEQ32_REG:
        if (<u32>dst(regs, pc) == <u32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGT32_IMM:
        if (<u32>dst(regs, pc) > <u32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGT32_REG:
        if (<u32>dst(regs, pc) > <u32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGE32_IMM:
        if (<u32>dst(regs, pc) >= <u32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JGE32_REG:
        if (<u32>dst(regs, pc) >= <u32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSET32_IMM:
        if ((<u32>dst(regs, pc) & <u32>imm(pc)) != 0) {
          pc = target(pc)
          continue
        }
        break
      case h.JSET32_REG:
        if ((<u32>dst(regs, pc) & <u32>reg(regs, pc)) != 0) {
          pc = target(pc)
          continue
        }
        break
      case h.JNE32_IMM:
        if (<u32>dst(regs, pc) != <u32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JNE32_REG:
        if (<u32>dst(regs, pc) != <u32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGT32_IMM:
        if (<i32>dst(regs, pc) > <i32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGT32_REG:
        if (<i32>dst(regs, pc) > <i32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGE32_IMM:
        if (<i32>dst(regs, pc) >= <i32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSGE32_REG:
        if (<i32>dst(regs, pc) >= <i32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLT32_IMM:
        if (<u32>dst(regs, pc) < <u32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLT32_REG:
        if (<u32>dst(regs, pc) < <u32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLE32_IMM:
        if (<u32>dst(regs, pc) <= <u32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JLE32_REG:
        if (<u32>dst(regs, pc) <= <u32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLT32_IMM:
        if (<i32>dst(regs, pc) < <i32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLT32_REG:
        if (<i32>dst(regs, pc) < <i32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLE32_IMM:
        if (<i32>dst(regs, pc) <= <i32>imm(pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JSLE32_REG:
        if (<i32>dst(regs, pc) <= <i32>reg(regs, pc)) {
          pc = target(pc)
          continue
        }
        break
      case h.JA:
        pc = target(pc)
        continue
      case h.MAY_GOTO: {
        const left = load<u32>(act, ACT_MAY_GOTO)
        if (left == 0) {
          pc = target(pc)
          continue
        }
        store<u32>(act, left - 1, ACT_MAY_GOTO)
        break
      }
      case h.CALL_HELPER:
      case h.CALLX: {
        const slot = load<u16>(pc) == h.CALLX ? slotOfHelper(act, dst(regs, pc)) : load<u32>(pc, REC_OFF)
        if (slot == 0) return fault(act, pc, FAULT_ILLEGAL, 0)
        store<i64>(control, budget, CTL_BUDGET)
        store<u32>(act, <u32>pc, ACT_PC)
        store<u32>(control, load<u32>(regs, 80) - MAX_BPF_STACK, CTL_SP)
        store<u64>(
          regs,
          call_indirect<u64>(
            slot,
            load<u64>(regs, 8),
            load<u64>(regs, 16),
            load<u64>(regs, 24),
            load<u64>(regs, 32),
            load<u64>(regs, 40),
          ),
        )
        const failed = load<i32>(control, CTL_FAULT)
        if (failed != FAULT_NONE) return failed
        budget = load<i64>(control, CTL_BUDGET)
        break
      }
      case h.TAIL_CALL: {
        const record = tailCallTarget(<usize>load<u64>(regs, 16), load<u32>(regs, 24))
        if (record == 0) break
        store<u32>(control, <u32>record, CTL_PROG)
        const code: usize = load<u32>(record, PROG_CODE)
        if (code != 0 && load<u32>(code, CODE_CHECKED) == (isFloat<M>() ? 1 : 0)) {
          store<u32>(act, <u32>code, ACT_CODE)
          store<u32>(act, BPF_MAX_LOOPS, ACT_MAY_GOTO)
          pc = load<u32>(code, CODE_FIRST)
          continue
        }
        store<i64>(control, budget, CTL_BUDGET)
        store<u32>(act, <u32>pc, ACT_PC)
        store<u32>(control, load<u32>(regs, 80), CTL_SP)
        store<u64>(regs, call_indirect<u64>(load<u32>(record, PROG_SLOT), load<u64>(regs, 8), <u64>0, <u64>0, <u64>0, <u64>0))
        const failed = load<i32>(control, CTL_FAULT)
        if (failed != FAULT_NONE) return failed
        budget = load<i64>(control, CTL_BUDGET)
        pc = leave(act)
        if (pc == 0) {
          store<i64>(control, budget, CTL_BUDGET)
          return FAULT_NONE
        }
        continue
      }
      case h.CALL_LOCAL:
        if (!enter(act, pc + REC_SIZE)) return fault(act, pc, FAULT_STACK, 0)
        pc = target(pc)
        continue
      case h.EXIT:
        pc = leave(act)
        if (pc == 0) {
          store<i64>(control, budget, CTL_BUDGET)
          return FAULT_NONE
        }
        continue
      default:
        return fault(act, pc, FAULT_ILLEGAL, 0)
    }
    pc += REC_SIZE
  }
}
