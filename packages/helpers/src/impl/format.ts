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
const [ZERO, NINE, PLUS, MINUS, SPACE, PERCENT] = ['0', '9', '+', '-', ' ', '%'].map(code) as [
  number,
  number,
  number,
  number,
  number,
  number,
]

const isSpace = (c: number): boolean => c === SPACE || (c >= 9 && c <= 13)
const isPrint = (c: number): boolean => c >= 0x20 && c < 0x7f
const isDigit = (c: number): boolean => c >= ZERO && c <= NINE
const isAlnum = (c: number): boolean => isDigit(c) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a)
const isPunct = (c: number): boolean => isPrint(c) && c !== SPACE && !isAlnum(c)
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
  readonly bytes: Uint8Array
  length = 0

  constructor(room: number) {
    this.bytes = new Uint8Array(room)
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

const ascii = (text: string): number[] => [...text].map(code)

/** One run over a format. */
class Formatter {
  readonly #format: Uint8Array
  readonly #args: readonly bigint[]
  readonly #memory: FormatMemory
  readonly #out: Output
  #argument = 0
  /** Bytes of the argument buffer in use. */
  #used = 0

  constructor(format: Uint8Array, args: readonly bigint[], memory: FormatMemory, room: number) {
    this.#format = format
    this.#args = args
    this.#memory = memory
    this.#out = new Output(room)
  }

  #at(i: number): number {
    return this.#format[i] ?? 0
  }

  /** A negative errno, or the text. */
  run(): FormatResult | number {
    const format = this.#format
    for (let i = 0; i < format.length; ) {
      const c = format[i]!
      if (!isPrint(c) && !isSpace(c)) return -ERRNO.EINVAL
      if (c !== PERCENT) {
        this.#out.put(c)
        i++
      } else if (this.#at(i + 1) === PERCENT) {
        this.#out.put(PERCENT)
        i += 2
      } else {
        const next = this.#conversion(i + 1)
        if (next < 0) return next
        i = next
      }
    }
    return { bytes: this.#out.bytes, length: this.#out.length }
  }

  /** Prints the conversion that begins behind a %; returns where the format goes on, or a negative errno. */
  #conversion(i: number): number {
    if (this.#argument >= this.#args.length) return -ERRNO.EINVAL
    const spec: Spec = { zero: false, plus: false, left: false, space: false, width: 0 }
    for (; ; i++) {
      const c = this.#at(i)
      if (c === ZERO) spec.zero = true
      else if (c === PLUS) spec.plus = true
      else if (c === MINUS) spec.left = true
      else if (c === SPACE) spec.space = true
      else break
    }
    for (; isDigit(this.#at(i)); i++) spec.width = Math.min(spec.width * 10 + this.#at(i) - ZERO, WIDEST)
    switch (String.fromCharCode(this.#at(i))) {
      case 'p':
        return this.#pointer(i + 1, spec)
      case 's':
        return this.#string(i + 1, spec, true)
      case 'c':
        return this.#character(i + 1, spec)
      default:
        return this.#integer(i, spec)
    }
  }

  #take(): bigint {
    return this.#args[this.#argument++]!
  }

  /** Room for a number among the arguments; false when there is none. */
  #store(size: number): boolean {
    this.#used = (this.#used + 3) & ~3
    if (ARGUMENT_BYTES - this.#used < size) return false
    this.#used += size
    return true
  }

  #integer(i: number, spec: Spec): number {
    let wide = false
    if (this.#at(i) === code('l')) {
      wide = true
      i++
      if (this.#at(i) === code('l')) i++
    }
    const kind = String.fromCharCode(this.#at(i))
    if (!'iduxX'.includes(kind)) return -ERRNO.EINVAL
    if (!this.#store(wide ? 8 : 4)) return -ERRNO.ENOSPC
    const bits = wide ? 64 : 32
    const signed = kind === 'i' || kind === 'd'
    const raw = this.#take()
    const value = signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw)
    const base = kind === 'x' || kind === 'X' ? 16 : 10
    this.#out.number(value < 0n ? -value : value, value < 0n, signed, base, kind === 'X', spec)
    return i + 1
  }

  #character(i: number, spec: Spec): number {
    if (this.#used === ARGUMENT_BYTES) return -ERRNO.ENOSPC
    this.#used++
    const byte = Number(this.#take() & 0xffn)
    this.#out.padded([byte], spec)
    return i
  }

  /** The NUL-terminated bytes at an address, as many as fit among the arguments; none when the address faults. */
  #read(pointer: bigint): Uint8Array {
    const room = ARGUMENT_BYTES - this.#used
    const { u8 } = this.#memory
    const start = pointer < 0x1_0000_0000n ? Number(pointer) : 0
    let length = 0
    for (; length < room - 1; length++) {
      if (!this.#memory.contains(start + length, 1)) {
        this.#used++
        return new Uint8Array(0)
      }
      if (u8[start + length] === 0) break
    }
    this.#used += length + 1
    return u8.slice(start, start + length)
  }

  #string(i: number, spec: Spec, widened: boolean): number {
    if (!endsWord(this.#at(i))) return -ERRNO.EINVAL
    if (this.#used >= ARGUMENT_BYTES) return -ERRNO.ENOSPC
    const text = this.#read(this.#take())
    if (widened) this.#out.padded(text, spec)
    else this.#out.text(text)
    return i
  }

  #pointer(i: number, spec: Spec): number {
    const kind = String.fromCharCode(this.#at(i))
    if (endsWord(this.#at(i))) return this.#value(i, spec)
    if ((kind === 'k' || kind === 'u') && this.#at(i + 1) === code('s'))
      return this.#string(i + 2, spec, false)
    if (kind === 'K' || kind === 'x') return this.#value(i, spec)
    if (kind === 's' || kind === 'S') {
      if (!this.#store(8)) return -ERRNO.ENOSPC
      this.#out.padded(this.#symbol(), spec)
      return this.#skipWord(i)
    }
    if (kind === 'B') {
      const text = this.#symbol()
      this.#used += text.length + 1
      this.#out.text(text)
      return this.#skipWord(i)
    }
    if (kind === 'I' || kind === 'i') return this.#ip(i, kind)
    return -ERRNO.EINVAL
  }

  /** There are no symbols: an address prints as a number. */
  #symbol(): number[] {
    return ascii(`0x${this.#take().toString(16)}`)
  }

  /**
   * The kernel hides addresses behind a hash in %p and %pK. An offset in the arena gives nothing away, so all print as
   * %px does.
   */
  #value(i: number, spec: Spec): number {
    if (!this.#store(8)) return -ERRNO.ENOSPC
    const full = spec.width === 0 ? { ...spec, width: 16, zero: true } : spec
    this.#out.number(this.#take(), false, false, 16, false, full)
    return this.#skipWord(i)
  }

  #ip(i: number, kind: 'I' | 'i'): number {
    const version = String.fromCharCode(this.#at(i + 1))
    if (version !== '4' && version !== '6') return -ERRNO.EINVAL
    const size = version === '4' ? 4 : 16
    const room = ARGUMENT_BYTES - this.#used
    if (room < size) return -ERRNO.ENOSPC
    const pointer = this.#take()
    const start = pointer < 0x1_0000_0000n ? Number(pointer) : 0
    const bytes = this.#memory.contains(start, size)
      ? this.#memory.u8.subarray(start, start + size)
      : new Uint8Array(size)
    const text = ascii(address(bytes, kind))
    this.#out.text(text.slice(0, room - 1))
    this.#used += text.length + 1
    return this.#skipWord(i)
  }

  /** bstr_printf goes on behind all letters and digits that follow %p. */
  #skipWord(i: number): number {
    while (isAlnum(this.#at(i))) i++
    return i
  }
}

/**
 * Formats `args` (registers). `format` ends at its NUL. Keeps at most `room` bytes of the text. Returns a negative errno:
 * -EINVAL for a format that the kernel refuses or that has more conversions than arguments, -ENOSPC when the arguments
 * need more than 512 bytes.
 */
export function formatText(
  format: Uint8Array,
  args: readonly bigint[],
  memory: FormatMemory,
  room: number,
): FormatResult | number {
  return new Formatter(format, args, memory, room).run()
}
