/**
 * The kernel's formatter for programs: what bpf_bprintf_prepare (kernel/bpf/helpers.c) accepts, printed as bstr_printf
 * (lib/vsprintf.c) does. Conversions: %c %s %d %i %u %x %X, with l or ll, and flags 0 + - space and a width; %p %px %pK
 * %ps %pS %pB %pks %pus %pI4 %pi4 %pI6 %pi6. Everything else is -EINVAL, %pM too.
 */
import { ERRNO } from '@skep/registry'

/** Memory that %s and addresses read; an address outside live allocations faults. */
export interface FormatMemory {
  readonly u8: Uint8Array
  contains(address: number, size: number): boolean
}

/** A text as far as there was room; `length` is that of the whole. */
export interface FormatResult {
  readonly bytes: Uint8Array
  readonly length: number
}

/** MAX_BPRINTF_BIN_ARGS: bytes that all arguments share; strings are cut to what is left. */
const ARGUMENT_BYTES = 512
/** FIELD_WIDTH_MAX. */
const WIDEST = (1 << 23) - 1

const code = (c: string): number => c.charCodeAt(0)
const ZERO = 0x30
const NINE = 0x39
const PLUS = 0x2b
const MINUS = 0x2d
const SPACE = 0x20
const PERCENT = 0x25
const L = 0x6c
const S = 0x73

// lib/ctype.c: Latin-1.
const isSpace = (c: number): boolean => c === SPACE || (c >= 9 && c <= 13) || c === 0xa0
const isDigit = (c: number): boolean => c >= ZERO && c <= NINE
const isLetter = (c: number): boolean =>
  ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a) || (c >= 0xc0 && c !== 0xd7 && c !== 0xf7)
const isAlnum = (c: number): boolean => isDigit(c) || isLetter(c)
const isPunct = (c: number): boolean => ((c > 0x20 && c < 0x7f) || c > 0xa0) && !isAlnum(c)
/** May stand outside conversions: all but ASCII's control characters. */
const isText = (c: number): boolean => (c >= 0x20 && c !== 0x7f) || isSpace(c)
/** May follow %p and %s. */
const endsWord = (c: number): boolean => c === 0 || isSpace(c) || isPunct(c)

interface Spec {
  zero: boolean
  plus: boolean
  left: boolean
  space: boolean
  width: number
}

/** Text that is counted in full and kept as far as it fits. */
class Output {
  /** All but the last byte of the buffer, which is for the NUL. */
  readonly bytes: Uint8Array
  readonly #size: number
  length = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(Math.max(size - 1, 0))
    this.#size = size
  }

  /** The end of the buffer is reached. */
  get full(): boolean {
    return this.length >= this.#size
  }

  put(byte: number): void {
    if (this.length < this.bytes.length) this.bytes[this.length] = byte
    this.length++
  }

  fill(byte: number, count: number): void {
    if (count <= 0) return
    if (this.length < this.bytes.length) this.bytes.fill(byte, this.length, this.length + count)
    this.length += count
  }

  text(bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.put(bytes[i]!)
  }

  /** string() of lib/vsprintf.c. */
  padded(bytes: ArrayLike<number>, spec: Spec): void {
    if (!spec.left) this.fill(SPACE, spec.width - bytes.length)
    this.text(bytes)
    if (spec.left) this.fill(SPACE, spec.width - bytes.length)
  }

  /** number() of lib/vsprintf.c. */
  number(
    magnitude: bigint,
    negative: boolean,
    signed: boolean,
    base: number,
    upper: boolean,
    spec: Spec,
  ): void {
    const digits = upper ? magnitude.toString(base).toUpperCase() : magnitude.toString(base)
    let sign = 0
    if (signed) sign = negative ? MINUS : spec.plus ? PLUS : spec.space ? SPACE : 0
    const rest = spec.width - digits.length - (sign ? 1 : 0)
    const zeros = spec.zero && !spec.left
    if (!zeros && !spec.left) this.fill(SPACE, rest)
    if (sign) this.put(sign)
    if (zeros) this.fill(ZERO, rest)
    for (let i = 0; i < digits.length; i++) this.put(digits.charCodeAt(i))
    if (spec.left) this.fill(SPACE, rest)
  }
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')

/** %pI4, %pi4, %pI6, %pi6. */
function address(bytes: Uint8Array, kind: 'I' | 'i'): string {
  if (bytes.length === 4) {
    return [...bytes].map((b) => (kind === 'i' ? `${b}`.padStart(3, '0') : `${b}`)).join('.')
  }
  const groups = Array.from({ length: 8 }, (_, n) => hex(bytes[2 * n]!) + hex(bytes[2 * n + 1]!))
  return groups.join(kind === 'i' ? '' : ':')
}

