import type { Arena } from '@skep/memory'
import { handleHigh, handleLow, handleOf } from './handles.ts'

const WORD = 2 ** 32
const LIMIT = 2 ** 63
/** Longer texts are left to the encoder: a call costs more than so many letters. */
const SHORT = 48
/** The address of texts and bytes that the program has no way to read. */
const UNREAD_HIGH = 0xffff_8880 | 0
const UNREAD_LOW = 8

const encoder = new TextEncoder()

/** Writes values of JavaScript as the 64 bits that a register has of them. What they point to is good until `begin`. */
export class ValueWriter {
  /** Texts or bytes that did not fit. */
  truncated = 0
  readonly #arena: Arena
  readonly #room: number
  readonly #copies: boolean
  #memory = 0
  #used = 0

  /** `copies`: the program can read what pointers point to; `room`: bytes for all that one call copies. */
  constructor(arena: Arena, copies: boolean, room: number) {
    this.#arena = arena
    this.#copies = copies
    this.#room = room
  }

  begin(): void {
    this.#used = 0
  }

  release(): void {
    if (this.#memory !== 0) this.#arena.free(this.#memory)
    this.#memory = 0
  }

  /** At an index of 4 bytes each. */
  write(at: number, value: unknown): void {
    const i32 = this.#arena.i32
    if (typeof value === 'number') {
      const low = value | 0
      if (low === value) {
        i32[at] = low
        i32[at + 1] = low >> 31
      } else writeWide(i32, at, value)
      return
    }
    switch (typeof value) {
      case 'boolean':
        i32[at] = value ? 1 : 0
        i32[at + 1] = 0
        return
      case 'string':
        this.#writeText(at, value)
        return
      case 'bigint':
        i32[at] = Number(BigInt.asIntN(32, value))
        i32[at + 1] = Number(BigInt.asIntN(32, value >> 32n))
        return
      case 'object':
      case 'function': {
        if (value === null) break
        const bytes = bytesOf(value)
        if (bytes) this.#writeBytes(at, bytes)
        else writeHandle(i32, at, value)
        return
      }
      case 'symbol':
        this.#writeText(at, value.description ?? '')
        return
    }
    i32[at] = 0
    i32[at + 1] = 0
  }

  #pointer(at: number, address: number): void {
    const i32 = this.#arena.i32
    i32[at] = address
    i32[at + 1] = 0
  }

  #unread(at: number): boolean {
    if (this.#copies) {
      // Of the arena that may grow by it: views are read anew after this.
      if (this.#memory === 0) this.#memory = this.#arena.alloc(this.#room, 16)
      return false
    }
    const i32 = this.#arena.i32
    i32[at] = UNREAD_LOW
    i32[at + 1] = UNREAD_HIGH
    return true
  }

  #writeText(at: number, text: string): void {
    if (this.#unread(at)) return
    const { u8 } = this.#arena
    // Every pointer leads to a NUL: the last byte is kept for those that have no room.
    const begin = this.#memory + this.#used
    const end = this.#memory + this.#room - 1
    this.#pointer(at, begin)
    let to = begin
    if (text.length <= SHORT && begin + text.length < end) {
      for (let n = 0; n < text.length; n++) {
        const letter = text.charCodeAt(n)
        if (letter > 0x7f) {
          to = -1
          break
        }
        u8[to++] = letter
      }
    } else to = -1
    if (to < 0) {
      const { read, written } = encoder.encodeInto(text, u8.subarray(begin, end))
      if (read < text.length) this.truncated++
      to = begin + written
    }
    u8[to] = 0
    this.#used = Math.min(to + 1 - this.#memory, this.#room - 1)
  }

  #writeBytes(at: number, bytes: Uint8Array): void {
    if (this.#unread(at)) return
    const begin = (this.#used + 7) & ~7
    const room = Math.max(this.#room - 1 - begin, 0)
    const part = bytes.length > room ? bytes.subarray(0, room) : bytes
    if (part.length < bytes.length) this.truncated++
    const address = this.#memory + Math.min(begin, this.#room - 1)
    this.#arena.u8.set(part, address)
    this.#pointer(at, address)
    this.#used = Math.min(begin + part.length, this.#room - 1)
  }
}

/** Towards zero, and no further than 64 bits reach, as WebAssembly's trunc_sat; NaN is 0. */
function writeWide(i32: Int32Array, at: number, value: number): void {
  const whole = Math.trunc(value)
  if (whole >= LIMIT) {
    i32[at] = -1
    i32[at + 1] = 0x7fff_ffff
  } else if (whole < -LIMIT) {
    i32[at] = 0
    i32[at + 1] = 0x8000_0000 | 0
  } else {
    const high = Math.floor(whole / WORD) || 0
    i32[at] = (whole - high * WORD) | 0
    i32[at + 1] = high
  }
}

export function writeHandle(i32: Int32Array, at: number, object: object): void {
  const handle = handleOf(object)
  i32[at] = handleLow(handle)
  i32[at + 1] = handleHigh(handle)
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return undefined
}
