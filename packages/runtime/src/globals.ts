import type { CollectionSpec, MapInitial, MapSpec, VariableSpec } from '@skep/registry'
import { RuntimeError } from './errors.ts'
import { kindOf } from './kind-of.ts'

export type GlobalValue = number | bigint | boolean | string | Uint8Array

/** Writes a value as the variable's little-endian bytes. Strings are UTF-8 with a NUL. */
export function encodeGlobal(
  variable: VariableSpec,
  value: GlobalValue,
  into: Uint8Array,
  offset: number,
): void {
  const { size, name } = variable
  const bad = (why: string): RuntimeError =>
    new RuntimeError('CODEC_SIZE', name, `variable ${name} has ${size} bytes: ${why}`)
  if (value instanceof Uint8Array) {
    if (value.length !== size) throw bad(`the value given has ${value.length}; give exactly ${size}`)
    into.set(value, offset)
    return
  }
  if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value)
    if (bytes.length + 1 > size) throw bad(`"${value}" and its NUL need ${bytes.length + 1}`)
    into.fill(0, offset, offset + size)
    into.set(bytes, offset)
    return
  }
  if (size > 8) throw bad('it is no scalar; give a Uint8Array')
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') {
    throw bad(`${kindOf(value)} was given; give a number, bigint, boolean, string or Uint8Array`)
  }
  if (typeof value === 'number' && !Number.isInteger(value)) throw bad(`${value} is not an integer`)
  const integer = BigInt(value)
  const bits = BigInt(size * 8)
  if (integer >= 1n << bits || integer < -(1n << (bits - 1n))) throw bad(`${value} does not fit`)
  for (let i = 0; i < size; i++) into[offset + i] = Number((integer >> BigInt(8 * i)) & 0xffn)
}

const KEY_ZERO = new Uint8Array(4)

/**
 * The same collection with other first values for global variables (`const volatile` ones too): what libbpf's skeletons
 * do between open and load. Pure: the given spec is not changed.
 */
export function setGlobals(
  spec: CollectionSpec,
  values: Readonly<Record<string, GlobalValue>>,
): CollectionSpec {
  const contents = new Map<string, Uint8Array>()
  for (const [name, value] of Object.entries(values)) {
    const variable = spec.variables.find((v) => v.name === name)
    if (!variable) {
      const known = spec.variables.map((v) => v.name).join(', ') || 'none'
      throw new RuntimeError(
        'NO_SUCH_VARIABLE',
        name,
        `the object has no global variable "${name}"; it has: ${known}`,
      )
    }
    const map = spec.maps.find((m) => m.name === variable.map)!
    const bytes = contents.get(map.name) ?? firstValue(map)
    encodeGlobal(variable, value, bytes, variable.offset)
    contents.set(map.name, bytes)
  }
  const withContents = (map: MapSpec): MapSpec => {
    const bytes = contents.get(map.name)
    return bytes ? { ...map, initial: [{ key: KEY_ZERO, value: bytes }] } : map
  }
  return { ...spec, maps: spec.maps.map(withContents) }
}

function firstValue(map: MapSpec): Uint8Array {
  const first = map.initial?.find((i: MapInitial) => 'value' in i)
  const given = first && 'value' in first ? first.value : new Uint8Array(0)
  const bytes = new Uint8Array(Math.max(map.valueSize, given.length))
  bytes.set(given)
  return bytes
}
