import { WasmEncodeError } from './errors.ts'

const encoder = new TextEncoder()

/** A byte buffer that grows by doubling, with the number encodings of the WebAssembly binary format. */
export class ByteBuffer {
  /** Bytes written so far. */
  length = 0
  #bytes: Uint8Array<ArrayBuffer>

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(Math.max(capacity, 16))
  }

  #reserve(more: number): void {
    const need = this.length + more
    if (need <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  /** Appends the low 8 bits of `value`. */
  u8(value: number): void {
    if (this.length === this.#bytes.length) this.#reserve(1)
    this.#bytes[this.length++] = value
  }

  /** Appends an unsigned LEB128 number of up to 32 bits. Throws `WASM_RANGE` for anything else. */
  u32(value: number): void {
    if (value >>> 0 !== value) {
      throw new WasmEncodeError('WASM_RANGE', `${value} is not an unsigned 32-bit number`)
    }
    if (this.length + 5 > this.#bytes.length) this.#reserve(5)
    const bytes = this.#bytes
    let rest = value
    while (rest > 0x7f) {
      bytes[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[this.length++] = rest
  }

  /** Appends the low 32 bits of `value` as a signed LEB128 number. */
  s32(value: number): void {
    if (this.length + 5 > this.#bytes.length) this.#reserve(5)
    const bytes = this.#bytes
    let rest = value | 0
    while (rest < -64 || rest > 63) {
      bytes[this.length++] = (rest & 0x7f) | 0x80
      rest >>= 7
    }
    bytes[this.length++] = rest & 0x7f
  }

  /** Appends a signed 64-bit LEB128 number given as its low and high 32 bits. */
  s64(low: number, high: number): void {
    if (this.length + 10 > this.#bytes.length) this.#reserve(10)
    const bytes = this.#bytes
    let lo = low | 0
    let hi = high | 0
    // The number fits the last byte when both halves are copies of its sign bit.
    while (!(lo >= -64 && lo <= 63 && hi === lo >> 31)) {
      bytes[this.length++] = (lo & 0x7f) | 0x80
      lo = (lo >>> 7) | (hi << 25)
      hi >>= 7
    }
    bytes[this.length++] = lo & 0x7f
  }

  /** Appends an IEEE 754 single, little-endian. */
  f32(value: number): void {
    this.#reserve(4)
    new DataView(this.#bytes.buffer).setFloat32(this.length, value, true)
    this.length += 4
  }

  /** Appends an IEEE 754 double, little-endian. */
  f64(value: number): void {
    this.#reserve(8)
    new DataView(this.#bytes.buffer).setFloat64(this.length, value, true)
    this.length += 8
  }

  /** Appends bytes as they are. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** Appends a byte vector: its length, then the bytes. */
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.bytes(bytes)
  }

  /** Appends a name: a vector of UTF-8 bytes. */
  text(text: string): void {
    this.sized(encoder.encode(text))
  }

  /** Takes back what was written after the first `length` bytes. */
  truncate(length: number): void {
    if (length < this.length) this.length = length
  }

  /** Replaces a byte that was written before. */
  patch(at: number, value: number): void {
    if (at < this.length) this.#bytes[at] = value
  }

  /** The bytes written so far, not copied: valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length)
  }

  /** A copy of the bytes written so far. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length)
  }
}
