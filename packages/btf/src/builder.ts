import type { Btf, BtfSectionVariable } from './btf.ts'
import { BtfError } from './errors.ts'
import { BTF_KIND, BTF_LINKAGE, type BtfKind } from './kinds.ts'
import { assembleBtf } from './write.ts'

export interface MemberToBuild {
  readonly name: string
  readonly type: number
  /** Bits from the start; C's layout when absent. */
  readonly bitOffset?: number
  /** Bits of a bit field. */
  readonly bitSize?: number
}

export interface BtfIntegerOptions {
  readonly signed?: boolean
  readonly char?: boolean
  readonly bool?: boolean
}

type Linkage = keyof typeof BTF_LINKAGE | Lowercase<keyof typeof BTF_LINKAGE>

const encoder = new TextEncoder()
const MAX_VLEN = 0xffff
const linkageNumber = (linkage: Linkage): number =>
  BTF_LINKAGE[linkage.toUpperCase() as keyof typeof BTF_LINKAGE]

/**
 * Writes BTF: each method adds a type and answers its id, `build` gives the bytes. With a base the result is split BTF,
 * whose ids and strings continue those of the base. Types may refer to ids that are added later.
 */
export class BtfBuilder {
  readonly #base: Btf | undefined
  readonly #types: number[][] = []
  readonly #stringOffsets = new Map<string, number>()
  readonly #strings: Uint8Array[] = []
  #stringEnd: number
  /** Size and alignment, for C's layout of structs that hold the type. */
  readonly #layout = new Map<number, { readonly size: number; readonly align: number }>()

  constructor(base?: Btf) {
    this.#base = base
    this.#stringEnd = base?.stringBytes ?? 0
    if (!base) this.string('')
  }

  /** The id that the next type gets. */
  get nextId(): number {
    return (this.#base?.count ?? 1) + this.#types.length
  }

  /** The offset of a string, added at its first use. */
  string(text: string): number {
    if (text === '' && this.#base) return 0
    const known = this.#stringOffsets.get(text)
    if (known !== undefined) return known
    const at = this.#stringEnd
    const bytes = encoder.encode(`${text}\0`)
    if (bytes.indexOf(0) !== bytes.length - 1) throw this.#bad(`the string ${JSON.stringify(text)} has a NUL`)
    this.#stringOffsets.set(text, at)
    this.#strings.push(bytes)
    this.#stringEnd += bytes.length
    return at
  }

  int(name: string, size: number, options: BtfIntegerOptions = {}): number {
    const encoding = (options.signed ? 1 : 0) | (options.char ? 2 : 0) | (options.bool ? 4 : 0)
    return this.#sized(this.#add(name, BTF_KIND.INT, 0, false, size, [(encoding << 24) | (size * 8)]), size)
  }

  float(name: string, size: number): number {
    return this.#sized(this.#add(name, BTF_KIND.FLOAT, 0, false, size), size)
  }

  pointer(to: number): number {
    return this.#sized(this.#add('', BTF_KIND.PTR, 0, false, to), 8)
  }

  /** `index` is the type of indexes, an integer. */
  array(element: number, count: number, index: number): number {
    const id = this.#add('', BTF_KIND.ARRAY, 0, false, 0, [element, index, count])
    const of = this.#layoutOf(element)
    if (of) this.#layout.set(id, { size: of.size * count, align: of.align })
    return id
  }

  struct(name: string, members: readonly MemberToBuild[], size?: number): number {
    return this.#composite(BTF_KIND.STRUCT, name, members, size)
  }

  union(name: string, members: readonly MemberToBuild[], size?: number): number {
    return this.#composite(BTF_KIND.UNION, name, members, size)
  }

  /** A struct, or a union, that is only declared. */
  forward(name: string, what: 'struct' | 'union' = 'struct'): number {
    return this.#add(name, BTF_KIND.FWD, 0, what === 'union', 0)
  }

  /** Values of up to 64 bits; ENUM64 where 32 do not hold them. */
  enum(name: string, values: Readonly<Record<string, number | bigint>>, size?: number): number {
    const list = Object.entries(values).map(([key, value]) => {
      if (typeof value === 'number' && !Number.isInteger(value))
        throw this.#bad(`enum ${name}: ${key} is ${value}, no integer`)
      return [this.string(key), BigInt(value)] as const
    })
    const signed = list.some(([, value]) => value < 0n)
    const wrap = signed ? BigInt.asIntN : BigInt.asUintN
    for (const [, value] of list)
      if (wrap(64, value) !== value) throw this.#bad(`enum ${name}: ${value} does not fit in 64 bits`)
    const wide = list.some(([, value]) => wrap(32, value) !== value)
    const bytes = size ?? (wide ? 8 : 4)
    const words = list.flatMap(([at, value]) => {
      const low = Number(BigInt.asUintN(32, value))
      return wide ? [at, low, Number(BigInt.asUintN(32, value >> 32n))] : [at, low]
    })
    const kind = wide ? BTF_KIND.ENUM64 : BTF_KIND.ENUM
    return this.#sized(this.#add(name, kind, list.length, signed, bytes, words), bytes)
  }

  typedef(name: string, type: number): number {
    return this.#like(this.#add(name, BTF_KIND.TYPEDEF, 0, false, type), type)
  }

  const(type: number): number {
    return this.#like(this.#add('', BTF_KIND.CONST, 0, false, type), type)
  }

  volatile(type: number): number {
    return this.#like(this.#add('', BTF_KIND.VOLATILE, 0, false, type), type)
  }

  restrict(type: number): number {
    return this.#like(this.#add('', BTF_KIND.RESTRICT, 0, false, type), type)
  }

  /** btf_type_tag; with `attribute` an arbitrary attribute of that text. */
  typeTag(text: string, type: number, attribute = false): number {
    return this.#like(this.#add(text, BTF_KIND.TYPE_TAG, 0, attribute, type), type)
  }

  /** btf_decl_tag of a type, function or variable, or of its member or parameter `component`. */
  declTag(text: string, type: number, component = -1): number {
    return this.#add(text, BTF_KIND.DECL_TAG, 0, false, type, [component])
  }

  /** Parameters by name; a last one of type 0 stands for `...`. */
  funcProto(returns: number, params: readonly (readonly [name: string, type: number])[] = []): number {
    const words = params.flatMap(([name, type]) => [this.string(name), type])
    return this.#add('', BTF_KIND.FUNC_PROTO, params.length, false, returns, words)
  }

  func(name: string, proto: number, linkage: Linkage = 'global'): number {
    return this.#add(name, BTF_KIND.FUNC, linkageNumber(linkage), false, proto)
  }

  variable(name: string, type: number, linkage: Linkage = 'global'): number {
    return this.#like(this.#add(name, BTF_KIND.VAR, 0, false, type, [linkageNumber(linkage)]), type)
  }

  dataSection(name: string, size: number, variables: readonly BtfSectionVariable[]): number {
    const words = variables.flatMap((v) => [v.type, v.offset, v.size])
    return this.#add(name, BTF_KIND.DATASEC, variables.length, false, size, words)
  }

  /** The raw BTF, little-endian. */
  build(): Uint8Array {
    const words = this.#types.flat()
    const types = new DataView(new ArrayBuffer(words.length * 4))
    for (const [i, word] of words.entries()) types.setUint32(i * 4, word, true)
    return assembleBtf([new Uint8Array(types.buffer)], this.#strings)
  }

  #bad(message: string): BtfError {
    return new BtfError('BAD_VALUE', 0, message)
  }

  #add(
    name: string,
    kind: BtfKind,
    vlen: number,
    flag: boolean,
    third: number,
    rest: readonly number[] = [],
  ): number {
    if (vlen > MAX_VLEN) throw this.#bad(`"${name}" has ${vlen} elements; BTF counts up to ${MAX_VLEN}`)
    const id = this.nextId
    this.#types.push([this.string(name), (flag ? 1 << 31 : 0) | (kind << 24) | vlen, third, ...rest])
    return id
  }

  #sized(id: number, size: number): number {
    this.#layout.set(id, { size, align: Math.max(1, Math.min(8, size)) })
    return id
  }