/** What follows a %: flags and width, and where the conversion's letters begin. */
function parseSpec(format: Uint8Array, start: number): { spec: Spec; i: number } {
  const spec: Spec = { zero: false, plus: false, left: false, space: false, width: 0 }
  let i = start
  for (; ; i++) {
    const c = format[i]
    if (c === ZERO) spec.zero = true
    else if (c === PLUS) spec.plus = true
    else if (c === MINUS) spec.left = true
    else if (c === SPACE) spec.space = true
    else break
  }
  for (; isDigit(format[i] ?? 0); i++) spec.width = Math.min(spec.width * 10 + format[i]! - ZERO, WIDEST)
  return { spec, i }
}

/** bpf_bprintf_prepare: checks the format and lays the arguments out as bstr_printf reads them. */
class Preparation {
  /** The arguments, packed: numbers at multiples of 4, characters and strings anywhere. */
  readonly packed = new Uint8Array(ARGUMENT_BYTES)
  readonly #view = new DataView(this.packed.buffer)
  readonly #format: Uint8Array
  readonly #args: readonly bigint[]
  readonly #memory: FormatMemory
  #argument = 0
  #used = 0

  constructor(format: Uint8Array, args: readonly bigint[], memory: FormatMemory) {
    this.#format = format
    this.#args = args
    this.#memory = memory
  }

