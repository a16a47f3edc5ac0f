import type { Btf } from './btf.ts'
import { BtfError } from './errors.ts'
import { BTF_KIND } from './kinds.ts'

/** Pointers, arrays and qualifiers behind one another, and definitions within definitions. */
const MAX_CHAIN = 256

const MODIFIERS: Readonly<Record<number, string>> = {
  [BTF_KIND.CONST]: 'const',
  [BTF_KIND.VOLATILE]: 'volatile',
  [BTF_KIND.RESTRICT]: 'restrict',
}

/** Units that padding is made of, the largest first. */
const PADS = [
  { name: 'long', bits: 64 },
  { name: 'int', bits: 32 },
  { name: 'short', bits: 16 },
  { name: 'char', bits: 8 },
] as const

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to
const tabs = (level: number): string => '\t'.repeat(level)

/** What C names a type; differs from BTF's name where one name has several types. */
export interface CNames {
  /** Of a struct, union or enum. */
  tag(id: number): string
  /** Of a typedef. */
  alias(id: number): string
  enumerator(name: string): string
}

export const plainNames = (btf: Btf): CNames => ({
  tag: (id) => btf.name(id),
  alias: (id) => btf.name(id),
  enumerator: (name) => name,
})

/**
 * Writes types as C, in the text of `bpftool btf dump … format c`. Throws BtfError where a type has no C form, and when the
 * text grows out of proportion, as anonymous types that hold each other do.
 */
export class CWriter {
  readonly #btf: Btf
  readonly #names: CNames
  #text: string[] = []
  #budget: number
  #nesting = 0

  constructor(btf: Btf, names: CNames) {
    this.#btf = btf
    this.#names = names
    this.#budget = 1 << 18
    for (let at: Btf | undefined = btf; at; at = at.base) this.#budget += at.bytes.length * 16
  }

  write(text: string): void {
    this.spend(text.length)
    this.#text.push(text)
  }

