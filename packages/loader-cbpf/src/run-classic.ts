import {
  type AncillaryName,
  ancillaryAt,
  CLASSIC_MEMORY_WORDS,
  type ClassicAluOp,
  type ClassicInsn,
  type ClassicJumpOp,
  type ClassicOpDef,
  classicDef,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from '@skep/isa'
import { CbpfError } from './errors.ts'
import { findAttribute, findNestedAttribute } from './nlattr.ts'

/** What a packet has besides its bytes: the fields of `struct sk_buff` that a classic program can read. All 0 if absent. */
export interface ClassicPacketInfo {
  /** The index of the byte that offset 0 reads: 14 where a socket sees packets from the network header on. Default 0. */
  readonly start?: number
  /** What `ld len` gives: by default all bytes from `start`. More than that for a packet that was captured in part. */
  readonly length?: number
  /** Where SKF_NET_OFF points, from `start`. Default: 14 bytes after the packet's first, past an Ethernet header. */
  readonly networkOffset?: number
  /** Where SKF_LL_OFF points, from `start`; null where there is no such header. Default: the packet's first byte. */
  readonly linkOffset?: number | null
  /** EtherType, in the host's order. */
  readonly protocol?: number
  /** PACKET_HOST, PACKET_BROADCAST, … */
  readonly pkttype?: number
  /** Absent or 0: the packet belongs to no device. Then loads of `ifindex` and `hatype` end the program with A. */
  readonly ifindex?: number
  /** ARPHRD_* of the device. */
  readonly hatype?: number
  readonly mark?: number
  readonly queue?: number
  readonly rxhash?: number
  readonly cpu?: number
  readonly vlan_tag?: number
  readonly vlan_tag_present?: number
  /** In the host's order. */
  readonly vlan_tpid?: number
  /** Where the payload begins. */
  readonly pay_offset?: number
  /** Unsigned 32 bits. By default from Math.random. */
  readonly random?: () => number
}

/**
 * Runs a classic program over a packet and gives what it returns: unsigned 32 bits, for a socket the bytes to keep and 0
 * to drop. This is Linux's behaviour spelled out: loads outside the packet and divisions by zero return 0, shifts count
 * modulo 32, and the extensions at SKF_AD_OFF read `info`. Everything is checked as it is executed, so that any program
 * is safe to run; whether Linux would take it is for `checkClassic` to say.
 *
 * @throws CbpfError for an instruction that does not exist, with its index
 */
export function runClassic(
  insns: readonly ClassicInsn[],
  packet: Uint8Array,
  info: ClassicPacketInfo = {},
): number {
  const machine = new Machine(packet, info)
  // Jumps are unsigned, so every step goes forward.
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc]!
    const def = classicDef(insn.code)
    if (def === undefined) {
      throw new CbpfError('UNKNOWN_OPCODE', `opcode 0x${insn.code.toString(16)} is not defined`, { insn: pc })
    }
    const k = insn.k >>> 0
    if (def.kind === 'ja') pc += k
    else if (def.kind === 'jump') pc += machine.holds(def, k) ? insn.jt & 0xff : insn.jf & 0xff
    else if (!machine.step(def, k, pc)) return machine.result
  }
  throw new CbpfError('NO_RETURN', 'program runs past its last instruction', { insn: insns.length - 1 })
}

type Straight = Exclude<ClassicOpDef, { readonly kind: 'ja' | 'jump' }>

class Machine {
  readonly #packet: Uint8Array
  readonly #info: ClassicPacketInfo
  readonly #start: number
  readonly #memory = new Uint32Array(CLASSIC_MEMORY_WORDS)
  #a = 0
  #x = 0
  /** What the program returned, once `step` is false. */
  result = 0

  constructor(packet: Uint8Array, info: ClassicPacketInfo) {
    this.#packet = packet
    this.#info = info
    this.#start = info.start ?? 0
  }

