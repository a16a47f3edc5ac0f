/**
 * For tests: random straight-line programs over scalars and a packet pointer with conditional exits, made while the domain
 * walks them, so that jumps compare with interesting numbers and often go on. The walk predicts the state that a verifier
 * prints after each instruction.
 */
import * as layout from '../layout.ts'
import { formatRanges, formatScalar, formatSigned, type NumericState, readNumeric } from './format.ts'
import type { ScalarDomain } from './index.ts'

/** A generator of uniform u32s (xorshift32) from a seed. */
export function createRandom(seed: number): (below: number) => number {
  let state = (seed * 0x9e3779b1) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

/** What the log must say of a register once instruction `insn` has been walked, or on arrival at `insn` by a jump. */
export interface Expectation {
  readonly insn: number
  readonly arrival: boolean
  readonly reg: number
  readonly text: string
}

export interface RandomProgram {
  /** 8-byte instructions. */
  readonly insns: readonly Uint8Array[]
  readonly expected: readonly Expectation[]
  /** Whether pointer arithmetic ends the program with a refusal. */
  readonly refused: boolean
}

const ktimeGetNs = 5
const first = 6
const last = 8
const pointer = 9
const aluOps = [
  layout.BPF_ADD,
  layout.BPF_SUB,
  layout.BPF_MUL,
  layout.BPF_AND,
  layout.BPF_OR,
  layout.BPF_XOR,
  layout.BPF_LSH,
  layout.BPF_RSH,
  layout.BPF_ARSH,
  layout.BPF_AND,
  layout.BPF_RSH,
  layout.BPF_ADD,
]
const jumpOps = [
  layout.BPF_JEQ,
  layout.BPF_JNE,
  layout.BPF_JSET,
  layout.BPF_JGT,
  layout.BPF_JGE,
  layout.BPF_JLT,
  layout.BPF_JLE,
  layout.BPF_JSGT,
  layout.BPF_JSGE,
  layout.BPF_JSLT,
  layout.BPF_JSLE,
]
const corners = [0, 1, -1, 2, 7, 0x7fffffff, -0x80000000, 0xff, 0xffff, -2, -256, 0x10000, -0x7fffffff, 63]

const insn = (code: number, dst: number, src = 0, off = 0, imm = 0): Uint8Array => {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, code)
  view.setUint8(1, dst | (src << 4))
  view.setInt16(2, off, true)
  view.setInt32(4, imm, true)
  return bytes
}

