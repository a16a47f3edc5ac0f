import type { Btf } from './btf.ts'
import { BTF_KIND, KIND_SHAPES } from './kinds.ts'
import { assembleBtf } from './write.ts'

/** A type of one of the parts that are merged. */
export interface PartType {
  readonly part: number
  readonly id: number
}

export interface MergedVariable extends PartType {
  readonly offset: number
  readonly size: number
}

export interface MergedBtf {
  /** Raw, little-endian. */
  readonly bytes: Uint8Array
  /** The id of a part's type; 0 for void and for data sections, which are given anew. */
  id(part: number, id: number): number
}

const encoder = new TextEncoder()

/**
 * One BTF of several: types that are the same all the way down are there once, however they refer to themselves. Data sections
 * are not copied: `dataSection` gives them.
 */
export class BtfMerger {
  readonly #parts: Btf[] = []
  /** By node, the node that stands for it. Nodes are the types of all parts, one after another. */
  readonly #starts: number[] = []
  readonly #replaced = new Map<number, number>()
  readonly #sections: {
    readonly name: string
    readonly size: number
    readonly variables: readonly MergedVariable[]
  }[] = []
  readonly #offsets = new Map<string, number>()
  readonly #strings: Uint8Array[] = []
  #stringEnd = 0

  constructor() {
    this.string('')
  }

  /** The number of the part. */
  add(btf: Btf): number {
    const last = this.#parts.at(-1)
    this.#starts.push(last ? this.#starts.at(-1)! + last.count : 0)
    return this.#parts.push(btf) - 1
  }

  /** The offset of a string, for what goes with the BTF. */
  string(text: string): number {
    const known = this.#offsets.get(text)
    if (known !== undefined) return known
    const at = this.#stringEnd
    const bytes = encoder.encode(`${text}\0`)
    this.#offsets.set(text, at)
    this.#strings.push(bytes)
    this.#stringEnd += bytes.length
    return at
  }

  /** A type is left out, and another stands where it is referred to: a declaration and its definition. */
  replace(type: PartType, by: PartType): void {
    this.#replaced.set(this.#node(type), this.#node(by))
  }

  dataSection(name: string, size: number, variables: readonly MergedVariable[]): void {
    this.#sections.push({ name, size, variables })
  }

  build(): MergedBtf {
    const classes = this.#classes()
    const ids = new Map<number, number>()
    const order: PartType[] = []
    for (const [part, btf] of this.#parts.entries()) {
      for (let id = 1; id < btf.count; id++) {
        const own = this.#stands(this.#starts[part]! + id)
        if (own !== this.#starts[part]! + id || btf.kind(id) === BTF_KIND.DATASEC) continue
        const key = classes[own]!
        if (ids.has(key)) continue
        ids.set(key, order.push({ part, id }))
      }
    }
    const id = (part: number, type: number): number =>
      type === 0 ? 0 : (ids.get(classes[this.#stands(this.#starts[part]! + type)]!) ?? 0)
    const words = order.flatMap(({ part, id: type }) => this.#copy(part, type, (to) => id(part, to)))
    for (const { name, size, variables } of this.#sections) {
      words.push(this.string(name), ((BTF_KIND.DATASEC << 24) | variables.length) >>> 0, size)
      for (const one of variables) words.push(id(one.part, one.id), one.offset, one.size)
    }
    const types = new DataView(new ArrayBuffer(words.length * 4))
    for (const [i, word] of words.entries()) types.setUint32(i * 4, word, true)
    return { bytes: assembleBtf([new Uint8Array(types.buffer)], this.#strings), id }
  }

  #node({ part, id }: PartType): number {
    return this.#starts[part]! + id
  }

  #stands(node: number): number {
    let at = node
    for (let next = this.#replaced.get(at); next !== undefined; next = this.#replaced.get(at)) at = next
    return at
  }

  /** The words of a type, with the strings and ids of the result. */
  #copy(part: number, type: number, id: (to: number) => number): number[] {
    const btf = this.#parts[part]!
    const shape = KIND_SHAPES[btf.kind(type)]!
    const vlen = btf.vlen(type)
    const count = 3 + (shape.fixed + vlen * shape.each) / 4
    const view = new DataView(btf.bytes.buffer, btf.bytes.byteOffset + btf.typeOffset(type), count * 4)
    const words = Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true))
    words[0] = this.string(btf.string(words[0]!))
    if (shape.target) words[2] = id(words[2]!)
    for (const at of shape.fixedTypes) words[3 + at] = id(words[3 + at]!)
    for (let i = 0, at = 3 + shape.fixed / 4; i < vlen; i++, at += shape.each / 4) {
      if (shape.eachName >= 0)
        words[at + shape.eachName] = this.string(btf.string(words[at + shape.eachName]!))
      if (shape.eachType >= 0) words[at + shape.eachType] = id(words[at + shape.eachType]!)
    }
    return words
  }

  /**
   * A number for each node, the same for types that nothing tells apart: first by their own words, then again by the numbers
   * of those that they refer to, until no more are told apart.
   */
  #classes(): Uint32Array {
    const total = this.#parts.length === 0 ? 0 : this.#starts.at(-1)! + this.#parts.at(-1)!.count
    let classes = new Uint32Array(total)
    const own: string[] = new Array<string>(total).fill('')
    const references: number[][] = []
    for (const [part, btf] of this.#parts.entries()) {
      for (let id = 0; id < btf.count; id++) {
        const node = this.#starts[part]! + id
        const to: number[] = []
        if (id > 0) {
          btf.references(id, (type) => to.push(type === 0 ? 0 : this.#stands(this.#starts[part]! + type)))
          own[node] = this.#copy(part, id, () => 0).join()
        }
        references[node] = to
      }
    }
    for (let known = 0; ; ) {
      const numbers = new Map<string, number>()
      const next = new Uint32Array(total)
      for (let node = 0; node < total; node++) {
        const key = `${own[node]}|${references[node]!.map((to) => classes[to]).join()}`
        const number = numbers.get(key) ?? numbers.size
        numbers.set(key, number)
        next[node] = number
      }
      classes = next
      if (numbers.size === known) return classes
      known = numbers.size
    }
  }
}
