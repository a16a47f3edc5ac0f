import type { Btf } from './btf.ts'
import { codecFor } from './codec-for.ts'
import { BtfError } from './errors.ts'
import { BTF_KIND } from './kinds.ts'

/** Structs within structs and arrays, as codecs take them. */
const MAX_NESTING = 32
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
const property = (name: string): string => (IDENTIFIER.test(name) ? name : JSON.stringify(name))

/**
 * TypeScript types of what `codecFor` reads and writes for types in BTF: an interface for each struct with a name, given once
 * and referred to.
 */
export class TsTypes {
  readonly #btf: Btf
  readonly #names = new Map<number, string>()
  readonly #used: Set<string>
  readonly #interfaces: string[] = []

  /** `taken` are names that interfaces may not have. */
  constructor(btf: Btf, taken: Iterable<string> = []) {
    this.#btf = btf
    this.#used = new Set(taken)
  }

  /** The interfaces that the types asked for so far need, each after those that it refers to. */
  get interfaces(): readonly string[] {
    return this.#interfaces
  }

  /** The type of a value; undefined where codecs have none. */
  type(id: number): string | undefined {
    try {
      // Knows how much may be nested, and what has no value.
      codecFor(this.#btf, id)
    } catch (error) {
      if (error instanceof BtfError) return undefined
      throw error
    }
    return this.#type(id, 0)
  }

  #type(id: number, depth: number): string | undefined {
    const btf = this.#btf
    const type = btf.resolve(id)
    const size = btf.size(type)
    if (depth > MAX_NESTING || size === undefined) return undefined
    switch (btf.kind(type)) {
      case BTF_KIND.INT:
        if (btf.integer(type).bool && size === 1) return 'boolean'
        return size > 4 ? 'bigint' : 'number'
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return size > 4 ? 'bigint' : 'number'
      case BTF_KIND.PTR:
        return 'bigint'
      case BTF_KIND.FLOAT:
        return size === 4 || size === 8 ? 'number' : 'Uint8Array'
      case BTF_KIND.UNION:
        return 'Uint8Array'
      case BTF_KIND.ARRAY:
        return this.#array(type, depth)
      case BTF_KIND.STRUCT:
        return btf.name(type) === '' ? this.#body(type, depth, '') : this.#named(type, depth)
      default:
        return undefined
    }
  }

  #array(type: number, depth: number): string | undefined {
    const btf = this.#btf
    const to = btf.resolve(btf.array(type).element)
    if (btf.kind(to) === BTF_KIND.INT && btf.size(to) === 1) {
      const { signed, char, bool } = btf.integer(to)
      if (char || btf.name(to) === 'char' || (!signed && !bool)) return 'Uint8Array'
    }
    const element = this.#type(to, depth + 1)
    return element && (element.startsWith('{') ? `Array<${element}>` : `${element}[]`)
  }

  #named(type: number, depth: number): string | undefined {
    const known = this.#names.get(type)
    if (known) return known
    const btf = this.#btf
    const plain = btf.name(type).replace(/\W/g, '_')
    let name = plain
    for (let n = 2; this.#used.has(name); n++) name = `${plain}_${n}`
    this.#used.add(name)
    this.#names.set(type, name)
    const body = this.#body(type, depth, '')
    if (body === undefined) return undefined
    this.#interfaces.push(
      `/** struct ${btf.name(type)}: ${btf.size(type)} bytes. */\nexport interface ${name} ${body}`,
    )
    return name
  }

  #body(type: number, depth: number, indent: string): string | undefined {
    const lines: string[] = []
    const inner = `${indent}  `
    if (!this.#members(type, 0, depth, inner, lines)) return undefined
    return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`
  }

  /** Members of anonymous structs stand in the one around them. */
  #members(struct: number, base: number, depth: number, indent: string, lines: string[]): boolean {
    const btf = this.#btf
    if (depth > MAX_NESTING) return false
    for (const member of btf.members(struct)) {
      const to = btf.resolve(member.type)
      const offset = base + member.bitOffset
      if (member.name === '' && btf.kind(to) === BTF_KIND.STRUCT) {
        if (!this.#members(to, offset, depth + 1, indent, lines)) return false
        continue
      }
      if (member.name === '' && !btf.isComposite(to)) continue
      const text =
        btf.kind(to) === BTF_KIND.STRUCT && btf.name(to) === ''
          ? this.#body(to, depth + 1, indent)
          : this.#type(to, depth + 1)
      if (text === undefined) return false
      lines.push(`${indent}${property(member.name || `union_${offset / 8}`)}: ${text}`)
    }
    return true
  }
}
