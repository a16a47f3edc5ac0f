import {
  insn as build,
  type ClassicInsn,
  type ClassicOpDef,
  type Insn,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from '@skep/isa'
import { findRawValues, type RawValues, swapConstant } from './byte-order.ts'
import type { Step } from './flow.ts'
import { type LoadOutput, type PacketLoad, type PacketLoads, packetLoad } from './packet-loads.ts'
import { REG_A, REG_BASE, REG_DATA, REG_END, REG_TMP, REG_TMP2, REG_TMP3, REG_X } from './registers.ts'

/** Offsets into a packet that the verifier lets be proven (include/linux/bpf_verifier.h, MAX_PACKET_OFF). */
const MAX_PACKET_OFF = 0xffff
/** The largest offset in a load instruction. */
const MAX_OFF = 0x7fff
const ANY = 0xffff_ffff

const LDX = { 1: build.ldx_b, 2: build.ldx_h, 4: build.ldx_w } as const

/** Offsets of the context's fields with the packet's bounds. */
export interface PacketFields {
  readonly data: number
  readonly end: number
}

/** What is known at the start of a step, on every path to it. */
interface Knowledge {
  /** Bytes from the packet's start that are inside. */
  proven: number
  /** REG_BASE is the packet's start plus X, and so many bytes from there are inside; -1 if it holds something else. */
  base: number
  /** The largest values of A and X, as far as the verifier sees them. */
  maxA: number
  maxX: number
}

/**
 * Loads through packet pointers: each is preceded by the check that the verifier asks for, unless every path has made it.
 * Values that are only compared with constants stay in network byte order.
 */
export class DirectLoads implements PacketLoads {
  readonly #fields: PacketFields
  readonly #networkOffset: number
  readonly #at: (Knowledge | undefined)[] = []
  #steps: readonly Step[] = []
  #raw: RawValues = new Uint8Array()

  constructor(fields: PacketFields, networkOffset: number) {
    this.#fields = fields
    this.#networkOffset = networkOffset
  }

  neverInside({ k }: ClassicInsn, def: ClassicOpDef): boolean {
    if (!('mode' in def) || (def.mode !== 'abs' && def.mode !== 'msh')) return false
    if (def.kind === 'ld' && k >= SKF_AD_OFF) return false
    const offset = this.#offset(k, 0)
    return offset === undefined || offset + def.size > MAX_PACKET_OFF
  }

  usesContext(): boolean {
    return false
  }

  prologue(out: LoadOutput, steps: readonly Step[]): void {
    this.#raw = findRawValues(steps)
    this.#steps = steps
    this.#at[0] = { proven: 0, base: -1, maxA: 0, maxX: 0 }
    const reads = (step: Step): boolean =>
      step.reachable &&
      (packetLoad(step) !== undefined || step.def.name === 'ld_len' || step.def.name === 'ldx_len')
    if (steps.some(reads)) {
      out.emit(build.ldx_w(REG_DATA, 1, this.#fields.data), build.ldx_w(REG_END, 1, this.#fields.end))
    }
  }

  /** Where k points, if k + x stays in its part of the offsets' space for every x up to `max`. */
  #offset(k: number, max: number): number | undefined {
    const last = k + max
    if (last < SKF_LL_OFF) return k
    if (k >= SKF_NET_OFF && last <= ANY) return k - SKF_NET_OFF + this.#networkOffset
    if (k >= SKF_LL_OFF && last < SKF_NET_OFF) return k - SKF_LL_OFF
    return undefined
  }

  load(out: LoadOutput, step: Step, def: PacketLoad): void {
    const now = { ...this.#at[step.index]! }
    const { k } = step.insn
    if (def.mode === 'ind') this.#loadIndirect(out, now, k, def.size)
    else this.#loadAt(out, now, def.mode === 'msh' ? REG_X : REG_A, this.#offset(k, 0)!, def.size)
    if (def.mode === 'msh') {
      out.emit(build.and32_imm(REG_X, 0xf), build.lsh32_imm(REG_X, 2))
      now.maxX = 60
      now.base = -1
    } else {
      if (def.size > 1 && this.#raw[step.index] === 0)
        out.emit(def.size === 2 ? build.be16(REG_A) : build.be32(REG_A))
      now.maxA = def.size === 1 ? 0xff : ANY
    }
    this.#leave(step, now)
  }

  #loadAt(out: LoadOutput, now: Knowledge, to: number, offset: number, size: 1 | 2 | 4): void {
    if (offset + size > now.proven) {
      now.proven = offset + size
      checkEnd(out, REG_TMP, REG_DATA, now.proven)
    }
    if (offset <= MAX_OFF) out.emit(LDX[size](to, REG_DATA, offset))
    else
      out.emit(
        build.mov64_reg(REG_TMP, REG_DATA),
        build.add64_imm(REG_TMP, offset),
        LDX[size](to, REG_TMP, 0),
      )
  }

  #loadIndirect(out: LoadOutput, now: Knowledge, k: number, size: 1 | 2 | 4): void {
    const offset = this.#offset(k, now.maxX)
    if (offset !== undefined && offset <= MAX_OFF && offset + now.maxX + size <= MAX_PACKET_OFF) {
      if (now.base < 0) {
        out.emit(build.mov64_reg(REG_BASE, REG_DATA), build.add64_reg(REG_BASE, REG_X))
        now.base = 0
      }
      if (offset + size > now.base) {
        now.base = offset + size
        checkEnd(out, REG_TMP, REG_BASE, now.base)
      }
      out.emit(LDX[size](REG_A, REG_BASE, offset))
      return
    }
    // Not X plus k: the verifier would keep k as the distance to X, and takes no large one in a pointer's arithmetic.
    out.emit(build.mov32_imm(REG_TMP, k | 0), build.add32_reg(REG_TMP, REG_X))
    if (k + now.maxX >= SKF_LL_OFF) out.emit(...this.#resolveHeaders())
    out.endIf(build.jgt64_imm(REG_TMP, MAX_PACKET_OFF - size, 0))
    out.emit(build.mov64_reg(REG_TMP2, REG_DATA), build.add64_reg(REG_TMP2, REG_TMP))
    checkEnd(out, REG_TMP3, REG_TMP2, size)
    out.emit(LDX[size](REG_A, REG_TMP2, 0))
  }

  /** Turns an offset from SKF_NET_OFF or SKF_LL_OFF on into one from the packet's start. */
  #resolveHeaders(): readonly Insn[] {
    return [
      build.jlt32_imm(REG_TMP, SKF_LL_OFF | 0, 4),
      build.jlt32_imm(REG_TMP, SKF_NET_OFF | 0, 2),
      build.add32_imm(REG_TMP, this.#networkOffset - (SKF_NET_OFF | 0)),
      build.ja(1),
      build.add32_imm(REG_TMP, -(SKF_LL_OFF | 0)),
    ]
  }

  length(out: LoadOutput, register: number): boolean {
    out.emit(build.mov64_reg(register, REG_END), build.sub64_reg(register, REG_DATA))
    return true
  }

  passed(step: Step, callsHelper: boolean): void {
    const before = this.#at[step.index]!
    const now = { ...before }
    const { def, insn } = step
    switch (def.kind) {
      case 'ld':
        now.maxA = def.mode === 'imm' ? insn.k : ANY
        break
      case 'ldx':
        now.maxX = def.mode === 'imm' ? insn.k : ANY
        now.base = -1
        break
      case 'alu':
        now.maxA = def.source === 'k' ? maxOf(def, before.maxA, insn.k) : ANY
        break
      case 'neg':
        now.maxA = ANY
        break
      case 'tax':
        now.maxX = before.maxA
        now.base = -1
        break
      case 'txa':
        now.maxA = before.maxX
        break
      default:
        break
    }
    // Helpers do not keep r1 to r5.
    if (callsHelper) now.base = -1
    this.#leave(step, now)
  }

  #leave(step: Step, now: Knowledge): void {
    for (const to of step.next) {
      const known = this.#at[to]
      const there = known === undefined ? { ...now } : meet(known, now)
      // What is inside the packet stays so; registers may be anything when a loop comes back.
      this.#at[to] = this.#steps[to]!.head ? { ...there, base: -1, maxA: ANY, maxX: ANY } : there
    }
    this.#at[step.index] = undefined
  }

  constant(step: Step): number {
    const size = this.#raw[step.index]!
    return size === 0 ? step.insn.k : swapConstant(step.insn.k, size)
  }
}

function checkEnd(out: LoadOutput, tmp: number, from: number, bytes: number): void {
  out.emit(build.mov64_reg(tmp, from), build.add64_imm(tmp, bytes))
  out.endIf(build.jgt64_reg(tmp, REG_END, 0))
}

function meet(a: Knowledge, b: Knowledge): Knowledge {
  return {
    proven: Math.min(a.proven, b.proven),
    base: Math.min(a.base, b.base),
    maxA: Math.max(a.maxA, b.maxA),
    maxX: Math.max(a.maxX, b.maxX),
  }
}

/** The largest result, no smaller than what the verifier works out (kernel/bpf/verifier.c, scalar32_min_max_*). */
function maxOf(def: Extract<ClassicOpDef, { kind: 'alu' }>, max: number, k: number): number {
  switch (def.aluOp) {
    case 'and':
      return Math.min(max, k)
    case 'rsh':
      return max >>> k
    case 'lsh':
      return max * 2 ** k < 2 ** 31 ? max * 2 ** k : ANY
    case 'add':
      return k < 2 ** 31 && max + k <= ANY ? max + k : ANY
    default:
      return ANY
  }
}
