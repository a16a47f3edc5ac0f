import { IsaError, type IsaProblem } from './error.ts'
import { type Insn, type RawFields, targetField } from './insn.ts'
import { allDefs, defs, type Field, LD_IMM64_SRC, type OpDef, type OpShape, REGISTER_COUNT } from './table.ts'

/** How to read or write the bytes of a program. */
export interface CodecOptions {
  /** The byte order of the target: register nibbles, off and imm change place. Default false. */
  readonly bigEndian?: boolean
}

export interface DecodeOptions extends CodecOptions {
  /** Refuse jumps and calls that leave the program or land inside an ld_imm64. Default true. */
  readonly checkTargets?: boolean
}

/** One slot as it is encoded, with what it means where it means something. */
export interface RawSlot extends RawFields {
  /** Known although there is a problem, if that is only a reserved field or a register that does not exist. */
  readonly def: OpDef | undefined
  readonly problem: IsaProblem | undefined
  /** Unsigned 64 bits; on an ld_imm64 that has its second slot. */
  readonly imm64?: bigint
}

/** What a slot means, or what is wrong with it and, for all that, which instruction it comes nearest to. */
export type SlotResult =
  | { readonly def: OpDef; readonly problem?: undefined }
  | { readonly def: OpDef | undefined; readonly problem: IsaProblem }

/** No field can hold this, so it stands for "anything" in a pattern. */
const ANY = 2 ** 33

/** What each field of a row must hold. */
type Pattern = {
  readonly def: OpDef
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
  readonly imms: readonly number[] | undefined
  readonly dstIsRegister: boolean
  readonly srcIsRegister: boolean
}

function patternOf(def: OpDef): Pattern {
  const row: OpShape = def
  const uses = (field: Field): boolean => row.fields.includes(field)
  return {
    def,
    dst: uses('dst') ? ANY : 0,
    src: uses('src') || uses('pseudo') ? ANY : (row.src ?? 0),
    off: uses('off') ? ANY : (row.off ?? 0),
    imm: uses('imm') ? ANY : (row.imm ?? 0),
    imms: row.imms,
    dstIsRegister: uses('dst'),
    srcIsRegister: uses('src'),
  }
}

function buildPatterns(): readonly (readonly Pattern[])[] {
  const byCode: Pattern[][] = Array.from({ length: 256 }, () => [])
  for (const def of allDefs) byCode[def.code]!.push(patternOf(def))
  return byCode
}

const patternsByCode: readonly (readonly Pattern[])[] = /* @__PURE__ */ buildPatterns()

function find(code: number, dst: number, src: number, off: number, imm: number): OpDef | undefined {
  const candidates = patternsByCode[code]
  if (candidates === undefined) return undefined
  for (let i = 0; i < candidates.length; i++) {
    const pattern = candidates[i]!
    if (
      (pattern.imm === ANY || pattern.imm === imm) &&
      (pattern.off === ANY || pattern.off === off) &&
      (pattern.src === ANY || pattern.src === src) &&
      (pattern.dst === ANY || pattern.dst === dst)
    ) {
      if (pattern.dstIsRegister && dst >= REGISTER_COUNT) return undefined
      if (pattern.srcIsRegister ? src >= REGISTER_COUNT : pattern.src === ANY && !(src in LD_IMM64_SRC)) {
        return undefined
      }
      if (pattern.imms !== undefined && !pattern.imms.includes(imm)) return undefined
      return pattern.def
    }
  }
  return undefined
}