  holds(def: Extract<ClassicOpDef, { readonly kind: 'jump' }>, k: number): boolean {
    return CONDITIONS[def.jumpOp](this.#a, def.source === 'k' ? k : this.#x)
  }

  /** Executes anything but a jump; false when that ends the program. */
  step(def: Straight, k: number, pc: number): boolean {
    switch (def.kind) {
      case 'ld':
      case 'ldx': {
        const value = this.#load(def, k, pc)
        if (value === undefined) return false
        if (def.kind === 'ld') this.#a = value
        else this.#x = value
        return true
      }
      case 'st':
      case 'stx':
        this.#memory[this.#word(k, pc)] = def.kind === 'st' ? this.#a : this.#x
        return true
      case 'alu': {
        const operand = def.source === 'k' ? k : this.#x
        if ((def.aluOp === 'div' || def.aluOp === 'mod') && operand === 0) return this.#end(0)
        this.#a = OPERATIONS[def.aluOp](this.#a, operand) >>> 0
        return true
      }
      case 'neg':
        this.#a = -this.#a >>> 0
        return true
      case 'tax':
        this.#x = this.#a
        return true
      case 'txa':
        this.#a = this.#x
        return true
      case 'ret':
        return this.#end(def.source === 'k' ? k : this.#a)
    }
  }

  #end(result: number): false {
    this.result = result
    return false
  }

  #load(def: Extract<ClassicOpDef, { kind: 'ld' | 'ldx' }>, k: number, pc: number): number | undefined {
    switch (def.mode) {
      case 'imm':
        return k
      case 'mem':
        return this.#memory[this.#word(k, pc)]!
      case 'len':
        return (this.#info.length ?? this.#packet.length - this.#start) >>> 0
      case 'msh': {
        const byte = this.#bytes(k, 1)
        return byte === undefined ? undefined : (byte & 0xf) << 2
      }
      case 'ind':
        return this.#bytes(this.#x + k, def.size)
      case 'abs': {
        const extension = ancillaryAt(k)
        return extension === undefined ? this.#bytes(k, def.size) : this.#ancillary(extension)
      }
    }
  }

  #word(k: number, insn: number): number {
    if (k < CLASSIC_MEMORY_WORDS) return k
    throw new CbpfError('BAD_MEMORY', `M[${k}] does not exist, there are M[0] to M[15]`, { insn })
  }

  /** A load in network byte order (net/core/filter.c, bpf_skb_load_helper_*): outside the packet it ends the program. */
  #bytes(offset: number, size: 1 | 2 | 4): number | undefined {
    const at = this.#position(offset >>> 0)
    if (at === undefined || at < 0 || at + size > this.#packet.length) {
      this.#end(0)
      return undefined
    }
    let value = 0
    for (let n = 0; n < size; n++) value = value * 256 + this.#packet[at + n]!
    return value
  }

  #position(offset: number): number | undefined {
    if (offset < 0x8000_0000) return this.#start + offset
    const { networkOffset = 14 - this.#start, linkOffset = -this.#start } = this.#info
    if (offset >= SKF_NET_OFF) return this.#start + networkOffset + (offset - SKF_NET_OFF)
    if (offset < SKF_LL_OFF || linkOffset === null) return undefined
    return this.#start + linkOffset + (offset - SKF_LL_OFF)
  }

  #ancillary(extension: AncillaryName): number | undefined {
    const info = this.#info
    switch (extension) {
      case 'ifindex':
        return info.ifindex ? info.ifindex >>> 0 : this.#noDevice()
      case 'hatype':
        return info.ifindex || info.hatype !== undefined ? (info.hatype ?? 0) & 0xffff : this.#noDevice()
      case 'nlattr':
      case 'nlattr_nest': {
        const data = this.#packet.subarray(this.#start)
        const find = extension === 'nlattr' ? findAttribute : findNestedAttribute
        return find(data, this.#a, this.#x)
      }
      case 'alu_xor_x':
        return (this.#a ^ this.#x) >>> 0
      case 'random':
        return (info.random?.() ?? Math.random() * 2 ** 32) >>> 0
      case 'vlan_tag_present':
        return info.vlan_tag_present ? 1 : 0
      default:
        return (info[extension] ?? 0) >>> 0
    }
  }

  #noDevice(): undefined {
    this.#end(this.#a)
    return undefined
  }
}

const OPERATIONS: Readonly<Record<ClassicAluOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => Math.imul(a, b),
  div: (a, b) => Math.floor(a / b),
  mod: (a, b) => a % b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  lsh: (a, b) => a << b,
  rsh: (a, b) => a >>> b,
}

const CONDITIONS: Readonly<Record<ClassicJumpOp, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  set: (a, b) => (a & b) !== 0,
}