  /** Counts work, so that types which refer to each other over and over cost no more than their size explains. */
  spend(work: number): void {
    this.#budget -= work
    if (this.#budget < 0) throw new BtfError('BAD_TYPE', 0, 'the C text grows out of proportion to the BTF')
  }

  take(): string {
    const text = this.#text.join('')
    this.#text = []
    return text
  }

  forwardStruct(id: number): void {
    const tag = this.#names.tag(id)
    this.write(`${this.#btf.kindName(id)}${tag === '' ? '' : ` ${tag}`}`)
  }

  forward(id: number): void {
    this.write(`${this.#btf.flag(id) ? 'union' : 'struct'} ${this.#names.tag(id)}`)
  }

  typedef(id: number): void {
    const name = this.#names.alias(id)
    // What old compilers wrote for the built-in type.
    if (this.#btf.target(id) === 0 && name === '__gnuc_va_list') {
      this.write('typedef __builtin_va_list __gnuc_va_list')
      return
    }
    this.write('typedef ')
    this.declaration(this.#btf.target(id), name, 0)
  }

  struct(id: number, level: number): void {
    const btf = this.#btf
    this.#enter(id)
    const isStruct = btf.kind(id) === BTF_KIND.STRUCT
    const size = btf.size(id)!
    const members = btf.members(id)
    const packed = isStruct && this.#isPacked(id)
    this.forwardStruct(id)
    this.write(' {')
    let end = 0
    let inBits = false
    for (const member of members) {
      const align = packed ? 1 : btf.align(member.type)
      this.#padding(end, member.bitOffset, align, inBits && member.bitSize !== 0, level + 1)
      this.write(`\n${tabs(level + 1)}`)
      this.declaration(member.type, member.name, level + 1)
      inBits = member.bitSize !== 0
      if (inBits) this.write(`: ${member.bitSize}`)
      end = member.bitOffset + (member.bitSize || (btf.size(member.type) ?? 0) * 8)
      this.write(';')
    }
    if (isStruct) this.#padding(end, size * 8, btf.align(id), false, level + 1)
    this.write(members.length > 0 || size > 0 ? `\n${tabs(level)}}` : '}')
    if (packed) this.write(' __attribute__((packed))')
    this.#nesting--
  }

  enum(id: number, level: number): void {
    const btf = this.#btf
    const tag = this.#names.tag(id)
    const values = btf.enumerators(id)
    const wide = btf.kind(id) === BTF_KIND.ENUM64
    const suffix = wide ? (btf.flag(id) ? 'LL' : 'ULL') : ''
    this.write(`enum${tag === '' ? '' : ` ${tag}`}`)
    if (values.length === 0) return
    this.write(' {')
    for (const { name, value } of values)
      this.write(`\n${tabs(level + 1)}${this.#names.enumerator(name)} = ${value}${suffix},`)
    this.write(`\n${tabs(level)}}`)
    const size = btf.size(id)
    if (size === 1) this.write(' __attribute__((mode(byte)))')
    // Values that fit in 32 bits do not make an enum wide by themselves.
    const narrow = values.every(({ value }) => BigInt.asUintN(64, value) >> 32n === 0n)
    if (size === 8 && (!wide || narrow)) this.write(' __attribute__((mode(word)))')
  }

  /** A declaration of `name`; with an empty name the type alone. */
  declaration(id: number, name: string, level: number): void {
    const chain: number[] = []
    for (let at = id; ; ) {
      chain.push(at)
      if (chain.length > MAX_CHAIN) throw this.#bad(id, `is a chain of more than ${MAX_CHAIN} types`)
      const next = this.#next(at)
      if (next === undefined) break
      at = next
    }
    this.#chain(chain, name, level)
  }

  /** Where a declarator goes on: undefined at a type that C writes by name. */
  #next(id: number): number | undefined {
    switch (this.#btf.kind(id)) {
      case BTF_KIND.PTR:
      case BTF_KIND.CONST:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPE_TAG:
      case BTF_KIND.FUNC_PROTO:
        return this.#btf.target(id)
      case BTF_KIND.ARRAY:
        return this.#btf.array(id).element
      default:
        return undefined
    }
  }

  /** The chain's end is what C writes first; qualifiers stand left of a base type and right of a pointer. */
  #chain(chain: number[], name: string, level: number): void {
    let afterPointer = true
    for (let id = chain.pop(); id !== undefined; id = chain.pop()) {
      const kind = this.#btf.kind(id)
      switch (kind) {
        case BTF_KIND.PTR:
          this.write(afterPointer ? '*' : ' *')
          break
        case BTF_KIND.CONST:
        case BTF_KIND.VOLATILE:
        case BTF_KIND.RESTRICT:
          this.write(` ${MODIFIERS[kind]}`)
          break
        case BTF_KIND.TYPE_TAG: {
          this.#modifiers(chain, true)
          const tag = this.#btf.name(id)
          this.write(` __attribute__((${this.#btf.flag(id) ? tag : `btf_type_tag("${tag}")`}))`)
          break
        }
        case BTF_KIND.ARRAY:
          this.#array(id, chain, name, level, afterPointer)
          return
        case BTF_KIND.FUNC_PROTO:
          this.#function(id, chain, name, level, afterPointer)
          return
        default:
          this.#modifiers(chain, true)
          this.#base(id, level)
      }
      afterPointer = kind === BTF_KIND.PTR
    }
    this.#name(name, afterPointer)
  }

