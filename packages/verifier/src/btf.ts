// The part of BTF (Documentation/bpf/btf.rst) that verdicts depend on: types by id, names, sizes, members, prototypes.

export const BTF_KIND_INT = 1
export const BTF_KIND_PTR = 2
export const BTF_KIND_ARRAY = 3
export const BTF_KIND_STRUCT = 4
export const BTF_KIND_UNION = 5
export const BTF_KIND_ENUM = 6
export const BTF_KIND_FWD = 7
export const BTF_KIND_TYPEDEF = 8
export const BTF_KIND_VOLATILE = 9
export const BTF_KIND_CONST = 10
export const BTF_KIND_RESTRICT = 11
export const BTF_KIND_FUNC = 12
export const BTF_KIND_FUNC_PROTO = 13
export const BTF_KIND_VAR = 14
export const BTF_KIND_DATASEC = 15
export const BTF_KIND_FLOAT = 16
export const BTF_KIND_DECL_TAG = 17
export const BTF_KIND_TYPE_TAG = 18
export const BTF_KIND_ENUM64 = 19

export const BTF_FUNC_STATIC = 0
export const BTF_FUNC_GLOBAL = 1

export interface BtfMember {
  readonly name: string
  readonly type: number
  /** Bits from the start of the struct. */
  readonly bitOffset: number
}

export interface BtfParam {
  readonly name: string
  readonly type: number
}

const MAGIC = 0xeb9f
const MODIFIERS = new Set([
  BTF_KIND_TYPEDEF,
  BTF_KIND_VOLATILE,
  BTF_KIND_CONST,
  BTF_KIND_RESTRICT,
  BTF_KIND_TYPE_TAG,
])
const text = new TextDecoder()

/** Bytes that follow the common header of a type. */
function tailSize(kind: number, vlen: number): number {
  switch (kind) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
      return 4
    case BTF_KIND_ARRAY:
      return 12
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_DATASEC:
    case BTF_KIND_ENUM64:
      return vlen * 12
    case BTF_KIND_ENUM:
    case BTF_KIND_FUNC_PROTO:
      return vlen * 8
    default:
      return 0
  }
}

