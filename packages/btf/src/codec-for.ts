import type { Btf, BtfMember } from './btf.ts'
import {
  array as arrayOf,
  bool,
  bytes,
  type Codec,
  CodecError,
  cstring,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
} from './codec.ts'
import { BtfError } from './errors.ts'
import { BTF_KIND } from './kinds.ts'

/**
 * What the host sees of a BTF type: numbers up to 32 bits, bigints above (pointers too), booleans, bytes for unions and
 * arrays of `unsigned char`, arrays, and objects by member name. Members of anonymous structs stand in the object around
 * them, as C reads them; an anonymous union is under `union_` and its byte offset.
 */
export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | BtfValue[]
  | { [member: string]: BtfValue }

export interface CodecForOptions {
  /** Arrays of `char` as NUL-terminated UTF-8 strings instead of bytes. */
  readonly strings?: boolean
  /** Enum values by the enumerators' names where one fits, in both directions; numbers are taken too. */
  readonly enumNames?: boolean
}

interface Built {
  readonly codec: Codec<BtfValue>
  /** Values inside: what decoding costs. */
  readonly leaves: number
}

/** Structs within structs and arrays, as the kernel allows. */
const MAX_NESTING = 32

const erase = <T extends BtfValue>(codec: Codec<T>): Codec<BtfValue> => codec as unknown as Codec<BtfValue>

/**
 * The codec of a type in BTF: structs, arrays, integers, enums, bit fields, floats and pointers, through typedefs and
 * qualifiers. Throws BtfError for types without a size, that contain themselves, or whose members lie outside them.
 */
export function codecFor(btf: Btf, typeId: number, options: CodecForOptions = {}): Codec<BtfValue> {
  return new Builder(btf, options).build(typeId, 0).codec
}

class Builder {
  readonly #btf: Btf
  readonly #options: CodecForOptions
  readonly #known = new Map<number, Built>()

  constructor(btf: Btf, options: CodecForOptions) {
    this.#btf = btf
    this.#options = options
  }

  build(typeId: number, depth: number): Built {
    const type = this.#btf.resolve(typeId)
    const known = this.#known.get(type)
    if (known) return known
    if (depth > MAX_NESTING) throw this.#bad(type, `is nested deeper than ${MAX_NESTING}`)
    const built = this.#make(type, depth)
    this.#known.set(type, built)
    return built
  }

  #make(type: number, depth: number): Built {
    const btf = this.#btf
    switch (btf.kind(type)) {
      case BTF_KIND.INT:
        return leaf(this.#integer(type))
      case BTF_KIND.PTR:
        return leaf(erase(u64))
      case BTF_KIND.FLOAT:
        return leaf(this.#float(type))
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return leaf(this.#enum(type))
      case BTF_KIND.ARRAY:
        return this.#array(type, depth)
      case BTF_KIND.STRUCT:
        return this.#struct(type, depth)
      case BTF_KIND.UNION:
        return leaf({ ...erase(bytes(btf.size(type)!)), name: this.#name(type), align: btf.align(type) })
      default:
        throw this.#bad(type, `is a ${btf.kindName(type)}, which has no value`)
    }
  }

  #bad(type: number, what: string): BtfError {
    return new BtfError(
      'BAD_TYPE',
      this.#btf.typeOffset(type),
      `type ${type} ${this.#btf.name(type)} ${what}`,
    )
  }

  #name(type: number): string {
    return `${this.#btf.kindName(type)} ${this.#btf.name(type) || '(anonymous)'}`
  }

  #integer(type: number): Codec<BtfValue> {
    const { signed, bool: boolean } = this.#btf.integer(type)
    const size = this.#btf.size(type)!
    if (boolean && size === 1) return erase(bool)
    const codec = plain(size, signed)
    if (!codec) throw this.#bad(type, `is an integer of ${size} bytes`)
    return codec
  }

  #float(type: number): Codec<BtfValue> {
    const size = this.#btf.size(type)!
    if (size === 4)
      return erase(
        float(
          'float',
          4,
          (v, o) => v.getFloat32(o, true),
          (v, o, x) => v.setFloat32(o, x, true),
        ),
      )
    if (size === 8)
      return erase(
        float(
          'double',
          8,
          (v, o) => v.getFloat64(o, true),
          (v, o, x) => v.setFloat64(o, x, true),
        ),
      )
    return erase(bytes(size))
  }