  #like(id: number, type: number): number {
    const of = this.#layoutOf(type)
    if (of) this.#layout.set(id, of)
    return id
  }

  #layoutOf(type: number): { readonly size: number; readonly align: number } | undefined {
    const own = this.#layout.get(type)
    if (own || !this.#base?.has(type)) return own
    const size = this.#base.size(type)
    return size === undefined ? undefined : { size, align: this.#base.align(type) || 1 }
  }

  #composite(
    kind: BtfKind,
    name: string,
    members: readonly MemberToBuild[],
    size: number | undefined,
  ): number {
    const fields = members.some((m) => m.bitSize)
    let end = 0
    let align = 1
    const words = members.flatMap((member) => {
      const of = this.#layoutOf(member.type)
      if (!of && (member.bitOffset === undefined || size === undefined))
        throw this.#bad(`${name}.${member.name}: type ${member.type} has no size; give bitOffset and size`)
      const own = of ?? { size: 0, align: 1 }
      const next = kind === BTF_KIND.UNION ? 0 : placed(end, own, member.bitSize ?? 0)
      const bitOffset = member.bitOffset ?? next
      end = Math.max(end, bitOffset + (member.bitSize || own.size * 8))
      align = Math.max(align, own.align)
      if (fields && bitOffset > 0xff_ffff)
        throw this.#bad(
          `${name}.${member.name}: bit ${bitOffset} is past what a struct with bit fields can hold`,
        )
      return [
        this.string(member.name),
        member.type,
        fields ? ((member.bitSize ?? 0) << 24) | bitOffset : bitOffset,
      ]
    })
    const bytes = size ?? Math.ceil(end / (align * 8)) * align
    const id = this.#add(name, kind, members.length, fields, bytes, words)
    this.#layout.set(id, { size: bytes, align })
    return id
  }
}

/** Where C puts a member after `end` bits: at its alignment; a bit field where it does not cross a unit of its type. */
function placed(end: number, of: { readonly size: number; readonly align: number }, bitSize: number): number {
  if (bitSize === 0) return Math.ceil(end / (of.align * 8)) * of.align * 8
  const unit = of.size * 8
  return Math.floor(end / unit) === Math.floor((end + bitSize - 1) / unit)
    ? end
    : Math.ceil(end / unit) * unit
}

/** BTF from a description: `buildBtf((b) => { b.struct('flow', [{ name: 'port', type: b.int('u16', 2) }]) })`. */
export function buildBtf(describe: (builder: BtfBuilder) => void, base?: Btf): Uint8Array {
  const builder = new BtfBuilder(base)
  describe(builder)
  return builder.build()
}