  #at(i: number): number {
    return this.#format[i] ?? 0
  }

  /** 0 or a negative errno. */
  run(): number {
    for (let i = 0; i < this.#format.length; ) {
      const c = this.#at(i)
      if (!isText(c)) return -ERRNO.EINVAL
      if (c !== PERCENT) i++
      else if (this.#at(i + 1) === PERCENT) i += 2
      else if (this.#argument >= this.#args.length) return -ERRNO.EINVAL
      else if ((i = this.#conversion(parseSpec(this.#format, i + 1).i)) < 0) return i
    }
    return 0
  }

  /** Where the format goes on, or a negative errno. */
  #conversion(i: number): number {
    const kind = String.fromCharCode(this.#at(i))
    if (kind === 'p') return this.#pointer(i + 1)
    if (kind === 's') return this.#string(i + 1)
    if (kind === 'c') return this.#character(i + 1)
    let size = 4
    if (this.#at(i) === L) {
      size = 8
      if (this.#at(++i) === L) i++
    }
    if (!'iduxX'.includes(String.fromCharCode(this.#at(i)))) return -ERRNO.EINVAL
    return this.#number(i + 1, size)
  }

  #take(): bigint {
    return this.#args[this.#argument++]!
  }

  #number(i: number, size: number): number {
    this.#used = (this.#used + 3) & ~3
    if (ARGUMENT_BYTES - this.#used < size) return -ERRNO.ENOSPC
    const value = BigInt.asUintN(64, this.#take())
    this.#view.setUint32(this.#used, Number(value & 0xffff_ffffn), true)
    if (size === 8) this.#view.setUint32(this.#used + 4, Number(value >> 32n), true)
    this.#used += size
    return i
  }

  #character(i: number): number {
    if (this.#used === ARGUMENT_BYTES) return -ERRNO.ENOSPC
    this.packed[this.#used++] = Number(this.#take() & 0xffn)
    return i
  }

  /** snprintf into what is left: cut to it, but counted in full. */
  #text(text: string): void {
    const room = ARGUMENT_BYTES - this.#used
    for (let n = 0; n < text.length && n < room - 1; n++) this.packed[this.#used + n] = text.charCodeAt(n)
    this.#used += text.length + 1
  }

  /** The NUL-terminated bytes at an address, as many as fit; none when the address faults. */
  #string(i: number): number {
    if (!endsWord(this.#at(i))) return -ERRNO.EINVAL
    const room = ARGUMENT_BYTES - this.#used
    if (room <= 0) return -ERRNO.ENOSPC
    const pointer = BigInt.asUintN(64, this.#take())
    const start = pointer < 0x1_0000_0000n ? Number(pointer) : 0
    const { u8 } = this.#memory
    let length = 0
    for (; length < room - 1; length++) {
      if (!this.#memory.contains(start + length, 1)) {
        length = 0
        break
      }
      if (u8[start + length] === 0) break
    }
    this.packed.set(u8.subarray(start, start + length), this.#used)
    this.packed[this.#used + length] = 0
    this.#used += length + 1
    return i
  }

  #pointer(i: number): number {
    const kind = String.fromCharCode(this.#at(i))
    if (endsWord(this.#at(i))) return this.#number(i, 8)
    if ((kind === 'k' || kind === 'u') && this.#at(i + 1) === S) return this.#string(i + 2)
    if ('KxsS'.includes(kind)) return this.#number(i + 1, 8)
    if (kind === 'B') {
      this.#text(symbol(BigInt.asUintN(64, this.#take())))
      return i + 1
    }
    const version = String.fromCharCode(this.#at(i + 1))
    if ((kind !== 'I' && kind !== 'i') || (version !== '4' && version !== '6')) return -ERRNO.EINVAL
    const size = version === '4' ? 4 : 16
    if (ARGUMENT_BYTES - this.#used < size) return -ERRNO.ENOSPC
    const pointer = BigInt.asUintN(64, this.#take())
    const start = pointer < 0x1_0000_0000n ? Number(pointer) : 0
    const readable = this.#memory.contains(start, size)
    const bytes = readable ? this.#memory.u8.subarray(start, start + size) : new Uint8Array(size)
    this.#text(address(bytes, kind))
    return i + 2
  }
}

/** There are no symbols: an address prints as a number. */
const symbol = (value: bigint): string => `0x${value.toString(16)}`

/** bstr_printf: prints packed arguments. The format was checked. */
class Printer {
  readonly #format: Uint8Array
  readonly #packed: Uint8Array
  readonly #view: DataView
  readonly #out: Output
  #next = 0

  constructor(format: Uint8Array, packed: Uint8Array, out: Output) {
    this.#format = format
    this.#packed = packed
    this.#view = new DataView(packed.buffer)
    this.#out = out
  }

  run(): void {
    const format = this.#format
    for (let i = 0; i < format.length; ) {
      if (format[i] !== PERCENT) this.#out.put(format[i++]!)
      else if (format[i + 1] === PERCENT) {
        this.#out.put(PERCENT)
        i += 2
      } else {
        const { spec, i: at } = parseSpec(format, i + 1)
        i = this.#conversion(at, spec)
      }
    }
  }

  #word(): bigint {
    const at = this.#next
    this.#next += 4
    return at + 4 <= this.#packed.length ? BigInt(this.#view.getUint32(at, true)) : 0n
  }

  #number(wide: boolean): bigint {
    this.#next = (this.#next + 3) & ~3
    const low = this.#word()
    return wide ? low | (this.#word() << 32n) : low
  }

  #string(): Uint8Array {
    const end = this.#packed.indexOf(0, this.#next)
    const text = this.#packed.subarray(this.#next, end < 0 ? this.#packed.length : end)
    this.#next += text.length + 1
    return text
  }

  #conversion(i: number, spec: Spec): number {
    const kind = String.fromCharCode(this.#format[i]!)
    if (kind === 'p') return this.#pointer(i + 1, spec)
    if (kind === 's') this.#out.padded(this.#string(), spec)
    else if (kind === 'c') this.#out.padded([this.#packed[this.#next++] ?? 0], spec)
    else return this.#integer(i, spec)
    return i + 1
  }

  #integer(i: number, spec: Spec): number {
    const wide = this.#format[i] === L
    while (this.#format[i] === L) i++
    const kind = String.fromCharCode(this.#format[i]!)
    const signed = kind === 'i' || kind === 'd'
    const raw = this.#number(wide)
    const value = signed ? BigInt.asIntN(wide ? 64 : 32, raw) : raw
    const base = kind === 'x' || kind === 'X' ? 16 : 10
    this.#out.number(value < 0n ? -value : value, value < 0n, signed, base, kind === 'X', spec)
    return i + 1
  }

  /**
   * The kernel hides addresses behind a hash in %p and %pK. An offset in the arena gives nothing away, so all print as
   * %px does. The format goes on behind all letters and digits.
   */
  #pointer(i: number, spec: Spec): number {
    const kind = String.fromCharCode(this.#format[i] ?? 0)
    if (kind === 's' || kind === 'S') {
      this.#out.padded([...symbol(this.#number(true))].map(code), spec)
    } else if (kind === 'x' || kind === 'K' || !isAlnum(this.#format[i] ?? 0)) {
      const full = spec.width === 0 ? { ...spec, width: 16, zero: true } : spec
      this.#out.number(this.#number(true), false, false, 16, false, full)
    } else if (!this.#out.full) {
      // Printed among the arguments already; a text that has no room left does not even skip it.
      this.#out.text(this.#string())
    }
    while (isAlnum(this.#format[i] ?? 0)) i++
    return i
  }
}

/**
 * Formats `args` (registers) for a buffer of `size` bytes, of which the last is for a NUL that the caller puts. `format`
 * ends at its NUL. Returns a negative errno: -EINVAL for a format that the kernel refuses or that has more conversions than arguments, -ENOSPC when the arguments
 * need more than 512 bytes.
 */
export function formatText(
  format: Uint8Array,
  args: readonly bigint[],
  memory: FormatMemory,
  size: number,
): FormatResult | number {
  const preparation = new Preparation(format, args, memory)
  const refused = preparation.run()
  if (refused < 0) return refused
  const out = new Output(size)
  new Printer(format, preparation.packed, out).run()
  return { bytes: out.bytes, length: out.length }
}
