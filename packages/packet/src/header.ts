import type { AddressCodec } from './address.ts'
import { PacketError } from './errors.ts'

/** A field of a header: so many bits, in network order, and what they are to the host. */
export interface Field<T> {
  readonly bits: number
  read(bytes: Uint8Array, bit: number): T
  /** Answers what is wrong with the value, if something is. */
  write(bytes: Uint8Array, bit: number, value: T): string | undefined
}

/** Fields in the order of the wire. */
export type FieldTable<T> = { readonly [K in keyof T]: Field<T[K]> }

/** Reads and writes the fixed part of a header. */
export interface HeaderCodec<T> {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** The names of the fields. */
  readonly keys: readonly (keyof T & string)[]
  /** The fields at `offset`, each read when it is asked for; undefined if the bytes end before them. */
  view(bytes: Uint8Array, offset: number): T | undefined
  /** The fields at `offset`, or undefined if the bytes end before them. */
  read(bytes: Uint8Array, offset: number): T | undefined
  /** Throws PacketError BAD_FIELD. */
  write(bytes: Uint8Array, offset: number, fields: T): void
}

export function defineHeader<T extends object>(name: string, table: FieldTable<T>): HeaderCodec<T> {
  const fields: { key: keyof T & string; bit: number; field: Field<unknown> }[] = []
  let bits = 0
  for (const [key, field] of Object.entries(table) as [keyof T & string, Field<unknown>][]) {
    fields.push({ key, bit: bits, field })
    bits += field.bits
  }
  const size = bits / 8
  class View {
    constructor(
      readonly bytes: Uint8Array,
      readonly bit: number,
    ) {}
  }
  for (const { key, bit, field } of fields) {
    Object.defineProperty(View.prototype, key, {
      get(this: View) {
        return field.read(this.bytes, this.bit + bit)
      },
    })
  }
  return {
    name,
    size,
    keys: fields.map(({ key }) => key),
    view: (bytes, offset) =>
      offset + size > bytes.length ? undefined : (new View(bytes, offset * 8) as unknown as T),
    read(bytes, offset) {
      if (offset + size > bytes.length) return undefined
      return Object.fromEntries(
        fields.map(({ key, bit, field }) => [key, field.read(bytes, offset * 8 + bit)]),
      ) as T
    },
    write(bytes, offset, values) {
      for (const { key, bit, field } of fields) {
        const problem = field.write(bytes, offset * 8 + bit, values[key])
        if (problem !== undefined) throw new PacketError('BAD_FIELD', problem, `${name}.${key}`)
      }
    },
  }
}

function readBits(bytes: Uint8Array, bit: number, count: number): number {
  let value = 0
  for (let done = 0; done < count; ) {
    const at = bit + done
    const left = 8 - (at & 7)
    const take = Math.min(left, count - done)
    value = value * 2 ** take + ((bytes[at >> 3]! >> (left - take)) & ((1 << take) - 1))
    done += take
  }
  return value
}

function writeBits(bytes: Uint8Array, bit: number, count: number, value: number): void {
  for (let left = count; left > 0; ) {
    const at = bit + count - left
    const room = 8 - (at & 7)
    const take = Math.min(room, left)
    const part = Math.floor(value / 2 ** (left - take)) % 2 ** take
    const shift = room - take
    bytes[at >> 3] = (bytes[at >> 3]! & ~(((1 << take) - 1) << shift)) | (part << shift)
    left -= take
  }
}

/** An unsigned number of up to 32 bits. */
export const uint = (bits: number): Field<number> => ({
  bits,
  read: (bytes, bit) => readBits(bytes, bit, bits),
  write(bytes, bit, value) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
      return `${String(value)} is no unsigned number of ${bits} bits`
    }
    writeBits(bytes, bit, bits, value)
    return undefined
  },
})

/** An address, which is text to the host. */
export const address = (codec: AddressCodec): Field<string> => ({
  bits: codec.size * 8,
  read: (bytes, bit) => codec.format(bytes, bit / 8),
  write(bytes, bit, value) {
    bytes.set(codec.parse(value), bit / 8)
    return undefined
  },
})

/** Single bits with names, the lowest first; to the host a list of those that are set. */
export const flags = <N extends string>(...names: readonly N[]): Field<readonly N[]> => ({
  bits: names.length,
  read: (bytes, bit) => {
    const value = readBits(bytes, bit, names.length)
    return names.filter((_, i) => value & (1 << i))
  },
  write(bytes, bit, value) {
    let set = 0
    for (const name of value) {
      const i = names.indexOf(name)
      if (i < 0) return `${String(name)} is none of ${names.join(', ')}`
      set |= 1 << i
    }
    writeBits(bytes, bit, names.length, set)
    return undefined
  },
})