  #enum(type: number): Codec<BtfValue> {
    const size = this.#btf.size(type)!
    const codec = plain(size, this.#btf.flag(type))
    if (!codec) throw this.#bad(type, `is an enum of ${size} bytes`)
    const name = this.#name(type)
    if (!this.#options.enumNames) return { ...codec, name }
    const list = this.#btf
      .enumerators(type)
      .map((e) => [e.name, size === 8 ? e.value : Number(e.value)] as const)
    const byName = new Map(list)
    const byValue = new Map(list.map(([own, value]) => [value, own]))
    return {
      name,
      size,
      align: codec.align,
      decode: (view, offset) => {
        const value = codec.decode(view, offset)
        return byValue.get(value as number | bigint) ?? value
      },
      encode: (value, view, offset) => {
        const number = typeof value === 'string' ? byName.get(value) : value
        if (number === undefined)
          throw new CodecError(
            name,
            `no enumerator is named "${String(value)}"; known are ${[...byName.keys()].join(', ')}`,
          )
        codec.encode(number, view, offset)
      },
    }
  }

  #array(type: number, depth: number): Built {
    const { element, count } = this.#btf.array(type)
    const to = this.#btf.resolve(element)
    if (this.#btf.kind(to) === BTF_KIND.INT && this.#btf.size(to) === 1) {
      const { signed, char, bool: boolean } = this.#btf.integer(to)
      const text = char || this.#btf.name(to) === 'char'
      if (text && this.#options.strings && count > 0) return leaf(erase(cstring(count)))
      if (text || (!signed && !boolean)) return leaf(erase(bytes(count)))
    }
    if (this.#btf.size(type) === undefined) throw this.#bad(type, 'has no size')
    const built = this.build(element, depth + 1)
    if (built.codec.size === 0 && count > 0) throw this.#bad(type, `has ${count} elements of no size`)
    return { codec: erase(arrayOf(built.codec, count)), leaves: 1 + built.leaves * count }
  }

  #struct(type: number, depth: number): Built {
    const size = this.#btf.size(type)!
    const fields: Field[] = []
    let leaves = 0
    // Members that overlap again and again cost more to read than their bytes can explain.
    const count = (more: number): void => {
      leaves += more
      if (leaves > 64 + size * 16) throw this.#bad(type, 'has members that overlap each other')
    }
    const collect = (struct: number, base: number, level: number): void => {
      count(1)
      if (level > MAX_NESTING) throw this.#bad(type, `is nested deeper than ${MAX_NESTING}`)
      for (const member of this.#btf.members(struct)) {
        const to = this.#btf.resolve(member.type)
        const offset = base + member.bitOffset
        if (member.name === '' && this.#btf.kind(to) === BTF_KIND.STRUCT) {
          collect(to, offset, level + 1)
          continue
        }
        // An unnamed bit field is padding.
        if (member.name === '' && !this.#btf.isComposite(to)) continue
        const built = this.build(to, level + 1)
        const bits = member.bitSize || built.codec.size * 8
        if (offset + bits > size * 8)
          throw this.#bad(type, `has ${size} bytes, but member "${member.name}" ends at bit ${offset + bits}`)
        count(built.leaves)
        const name = member.name || `union_${offset / 8}`
        fields.push({ name, ...this.#place(type, member, offset, built.codec) })
      }
    }
    collect(type, 0, depth)
    return { leaves, codec: structCodec(this.#name(type), size, this.#btf.align(type), fields) }
  }

  #signed(typeId: number): boolean {
    const type = this.#btf.resolve(typeId)
    return this.#btf.isEnum(type) ? this.#btf.flag(type) : this.#btf.integer(type).signed
  }

  #place(type: number, member: BtfMember, offset: number, codec: Codec<BtfValue>): Omit<Field, 'name'> {
    if (member.bitSize > 0) {
      const to = this.#btf.resolve(member.type)
      if (this.#btf.kind(to) !== BTF_KIND.INT && !this.#btf.isEnum(to))
        throw this.#bad(type, `has a bit field "${member.name}" of kind ${this.#btf.kindName(to)}`)
      if (member.bitSize > codec.size * 8)
        throw this.#bad(
          type,
          `has a bit field "${member.name}" of ${member.bitSize} bits in ${codec.size} bytes`,
        )
      return { offset: 0, codec: bitField(codec, offset, member.bitSize, this.#signed(member.type)) }
    }
    if (offset % 8 !== 0) throw this.#bad(type, `has member "${member.name}" at bit ${offset}`)
    return { offset: offset / 8, codec }
  }
}

const leaf = (codec: Codec<BtfValue>): Built => ({ codec, leaves: 1 })

const INTEGERS: Readonly<Record<number, readonly [unsigned: Codec<BtfValue>, signed: Codec<BtfValue>]>> = {
  1: [erase(u8), erase(i8)],
  2: [erase(u16), erase(i16)],
  4: [erase(u32), erase(i32)],
  8: [erase(u64), erase(i64)],
  16: [erase(wide128(false)), erase(wide128(true))],
}

const plain = (size: number, signed: boolean): Codec<BtfValue> | undefined => INTEGERS[size]?.[signed ? 1 : 0]

function wide128(signed: boolean): Codec<bigint> {
  const name = signed ? 'i128' : 'u128'
  const wrap = signed ? BigInt.asIntN : BigInt.asUintN
  return {
    name,
    size: 16,
    align: 8,
    decode: (view, offset) =>
      wrap(128, (view.getBigUint64(offset + 8, true) << 64n) | view.getBigUint64(offset, true)),
    encode(value, view, offset) {
      if (typeof value !== 'bigint' || wrap(128, value) !== value)
        throw new CodecError(
          name,
          `${String(value)} is not a bigint of ${signed ? 'signed' : 'unsigned'} 128 bits`,
        )
      view.setBigUint64(offset, BigInt.asUintN(64, value), true)
      view.setBigUint64(offset + 8, BigInt.asUintN(64, value >> 64n), true)
    },
  }
}

function float(
  name: string,
  size: number,
  get: (view: DataView, offset: number) => number,
  set: (view: DataView, offset: number, value: number) => void,
): Codec<number> {
  return {
    name,
    size,
    align: size,
    decode: get,
    encode(value, view, offset) {
      if (typeof value !== 'number') throw new CodecError(name, `${String(value)} is not a number`)
      set(view, offset, value)
    },
  }
}

interface Field {
  readonly name: string
  readonly offset: number
  readonly codec: Codec<BtfValue>
}

/** Bits from the start of the struct; bit 0 is the least significant of byte 0. Keeps the bits around it. */
function bitField(codec: Codec<BtfValue>, bitOffset: number, bits: number, signed: boolean): Codec<BtfValue> {
  const first = Math.floor(bitOffset / 8)
  const last = Math.floor((bitOffset + bits - 1) / 8)
  const shift = BigInt(bitOffset % 8)
  const mask = (1n << BigInt(bits)) - 1n
  const own = new Uint8Array(codec.size)
  const ownView = new DataView(own.buffer)
  const name = `${codec.name}:${bits}`
  const read = (view: DataView, offset: number): bigint => {
    let value = 0n
    for (let i = last; i >= first; i--) value = (value << 8n) | BigInt(view.getUint8(offset + i))
    return value
  }
  return {
    name,
    size: 0,
    align: 1,
    decode(view, offset) {
      const raw = (read(view, offset) >> shift) & mask
      write(ownView, 0, codec.size, signed ? BigInt.asIntN(bits, raw) : raw)
      return codec.decode(ownView, 0)
    },
    encode(value, view, offset) {
      codec.encode(value, ownView, 0)
      const whole = readWhole(ownView, codec.size)
      const fits = signed
        ? BigInt.asIntN(bits, whole) === BigInt.asIntN(codec.size * 8, whole)
        : (whole & mask) === whole
      if (!fits) throw new CodecError(name, `${String(value)} does not fit in ${bits} bits`)
      const kept = read(view, offset) & ~(mask << shift)
      write(view, offset + first, last - first + 1, kept | ((whole & mask) << shift))
    },
  }
}

function write(view: DataView, offset: number, size: number, value: bigint): void {
  let rest = value
  for (let i = 0; i < size; i++, rest >>= 8n) view.setUint8(offset + i, Number(rest & 0xffn))
}

function readWhole(view: DataView, size: number): bigint {
  let value = 0n
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(i))
  return value
}

function structCodec(name: string, size: number, align: number, fields: readonly Field[]): Codec<BtfValue> {
  const names = new Set(fields.map((f) => f.name))
  return {
    name,
    size,
    align,
    decode: (view, offset) =>
      Object.fromEntries(fields.map((f) => [f.name, f.codec.decode(view, offset + f.offset)])),
    encode(value, view, offset) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
        throw new CodecError(name, `${String(value)} is not an object with ${[...names].join(', ')}`)
      for (const key of Object.keys(value)) {
        if (!names.has(key))
          throw new CodecError(name, `no member is named "${key}"; known are ${[...names].join(', ')}`)
      }
      new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0)
      for (const f of fields) {
        const own = value[f.name]
        if (own === undefined) throw new CodecError(name, `member "${f.name}" is missing`)
        f.codec.encode(own, view, offset + f.offset)
      }
    },
  }
}
