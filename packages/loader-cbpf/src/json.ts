import { CLASSIC_MAX_INSNS, type ClassicInsn } from '@skep/isa'
import { CbpfError } from './errors.ts'
import type { ClassicSource } from './source.ts'

const FIELDS = ['code', 'jt', 'jf', 'k'] as const
const MAX = { code: 0xffff, jt: 0xff, jf: 0xff, k: 0xffff_ffff } as const

/**
 * Reads a JSON array of instructions, each an object `{ code, jt, jf, k }` of numbers (jt, jf and k may be left out when
 * they are 0) or an array of the four.
 *
 * @throws CbpfError with the index of the instruction
 */
export function parseJson(text: string): ClassicSource {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CbpfError('BAD_JSON', `text is no JSON: ${reason}`, {}, error)
  }
  return readInsns(value)
}

/** Checks data that claims to be classic instructions. */
export function readInsns(value: unknown): ClassicSource {
  if (!Array.isArray(value)) throw new CbpfError('BAD_JSON', 'value is no array of instructions')
  if (value.length > CLASSIC_MAX_INSNS) {
    const fact = `program has ${value.length} instructions, at most ${CLASSIC_MAX_INSNS} are possible`
    throw new CbpfError('TOO_MANY_INSNS', fact)
  }
  return { insns: value.map(readInsn) }
}

function readInsn(value: unknown, insn: number): ClassicInsn {
  if (typeof value !== 'object' || value === null) {
    throw new CbpfError('BAD_JSON', 'instruction is neither { code, jt, jf, k } nor an array of the four', {
      insn,
    })
  }
  const fields: Record<string, unknown> = Array.isArray(value)
    ? Object.fromEntries(FIELDS.map((field, at) => [field, value[at]]))
    : { jt: 0, jf: 0, k: 0, ...value }
  const stranger = Array.isArray(value)
    ? value.length > FIELDS.length && 'a fifth number'
    : Object.keys(value).find((key) => !(FIELDS as readonly string[]).includes(key))
  if (stranger) throw new CbpfError('BAD_JSON', `instruction has ${stranger.slice(0, 40)}`, { insn })
  const read = (field: (typeof FIELDS)[number]): number => {
    const number = fields[field]
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= MAX[field])
      return number
    const shown = `${JSON.stringify(number) ?? 'missing'}`.slice(0, 40)
    throw new CbpfError('BAD_VALUE', `${field} is ${shown}, must be a whole number from 0 to ${MAX[field]}`, {
      insn,
    })
  }
  return { code: read('code'), jt: read('jt'), jf: read('jf'), k: read('k') }
}
