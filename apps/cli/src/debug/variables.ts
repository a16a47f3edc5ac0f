import type { Debugger } from '@skep/debugger'
import { parsePacket } from '@skep/packet'
import type { Collection } from '@skep/runtime'

/** Something to see: with a `reference` there is more behind it. */
export interface Variable {
  readonly name: string
  readonly value: string
  readonly reference?: number
  /** The address of memory that it lies in. */
  readonly address?: number
}

type Children = () => readonly Variable[]

/** Bytes of a hex dump's line, and elements of a map that are shown. */
const ROW = 16
const MOST_ELEMENTS = 1000
const FRAME = 512

export const hexOf = (value: number | bigint): string => `0x${value.toString(16)}`
export const bytesText = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

const textOf = (value: unknown): string =>
  value instanceof Uint8Array ? bytesText(value) : Array.isArray(value) ? value.join(' ') : String(value)

/** What there is to see of a program that is stopped, by numbers that hold until it goes on. */
export class Variables {
  readonly #session: Debugger
  readonly #collection: Collection
  readonly #children: Children[] = []

  constructor(session: Debugger, collection: Collection) {
    this.#session = session
    this.#collection = collection
  }

  /** The program goes on: no number holds any more. */
  clear(): void {
    this.#children.length = 0
  }

  /** What a frame has to show; registers are the running function's. */
  scopes(frame: number): readonly { readonly name: string; readonly reference: number }[] {
    const scope = (name: string, children: Children) => ({ name, reference: this.#add(children) })
    return [
      ...(frame === 0 ? [scope('Registers', () => this.#registers())] : []),
      scope('Stack', () => this.#stack(frame)),
      scope('Maps', () => this.#maps()),
      scope('Packet', () => this.#packet()),
    ]
  }

  of(reference: number): readonly Variable[] {
    return this.#children[reference - 1]?.() ?? []
  }

  #add(children: Children): number {
    return this.#children.push(children)
  }

  #registers(): readonly Variable[] {
    const { registers, position } = this.#session
    return [
      ...registers.map((value, n) => ({ name: `r${n}`, value: hexOf(value) })),
      { name: 'position', value: `${position}` },
    ]
  }

  #stack(frame: number): readonly Variable[] {
    const end = this.#session.frames[frame]!.framePointer
    const rows = dump(this.#session.stack(frame), end - FRAME, (offset) => `fp${offset - FRAME}`)
    // Most of a frame was never written.
    return rows.filter(({ value }) => /[^0 ]/.test(value))
  }

  #maps(): readonly Variable[] {
    return [...this.#collection.maps].map(([name, map]) => ({
      name,
      value: `${map.type}: ${map.keySize} and ${map.valueSize} bytes, ${map.maxEntries} at most`,
      reference: this.#add(() => this.#elements(name)),
    }))
  }

  #elements(name: string): readonly Variable[] {
    const map = this.#collection.map(name)
    const elements: Variable[] = []
    for (let key = map.nextKey(); key && elements.length < MOST_ELEMENTS; key = map.nextKey(key)) {
      const value = map.lookup(key)
      if (value) elements.push({ name: bytesText(key), value: bytesText(value) })
    }
    return elements
  }

  #packet(): readonly Variable[] {
    const { packet } = this.#session
    const layers = parsePacket(packet).map((layer): Variable => {
      const fields = Object.entries(layer).filter(([name]) => name !== 'layer')
      const children = fields.map(([name, value]) => ({ name, value: textOf(value) }))
      return { name: layer.layer, value: '', reference: this.#add(() => children) }
    })
    const bytes = this.#add(() => dump(packet, undefined, hexOf))
    return [...layers, { name: 'bytes', value: `${packet.length}`, reference: bytes }]
  }
}

function dump(bytes: Uint8Array, address: number | undefined, name: (offset: number) => string): Variable[] {
  const rows: Variable[] = []
  for (let at = 0; at < bytes.length; at += ROW) {
    rows.push({
      name: name(at),
      value: bytesText(bytes.subarray(at, at + ROW)),
      ...(address === undefined ? {} : { address: address + at }),
    })
  }
  return rows
}
