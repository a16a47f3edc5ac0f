import type { Arena } from '@skep/memory'
import type { ContextField, StructContext } from './context.ts'
import { RUN_HEADER_SIZE } from './layout/control.ts'

export type ContextErrorCode = 'NO_FIELD' | 'BAD_VALUE' | 'TOO_LONG' | 'RELEASED'

/** A context was asked for a field that it has not, or given a value that it has no room for. */
export class ContextError extends Error {
  readonly code: ContextErrorCode
  override readonly name = 'ContextError'
  /** The struct's name. */
  readonly context: string
  readonly field: string

  constructor(code: ContextErrorCode, context: string, field: string, message: string) {
    super(`${context}.${field}: ${message}`)
    this.code = code
    this.context = context
    this.field = field
  }
}

export interface ContextOptions {
  /** Most bytes that `setPacket` takes, for contexts with packet pointers. Default 0. */
  readonly packet?: number
}

/**
 * A context in a runtime's memory, for an attach point to fill before each run: `program.run(context.address)`. All bytes are 0
 * at first; numbers are little endian, as programs see them.
 *
 * @throws ArenaError `ENOMEM`
 */
export const createContext = <V>(
  arena: Arena,
  context: StructContext<V>,
  options: ContextOptions = {},
): ContextBlock<V> => new ContextBlock(arena, context, options.packet ?? 0)

const align8 = (bytes: number): number => (bytes + 7) & ~7

export class ContextBlock<V> {
  /** What `run` takes. The run header lies below it. */
  readonly address: number
  readonly #arena: Arena
  readonly #context: StructContext<V>
  readonly #fields: ReadonlyMap<PropertyKey, ContextField>
  readonly #block: number
  readonly #packet: number
  readonly #room: number
  #released = false

  /** Use `createContext`. */
  constructor(arena: Arena, context: StructContext<V>, room: number) {
    this.#arena = arena
    this.#context = context
    const shown = context.fields.filter(({ read, write }) => read !== false || write)
    this.#fields = new Map(shown.map((field) => [field.name, field]))
    const size = align8(context.size)
    this.#block = arena.alloc(RUN_HEADER_SIZE + size + room, 16)
    this.address = this.#block + RUN_HEADER_SIZE
    this.#packet = this.address + size
    this.#room = room
    this.setPacket()
  }

  /** Writes fields. Bytes may be shorter than their field: zeros follow. Throws ContextError NO_FIELD, BAD_VALUE, TOO_LONG. */
  set(values: Partial<V>): this {
    for (const [name, value] of Object.entries(values)) this.#write(this.#field(name), value)
    return this
  }

  /** Reads a field; bytes are copied. Throws ContextError NO_FIELD. */
  get<K extends keyof V>(name: K): V[K] {
    const field = this.#field(name)
    const unit = unitOf(field)
    const at = this.address + field.offset
    if (isBytes(field)) return this.#arena.u8.slice(at, at + field.size) as V[K]
    if (unit === field.size) return this.#read(at, unit) as V[K]
    const values = Array.from({ length: field.size / unit }, (_, n) => this.#read(at + n * unit, unit))
    return values as V[K]
  }

  /**
   * Copies bytes, one part behind the other, to where the packet pointers point. Throws ContextError TOO_LONG beyond the room
   * that `createContext` was given.
   */
  setPacket(...parts: readonly Uint8Array[]): this {
    this.#open()
    const { packet, name } = this.#context
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    if (length > this.#room)
      throw new ContextError(
        'TOO_LONG',
        name,
        packet?.data ?? 'packet',
        `${length} bytes, and room for ${this.#room}; give createContext a larger \`packet\``,
      )
    let end = this.#packet
    for (const part of parts) {
      this.#arena.u8.set(part, end)
      end += part.length
    }
    if (!packet) return this
    this.#write(this.#field(packet.data), this.#packet)
    this.#write(this.#field(packet.end), end)
    if (packet.meta !== undefined) this.#write(this.#field(packet.meta), this.#packet)
    return this
  }

  /** Gives the memory back. Not while a program runs over it; a second time is fine. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#arena.free(this.#block)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  #open(): void {
    if (this.#released)
      throw new ContextError('RELEASED', this.#context.name, '*', 'the context is released; create another')
  }

  #field(name: PropertyKey): ContextField {
    this.#open()
    const field = this.#fields.get(name)
    if (field) return field
    const known = [...this.#fields.keys()].join(', ')
    throw new ContextError('NO_FIELD', this.#context.name, String(name), `no such field; there are: ${known}`)
  }

  #read(at: number, width: number): number | bigint {
    const { view } = this.#arena
    if (width === 1) return view.getUint8(at)
    if (width === 2) return view.getUint16(at, true)
    return width === 4 ? view.getUint32(at, true) : view.getBigUint64(at, true)
  }

  #write(field: ContextField, value: unknown): void {
    const at = this.address + field.offset
    const unit = unitOf(field)
    if (isBytes(field)) {
      const bytes = this.#bytes(field, value)
      this.#arena.u8.set(bytes, at)
      this.#arena.u8.fill(0, at + bytes.length, at + field.size)
      return
    }
    const list: readonly unknown[] =
      unit === field.size ? [value] : this.#list(field, value, field.size / unit)
    const { view } = this.#arena
    for (const [n, one] of list.entries()) {
      const number = this.#integer(field, one, unit)
      if (unit === 1) view.setUint8(at + n, Number(number))
      else if (unit === 2) view.setUint16(at + 2 * n, Number(number), true)
      else if (unit === 4) view.setUint32(at + 4 * n, Number(number), true)
      else view.setBigUint64(at + 8 * n, BigInt(number), true)
    }
  }

  #bytes(field: ContextField, value: unknown): Uint8Array {
    if (!(value instanceof Uint8Array)) throw this.#bad(field, value, 'a Uint8Array')
    if (value.length <= field.size) return value
    const why = `${value.length} bytes, and the field has ${field.size}; cut them`
    throw new ContextError('TOO_LONG', this.#context.name, field.name, why)
  }

  #list(field: ContextField, value: unknown, count: number): readonly unknown[] {
    if (!Array.isArray(value) || value.length !== count) throw this.#bad(field, value, `an array of ${count}`)
    return value
  }

  #integer(field: ContextField, value: unknown, width: number): number | bigint {
    if (typeof value === 'bigint' && width === 8) return value
    if (typeof value === 'number' && Number.isInteger(value)) return value
    throw this.#bad(field, value, width === 8 && !field.pointer ? 'a bigint' : 'an integer')
  }

  #bad(field: ContextField, value: unknown, wanted: string): ContextError {
    const given = typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value
    return new ContextError('BAD_VALUE', this.#context.name, field.name, `${given} was given; give ${wanted}`)
  }
}

/** An array's element; a field that is no array has none but itself. */
const unitOf = ({ unit, size }: ContextField): number => unit ?? size

/** `field.bytes`, not an array of u8. */
const isBytes = (field: ContextField): boolean => field.unit === 1 && field.widths === 'any'
