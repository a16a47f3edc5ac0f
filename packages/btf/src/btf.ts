import { BtfError } from './errors.ts'
import { BTF_KIND, type BtfKind, KIND_SHAPES } from './kinds.ts'
import { StringTable } from './strings.ts'

export interface BtfMember {
  readonly name: string
  readonly type: number
  /** Bits from the start of the struct. */
  readonly bitOffset: number
  /** Bits of a bit field, 0 for an ordinary member. */
  readonly bitSize: number
}

export interface BtfParam {
  readonly name: string
  readonly type: number
}

export interface BtfEnumerator {
  readonly name: string
  readonly value: bigint
}

/** One variable of a DATASEC. */
export interface BtfSectionVariable {
  /** Type id of its BTF_KIND_VAR. */
  readonly type: number
  readonly offset: number
  readonly size: number
}

export interface BtfInteger {
  readonly bits: number
  /** Of the value in its bytes; 0 but in what ancient compilers wrote for bit fields. */
  readonly bitOffset: number
  readonly signed: boolean
  readonly char: boolean
  readonly bool: boolean
}

/** Typedefs, modifiers and dimensions behind one another; the kernel takes 32. */
const MAX_STEPS = 64
/** Structs within structs. */
const MAX_NESTING = 32
const POINTER_SIZE = 8

const bounded = (size: number): number | undefined => (size <= 0xffff_ffff ? size : undefined)

/**
 * Raw BTF (Documentation/bpf/btf.rst) by type id. Types stay in the bytes and are read on demand, so that a kernel's
 * 150,000 types cost an index and no objects. Ids start at 1, or after the last of `base` for split BTF; 0 is void.
 */
export class Btf {
  readonly bytes: Uint8Array
  readonly base: Btf | undefined
  readonly #view: DataView
  readonly #offsets: Uint32Array
  readonly #first: number
  readonly #strings: StringTable
  readonly #firstString: number
  #names: Map<string, number[]> | undefined
  /** Ids of declaration tags by what they are on. */
  #tags: Map<number, number[]> | undefined
  readonly #aligns = new Map<number, number>()

  /** Use `parseBtf`, which checks what this takes for granted. */
  constructor(
    bytes: Uint8Array,
    offsets: Uint32Array,
    strings: Uint8Array,
    stringsAt: number,
    base: Btf | undefined,
  ) {
    this.bytes = bytes
    this.base = base
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offsets = offsets
    this.#first = base ? base.count : 1
    this.#strings = new StringTable(strings, (at, what) => new BtfError('BAD_STRING', stringsAt + at, what))
    this.#firstString = base ? base.stringBytes : 0
  }

  /** The first id that is this BTF's own: 1 without a base. */
  get first(): number {
    return this.#first
  }

  /** One more than the last type id. */
  get count(): number {
    return this.#first + this.#offsets.length
  }

  /** With those of the base. */
  get stringBytes(): number {
    return this.#firstString + this.#strings.size
  }

  /** The string at an offset of the string section; empty for an offset outside. Throws BtfError for a hostile section. */
  string(offset: number): string {
    return this.base && offset < this.#firstString
      ? this.base.string(offset)
      : this.#strings.at(offset - this.#firstString)
  }