/** Makes one program of about `length` instructions. `memory` is the domain's; its first 4096 bytes are used. */
export function randomProgram(
  domain: ScalarDomain,
  memory: WebAssembly.Memory,
  seed: number,
  length = 24,
): RandomProgram {
  const random = createRandom(seed)
  const insns: Uint8Array[] = []
  const expected: Expectation[] = []
  const words = new Int32Array(memory.buffer)
  let refused = false
  const at = (reg: number): number => 16 + reg * layout.REG_SIZE
  const constant = at(11)
  const other = [at(12), at(13), at(14)] as const
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!
  const anyReg = (): number => first + random(last - first + 1)
  const state = (reg: number): NumericState => readNumeric(memory, at(reg))
  const expect = (reg: number, arrival = false, index = insns.length - 1): void => {
    expected.push({ insn: index, arrival, reg, text: formatScalar(state(reg)) })
  }
  // A constant at or near a bound of the register, or anything.
  const number = (reg: number): number => {
    const { smin, smax, umin, umax, value, mask, s32Min, s32Max, u32Min, u32Max } = state(reg)
    const near = [smin, smax, umin, umax, value, value | mask, mask, BigInt(s32Min), BigInt(s32Max)]
    switch (random(6)) {
      case 0:
        return pick(corners)
      case 1:
        return random(0xffffffff) | 0
      case 2:
        return pick([u32Min, u32Max]) | 0
      case 3: {
        const span = u32Max - u32Min
        return (u32Min + (span > 0 ? random(span) : 0)) | 0
      }
      default:
        return (Number(BigInt.asIntN(32, pick(near))) + random(5) - 2) | 0
    }
  }
  const emit = (bytes: Uint8Array): void => void insns.push(bytes)

  const link = (reg: number, id: number, off: number): void => {
    words[(at(reg) + layout.REG_ID) >> 2] = id
    words[(at(reg) + layout.REG_OFF) >> 2] = off
  }

  emit(insn(0x61, pointer, 1))
  domain.setZero(at(pointer))
  domain.setUnbounded32(at(pointer))
  link(pointer, 0, 0)
  for (let reg = first; reg <= last; reg++) {
    emit(insn(0x85, 0, 0, 0, ktimeGetNs))
    emit(insn(0xbf, reg, 0))
    domain.setUnknown(at(reg))
  }

  const alu = (): void => {
    const is64 = random(2)
    const dst = anyReg()
    const byReg = random(3) === 0
    const op = random(40) === 0 ? pick([layout.BPF_DIV, layout.BPF_MOD]) : pick(aluOps)
    const isShift = op === layout.BPF_LSH || op === layout.BPF_RSH || op === layout.BPF_ARSH
    const src = anyReg()
    let imm = isShift ? random(is64 ? 64 : 32) : number(dst)
    if (op === layout.BPF_DIV || op === layout.BPF_MOD) imm ||= 3
    if (op === layout.BPF_MUL && random(2)) imm = random(16)
    if (byReg) domain.copyNumeric(constant, at(src))
    else domain.setConstS32(constant, imm)
    // The kernel splits the state at AND and OR of a value in {-1, 0} with a constant: the core's matter.
    const { smin, smax, s32Min, s32Max } = state(dst)
    const splits = (smin === -1n && smax === 0n) || (s32Min === -1 && s32Max === 0)
    if ((op === layout.BPF_AND || op === layout.BPF_OR) && splits && domain.isConst(constant)) return
    domain.alu(op, is64, at(dst), byReg ? at(src) : constant)
    emit(insn(op | (byReg ? 8 : 0) | (is64 ? 7 : 4), dst, byReg ? src : 0, 0, byReg ? 0 : imm))
    expect(dst)
  }

  const another = (): void => {
    const dst = anyReg()
    const is64 = random(2)
    switch (random(7)) {
      case 0:
        domain.alu(layout.BPF_NEG, is64, at(dst), at(dst))
        emit(insn(layout.BPF_NEG | (is64 ? 7 : 4), dst))
        break
      case 1: {
        const bits = pick([16, 32, 64])
        const code = pick([0xd4, 0xd7, 0xdc])
        domain.byteSwap(at(dst), bits, code === 0xd4 ? 0 : 1)
        emit(insn(code, dst, 0, 0, bits))
        break
      }
      case 2: {
        const imm = number(dst)
        if (is64) domain.setConstS32(at(dst), imm)
        else domain.setConstU32(at(dst), imm)
        emit(insn(0xb0 | (is64 ? 7 : 4), dst, 0, 0, imm))
        break
      }
      case 3: {
        const size = pick([1, 2, 4])
        domain.coerceToSizeSx(at(dst), size)
        emit(insn(0xbf, dst, dst, size * 8))
        break
      }
      case 4: {
        const size = pick([1, 2])
        domain.coerceSubregToSizeSx(at(dst), size)
        domain.zext32to64(at(dst))
        domain.boundsSync(at(dst))
        emit(insn(0xbc, dst, dst, size * 8))
        break
      }
      case 5:
        domain.zext32to64(at(dst))
        domain.boundsSync(at(dst))
        emit(insn(0xbc, dst, dst))
        break
      default:
        domain.setUnknown(at(dst))
        emit(insn(0x85, 0, 0, 0, ktimeGetNs))
        emit(insn(0xbf, dst, 0))
    }
    expect(dst)
  }

  // `if … goto +2; r0 = 0; exit`. Whether the program can go on.
  const jump = (): boolean => {
    const op = pick(jumpOps)
    const is32 = random(2)
    const dst = anyReg()
    const src = anyReg()
    const byReg = random(3) === 0
    const imm = number(dst)
    if (!byReg) domain.setConstS32(constant, imm)
    const srcAt = byReg ? at(src) : constant
    const taken = domain.branchTaken(op, is32, at(dst), srcAt)
    // Ends in some, so that both predictions are put to the test.
    if (taken === 0 && random(4)) return true
    const index = insns.length
    emit(insn(op | (byReg ? 8 : 0) | (is32 ? 6 : 5), dst, byReg ? src : 0, 2, byReg ? 0 : imm))
    emit(insn(0xb7, 0))
    emit(insn(0x95, 0))
    if (taken === 0) return false
    if (taken === 1) return true
    const falls = (reg: number, from: number): void => {
      expected.push({ insn: index, arrival: false, reg, text: formatScalar(readNumeric(memory, from)) })
    }
    domain.copyNumeric(other[0], srcAt)
    domain.copyNumeric(other[1], at(dst))
    domain.copyNumeric(other[2], srcAt)
    if (byReg && src === dst) {
      domain.refine(op, is32, at(dst), at(dst), other[1], other[1])
    } else {
      domain.refine(op, is32, at(dst), other[0], other[1], other[2])
      if (byReg) {
        falls(src, other[2])
        domain.copyNumeric(at(src), other[0])
      }
    }
    falls(dst, other[1])
    for (let reg = first; reg <= last; reg++) expect(reg, true, index + 3)
    return true
  }

  // `b = a; b += k; if a or b …` refines both; `^= 0` keeps both live, and unlinks them.
  const linked = (): boolean => {
    const a = anyReg()
    const b = first + ((a - first + 1) % (last - first + 1))
    if (domain.isConst(at(a))) return true
    emit(insn(0xbf, b, a))
    domain.copyNumeric(at(b), at(a))
    link(a, 1, 0)
    link(b, 1, 0)
    const is64 = domain.width(at(a)) > 32 ? 1 : random(2)
    const op = pick([layout.BPF_ADD, layout.BPF_SUB])
    const k = pick([1, -1, 8, -14, random(1 << 16), random(0xffffffff) | 0])
    const adds = k !== 0 && k !== -0x80000000 && random(8) > 0
    if (adds) {
      emit(insn(op | (is64 ? 7 : 4), b, 0, 0, k))
      domain.setConstS32(constant, k)
      domain.alu(op, is64, at(b), constant)
      expect(b)
      link(b, 1 | (is64 ? layout.BPF_ADD_CONST64 : layout.BPF_ADD_CONST32), op === layout.BPF_ADD ? k : -k)
    }
    const [known, follows] = random(2) ? [a, b] : [b, a]
    const jumpOp = pick(jumpOps)
    const is32 = random(2)
    const imm = number(known)
    domain.setConstS32(constant, imm)
    const taken = domain.branchTaken(jumpOp, is32, at(known), constant)
    if (taken !== 0) {
      const index = insns.length
      emit(insn(jumpOp | (is32 ? 6 : 5), known, 0, 2, imm))
      emit(insn(0xb7, 0))
      emit(insn(0x95, 0))
      if (taken < 0) {
        for (const at of other) domain.copyNumeric(at, constant)
        domain.refine(jumpOp, is32, at(known), other[0], other[1], other[2])
        if (adds) domain.syncLinked(at(follows), at(known))
        else domain.copyNumeric(at(follows), at(known))
        for (let reg = first; reg <= last; reg++) expect(reg, true, index + 3)
      }
    }
    domain.setZero(constant)
    for (const reg of [a, b]) {
      emit(insn(layout.BPF_XOR | 7, reg))
      domain.alu(layout.BPF_XOR, 1, at(reg), constant)
      expect(reg)
      link(reg, 0, 0)
    }
    return true
  }

  // `r9 += …`, `r9 -= …`. Whether the program can go on.
  const arithmetic = (): boolean => {
    const src = anyReg()
    const byReg = random(4) > 0
    const imm = random(4) ? random(64) - 16 : number(src)
    if (byReg) {
      // Most variables are too wide to be added to a pointer.
      const { smin, smax, s32Min, s32Max } = state(src)
      const splits = (smin === -1n && smax === 0n) || (s32Min === -1 && s32Max === 0)
      if (random(4) && !splits) {
        domain.setConstS32(constant, random(0xffff))
        domain.alu(layout.BPF_AND, 1, at(src), constant)
        const mask = readNumeric(memory, constant).value
        emit(insn(layout.BPF_AND | 7, src, 0, 0, Number(mask)))
        expect(src)
      }
      domain.copyNumeric(constant, at(src))
    } else {
      domain.setConstS32(constant, imm)
    }
    words[(constant + layout.REG_OFF) >> 2] = 0
    const isAdd = random(2)
    const insane = (): boolean =>
      domain.sanePointerOffset(constant) !== layout.SANE_OFFSET ||
      domain.sanePointerOffset(at(pointer)) !== layout.SANE_OFFSET
    if (insane() && random(8)) return true
    emit(
      insn(
        (isAdd ? layout.BPF_ADD : layout.BPF_SUB) | (byReg ? 15 : 7),
        pointer,
        byReg ? src : 0,
        0,
        byReg ? 0 : imm,
      ),
    )
    refused = insane()
    if (refused) return false
    if (isAdd) domain.ptrAdd(at(pointer), at(pointer), constant)
    else domain.ptrSub(at(pointer), at(pointer), constant)
    refused = domain.sanePointerOffset(at(pointer)) !== layout.SANE_OFFSET
    if (refused) return false
    domain.boundsSync(at(pointer))
    const numeric = state(pointer)
    const off = words[(at(pointer) + layout.REG_OFF) >> 2]!
    const attributes = [
      ...(off ? [`off=${formatSigned(BigInt(off))}`] : []),
      'r=0',
      ...(numeric.mask
        ? formatRanges(numeric)
        : numeric.value
          ? [`imm=${formatSigned(BigInt.asIntN(64, numeric.value))}`]
          : []),
    ]
    expected.push({
      insn: insns.length - 1,
      arrival: false,
      reg: pointer,
      text: `pkt(${attributes.join(',')})`,
    })
    return true
  }

  let going = true
  while (going && insns.length < length) {
    const kind = random(24)
    if (kind < 11) alu()
    else if (kind < 15) another()
    else if (kind < 22) going = jump()
    else if (kind < 23) going = linked()
    else going = arithmetic()
  }
  emit(insn(0xb7, 0))
  emit(insn(0x95, 0))
  return { insns, expected, refused }
}

/** The registers' states that a log of level 2 shows, by `${insn}` and, on arrival by a jump, `>${insn}`. */
export function parseLog(log: string): Map<string, Map<number, string>> {
  const states = new Map<string, Map<number, string>>()
  for (const line of log.split('\n')) {
    const walked = /^(\d+): \([0-9a-f]{2}\) .*?; (R\d.*)$/.exec(line)
    const arrived = /^from \d+ to (\d+): (R\d.*)$/.exec(line)
    const [, index, text] = walked ?? arrived ?? []
    if (index === undefined || text === undefined) continue
    const regs = new Map<number, string>()
    for (const [, reg, shown] of text.matchAll(
      /R(\d+)(?:_\w)?=((?:P?(?:scalar|pkt)\((?:[^()]|\([^()]*\))*\))|\S+)/g,
    )) {
      regs.set(Number(reg), shown!.replace(/^P/, '').replace(/id=\d+(?:[+-]\d+)?,?/, ''))
    }
    states.set(walked ? index : `>${index}`, regs)
  }
  return states
}
