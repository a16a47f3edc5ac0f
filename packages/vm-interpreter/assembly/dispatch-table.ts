/**
 * The loop: one record after the other until the program exits, faults or has used its budget. All state but the place
 * and the budget lies in the activation, so that it can stop and go on after any instruction.
 */
import {
  FAULT_ACCESS,
  FAULT_BUDGET,
  FAULT_ILLEGAL,
  FAULT_NONE,
  FAULT_STACK,
} from '../../registry/src/layout/control'
import { PROG_CODE } from '../../registry/src/layout/program'
import * as h from '../src/layout/handlers'
import {
  ACT_CODE,
  ACT_LEFT,
  ACT_MAY_GOTO,
  ACT_PC,
  ACT_STEPPED,
  CODE_BUDGET,
  CODE_CHECKED,
  CODE_END,
  CODE_FIRST,
  HELPER_ARGS,
  HELPER_SLOT,
  REC_ALLOWED,
  REC_DST,
  REC_IMM,
  REC_OFF,
  REC_SINGLE,
  REC_SIZE,
  REC_SRC,
  STEP_PAUSED,
} from '../src/layout/structures'
import { budgetLeft, fault, popFrame, pushFrame, replaceProgram, setBudget } from './activation'
import { div32, div64, mod32, mod64, sdiv32, sdiv64, smod32, smod64, swap64 } from './alu'
import { ALL_ARGUMENTS, checkCall } from './arguments'
import { accessWindow } from './window'
import { atomicSize, doAtomic } from './atomics'
import { afterCall, callHelper, helperById, runElsewhere, tailCallTarget } from './calls'
import { loadPacket } from './packet'
import { permitted, permittedRange, refuseAtomic } from './regions'

/** What the quick loops return when the budget may end before the next jump: the exact one goes on. */
export const NEARLY_SPENT: i32 = -2

/**
 * The loop is compiled in three forms, told apart by the size of a type. The quick ones, for plain and for checked
 * code, count instructions at jumps alone and stop while the budget still covers what may follow until the next one.
 * Then the exact one goes on, which counts each instruction.
 */
export type Plain = u8
export type Checked = u16
export type Exact = u32

@inline
function isExact<M>(): bool {
  return sizeof<M>() == sizeof<Exact>()
}

/** Whether accesses are checked; the exact loop looks at the code. */
@inline
function guarded<M>(checked: bool): bool {
  return isExact<M>() ? checked : sizeof<M>() == sizeof<Checked>()
}

@inline
function dst(regs: usize, at: usize): u64 {
  return load<u64>(regs + load<u8>(at, REC_DST))
}

@inline
function dst32(regs: usize, at: usize): u32 {
  return load<u32>(regs + load<u8>(at, REC_DST))
}

@inline
function src(regs: usize, at: usize): u64 {
  return load<u64>(regs + load<u8>(at, REC_SRC))
}

@inline
function src32(regs: usize, at: usize): u32 {
  return load<u32>(regs + load<u8>(at, REC_SRC))
}

@inline
function set(regs: usize, at: usize, value: u64): void {
  store<u64>(regs + load<u8>(at, REC_DST), value)
}

@inline
function set32(regs: usize, at: usize, value: u32): void {
  store<u64>(regs + load<u8>(at, REC_DST), <u64>value)
}

@inline
function imm(at: usize): u64 {
  return load<u64>(at, REC_IMM)
}

@inline
function imm32(at: usize): u32 {
  return load<u32>(at, REC_IMM)
}

/** Where an access goes: all 64 bits, to be checked, and the half that counts once it is permitted. */
@inline
function source(regs: usize, at: usize): u64 {
  return src(regs, at) + <u64>(<i64>load<i32>(at, REC_OFF))
}

@inline
function destination(regs: usize, at: usize): u64 {
  return dst(regs, at) + <u64>(<i64>load<i32>(at, REC_OFF))
}

@inline
function from(regs: usize, at: usize): usize {
  return src32(regs, at) + load<i32>(at, REC_OFF)
}

@inline
function into(regs: usize, at: usize): usize {
  return dst32(regs, at) + load<i32>(at, REC_OFF)
}

/** The exact loop need not be quick, so it does without what is done inline. */
@inline
function allowed<M>(act: usize, address: u64, size: u32, write: bool): bool {
  return isExact<M>() ? permittedRange(act, address, size, write) : permitted(act, address, size, write)
}