/** Raw BTF, indexed by type id. Bad input gives fewer types, never an error: what is missing reads as void. */
export class Btf {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  /** Byte offset of each type; 0 for void. */
  readonly #offsets: number[] = [0]
  readonly #strings: number
  readonly #end: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#strings = 0
    this.#end = 0
    if (bytes.length < 24 || this.#view.getUint16(0, true) !== MAGIC) return
    const header = this.#view.getUint32(4, true)
    const types = header + this.#view.getUint32(8, true)
    const typesEnd = Math.min(types + this.#view.getUint32(12, true), bytes.length)
    this.#strings = header + this.#view.getUint32(16, true)
    this.#end = Math.min(this.#strings + this.#view.getUint32(20, true), bytes.length)
    for (let at = types; at + 12 <= typesEnd; ) {
      const info = this.#view.getUint32(at + 4, true)
      const next = at + 12 + tailSize((info >> 24) & 31, info & 0xffff)
      if (next > typesEnd) break
      this.#offsets.push(at)
      at = next
    }
  }

  /** One more than the last type id. */
  get count(): number {
    return this.#offsets.length
  }

  #string(offset: number): string {
    const start = this.#strings + offset
    if (start >= this.#end) return ''
    const end = this.#bytes.indexOf(0, start)
    return text.decode(this.#bytes.subarray(start, end < 0 ? this.#end : end))
  }

  #word(id: number, word: number): number {
    const at = this.#offsets[id]
    return at === undefined || at === 0 ? 0 : this.#view.getUint32(at + word * 4, true)
  }

  /** BTF_KIND_*, 0 for void and for ids that do not exist. */
  kind(id: number): number {
    return (this.#word(id, 1) >> 24) & 31
  }

  vlen(id: number): number {
    return this.#word(id, 1) & 0xffff
  }

  name(id: number): string {
    const at = this.#offsets[id]
    return at === undefined || at === 0 ? '' : this.#string(this.#word(id, 0))
  }

  /** The type that a pointer, modifier, function, variable or prototype (its result) refers to. */
  target(id: number): number {
    return this.#word(id, 2)
  }

  skipModifiers(id: number): number {
    let at = id
    for (let steps = 0; steps < 64 && MODIFIERS.has(this.kind(at)); steps++) at = this.target(at)
    return at
  }

  isStruct(id: number): boolean {
    const kind = this.kind(id)
    return kind === BTF_KIND_STRUCT || kind === BTF_KIND_UNION
  }

  isEnum(id: number): boolean {
    const kind = this.kind(id)
    return kind === BTF_KIND_ENUM || kind === BTF_KIND_ENUM64
  }

  /** btf_type_is_int without a bit offset, of 1, 2, 4, 8 or 16 bytes. */
  isSmallInt(id: number): boolean {
    if (this.kind(id) !== BTF_KIND_INT) return false
    const encoding = this.#word(id, 3)
    const size = this.#word(id, 2)
    return ((encoding >> 16) & 255) === 0 && (encoding & 255) === size * 8 && [1, 2, 4, 8].includes(size)
  }

  isScalar(id: number): boolean {
    return this.kind(id) === BTF_KIND_INT || this.isEnum(id)
  }

  members(id: number): BtfMember[] {
    const at = this.#offsets[id]
    if (!at || !this.isStruct(id)) return []
    const bitfields = this.#word(id, 1) >>> 31 === 1
    return Array.from({ length: this.vlen(id) }, (_, i) => {
      const member = at + 12 + i * 12
      const offset = this.#view.getUint32(member + 8, true)
      return {
        name: this.#string(this.#view.getUint32(member, true)),
        type: this.#view.getUint32(member + 4, true),
        bitOffset: bitfields ? offset & 0xffffff : offset,
      }
    })
  }

  /** Variables of a data section: type ids and byte offsets. */
  sectionVariables(id: number): { type: number; offset: number; size: number }[] {
    const at = this.#offsets[id]
    if (!at || this.kind(id) !== BTF_KIND_DATASEC) return []
    return Array.from({ length: this.vlen(id) }, (_, i) => ({
      type: this.#view.getUint32(at + 12 + i * 12, true),
      offset: this.#view.getUint32(at + 16 + i * 12, true),
      size: this.#view.getUint32(at + 20 + i * 12, true),
    }))
  }

  params(id: number): BtfParam[] {
    const at = this.#offsets[id]
    if (!at || this.kind(id) !== BTF_KIND_FUNC_PROTO) return []
    return Array.from({ length: this.vlen(id) }, (_, i) => ({
      name: this.#string(this.#view.getUint32(at + 12 + i * 8, true)),
      type: this.#view.getUint32(at + 16 + i * 8, true),
    }))
  }

  array(id: number): { type: number; count: number } {
    return { type: this.#word(id, 3), count: this.#word(id, 5) }
  }

  /** Bytes of a type, undefined where it has no size (void, functions, forward declarations). */
  size(id: number): number | undefined {
    const at = this.skipModifiers(id)
    switch (this.kind(at)) {
      case BTF_KIND_INT:
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
      case BTF_KIND_FLOAT:
      case BTF_KIND_DATASEC:
        return this.#word(at, 2)
      case BTF_KIND_PTR:
        return 8
      case BTF_KIND_VAR:
        return this.size(this.target(at))
      case BTF_KIND_ARRAY: {
        const { type, count } = this.array(at)
        const element = this.size(type)
        return element === undefined ? undefined : element * count
      }
      default:
        return undefined
    }
  }

  /** Values of the declaration tags on a type's component: -1 for the type itself, else a parameter or member. */
  declTags(target: number, component: number): string[] {
    const tags: string[] = []
    for (let id = 1; id < this.count; id++) {
      if (this.kind(id) !== BTF_KIND_DECL_TAG || this.target(id) !== target) continue
      if ((this.#word(id, 3) | 0) === component) tags.push(this.name(id))
    }
    return tags
  }

  /** The first type of a kind with a name. */
  find(kind: number, name: string): number | undefined {
    for (let id = 1; id < this.count; id++) {
      if (this.kind(id) === kind && this.name(id) === name) return id
    }
    return undefined
  }
}