  #name(name: string, afterPointer: boolean): void {
    this.write(name !== '' && !afterPointer ? ` ${name}` : name)
  }

  #modifiers(chain: number[], write: boolean): void {
    for (let id = chain.at(-1); id !== undefined; id = chain.at(-1)) {
      const modifier = MODIFIERS[this.#btf.kind(id)]
      if (modifier === undefined) return
      if (write) this.write(`${modifier} `)
      chain.pop()
    }
  }

  #base(id: number, level: number): void {
    const anonymous = this.#btf.name(id) === ''
    switch (this.#btf.kind(id)) {
      case BTF_KIND.VOID:
        this.write('void')
        break
      case BTF_KIND.INT:
      case BTF_KIND.FLOAT:
        this.write(this.#btf.name(id))
        break
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        if (anonymous) this.struct(id, level)
        else this.forwardStruct(id)
        break
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        if (anonymous) this.enum(id, level)
        else this.write(`enum ${this.#names.tag(id)}`)
        break
      case BTF_KIND.FWD:
        this.forward(id)
        break
      case BTF_KIND.TYPEDEF:
        this.write(this.#names.alias(id))
        break
      default:
        throw this.#bad(id, `is a ${this.#btf.kindName(id)}, of which nothing can be declared`)
    }
  }

  #array(id: number, chain: number[], name: string, level: number, afterPointer: boolean): void {
    // GCC repeats the element's qualifiers on the array.
    this.#modifiers(chain, false)
    const outer = chain.at(-1)
    if (outer === undefined) {
      this.#name(name, afterPointer)
    } else {
      if (name !== '' && !afterPointer) this.write(' ')
      const parentheses = this.#btf.kind(outer) !== BTF_KIND.ARRAY
      if (parentheses) this.write('(')
      this.#chain(chain, name, level)
      if (parentheses) this.write(')')
    }
    this.write(`[${this.#btf.array(id).count}]`)
  }

  #function(id: number, chain: number[], name: string, level: number, afterPointer: boolean): void {
    // GCC writes noreturn as volatile.
    this.#modifiers(chain, false)
    if (chain.length === 0) {
      this.#name(name, afterPointer)
    } else {
      this.write(' (')
      this.#chain(chain, name, level)
      this.write(')')
    }
    this.#enter(id)
    const params = this.#btf.params(id)
    this.write('(')
    if (params.every((p) => p.type === 0) && params.length < 2) this.write('void')
    else {
      for (const [i, param] of params.entries()) {
        if (i > 0) this.write(', ')
        if (i === params.length - 1 && param.type === 0) this.write('...')
        else this.declaration(param.type, param.name, level)
      }
    }
    this.write(')')
    this.#nesting--
  }

  #enter(id: number): void {
    this.#nesting++
    if (this.#nesting > MAX_CHAIN) throw this.#bad(id, `is nested deeper than ${MAX_CHAIN}`)
  }

  #bad(id: number, what: string): BtfError {
    return new BtfError('BAD_TYPE', this.#btf.typeOffset(id), `type ${id} ${this.#btf.name(id)} ${what}`)
  }

  #isPacked(id: number): boolean {
    let most = 1
    for (const member of this.#btf.members(id)) {
      const align = this.#btf.align(member.type)
      if (align > 0 && member.bitSize === 0 && member.bitOffset % (8 * align) !== 0) return true
      most = Math.max(most, align)
    }
    return this.#btf.size(id)! % most !== 0
  }

  /** Unnamed bit fields for a gap that C's own alignment would not leave. */
  #padding(end: number, next: number, nextAlign: number, inBits: boolean, level: number): void {
    if (end >= next) return
    const pad = PADS.find((p) => roundUp(end, p.bits) <= next) ?? PADS[3]
    const line = (name: string, bits: number): void => this.write(`\n${tabs(level)}${name}: ${bits};`)
    const aligned = roundUp(end, pad.bits)
    let at = end
    if (aligned > end && aligned <= next) {
      const wouldNotAlign = aligned === next && roundUp(end, Math.max(1, nextAlign) * 8) !== aligned
      const wouldFitBefore = aligned !== next && next - aligned <= aligned - end
      if (inBits || wouldNotAlign || wouldFitBefore) line(pad.name, inBits ? aligned - end : 0)
      at = aligned
    }
    while (next - at >= pad.bits) {
      line(pad.name, pad.bits)
      at += pad.bits
    }
    if (at < next) line(PADS.findLast((p) => p.bits >= next - at)!.name, next - at)
  }
}