/** A stepper may have changed registers, so the exact loop relies on nothing that the translation has seen. */
@inline
function isAllowed<M>(at: usize): bool {
  return !isExact<M>() && load<u32>(at, REC_ALLOWED) != 0
}

/** Where a load goes; 0, which is nobody's address, when it may not. */
@inline
function readable<M>(act: usize, at: usize, size: u32, checked: bool): usize {
  if (!guarded<M>(checked) || isAllowed<M>(at)) return from(act, at)
  const address = source(act, at)
  return allowed<M>(act, address, size, false) ? <usize>address : 0
}

/** Where a store goes. */
@inline
function writable<M>(act: usize, at: usize, size: u32, checked: bool): usize {
  if (!guarded<M>(checked) || isAllowed<M>(at)) return into(act, at)
  const address = destination(act, at)
  return allowed<M>(act, address, size, true) ? <usize>address : 0
}

@inline
function isRefused<M>(address: usize, checked: bool): bool {
  return guarded<M>(checked) && address == 0
}

@inline
function check<M>(act: usize, at: usize, args: usize, known: u32): i32 {
  const arguments = isExact<M>() ? 0 : known
  return arguments == ALL_ARGUMENTS ? FAULT_NONE : checkCall(act, at, args, arguments)
}

/** The credit that stands for so many instructions from a record on. In the quick loops it is where the budget ends. */
@inline
function creditFor<M>(budget: i64, pc: usize): i64 {
  return isExact<M>() ? budget : (min<i64>(budget, i64.MAX_VALUE >> 8) * REC_SIZE) + <i64>pc
}

/** The inverse. */
@inline
function budgetOf<M>(credit: i64, pc: usize): i64 {
  return isExact<M>() ? credit : (credit - <i64>pc) / REC_SIZE
}

/** Stops a quick loop before a record. */
function nearlySpent(act: usize, pc: usize, credit: i64): i32 {
  store<u32>(act, <u32>pc, ACT_PC)
  setBudget(budgetOf<Plain>(credit, pc))
  return NEARLY_SPENT
}

/** The budget ends before a record. */
function spent(act: usize, pc: usize): i32 {
  setBudget(0)
  store<u32>(act, <u32>pc, ACT_PC)
  return load<u32>(act, ACT_STEPPED) ? STEP_PAUSED : fault(act, pc, FAULT_BUDGET, 0)
}

/** The credit behind a jump: what is left stays the same. */
@inline
function moved<M>(credit: i64, from: usize, to: usize): i64 {
  return isExact<M>() ? credit : credit + <i64>to - <i64>from
}

@inline
function endOfCode(act: usize): i64 {
  return <i64>load<u32>(load<u32>(act, ACT_CODE), CODE_END)
}

@inline
function finish<M>(act: usize, credit: i64, pc: usize): i32 {
  if (isExact<M>()) store<u32>(act, <u32>(pc - REC_SIZE), ACT_PC)
  setBudget(budgetOf<M>(credit, pc))
  return FAULT_NONE
}

/** What a helper may use of the budget. A stepper's steps are not for helpers. */
@inline
function budgetForCall<M>(act: usize, credit: i64, pc: usize): i64 {
  if (isExact<M>() && load<u32>(act, ACT_STEPPED)) return load<i64>(load<u32>(act, ACT_CODE), CODE_BUDGET)
  return budgetOf<M>(credit, pc)
}

@inline
function creditAfterCall<M>(act: usize, credit: i64, pc: usize): i64 {
  if (isExact<M>() && load<u32>(act, ACT_STEPPED)) return credit
  return creditFor<M>(budgetLeft(), pc)
}

