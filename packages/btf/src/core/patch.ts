import { CoreError } from './error.ts'

/** The outcome for one relocation. */
export interface CoreResolution {
  /** Nothing in the target matches: the instruction becomes one that no verifier lets be reached. */
  readonly poison: boolean
  /** What the instruction must hold before, where that is checked, and what it gets. */
  readonly before: bigint | undefined
  readonly after: bigint
  /** Bytes of a load or store before and after. */
  readonly sizeBefore: number
  readonly sizeAfter: number
  /** The sizes differ and the types forbid adapting a load or store. */
  readonly sizeRefused: boolean
  /** `<byte_off> [4] struct foo.bar (0:1 @ offset 4)`. */
  readonly text: string
}

/** The call that stands for a failed relocation: the verifier says `invalid func unknown#195896080`. */
export const CORE_POISON = 0xbad_2310

const BPF_CALL = 0x85
const LD_IMM64 = 0x18
const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, ALU64: 7 } as const
/** The size field of a load or store by bytes. */
const SIZES: Readonly<Record<number, number>> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 }
const SIZE_MASK = 0x18

const unsigned = (value: number | bigint): bigint => BigInt.asUintN(64, BigInt(value))
const low = (value: bigint): number => Number(BigInt.asIntN(32, value))

function poison(view: DataView, at: number): void {
  if (view.getUint8(at) === LD_IMM64 && at + 16 <= view.byteLength) poisonSlot(view, at + 8)
  poisonSlot(view, at)
}

function poisonSlot(view: DataView, at: number): void {
  view.setUint32(at, BPF_CALL, true)
  view.setUint32(at + 4, CORE_POISON, true)
}

/**
 * Writes a resolution into the instruction at slot `insn` of `view`, little-endian, as libbpf does: an immediate of ALU, an
 * ld_imm64, or the offset and size of a load or store. Answers false when it was poisoned. Throws CoreError for an
 * instruction that cannot hold it.
 */
export function patchCore(view: DataView, insn: number, resolution: CoreResolution): boolean {
  const at = insn * 8
  if (at + 8 > view.byteLength) throw new CoreError('BAD_INSN', `instruction ${insn} is past the code`)
  if (resolution.poison) {
    poison(view, at)
    return false
  }
  const { before, after } = resolution
  const code = view.getUint8(at)
  const expect = (found: bigint): void => {
    if (before === undefined || found === unsigned(before)) return
    throw new CoreError('BAD_INSN', `the instruction holds ${BigInt.asIntN(64, found)}, not ${before}`)
  }
  switch (code & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      if (code & 8) throw new CoreError('BAD_INSN', `opcode 0x${code.toString(16)} takes no immediate`)
      expect(unsigned(view.getInt32(at + 4, true)))
      view.setInt32(at + 4, low(after), true)
      return true
    case CLASS.LDX:
    case CLASS.ST:
    case CLASS.STX:
      expect(unsigned(view.getInt16(at + 2, true)))
      if (unsigned(after) > 0x7fffn)
        throw new CoreError('BAD_VALUE', `${after} does not fit the 16 bits of an offset`)
      if (resolution.sizeRefused) {
        poison(view, at)
        return false
      }
      view.setInt16(at + 2, Number(after), true)
      resize(view, at, code, resolution)
      return true
    case CLASS.LD: {
      const whole = code === LD_IMM64 && at + 16 <= view.byteLength
      if (
        !whole ||
        view.getUint8(at + 1) >> 4 !== 0 ||
        view.getInt16(at + 2, true) !== 0 ||
        view.getUint32(at + 8, true) !== 0
      )
        throw new CoreError('BAD_INSN', `opcode 0x${code.toString(16)} is no ld_imm64 of a number`)
      expect((BigInt(view.getUint32(at + 12, true)) << 32n) | BigInt(view.getUint32(at + 4, true)))
      view.setInt32(at + 4, low(after), true)
      view.setInt32(at + 12, low(unsigned(after) >> 32n), true)
      return true
    }
    default:
      throw new CoreError('BAD_INSN', `opcode 0x${code.toString(16)} has nothing to relocate`)
  }
}

function resize(view: DataView, at: number, code: number, { sizeBefore, sizeAfter }: CoreResolution): void {
  if (sizeBefore === sizeAfter) return
  if (SIZES[sizeBefore] !== (code & SIZE_MASK))
    throw new CoreError('BAD_INSN', `the instruction does not access ${sizeBefore} bytes`)
  const size = SIZES[sizeAfter]
  if (size === undefined) throw new CoreError('BAD_VALUE', `no instruction accesses ${sizeAfter} bytes`)
  view.setUint8(at, (code & ~SIZE_MASK) | size)
}
