import { BtfError } from './errors.ts'
import { BTF_KIND, type BtfKind, KIND_TAIL } from './kinds.ts'

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
  readonly signed: boolean
  readonly char: boolean
  readonly bool: boolean
}

const MAGIC = 0xeb9f
const HEADER = 24
const MAX_STEPS = 64
const decoder = new TextDecoder()

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
  readonly #strings: number
  readonly #stringsEnd: number
  readonly #firstString: number
  #names: Map<string, number[]> | undefined

  /** Use `parseBtf`. */
  constructor(
    bytes: Uint8Array,
    view: DataView,
    offsets: Uint32Array,
    strings: number,
    stringsEnd: number,
    base?: Btf,
  ) {
    this.bytes = bytes
    this.base = base
    this.#view = view
    this.#offsets = offsets
    this.#first = base ? base.count : 1
    this.#strings = strings
    this.#stringsEnd = stringsEnd
    this.#firstString = base ? base.stringBytes : 0
  }

  /** One more than the last type id. */
  get count(): number {
    return this.#first + this.#offsets.length
  }

  get stringBytes(): number {
    return this.#firstString + this.#stringsEnd - this.#strings
  }

  /** The string at an offset of the string section. */
  string(offset: number): string {
    if (this.base && offset < this.#firstString) return this.base.string(offset)
    const start = this.#strings + offset - this.#firstString
    if (start < this.#strings || start >= this.#stringsEnd) return ''
    let end = start
    while (end < this.#stringsEnd && this.bytes[end] !== 0) end++
    return decoder.decode(this.bytes.slice(start, end))
  }

  #word(id: number, word: number): number {
    if (id < this.#first) return this.base && id > 0 ? this.base.#word(id, word) : 0
    const at = this.#offsets[id - this.#first]
    return at === undefined ? 0 : this.#view.getUint32(at + word * 4, true)
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

  isComposite(id: number): boolean {
    const kind = this.kind(id)
    return kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION
  }

  isEnum(id: number): boolean {
    const kind = this.kind(id)
    return kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64
  }

  /** Bytes of a type through modifiers and arrays; undefined where it has none (void, functions, incomplete). */
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
          return this.#word(at, 2) * count
        case BTF_KIND.PTR:
          return 8 * count
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

  array(id: number): { readonly element: number; readonly index: number; readonly count: number } {
    return { element: this.#word(id, 3), index: this.#word(id, 4), count: this.#word(id, 5) }
  }

  integer(id: number): BtfInteger {
    const data = this.#word(id, 3)
    const encoding = (data >>> 24) & 15
    return {
      bits: data & 0xff,
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
}

/**
 * Reads BTF. The structure is checked (header, bounds, kinds, references); throws BtfError. `base` is the kernel's BTF
 * under a module's.
 */
export function parseBtf(bytes: Uint8Array, base?: Btf): Btf {
  if (bytes.length < HEADER)
    throw new BtfError('TRUNCATED', 0, `BTF has ${bytes.length} bytes, its header alone ${HEADER}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint16(0, true)
  if (magic === 0x9feb)
    throw new BtfError('BIG_ENDIAN', 0, 'the BTF is big-endian; compile for a little-endian target')
  if (magic !== MAGIC)
    throw new BtfError('BAD_MAGIC', 0, `BTF begins with 0x${magic.toString(16)}, not 0xeb9f`)
  const header = view.getUint32(4, true)
  const range = (at: number, what: string): [number, number] => {
    const start = header + view.getUint32(at, true)
    const end = start + view.getUint32(at + 4, true)
    if (end > bytes.length)
      throw new BtfError('TRUNCATED', at, `the ${what} section ends at ${end} of ${bytes.length} bytes`)
    return [start, end]
  }
  const [types, typesEnd] = range(8, 'type')
  const [strings, stringsEnd] = range(16, 'string')
  const offsets: number[] = []
  for (let at = types; at < typesEnd; ) {
    if (at + 12 > typesEnd) throw new BtfError('TRUNCATED', at, 'a type ends past the type section')
    const info = view.getUint32(at + 4, true)
    const tail = KIND_TAIL[(info >>> 24) & 31]
    if (!tail || (info >>> 24) % 32 === 0)
      throw new BtfError('BAD_KIND', at, `unknown kind ${(info >>> 24) & 31}`)
    const next = at + 12 + tail[0] + tail[1] * (info & 0xffff)
    if (next > typesEnd) throw new BtfError('TRUNCATED', at, 'a type ends past the type section')
    offsets.push(at)
    at = next
  }
  return new Btf(bytes, view, Uint32Array.from(offsets), strings, stringsEnd, base)
}
