import type { CodecOptions } from './decode.ts'
import { decodeSlot } from './decode.ts'
import { IsaError } from './error.ts'
import type { Insn } from './insn.ts'
import { defs } from './table.ts'

const fits = (value: number, bits: 16 | 32): boolean =>
  Number.isInteger(value) && value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)

/**
 * Encodes a program, 8 bytes a slot. An ld_imm64 is written from its own `imm` and that of the
 * ld_imm64_hi that must follow it.
 *
 * @throws IsaError where `decode` would refuse the result (jump targets are not looked at)
 */
export function encode(insns: readonly Insn[], options: CodecOptions = {}): Uint8Array {
  const bytes = new Uint8Array(insns.length * 8)
  const view = new DataView(bytes.buffer)
  const little = options.bigEndian !== true
  for (let i = 0; i < insns.length; i++) {
    const { def, dst, src, off, imm } = insns[i]!
    if (!fits(off, 16)) {
      const message = `off ${off} of ${def.name} does not fit in a signed 16-bit field`
      throw new IsaError({ code: 'BAD_VALUE', field: 'off', message }, i)
    }
    if (!fits(imm, 32)) {
      const message = `imm ${imm} of ${def.name} does not fit in a signed 32-bit field`
      throw new IsaError({ code: 'BAD_VALUE', field: 'imm', message }, i)
    }
    for (const [field, value] of [
      ['dst', dst],
      ['src', src],
    ] as const) {
      if (Number.isInteger(value) && value >= 0 && value < 16) continue
      const message = `${field} ${value} of ${def.name} does not fit in a 4-bit field`
      throw new IsaError({ code: 'BAD_VALUE', field, message }, i)
    }
    const { def: found, problem } = decodeSlot(def.code, dst, src, off, imm)
    if (problem !== undefined) throw new IsaError(problem, i)
    if (found !== def) {
      const message = `fields of ${def.name} encode ${found.name}`
      throw new IsaError({ code: 'BAD_VALUE', message }, i)
    }
    const isHigh = def === defs.ld_imm64_hi
    if (isHigh !== (insns[i - 1]?.def === defs.ld_imm64)) {
      const message = isHigh ? 'ld_imm64_hi without an ld_imm64 before it' : 'ld_imm64 without an ld_imm64_hi'
      throw new IsaError({ code: 'TRUNCATED_LD_IMM64', message }, isHigh ? i : i - 1)
    }
    const at = i * 8
    bytes[at] = def.code
    bytes[at + 1] = little ? (src << 4) | dst : (dst << 4) | src
    view.setInt16(at + 2, off, little)
    view.setInt32(at + 4, imm, little)
  }
  if (insns.at(-1)?.def === defs.ld_imm64) {
    const message = 'ld_imm64 without an ld_imm64_hi'
    throw new IsaError({ code: 'TRUNCATED_LD_IMM64', message }, insns.length - 1)
  }
  return bytes
}
