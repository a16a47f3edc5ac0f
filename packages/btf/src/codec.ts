/** Converts between a host value and its fixed-size bytes, little-endian as BPF's C types are. */
export interface Codec<T> {
  /** Shown in errors: `u64`, `struct flow`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Alignment in C. */
  readonly align: number
  encode(value: T, view: DataView, offset: number): void
  decode(view: DataView, offset: number): T
}

/** The host type of a codec. */
export type Decoded<C> = C extends Codec<infer T> ? T : never

/** A host value that a codec cannot hold: out of range, wrong type, wrong length. */
export class CodecError extends Error {
  readonly code = 'BAD_VALUE'
  override readonly name = 'CodecError'
  readonly codec: string

  constructor(codec: string, message: string) {
    super(`${codec}: ${message}`)
    this.codec = codec
  }
}

function integer(
  name: string,
  size: number,
  min: number,
  max: number,
  get: (v: DataView, o: number) => number,
  set: (v: DataView, o: number, x: number) => void,
): Codec<number> {
  return {
    name,
    size,
    align: size,
    encode(value, view, offset) {
      if (!Number.isInteger(value) || value < min || value > max) {
        throw new CodecError(name, `${String(value)} is not an integer from ${min} to ${max}`)
      }
      set(view, offset, value)
    },
    decode: get,
  }
}

export const u8: Codec<number> = integer(
  'u8',
  1,
  0,
  0xff,
  (v, o) => v.getUint8(o),
  (v, o, x) => v.setUint8(o, x),
)
export const u16: Codec<number> = integer(
  'u16',
  2,
  0,
  0xffff,
  (v, o) => v.getUint16(o, true),
  (v, o, x) => v.setUint16(o, x, true),
)
export const u32: Codec<number> = integer(
  'u32',
  4,
  0,
  0xffff_ffff,
  (v, o) => v.getUint32(o, true),
  (v, o, x) => v.setUint32(o, x, true),
)
export const i8: Codec<number> = integer(
  'i8',
  1,
  -0x80,
  0x7f,
  (v, o) => v.getInt8(o),
  (v, o, x) => v.setInt8(o, x),
)
export const i16: Codec<number> = integer(
  'i16',
  2,
  -0x8000,
  0x7fff,
  (v, o) => v.getInt16(o, true),
  (v, o, x) => v.setInt16(o, x, true),
)
export const i32: Codec<number> = integer(
  'i32',
  4,
  -0x8000_0000,
  0x7fff_ffff,
  (v, o) => v.getInt32(o, true),
  (v, o, x) => v.setInt32(o, x, true),
)
/** Network byte order, as ports and addresses are in packets. */
export const be16: Codec<number> = integer(
  'be16',
  2,
  0,
  0xffff,
  (v, o) => v.getUint16(o),
  (v, o, x) => v.setUint16(o, x),
)
export const be32: Codec<number> = integer(
  'be32',
  4,
  0,
  0xffff_ffff,
  (v, o) => v.getUint32(o),
  (v, o, x) => v.setUint32(o, x),
)

function wide(name: string, signed: boolean): Codec<bigint> {
  const wrap = signed ? BigInt.asIntN : BigInt.asUintN
  return {
    name,
    size: 8,
    align: 8,
    encode(value, view, offset) {
      if (typeof value !== 'bigint' || wrap(64, value) !== value) {
        throw new CodecError(
          name,
          `${String(value)} is not a bigint of ${signed ? 'signed' : 'unsigned'} 64 bits`,
        )
      }
      view.setBigUint64(offset, BigInt.asUintN(64, value), true)
    },
    decode: (view, offset) => wrap(64, view.getBigUint64(offset, true)),
  }
}

export const u64: Codec<bigint> = wide('u64', false)
export const i64: Codec<bigint> = wide('i64', true)

export const bool: Codec<boolean> = {
  name: 'bool',
  size: 1,
  align: 1,
  encode: (value, view, offset) => view.setUint8(offset, value ? 1 : 0),
  decode: (view, offset) => view.getUint8(offset) !== 0,
}

/** Raw bytes of a fixed length; decoding copies. */
export function bytes(length: number): Codec<Uint8Array> {
  const name = `bytes(${length})`
  return {
    name,
    size: length,
    align: 1,
    encode(value, view, offset) {
      if (value.length !== length) throw new CodecError(name, `got ${value.length} bytes`)
      new Uint8Array(view.buffer, view.byteOffset + offset, length).set(value)
    },
    decode: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, length).slice(),
  }
}

/** A char array holding a NUL-terminated UTF-8 string. */
export function cstring(length: number): Codec<string> {
  const name = `char[${length}]`
  return {
    name,
    size: length,
    align: 1,
    encode(value, view, offset) {
      const encoded = new TextEncoder().encode(value)
      if (encoded.length >= length)
        throw new CodecError(name, `"${value}" and its NUL need ${encoded.length + 1} bytes`)
      const target = new Uint8Array(view.buffer, view.byteOffset + offset, length)
      target.fill(0)
      target.set(encoded)
    },
    decode(view, offset) {
      const raw = new Uint8Array(view.buffer, view.byteOffset + offset, length).slice()
      const end = raw.indexOf(0)
      return new TextDecoder().decode(end < 0 ? raw : raw.subarray(0, end))
    },
  }
}

export function array<T>(element: Codec<T>, count: number): Codec<T[]> {
  const name = `${element.name}[${count}]`
  return {
    name,
    size: element.size * count,
    align: element.align,
    encode(value, view, offset) {
      if (value.length !== count) throw new CodecError(name, `got ${value.length} elements`)
      value.forEach((v, i) => {
        element.encode(v, view, offset + i * element.size)
      })
    },
    decode: (view, offset) =>
      Array.from({ length: count }, (_, i) => element.decode(view, offset + i * element.size)),
  }
}

/** A C struct: fields in order, laid out with C's alignment, padding zero. */
export function struct<const F extends Readonly<Record<string, Codec<never> | Codec<unknown>>>>(
  name: string,
  fields: F,
): Codec<{ [K in keyof F]: Decoded<F[K]> }> {
  let end = 0
  let align = 1
  const laid = Object.entries(fields).map(([key, codec]) => {
    const offset = Math.ceil(end / codec.align) * codec.align
    end = offset + codec.size
    align = Math.max(align, codec.align)
    return { key, codec: codec as Codec<unknown>, offset }
  })
  const size = Math.ceil(end / align) * align
  type Value = { [K in keyof F]: Decoded<F[K]> }
  return {
    name: `struct ${name}`,
    size,
    align,
    encode(value, view, offset) {
      new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0)
      for (const f of laid) f.codec.encode(value[f.key as keyof F], view, offset + f.offset)
    },
    decode: (view, offset) =>
      Object.fromEntries(laid.map((f) => [f.key, f.codec.decode(view, offset + f.offset)])) as Value,
  }
}
