import type { Row } from '@skep/registry'
import { KernelArgumentError } from './errors.ts'

type Check = (value: unknown, path: string) => void

const shown = (value: unknown): string => {
  if (value === undefined) return 'missing'
  return typeof value === 'object'
    ? value === null
      ? 'null'
      : 'an object'
    : JSON.stringify(value).slice(0, 40)
}
const fail = (path: string, expected: string, value: unknown): never => {
  throw new KernelArgumentError(path, `must be ${expected}, and is ${shown(value)}`)
}
const text: Check = (value, path) => typeof value === 'string' || fail(path, 'a string', value)
const flag: Check = (value, path) => typeof value === 'boolean' || fail(path, 'true or false', value)
const count: Check = (value, path) =>
  (Number.isSafeInteger(value) && (value as number) >= 0) || fail(path, 'a whole number', value)
const type: Check = (value, path) => (typeof value === 'string' ? undefined : count(value, path))
const hex: Check = (value, path) =>
  (typeof value === 'string' && value.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(value)) ||
  fail(path, 'hex digits', value)
const base64: Check = (value, path) =>
  (typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) || fail(path, 'base64', value)

const object =
  (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return fail(path, 'an object', value)
    const fields = value as Record<string, unknown>
    for (const [name, check] of Object.entries(required)) check(fields[name], `${path}.${name}`)
    for (const [name, check] of Object.entries(optional)) {
      const field = fields[name]
      if (field !== undefined && field !== null) check(field, `${path}.${name}`)
    }
  }
const list =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return fail(path, 'an array', value)
    for (const [i, item] of value.entries()) check(item, `${path}[${i}]`)
  }

const mapFields: Readonly<Record<string, Check>> = {
  name: text,
  key_size: count,
  value_size: count,
  max_entries: count,
  flags: count,
  map_extra: count,
  frozen: flag,
  init: hex,
  btf: base64,
  btf_key: count,
  btf_value: count,
}
const none: Check = (value, path) => fail(path, 'left out: the kernel takes one level of maps in maps', value)
const map = object({ type }, { ...mapFields, inner: none })
const inner: Check = (value, path) => (typeof value === 'number' ? count(value, path) : map(value, path))

const row = object(
  { type, insns: hex },
  {
    name: text,
    attach_type: type,
    flags: count,
    license: text,
    unprivileged: flag,
    maps: list(object({ type }, { ...mapFields, inner })),
    refs: list(object({ insn: count, map: count }, {})),
    kfuncs: list(object({ insn: count, name: text }, {})),
    attach_to: text,
    btf: base64,
    func_info: hex,
    data: hex,
    ctx: hex,
    repeat: count,
  },
)

/** Checks the shape of a parsed JSON line. Throws `KernelArgumentError` with the path of the field that is wrong. */
export const parseRow = (value: unknown): Row => {
  row(value, 'row')
  return value as Row
}

export const bytesOfHex = (digits: string): Uint8Array => Buffer.from(digits, 'hex')
export const hexOfBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