const hex2 = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`

/** Says why no row of the table fits, and which comes nearest. Only called when `find` found none. */
function diagnose(code: number, dst: number, src: number, off: number, imm: number): SlotResult {
  const candidates = patternsByCode[code & 0xff]!
  if (candidates.length === 0) {
    const message = `opcode ${hex2(code)} is not defined`
    return { def: undefined, problem: { code: 'UNKNOWN_OPCODE', field: 'code', message } }
  }
  const values = { dst, src, off, imm }
  let rows = candidates
  for (const field of ['src', 'off', 'imm'] as const) {
    const allowed = new Set(candidates.map((row) => row[field]))
    if (allowed.size < 2 || allowed.has(ANY)) continue
    rows = candidates.filter((row) => row[field] === values[field])
    if (rows.length > 0) break
    const list = [...allowed].join(', ')
    if (field === 'off') {
      // Zero is the plain instruction, so off is a reserved field that some values give a meaning.
      const plain = candidates.find((row) => row.off === 0)!.def
      const message = `off is ${off} in ${plain.name}, must be one of ${list}`
      return { def: plain, problem: { code: 'RESERVED_FIELD', field, message } }
    }
    const message = `opcode ${hex2(code)} has no operation with ${field} ${values[field]} (defined: ${list})`
    return { def: undefined, problem: { code: 'UNKNOWN_OPCODE', field, message } }
  }
  return diagnoseRow(rows[0]!, values)
}

function diagnoseRow(row: Pattern, values: Omit<RawFields, 'code'>): SlotResult {
  const { def } = row
  for (const field of ['dst', 'src', 'off', 'imm'] as const) {
    const value = values[field]
    if (row[field] !== ANY && row[field] !== value) {
      const message = `reserved field ${field} is ${value} in ${def.name}, must be ${row[field]}`
      return { def, problem: { code: 'RESERVED_FIELD', field, message } }
    }
    const isRegister = field === 'dst' ? row.dstIsRegister : field === 'src' && row.srcIsRegister
    if (isRegister && value >= REGISTER_COUNT) {
      const message = `${field} of ${def.name} is r${value}, registers go up to r${REGISTER_COUNT - 1}`
      return { def, problem: { code: 'BAD_REGISTER', field, message } }
    }
  }
  if (row.imms !== undefined && !row.imms.includes(values.imm)) {
    const message = `imm is ${values.imm} in ${def.name}, must be one of ${row.imms.join(', ')}`
    return { def, problem: { code: 'RESERVED_FIELD', field: 'imm', message } }
  }
  const message = `ld_imm64 has no kind ${values.src} (defined: ${Object.keys(LD_IMM64_SRC).join(', ')})`
  return { def: undefined, problem: { code: 'UNKNOWN_OPCODE', field: 'pseudo', message } }
}

/**
 * What one slot means by its own fields. It knows nothing of its neighbours: code 0 is ld_imm64_hi. Where
 * only a reserved field or a register is wrong, `def` is there beside `problem`.
 */
export function decodeSlot(code: number, dst: number, src: number, off: number, imm: number): SlotResult {
  const def = find(code, dst, src, off, imm)
  return def === undefined ? diagnose(code, dst, src, off, imm) : { def }
}

/** What is wrong with an ld_imm64 and the slot after it, if anything is. */
function checkPair(low: RawFields, high: RawFields | undefined): IsaProblem | undefined {
  if (high === undefined) {
    return { code: 'TRUNCATED_LD_IMM64', message: 'ld_imm64 is the last slot, its second slot is missing' }
  }
  for (const field of ['code', 'dst', 'src', 'off'] as const) {
    if (high[field] !== 0) {
      const message = `second slot of ld_imm64 has ${field} ${high[field]}, must be 0`
      return { code: 'BAD_LD_IMM64', field, message }
    }
  }
  const kind = LD_IMM64_SRC[low.src as keyof typeof LD_IMM64_SRC]
  if (kind.high === 'none' && high.imm !== 0) {
    const message = `second slot of ld_imm64 of kind ${kind.name} has imm ${high.imm}, must be 0`
    return { code: 'RESERVED_FIELD', field: 'imm', message }
  }
  return undefined
}

const joinHalves = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)

const strayHigh: IsaProblem = {
  code: 'UNKNOWN_OPCODE',
  field: 'code',
  message: 'opcode 0x00 is only defined as the second slot of an ld_imm64',
}

function viewOf(bytes: Uint8Array): DataView {
  if (bytes.length % 8 !== 0) {
    throw new IsaError({
      code: 'BAD_LENGTH',
      message: `program has ${bytes.length} bytes, instructions are 8 bytes each`,
    })
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes a program of which nothing is known: never refuses a slot, says of each what it means or what is
 * wrong with it. Jump targets are not looked at.
 *
 * @throws IsaError `BAD_LENGTH`
 */
export function decodeLenient(bytes: Uint8Array, options: CodecOptions = {}): RawSlot[] {
  const view = viewOf(bytes)
  const little = options.bigEndian !== true
  const count = bytes.length / 8
  const slots: RawSlot[] = new Array(count)
  let expectHigh = false
  for (let i = 0; i < count; i++) {
    const raw = rawFieldsAt(view, i * 8, little)
    const { code, dst, src, off, imm } = raw
    const { def, problem } = decodeSlot(code, dst, src, off, imm)
    if (!expectHigh && def === defs.ld_imm64_hi) {
      slots[i] = { code, dst, src, off, imm, def: undefined, problem: strayHigh }
      continue
    }
    if (def !== defs.ld_imm64) {
      expectHigh = false
      slots[i] = { code, dst, src, off, imm, def, problem }
      continue
    }
    const high = i + 1 < count ? rawFieldsAt(view, i * 8 + 8, little) : undefined
    const wrong = problem ?? checkPair(raw, high)
    expectHigh = high !== undefined && high.code === 0 && high.dst === 0 && high.src === 0 && high.off === 0
    slots[i] = expectHigh
      ? { code, dst, src, off, imm, def, problem: wrong, imm64: joinHalves(imm, high!.imm) }
      : { code, dst, src, off, imm, def, problem: wrong }
  }
  return slots
}

/**
 * Decodes a program: 8 bytes a slot, and index in the array = index of the slot. The second slot of an
 * ld_imm64 is an instruction of its own, `ld_imm64_hi`.
 *
 * Refuses what RFC 9669 and Linux do not define, non-zero reserved fields included.
 *
 * @throws IsaError with the slot (`insn`), its byte (`offset`) and the `field`
 */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): Insn[] {
  const view = viewOf(bytes)
  const little = options.bigEndian !== true
  const count = bytes.length / 8
  const insns: Insn[] = new Array(count)
  for (let i = 0; i < count; i++) {
    const at = i * 8
    const code = bytes[at]!
    const regs = bytes[at + 1]!
    const dst = little ? regs & 15 : regs >> 4
    const src = little ? regs >> 4 : regs & 15
    const off = view.getInt16(at + 2, little)
    const imm = view.getInt32(at + 4, little)
    const def = find(code, dst, src, off, imm)
    if (def === undefined) throw new IsaError(diagnose(code, dst, src, off, imm).problem!, i)
    if (code === 0) throw new IsaError(strayHigh, i)
    if (def !== defs.ld_imm64) {
      insns[i] = { def, dst, src, off, imm }
      continue
    }
    const high = i + 1 < count ? rawFieldsAt(view, at + 8, little) : undefined
    const wrong = checkPair({ code, dst, src, off, imm }, high)
    if (wrong !== undefined) throw new IsaError(wrong, wrong.code === 'TRUNCATED_LD_IMM64' ? i : i + 1)
    insns[i] = { def, dst, src, off, imm, imm64: joinHalves(imm, high!.imm) }
    i++
    insns[i] = { def: defs.ld_imm64_hi, dst: 0, src: 0, off: 0, imm: high!.imm }
  }
  if (options.checkTargets !== false) checkTargets(insns)
  return insns
}

function rawFieldsAt(view: DataView, at: number, little: boolean): RawFields {
  const regs = view.getUint8(at + 1)
  return {
    code: view.getUint8(at),
    dst: little ? regs & 15 : regs >> 4,
    src: little ? regs >> 4 : regs & 15,
    off: view.getInt16(at + 2, little),
    imm: view.getInt32(at + 4, little),
  }
}

/**
 * Refuses a program in which a jump or call leaves the program or lands inside an ld_imm64.
 *
 * @throws IsaError `JUMP_OUT_OF_RANGE` or `JUMP_INTO_LD_IMM64`
 */
export function checkTargets(insns: readonly Insn[]): void {
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!
    const field = targetField(insn)
    if (field === undefined) continue
    const target = i + 1 + insn[field]
    const landed = insns[target]
    if (landed === undefined) {
      const message = `${insn.def.name} goes to slot ${target}, the program has slots 0 to ${insns.length - 1}`
      throw new IsaError({ code: 'JUMP_OUT_OF_RANGE', field, message }, i)
    }
    if (landed.def === defs.ld_imm64_hi) {
      const message = `${insn.def.name} goes to slot ${target}, the second slot of an ld_imm64`
      throw new IsaError({ code: 'JUMP_INTO_LD_IMM64', field, message }, i)
    }
  }
}