  #word(id: number, word: number): number {
    if (id < this.#first) return this.base && id > 0 ? this.base.#word(id, word) : 0
    const at = (this.#offsets[id - this.#first] ?? Number.NaN) + word * 4
    return at + 4 <= this.#view.byteLength ? this.#view.getUint32(at, true) : 0
  }

  /** Byte offset of a type's struct btf_type in `bytes`; 0 for void and for types of the base. */
  typeOffset(id: number): number {
    return this.#offsets[id - this.#first] ?? 0
  }

  has(id: number): boolean {
    return id >= 0 && id < this.count
  }

  kind(id: number): BtfKind {
    return ((this.#word(id, 1) >>> 24) & 31) as BtfKind
  }

  vlen(id: number): number {
    return this.#word(id, 1) & 0xffff
  }

  /** The kind_flag bit: bit fields in a struct, a union for FWD, signed values for an enum. */
  flag(id: number): boolean {
    return this.#word(id, 1) >>> 31 === 1
  }

  name(id: number): string {
    const offset = this.#word(id, 0)
    return offset === 0 ? '' : this.string(offset)
  }

  /** What a pointer, modifier, function, variable, tag or prototype (its result) refers to. */
  target(id: number): number {
    return this.#word(id, 2)
  }

  /** FUNC and VAR: 0 static, 1 global, 2 extern. */
  linkage(id: number): number {
    return this.kind(id) === BTF_KIND.FUNC ? this.vlen(id) : this.#word(id, 3)
  }

  /** DECL_TAG: the member or parameter that it is about, -1 for the whole. */
  componentIndex(id: number): number {
    return this.#word(id, 3) | 0
  }

  /** Values of the declaration tags of a type: of a member or parameter of it, -1 for the type itself. */
  declTags(id: number, component: number): string[] {
    if (!this.#tags) {
      this.#tags = new Map()
      for (let tag = this.#first; tag < this.count; tag++) {
        if (this.kind(tag) !== BTF_KIND.DECL_TAG) continue
        const tags = this.#tags.get(this.target(tag))
        if (tags) tags.push(tag)
        else this.#tags.set(this.target(tag), [tag])
      }
    }
    const own = (this.#tags.get(id) ?? []).filter((tag) => this.componentIndex(tag) === component)
    return [...(this.base?.declTags(id, component) ?? []), ...own.map((tag) => this.name(tag))]
  }

  /** Without typedefs and cv-qualifiers; 0 for a cycle. */
  resolve(id: number): number {
    let at = id
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      switch (this.kind(at)) {
        case BTF_KIND.TYPEDEF:
        case BTF_KIND.VOLATILE:
        case BTF_KIND.CONST:
        case BTF_KIND.RESTRICT:
        case BTF_KIND.TYPE_TAG:
          at = this.target(at)
          break
        default:
          return at
      }
    }
    return 0
  }

  /** The lower-case kernel name of its kind: `func_proto`. */
  kindName(id: number): string {
    return KIND_SHAPES[this.kind(id)]?.name ?? 'unknown'
  }

  isComposite(id: number): boolean {
    const kind = this.kind(id)
    return kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION
  }

  isEnum(id: number): boolean {
    const kind = this.kind(id)
    return kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64
  }

  /**
   * Bytes of a type through modifiers and arrays; undefined where it has none (void, functions, incomplete) or more than 32
   * bits count.
   */
  size(id: number): number | undefined {
    let at = this.resolve(id)
    let count = 1
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      switch (this.kind(at)) {
        case BTF_KIND.INT:
        case BTF_KIND.STRUCT:
        case BTF_KIND.UNION:
        case BTF_KIND.ENUM:
        case BTF_KIND.ENUM64:
        case BTF_KIND.FLOAT:
        case BTF_KIND.DATASEC:
          return bounded(this.#word(at, 2) * count)
        case BTF_KIND.PTR:
          return bounded(POINTER_SIZE * count)
        case BTF_KIND.VAR:
          at = this.resolve(this.target(at))
          break
        case BTF_KIND.ARRAY: {
          const array = this.array(at)
          count *= array.count
          at = this.resolve(array.element)
          break
        }
        default:
          return undefined
      }
    }
    return undefined
  }

  /**
   * Bytes of a type's alignment as C lays it out, 0 for what has none. A struct whose members or size say that it was packed
   * has 1. Throws BtfError for types nested without end.
   */
  align(id: number): number {
    return this.#align(id, 0)
  }

  #align(id: number, depth: number): number {
    const type = this.resolve(id)
    switch (this.kind(type)) {
      case BTF_KIND.INT:
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
      case BTF_KIND.FLOAT:
        return Math.min(POINTER_SIZE, this.#word(type, 2))
      case BTF_KIND.PTR:
        return POINTER_SIZE
      case BTF_KIND.ARRAY:
        this.#refuseNesting(type, depth)
        return this.#align(this.array(type).element, depth + 1)
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        break
      default:
        return 0
    }
    const known = this.#aligns.get(type)
    if (known !== undefined) return known
    this.#refuseNesting(type, depth)
    let align = 1
    let packed = false
    for (const member of this.members(type)) {
      const own = this.#align(member.type, depth + 1)
      if (own > 0 && member.bitSize === 0 && member.bitOffset % (8 * own) !== 0) packed = true
      align = Math.max(align, own)
    }
    if (packed || this.#word(type, 2) % align !== 0) align = 1
    this.#aligns.set(type, align)
    return align
  }

  #refuseNesting(id: number, depth: number): void {
    if (depth <= MAX_NESTING) return
    throw new BtfError('BAD_TYPE', this.typeOffset(id), `type ${id} is nested deeper than ${MAX_NESTING}`)
  }

  /** Calls back with the id of each type that a type refers to, in the order of its bytes; 0 for void. */
  references(id: number, each: (type: number) => void): void {
    const shape = KIND_SHAPES[this.kind(id)]!
    if (shape.target) each(this.#word(id, 2))
    for (const word of shape.fixedTypes) each(this.#word(id, 3 + word))
    if (shape.eachType < 0) return
    const first = 3 + shape.fixed / 4 + shape.eachType
    for (let i = 0, n = this.vlen(id); i < n; i++) each(this.#word(id, first + (i * shape.each) / 4))
  }

  array(id: number): { readonly element: number; readonly index: number; readonly count: number } {
    return { element: this.#word(id, 3), index: this.#word(id, 4), count: this.#word(id, 5) }
  }

  integer(id: number): BtfInteger {
    const data = this.#word(id, 3)
    const encoding = (data >>> 24) & 15
    return {
      bits: data & 0xff,
      bitOffset: (data >>> 16) & 0xff,
      signed: (encoding & 1) !== 0,
      char: (encoding & 2) !== 0,
      bool: (encoding & 4) !== 0,
    }
  }

  members(id: number): BtfMember[] {
    const fields = this.flag(id)
    return Array.from({ length: this.isComposite(id) ? this.vlen(id) : 0 }, (_, i) => {
      const offset = this.#word(id, 5 + i * 3)
      return {
        name: this.string(this.#word(id, 3 + i * 3)),
        type: this.#word(id, 4 + i * 3),
        bitOffset: fields ? offset & 0xff_ffff : offset,
        bitSize: fields ? offset >>> 24 : 0,
      }
    })
  }

  member(id: number, name: string): BtfMember | undefined {
    return this.members(id).find((m) => m.name === name)
  }

  /** FUNC_PROTO. A last parameter of type 0 stands for `...`. */
  params(id: number): BtfParam[] {
    return Array.from({ length: this.kind(id) === BTF_KIND.FUNC_PROTO ? this.vlen(id) : 0 }, (_, i) => ({
      name: this.string(this.#word(id, 3 + i * 2)),
      type: this.#word(id, 4 + i * 2),
    }))
  }

  enumerators(id: number): BtfEnumerator[] {
    const signed = this.flag(id)
    const wide = this.kind(id) === BTF_KIND.ENUM64
    const words = wide ? 3 : 2
    return Array.from({ length: this.isEnum(id) ? this.vlen(id) : 0 }, (_, i) => {
      const low = this.#word(id, 4 + i * words)
      const raw = wide ? (BigInt(this.#word(id, 5 + i * words)) << 32n) | BigInt(low) : BigInt(low)
      return {
        name: this.string(this.#word(id, 3 + i * words)),
        value: signed ? BigInt.asIntN(wide ? 64 : 32, raw) : raw,
      }
    })
  }

  /** DATASEC. */
  sectionVariables(id: number): BtfSectionVariable[] {
    return Array.from({ length: this.kind(id) === BTF_KIND.DATASEC ? this.vlen(id) : 0 }, (_, i) => ({
      type: this.#word(id, 3 + i * 3),
      offset: this.#word(id, 4 + i * 3),
      size: this.#word(id, 5 + i * 3),
    }))
  }

  /** Ids of all types of that name, of one kind if given. */
  find(name: string, kind?: BtfKind): number[] {
    if (!this.#names) {
      this.#names = new Map()
      for (let id = this.#first; id < this.count; id++) {
        const own = this.name(id)
        if (own === '') continue
        const same = this.#names.get(own)
        if (same) same.push(id)
        else this.#names.set(own, [id])
      }
    }
    const ids = [...(this.base?.find(name, kind) ?? []), ...(this.#names.get(name) ?? [])]
    return kind === undefined ? ids : ids.filter((id) => this.kind(id) === kind)
  }

  /** The first type of that kind and name. */
  findByName(kind: BtfKind, name: string): number | undefined {
    return this.find(name, kind)[0]
  }
}