export function exec<M>(act: usize): i32 {
  const regs = act
  let pc: usize = load<u32>(act, ACT_PC)
  let credit = creditFor<M>(budgetLeft(), pc)
  let end = endOfCode(act)
  const checked = load<u32>(load<u32>(act, ACT_CODE), CODE_CHECKED) != 0
  if (!isExact<M>() && credit < end) return nearlySpent(act, pc, credit)
  while (true) {
    let at = pc
    if (isExact<M>()) {
      if (--credit < 0) return spent(act, at)
      store<i64>(act, credit, ACT_LEFT)
    }
    pc += REC_SIZE
    // `continue` goes on behind the record, `break` to its target.
    switch (<i32>(isExact<M>() ? load<u8>(at, REC_SINGLE) : load<u8>(at))) {
      case h.ADD64_IMM: set(regs, at, dst(regs, at) + imm(at)); continue
      case h.ADD64_REG: set(regs, at, dst(regs, at) + src(regs, at)); continue
      case h.SUB64_IMM: set(regs, at, dst(regs, at) - imm(at)); continue
      case h.SUB64_REG: set(regs, at, dst(regs, at) - src(regs, at)); continue
      case h.MUL64_IMM: set(regs, at, dst(regs, at) * imm(at)); continue
      case h.MUL64_REG: set(regs, at, dst(regs, at) * src(regs, at)); continue
      case h.DIV64_IMM: set(regs, at, div64(dst(regs, at), imm(at))); continue
      case h.DIV64_REG: set(regs, at, div64(dst(regs, at), src(regs, at))); continue
      case h.SDIV64_IMM: set(regs, at, sdiv64(dst(regs, at), imm(at))); continue
      case h.SDIV64_REG: set(regs, at, sdiv64(dst(regs, at), src(regs, at))); continue
      case h.OR64_IMM: set(regs, at, dst(regs, at) | imm(at)); continue
      case h.OR64_REG: set(regs, at, dst(regs, at) | src(regs, at)); continue
      case h.AND64_IMM: set(regs, at, dst(regs, at) & imm(at)); continue
      case h.AND64_REG: set(regs, at, dst(regs, at) & src(regs, at)); continue
      case h.LSH64_IMM: set(regs, at, dst(regs, at) << imm(at)); continue
      case h.LSH64_REG: set(regs, at, dst(regs, at) << src(regs, at)); continue
      case h.RSH64_IMM: set(regs, at, dst(regs, at) >> imm(at)); continue
      case h.RSH64_REG: set(regs, at, dst(regs, at) >> src(regs, at)); continue
      case h.MOD64_IMM: set(regs, at, mod64(dst(regs, at), imm(at))); continue
      case h.MOD64_REG: set(regs, at, mod64(dst(regs, at), src(regs, at))); continue
      case h.SMOD64_IMM: set(regs, at, smod64(dst(regs, at), imm(at))); continue
      case h.SMOD64_REG: set(regs, at, smod64(dst(regs, at), src(regs, at))); continue
      case h.XOR64_IMM: set(regs, at, dst(regs, at) ^ imm(at)); continue
      case h.XOR64_REG: set(regs, at, dst(regs, at) ^ src(regs, at)); continue
      case h.ARSH64_IMM: set(regs, at, <u64>(<i64>dst(regs, at) >> <i64>imm(at))); continue
      case h.ARSH64_REG: set(regs, at, <u64>(<i64>dst(regs, at) >> <i64>src(regs, at))); continue
      case h.ADD32_IMM: set32(regs, at, dst32(regs, at) + imm32(at)); continue
      case h.ADD32_REG: set32(regs, at, dst32(regs, at) + src32(regs, at)); continue
      case h.SUB32_IMM: set32(regs, at, dst32(regs, at) - imm32(at)); continue
      case h.SUB32_REG: set32(regs, at, dst32(regs, at) - src32(regs, at)); continue
      case h.MUL32_IMM: set32(regs, at, dst32(regs, at) * imm32(at)); continue
      case h.MUL32_REG: set32(regs, at, dst32(regs, at) * src32(regs, at)); continue
      case h.DIV32_IMM: set32(regs, at, div32(dst32(regs, at), imm32(at))); continue
      case h.DIV32_REG: set32(regs, at, div32(dst32(regs, at), src32(regs, at))); continue
      case h.SDIV32_IMM: set32(regs, at, sdiv32(dst32(regs, at), imm32(at))); continue
      case h.SDIV32_REG: set32(regs, at, sdiv32(dst32(regs, at), src32(regs, at))); continue
      case h.OR32_IMM: set32(regs, at, dst32(regs, at) | imm32(at)); continue
      case h.OR32_REG: set32(regs, at, dst32(regs, at) | src32(regs, at)); continue
      case h.AND32_IMM: set32(regs, at, dst32(regs, at) & imm32(at)); continue
      case h.AND32_REG: set32(regs, at, dst32(regs, at) & src32(regs, at)); continue
      case h.LSH32_IMM: set32(regs, at, dst32(regs, at) << imm32(at)); continue
      case h.LSH32_REG: set32(regs, at, dst32(regs, at) << src32(regs, at)); continue
      case h.RSH32_IMM: set32(regs, at, dst32(regs, at) >> imm32(at)); continue
      case h.RSH32_REG: set32(regs, at, dst32(regs, at) >> src32(regs, at)); continue
      case h.MOD32_IMM: set32(regs, at, mod32(dst32(regs, at), imm32(at))); continue
      case h.MOD32_REG: set32(regs, at, mod32(dst32(regs, at), src32(regs, at))); continue
      case h.SMOD32_IMM: set32(regs, at, smod32(dst32(regs, at), imm32(at))); continue
      case h.SMOD32_REG: set32(regs, at, smod32(dst32(regs, at), src32(regs, at))); continue
      case h.XOR32_IMM: set32(regs, at, dst32(regs, at) ^ imm32(at)); continue
      case h.XOR32_REG: set32(regs, at, dst32(regs, at) ^ src32(regs, at)); continue
      case h.ARSH32_IMM: set32(regs, at, <u32>(<i32>dst32(regs, at) >> <i32>imm32(at))); continue
      case h.ARSH32_REG: set32(regs, at, <u32>(<i32>dst32(regs, at) >> <i32>src32(regs, at))); continue
      case h.MOV64_IMM: set(regs, at, imm(at)); continue
      case h.MOV64_REG: set(regs, at, src(regs, at)); continue
      case h.MOV32_IMM: set32(regs, at, imm32(at)); continue
      case h.MOV32_REG: set32(regs, at, src32(regs, at)); continue
      case h.MOVSX64_8_REG: set(regs, at, <u64>(<i64>(<i8>src32(regs, at)))); continue
      case h.MOVSX64_16_REG: set(regs, at, <u64>(<i64>(<i16>src32(regs, at)))); continue
      case h.MOVSX64_32_REG: set(regs, at, <u64>(<i64>(<i32>src32(regs, at)))); continue
      case h.MOVSX32_8_REG: set32(regs, at, <u32>(<i32>(<i8>src32(regs, at)))); continue
      case h.MOVSX32_16_REG: set32(regs, at, <u32>(<i32>(<i16>src32(regs, at)))); continue
      case h.NEG64: set(regs, at, 0 - dst(regs, at)); continue
      case h.NEG32: set32(regs, at, 0 - dst32(regs, at)); continue
      case h.ADDR_SPACE_CAST: set32(regs, at, src32(regs, at)); continue
      case h.LE16: set32(regs, at, dst32(regs, at) & 0xffff); continue
      case h.LE32: set32(regs, at, dst32(regs, at)); continue
      case h.LE64: continue
      case h.BE16: set32(regs, at, <u32>bswap<u16>(<u16>dst32(regs, at))); continue
      case h.BE32: set32(regs, at, bswap<u32>(dst32(regs, at))); continue
      case h.BE64: set(regs, at, swap64(dst(regs, at))); continue
      case h.BSWAP16: set32(regs, at, <u32>bswap<u16>(<u16>dst32(regs, at))); continue
      case h.BSWAP32: set32(regs, at, bswap<u32>(dst32(regs, at))); continue
      case h.BSWAP64: set(regs, at, swap64(dst(regs, at))); continue
      case h.LD_IMM64: set(regs, at, imm(at)); continue
      case h.LDX_B: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u8>(address)); continue
      }
      case h.LDX_H: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u16>(address)); continue
      }
      case h.LDX_W: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u32>(address)); continue
      }
      case h.LDX_DW: {
        const address = readable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u64>(address)); continue
      }
      case h.LDXSX_B: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>(<i64>load<i8>(address))); continue
      }
      case h.LDXSX_H: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>(<i64>load<i16>(address))); continue
      }
      case h.LDXSX_W: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>(<i64>load<i32>(address))); continue
      }
      case h.ST_B: {
        const address = writable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u8>(address, <u8>imm(at)); continue
      }
      case h.ST_H: {
        const address = writable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u16>(address, <u16>imm(at)); continue
      }
      case h.ST_W: {
        const address = writable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u32>(address, <u32>imm(at)); continue
      }
      case h.ST_DW: {
        const address = writable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u64>(address, <u64>(<i64>load<i32>(at, REC_IMM))); continue
      }
      case h.STX_B: {
        const address = writable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u8>(address, <u8>src(regs, at)); continue
      }
      case h.STX_H: {
        const address = writable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u16>(address, <u16>src(regs, at)); continue
      }
      case h.STX_W: {
        const address = writable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u32>(address, <u32>src(regs, at)); continue
      }
      case h.STX_DW: {
        const address = writable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u64>(address, <u64>src(regs, at)); continue
      }
      case h.JEQ64_IMM: if (dst(regs, at) == imm(at)) break; continue
      case h.JEQ64_REG: if (dst(regs, at) == src(regs, at)) break; continue
      case h.JGT64_IMM: if (dst(regs, at) > imm(at)) break; continue
      case h.JGT64_REG: if (dst(regs, at) > src(regs, at)) break; continue
      case h.JGE64_IMM: if (dst(regs, at) >= imm(at)) break; continue
      case h.JGE64_REG: if (dst(regs, at) >= src(regs, at)) break; continue
      case h.JSET64_IMM: if ((dst(regs, at) & imm(at)) != 0) break; continue
      case h.JSET64_REG: if ((dst(regs, at) & src(regs, at)) != 0) break; continue
      case h.JNE64_IMM: if (dst(regs, at) != imm(at)) break; continue
      case h.JNE64_REG: if (dst(regs, at) != src(regs, at)) break; continue
      case h.JSGT64_IMM: if (<i64>dst(regs, at) > <i64>imm(at)) break; continue
      case h.JSGT64_REG: if (<i64>dst(regs, at) > <i64>src(regs, at)) break; continue
      case h.JSGE64_IMM: if (<i64>dst(regs, at) >= <i64>imm(at)) break; continue
      case h.JSGE64_REG: if (<i64>dst(regs, at) >= <i64>src(regs, at)) break; continue
      case h.JLT64_IMM: if (dst(regs, at) < imm(at)) break; continue
      case h.JLT64_REG: if (dst(regs, at) < src(regs, at)) break; continue
      case h.JLE64_IMM: if (dst(regs, at) <= imm(at)) break; continue
      case h.JLE64_REG: if (dst(regs, at) <= src(regs, at)) break; continue
      case h.JSLT64_IMM: if (<i64>dst(regs, at) < <i64>imm(at)) break; continue
      case h.JSLT64_REG: if (<i64>dst(regs, at) < <i64>src(regs, at)) break; continue
      case h.JSLE64_IMM: if (<i64>dst(regs, at) <= <i64>imm(at)) break; continue
      case h.JSLE64_REG: if (<i64>dst(regs, at) <= <i64>src(regs, at)) break; continue
      case h.JEQ32_IMM: if (dst32(regs, at) == imm32(at)) break; continue
      case h.JEQ32_REG: if (dst32(regs, at) == src32(regs, at)) break; continue
      case h.JGT32_IMM: if (dst32(regs, at) > imm32(at)) break; continue
      case h.JGT32_REG: if (dst32(regs, at) > src32(regs, at)) break; continue
      case h.JGE32_IMM: if (dst32(regs, at) >= imm32(at)) break; continue
      case h.JGE32_REG: if (dst32(regs, at) >= src32(regs, at)) break; continue
      case h.JSET32_IMM: if ((dst32(regs, at) & imm32(at)) != 0) break; continue
      case h.JSET32_REG: if ((dst32(regs, at) & src32(regs, at)) != 0) break; continue
      case h.JNE32_IMM: if (dst32(regs, at) != imm32(at)) break; continue
      case h.JNE32_REG: if (dst32(regs, at) != src32(regs, at)) break; continue
      case h.JSGT32_IMM: if (<i32>dst32(regs, at) > <i32>imm32(at)) break; continue
      case h.JSGT32_REG: if (<i32>dst32(regs, at) > <i32>src32(regs, at)) break; continue
      case h.JSGE32_IMM: if (<i32>dst32(regs, at) >= <i32>imm32(at)) break; continue
      case h.JSGE32_REG: if (<i32>dst32(regs, at) >= <i32>src32(regs, at)) break; continue
      case h.JLT32_IMM: if (dst32(regs, at) < imm32(at)) break; continue
      case h.JLT32_REG: if (dst32(regs, at) < src32(regs, at)) break; continue
      case h.JLE32_IMM: if (dst32(regs, at) <= imm32(at)) break; continue
      case h.JLE32_REG: if (dst32(regs, at) <= src32(regs, at)) break; continue
      case h.JSLT32_IMM: if (<i32>dst32(regs, at) < <i32>imm32(at)) break; continue
      case h.JSLT32_REG: if (<i32>dst32(regs, at) < <i32>src32(regs, at)) break; continue
      case h.JSLE32_IMM: if (<i32>dst32(regs, at) <= <i32>imm32(at)) break; continue
      case h.JSLE32_REG: if (<i32>dst32(regs, at) <= <i32>src32(regs, at)) break; continue
      case h.JA: break
      case h.MAY_GOTO: {
        const left = load<u32>(act, ACT_MAY_GOTO)
        if (left == 0) break
        store<u32>(act, left - 1, ACT_MAY_GOTO); continue
      }

      case h.IN_WINDOW: accessWindow(regs, load<u32>(act, ACT_CODE), at); continue
      case h.ATOMIC64_ADD: case h.ATOMIC64_FETCH_ADD: case h.ATOMIC64_OR: case h.ATOMIC64_FETCH_OR:
      case h.ATOMIC64_AND: case h.ATOMIC64_FETCH_AND: case h.ATOMIC64_XOR: case h.ATOMIC64_FETCH_XOR:
      case h.ATOMIC64_XCHG: case h.ATOMIC64_CMPXCHG: case h.ATOMIC32_ADD: case h.ATOMIC32_FETCH_ADD:
      case h.ATOMIC32_OR: case h.ATOMIC32_FETCH_OR: case h.ATOMIC32_AND: case h.ATOMIC32_FETCH_AND:
      case h.ATOMIC32_XOR: case h.ATOMIC32_FETCH_XOR: case h.ATOMIC32_XCHG: case h.ATOMIC32_CMPXCHG:
      case h.LOAD_ACQ_B: case h.LOAD_ACQ_H: case h.LOAD_ACQ_W: case h.LOAD_ACQ_DW:
      case h.STORE_REL_B: case h.STORE_REL_H: case h.STORE_REL_W: case h.STORE_REL_DW: {
        const handler = <i32>load<u8>(at, REC_SINGLE)
        const reads = handler >= h.LOAD_ACQ_B && handler <= h.LOAD_ACQ_DW
        const address = reads ? source(regs, at) : destination(regs, at)
        if (guarded<M>(checked)) {
          const refusal = refuseAtomic(act, address, atomicSize(handler), !reads)
          if (refusal != FAULT_NONE) return fault(act, at, refusal, address)
        }
        doAtomic(regs, at, handler, <usize>address); continue
      }

      case h.CALL_LOCAL:
        if (!pushFrame(act, pc, guarded<M>(checked))) return fault(act, at, FAULT_STACK, 0)
        break
      case h.CALL_HELPER:
      case h.CALLX: {
        let slot = load<u32>(at, REC_OFF)
        let args: usize = load<u32>(at, REC_IMM)
        let known = <u32>load<u8>(at, REC_DST)
        if (load<u8>(at, REC_SINGLE) == h.CALLX) {
          known = 0
          const helper = helperById(act, dst(regs, at))
          if (helper == 0) return fault(act, at, FAULT_ILLEGAL, 0)
          slot = load<u32>(helper, HELPER_SLOT)
          args = load<u32>(helper, HELPER_ARGS)
        }
        if (guarded<M>(checked)) {
          const refusal = check<M>(act, at, args, known)
          if (refusal != FAULT_NONE) return refusal
        }
        const failed = callHelper(act, at, slot, budgetForCall<M>(act, credit, pc))
        if (failed != FAULT_NONE) return failed
        if (guarded<M>(checked)) afterCall(act, args)
        credit = creditAfterCall<M>(act, credit, pc)
        if (!isExact<M>() && credit < end) return nearlySpent(act, pc, credit)
        continue
      }
      case h.TAIL_CALL: {
        if (guarded<M>(checked)) {
          const refusal = check<M>(act, at, load<u32>(at, REC_IMM), <u32>load<u8>(at, REC_DST))
          if (refusal != FAULT_NONE) return refusal
        }
        const record = tailCallTarget(<usize>load<u64>(act, 16), load<u32>(act, 24))
        if (record == 0) continue
        const code: usize = load<u32>(record, PROG_CODE)
        let next: usize
        if (code != 0 && (load<u32>(code, CODE_CHECKED) != 0) == guarded<M>(checked)) {
          replaceProgram(act, code, guarded<M>(checked))
          next = load<u32>(code, CODE_FIRST)
        } else {
          const failed = runElsewhere(act, at, record, budgetForCall<M>(act, credit, pc))
          if (failed != FAULT_NONE) return failed
          credit = creditAfterCall<M>(act, credit, pc)
          next = popFrame(act)
          if (next == 0) return finish<M>(act, credit, pc)
        }
        end = endOfCode(act)
        credit = moved<M>(credit, pc, next)
        pc = next
        if (!isExact<M>() && credit < end) return nearlySpent(act, pc, credit)
        continue
      }

      case h.LD_ABS_B: case h.LD_ABS_H: case h.LD_ABS_W: case h.LD_IND_B: case h.LD_IND_H: case h.LD_IND_W:
        if (loadPacket(act, at, <i32>load<u8>(at, REC_SINGLE))) continue
        // Past the packet's end the function exits with 0.
        store<u64>(regs, 0)
      case h.EXIT: {
        const back = popFrame(act)
        if (back == 0) return finish<M>(act, credit, pc)
        end = endOfCode(act)
        credit = moved<M>(credit, pc, back)
        pc = back
        if (!isExact<M>() && credit < end) return nearlySpent(act, pc, credit)
        continue
      }

      // Several instructions in one go.
      case h.MOV64_REG__ADD64_IMM: set(regs, at, src(regs, at) + imm(pc)); pc += REC_SIZE; continue
      case h.MOV64_REG__ADD64_REG: {
        const operand = src(regs, at)
        set(regs, at, operand)
        set(regs, at, operand + src(regs, pc)); pc += REC_SIZE; continue
      }
      case h.MOV64_REG__SUB64_REG: {
        const operand = src(regs, at)
        set(regs, at, operand)
        set(regs, at, operand - src(regs, pc)); pc += REC_SIZE; continue
      }
      case h.MOV64_REG__LSH64_IMM: set(regs, at, src(regs, at) << imm(pc)); pc += REC_SIZE; continue
      case h.MOV64_REG__RSH64_IMM: set(regs, at, src(regs, at) >> imm(pc)); pc += REC_SIZE; continue
      case h.MOV64_REG__AND64_IMM: set(regs, at, src(regs, at) & imm(pc)); pc += REC_SIZE; continue
      case h.MOV32_REG__RSH32_IMM: set32(regs, at, src32(regs, at) >> imm32(pc)); pc += REC_SIZE; continue
      case h.MOV32_REG__LSH32_IMM: set32(regs, at, src32(regs, at) << imm32(pc)); pc += REC_SIZE; continue
      case h.MOV32_REG__ADD32_IMM: set32(regs, at, src32(regs, at) + imm32(pc)); pc += REC_SIZE; continue
      case h.MOV32_REG__AND32_IMM: set32(regs, at, src32(regs, at) & imm32(pc)); pc += REC_SIZE; continue
      case h.LSH64_IMM__RSH64_IMM: set(regs, at, (dst(regs, at) << imm(at)) >> imm(pc)); pc += REC_SIZE; continue
      case h.LSH64_IMM__ARSH64_IMM:
        set(regs, at, <u64>(<i64>(dst(regs, at) << imm(at)) >> <i64>imm(pc))); pc += REC_SIZE; continue
      case h.MOV64_REG__ADD64_IMM__JGT64_REG: {
        const sum = src(regs, at) + imm(pc)
        set(regs, at, sum)
        at = pc + REC_SIZE; pc = at + REC_SIZE
        if (sum > src(regs, at)) break; continue
      }
      case h.ADD32_IMM__JNE32_IMM: {
        const value = dst32(regs, at) + imm32(at)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm32(at)) break; continue
      }
      case h.AND32_IMM__JEQ32_IMM: {
        const value = dst32(regs, at) & imm32(at)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm32(at)) break; continue
      }
      case h.AND32_IMM__JNE32_IMM: {
        const value = dst32(regs, at) & imm32(at)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm32(at)) break; continue
      }
      case h.ADD64_IMM__JNE64_IMM: {
        const value = dst(regs, at) + imm(at)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm(at)) break; continue
      }
      case h.AND64_IMM__JEQ64_IMM: {
        const value = dst(regs, at) & imm(at)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm(at)) break; continue
      }
      case h.AND64_IMM__JNE64_IMM: {
        const value = dst(regs, at) & imm(at)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm(at)) break; continue
      }
      case h.LDX_B__JEQ32_IMM: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u32>load<u8>(address)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm32(at)) break; continue
      }
      case h.LDX_B__JNE32_IMM: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u32>load<u8>(address)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm32(at)) break; continue
      }
      case h.LDX_B__JEQ64_IMM: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u8>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm(at)) break; continue
      }
      case h.LDX_B__JNE64_IMM: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u8>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm(at)) break; continue
      }
      case h.LDX_H__JEQ32_IMM: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u32>load<u16>(address)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm32(at)) break; continue
      }
      case h.LDX_H__JNE32_IMM: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u32>load<u16>(address)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm32(at)) break; continue
      }
      case h.LDX_H__JEQ64_IMM: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u16>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm(at)) break; continue
      }
      case h.LDX_H__JNE64_IMM: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u16>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm(at)) break; continue
      }
      case h.LDX_W__JEQ32_IMM: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u32>load<u32>(address)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm32(at)) break; continue
      }
      case h.LDX_W__JNE32_IMM: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u32>load<u32>(address)
        set32(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm32(at)) break; continue
      }
      case h.LDX_W__JEQ64_IMM: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u32>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm(at)) break; continue
      }
      case h.LDX_W__JNE64_IMM: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u32>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm(at)) break; continue
      }
      case h.LDX_DW__JEQ64_IMM: {
        const address = readable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u64>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value == imm(at)) break; continue
      }
      case h.LDX_DW__JNE64_IMM: {
        const address = readable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        const value = <u64>load<u64>(address)
        set(regs, at, value); at = pc; pc += REC_SIZE
        if (value != imm(at)) break; continue
      }
      case h.LDX_B_AND_LDX_B: {
        const address = readable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u8>(address))
        const second = readable<M>(act, pc, 1, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, source(regs, pc))
        set(regs, pc, <u64>load<u8>(second)); pc += REC_SIZE; continue
      }
      case h.STX_B_AND_STX_B: {
        const address = writable<M>(act, at, 1, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u8>(address, <u8>src(regs, at))
        const second = writable<M>(act, pc, 1, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, destination(regs, pc))
        store<u8>(second, <u8>src(regs, pc)); pc += REC_SIZE; continue
      }
      case h.LDX_H_AND_LDX_H: {
        const address = readable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u16>(address))
        const second = readable<M>(act, pc, 2, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, source(regs, pc))
        set(regs, pc, <u64>load<u16>(second)); pc += REC_SIZE; continue
      }
      case h.STX_H_AND_STX_H: {
        const address = writable<M>(act, at, 2, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u16>(address, <u16>src(regs, at))
        const second = writable<M>(act, pc, 2, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, destination(regs, pc))
        store<u16>(second, <u16>src(regs, pc)); pc += REC_SIZE; continue
      }
      case h.LDX_W_AND_LDX_W: {
        const address = readable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u32>(address))
        const second = readable<M>(act, pc, 4, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, source(regs, pc))
        set(regs, pc, <u64>load<u32>(second)); pc += REC_SIZE; continue
      }
      case h.STX_W_AND_STX_W: {
        const address = writable<M>(act, at, 4, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u32>(address, <u32>src(regs, at))
        const second = writable<M>(act, pc, 4, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, destination(regs, pc))
        store<u32>(second, <u32>src(regs, pc)); pc += REC_SIZE; continue
      }
      case h.LDX_DW_AND_LDX_DW: {
        const address = readable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, source(regs, at))
        set(regs, at, <u64>load<u64>(address))
        const second = readable<M>(act, pc, 8, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, source(regs, pc))
        set(regs, pc, <u64>load<u64>(second)); pc += REC_SIZE; continue
      }
      case h.STX_DW_AND_STX_DW: {
        const address = writable<M>(act, at, 8, checked)
        if (isRefused<M>(address, checked)) return fault(act, at, FAULT_ACCESS, destination(regs, at))
        store<u64>(address, <u64>src(regs, at))
        const second = writable<M>(act, pc, 8, checked)
        if (isRefused<M>(second, checked)) return fault(act, pc, FAULT_ACCESS, destination(regs, pc))
        store<u64>(second, <u64>src(regs, pc)); pc += REC_SIZE; continue
      }

      default:
        return fault(act, at, FAULT_ILLEGAL, 0)
    }
    const to: usize = load<u32>(at, REC_OFF)
    credit = moved<M>(credit, pc, to)
    pc = to
    if (!isExact<M>() && credit < end) return nearlySpent(act, pc, credit)
  }
}
