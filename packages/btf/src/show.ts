import type { Btf, BtfMember } from './btf.ts'
import { BTF_KIND } from './kinds.ts'
import { parseBtf } from './parse.ts'

/** BTF_F_* (include/uapi/linux/bpf.h): how bpf_snprintf_btf and bpf_seq_printf_btf write. */
export const BTF_SHOW = {
  /** No line ends and no indentation. */
  COMPACT: 1,
  /** No names of members and types. */
  NONAME: 2,
  /** Pointers as they are. Here they are nothing that would have to be hidden: all are. */
  PTR_RAW: 4,
  /** Members that are zero too. */
  ZERO: 8,
} as const

/** Where the bytes to show come from, and where the text goes: its characters are bytes. */
export interface ShowPorts {
  /** Undefined where there is no such memory. */
  read(address: number, size: number): Uint8Array | undefined
  write(text: string): void
}

const ENOENT = -2
const EFAULT = -14
const EINVAL = -22
const ERANGE = -34
/** Where a kernel's addresses begin: what lies below is no business of a reader of the kernel's memory. */
const KERNEL_HALF = 2 ** 64 - 2 ** 47

/** BTF_SHOW_MAX_ITER: arrays, pointers and typedefs that a name goes through. */
const MOST_STEPS = 10
/** BTF_SHOW_NAME_SIZE, without the NUL. */
const LONGEST_NAME = 79
/** BTF_SHOW_OBJ_SAFE_SIZE, BTF_SHOW_OBJ_BASE_TYPE_SIZE: what is read at once, and what a basic type takes at most. */
const SAFE_SIZE = 32
const BASE_SIZE = 16
/** Spaces that there are to indent with. */
const DEEPEST = 32

const MODIFIERS: ReadonlySet<number> = new Set([
  BTF_KIND.CONST,
  BTF_KIND.VOLATILE,
  BTF_KIND.RESTRICT,
  BTF_KIND.TYPE_TAG,
])
const UNSHOWN: ReadonlySet<number> = new Set([
  BTF_KIND.FWD,
  BTF_KIND.FUNC,
  BTF_KIND.FUNC_PROTO,
  BTF_KIND.FLOAT,
  BTF_KIND.DECL_TAG,
])
const PREFIXES: Readonly<Record<number, string>> = {
  [BTF_KIND.STRUCT]: 'struct',
  [BTF_KIND.UNION]: 'union',
  [BTF_KIND.ENUM]: 'enum',
  [BTF_KIND.ENUM64]: 'enum',
}

/** lib/ctype.c's isprint: Latin-1. */
const isPrintable = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0

/** struct btf_show: where it is, and what it knows of what it shows. */
class Show {
  readonly #btf: Btf
  readonly #ports: ShowPorts
  readonly #flags: number
  status = 0
  #depth = 0
  #depthToShow = 0
  #depthCheck = 0
  #member: BtfMember | undefined
  #arrayMember = false
  #arrayOfChars = false
  #arrayEnded = false
  /** Of the type that is begun; 0 for none. */
  #kind = 0
  #typeId = 0
  /** Where the object lies; what else is an address here is an offset from there. */
  readonly #base: number
  #size = 0
  #safeAt = 0
  readonly #safe: Uint8Array = new Uint8Array(2 * SAFE_SIZE)
  readonly #view: DataView = new DataView(this.#safe.buffer)

  constructor(btf: Btf, base: number, flags: number, ports: ShowPorts) {
    this.#btf = btf
    this.#base = base
    this.#flags = flags
    this.#ports = ports
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) !== 0
  }

  #write(...texts: readonly string[]): void {
    if (this.#depthCheck === 0) for (const text of texts) if (text !== '') this.#ports.write(text)
  }

  #skip(id: number, typedefs: boolean): number {
    const { kind, target } = {
      kind: (n: number) => this.#btf.kind(n),
      target: (n: number) => this.#btf.target(n),
    }
    let at = id
    while (MODIFIERS.has(kind(at)) || (typedefs && kind(at) === BTF_KIND.TYPEDEF)) at = target(at)
    return at
  }

  get #indent(): string {
    return this.#has(BTF_SHOW.COMPACT) ? '' : ' '.repeat(Math.min(this.#depth, DEEPEST))
  }

  get #lineEnd(): string {
    return this.#has(BTF_SHOW.COMPACT) ? '' : '\n'
  }

  get #delimiter(): string {
    if (this.#depth === 0) return ''
    return this.#has(BTF_SHOW.COMPACT) && this.#kind === BTF_KIND.UNION ? '|' : ','
  }

  /** `.member = (type)`, with the bracket that opens what it is. */
  get #name(): string {
    if (this.#arrayMember) return ''
    const member = this.#member
    const btf = this.#btf
    let id = member ? member.type : this.#typeId
    if (!btf.has(id)) return ''
    let name: string | undefined
    let opening = ''
    let stars = ''
    let brackets = ''
    let steps = 0
    let seen = 0
    for (; steps < MOST_STEPS; steps++) {
      const kind = btf.kind(id)
      if (kind === BTF_KIND.TYPEDEF) name ??= btf.name(id)
      else if (kind === BTF_KIND.ARRAY) {
        opening = '['
        brackets += '[]'
      } else if (kind === BTF_KIND.PTR) stars += '*'
      else break
      seen |= 1 << kind
      const next = kind === BTF_KIND.ARRAY ? btf.array(id).element : btf.target(id)
      if (next === 0) break
      id = this.#skip(next, false)
    }
    if (steps === MOST_STEPS) return ''
    name ??= btf.name(id)
    const kind = btf.kind(id)
    const typedef = (seen & (1 << BTF_KIND.TYPEDEF)) !== 0
    const prefix = typedef ? '' : (PREFIXES[kind] ?? '')
    if (btf.isComposite(id) && (seen & (1 << BTF_KIND.ARRAY)) === 0) opening = '{'
    if ((seen & (1 << BTF_KIND.PTR)) !== 0) opening = ''
    if (this.#has(BTF_SHOW.NONAME)) return opening
    const shown = member && member.name !== '' ? `.${member.name} = ` : ''
    const space = prefix !== '' && name !== '' ? ' ' : ''
    const suffix = `${stars === '' ? '' : ` ${stars}`}${brackets}`
    return `${shown}(${prefix}${space}${name}${suffix})${opening}`.slice(0, LONGEST_NAME)
  }

  /** Reads where it has not read yet: an offset in #safe, or undefined. */
  #start(id: number, typeId: number, data: number): number | undefined {
    this.#kind = this.#btf.kind(id)
    this.#typeId = typeId
    const size = this.#btf.size(id)
    if (size === undefined) {
      this.status = EINVAL
      return undefined
    }
    if (this.#depth === 0) {
      this.#size = size
    } else if (data >= this.#safeAt && data + Math.min(size, BASE_SIZE) < this.#safeAt + SAFE_SIZE) {
      return data - this.#safeAt
    }
    const left = Math.min(this.#size - data, SAFE_SIZE)
    const bytes = left > 0 ? this.#ports.read(this.#base + data, left) : new Uint8Array(0)
    this.status = bytes ? 0 : this.#base < KERNEL_HALF ? ERANGE : EFAULT
    if (this.status !== 0) return undefined
    this.#safe.set(bytes!)
    this.#safeAt = data
    return 0
  }

  #end(): void {
    this.#kind = 0
    this.#typeId = 0
  }

  /** A value, unless it is zero and need not be shown. */
  #value(isZero: boolean, text: string): void {
    if (isZero && !this.#has(BTF_SHOW.ZERO) && this.#depth !== 0) return
    this.#write(this.#indent, this.#name, text, this.#delimiter, this.#lineEnd)
    if (this.#depth > this.#depthToShow) this.#depthToShow = this.#depth
  }

  #bits(at: number, offset: number, count: number): void {
    let value = 0n
    for (let n = Math.ceil((offset + count) / 8) - 1; n >= 0; n--)
      value = (value << 8n) | BigInt(this.#safe[at + n] ?? 0)
    this.#wide(BigInt.asUintN(count, value >> BigInt(offset)))
  }

  #wide(value: bigint): void {
    this.#value(value === 0n, `0x${value.toString(16)}`)
  }

  #integer(id: number, typeId: number, data: number, bitOffset: number): void {
    const { bits, bitOffset: own, signed } = this.#btf.integer(id)
    const at = this.#start(id, typeId, data)
    if (at === undefined) return
    const whole = bitOffset === 0 && own === 0
    if (whole && bits === 128)
      this.#wide((this.#view.getBigUint64(at + 8, true) << 64n) | this.#view.getBigUint64(at, true))
    else if (whole && bits === 8 && this.#arrayOfChars && this.#character(this.#safe[at]!)) {
      // It was a character, or behind the last one.
    } else if (whole && [8, 16, 32, 64].includes(bits)) {
      const raw = BigInt.asUintN(bits, this.#view.getBigUint64(at, true))
      this.#value(raw === 0n, String(signed ? BigInt.asIntN(bits, raw) : raw))
    } else this.#bits(at + ((bitOffset + own) >> 3), (bitOffset + own) & 7, bits)
    this.#end()
  }

  /** One of an array of characters, which ends at a NUL; false for what is shown as a number. */
  #character(byte: number): boolean {
    if (this.#arrayEnded) return true
    if (byte === 0) {
      this.#arrayEnded = true
      return true
    }
    if (!isPrintable(byte)) return false
    this.#value(false, `'${String.fromCharCode(byte)}'`)
    return true
  }

  #pointer(id: number, typeId: number, data: number): void {
    const at = this.#start(id, typeId, data)
    if (at === undefined) return
    const address = this.#view.getBigUint64(at, true)
    this.#value(address === 0n, `0x${address.toString(16).padStart(16, '0')}`)
    this.#end()
  }

  #enumerator(id: number, typeId: number, data: number): void {
    const at = this.#start(id, typeId, data)
    if (at === undefined) return
    const bits = this.#btf.kind(id) === BTF_KIND.ENUM64 ? 64 : 32
    const raw = BigInt.asUintN(bits, this.#view.getBigUint64(at, true))
    const known = this.#btf.enumerators(id).find(({ value }) => BigInt.asUintN(bits, value) === raw)
    if (known) this.#value(false, known.name)
    else this.#value(raw === 0n, String(this.#btf.flag(id) ? BigInt.asIntN(bits, raw) : raw))
    this.#end()
  }

  /** Members or elements between brackets; of what lies inside, and has nothing to show, nothing. */
  #aggregate(each: () => void): void {
    const member = this.#member
    if (this.#depth > 0 && !this.#has(BTF_SHOW.ZERO)) {
      if (this.#depthCheck === 0) {
        this.#depthCheck = this.#depth + 1
        this.#depthToShow = 0
      }
      each()
      this.#member = member
      if (this.#depthCheck !== this.#depth + 1) return
      this.#depthCheck = 0
      if (this.#depthToShow <= this.#depth) return
    }
    each()
  }

  #open(id: number, typeId: number, data: number): number | undefined {
    const at = this.#start(id, typeId, data)
    if (at === undefined) return undefined
    this.#write(this.#indent, this.#name, this.#lineEnd)
    this.#depth++
    return at
  }

  #close(bracket: string): void {
    this.#depth--
    this.#write(this.#indent, bracket, this.#delimiter, this.#lineEnd)
    this.#end()
  }

  #members(id: number, typeId: number, data: number): void {
    if (this.#open(id, typeId, data) === undefined) return
    for (const member of this.#btf.members(id)) {
      this.#member = member
      const at = data + (member.bitOffset >>> 3)
      const bit = member.bitOffset & 7
      if (member.bitSize === 0) this.show(member.type, member.type, at, bit)
      else {
        const safe = this.#start(member.type, member.type, at)
        if (safe !== undefined) this.#bits(safe, bit, member.bitSize)
        this.#end()
      }
      this.#member = undefined
    }
    this.#close('}')
  }

  #elements(id: number, typeId: number, data: number, bitOffset: number): void {
    const btf = this.#btf
    const { element, count } = btf.array(id)
    const type = this.#skip(element, true)
    const kind = btf.kind(type)
    // As the kernel has it, elements that are pointers or arrays have no size: the first one is shown again.
    const size = kind === BTF_KIND.PTR || kind === BTF_KIND.ARRAY ? 0 : (btf.size(type) ?? 0)
    this.#arrayOfChars = kind === BTF_KIND.INT && (size === 1 || btf.integer(type).char)
    this.#arrayEnded = false
    if (this.#open(id, typeId, data) === undefined) return
    for (let n = 0; n < count && !this.#arrayEnded; n++) {
      this.#arrayMember = true
      this.#member = undefined
      this.show(type, element, data + n * size, bitOffset)
      this.#arrayMember = false
    }
    this.#arrayOfChars = false
    this.#arrayEnded = false
    this.#close(']')
  }

  show(id: number, typeId: number, data: number, bitOffset: number): void {
    const type = this.#skip(id, true)
    const kind = this.#btf.kind(type)
    if (kind === BTF_KIND.INT) this.#integer(type, typeId, data, bitOffset)
    else if (kind === BTF_KIND.PTR) this.#pointer(type, typeId, data)
    else if (this.#btf.isEnum(type)) this.#enumerator(type, typeId, data)
    else if (this.#btf.isComposite(type)) this.#aggregate(() => this.#members(type, typeId, data))
    else if (kind === BTF_KIND.ARRAY) this.#aggregate(() => this.#elements(type, typeId, data, bitOffset))
    else if (UNSHOWN.has(kind)) this.#write(`<unsupported kind:${kind}>`)
    else this.status = EINVAL
  }
}

/**
 * Writes an object of a type as text, as the kernel does for bpf_snprintf_btf (kernel/bpf/btf.c, btf_type_show): by lines, or
 * all in one, with names or without. `flags` are of `BTF_SHOW`. Gives 0 or minus an errno: for memory that is not
 * there EFAULT, or ERANGE where a kernel has none, EINVAL for a type without size.
 */
export function showType(btf: Btf, id: number, address: number, flags: number, ports: ShowPorts): number {
  const show = new Show(btf, address, flags, ports)
  show.show(id, id, 0, 0)
  return show.status
}

// struct btf_ptr.
const PTR_TYPE = 8
const PTR_SIZE = 16
const FLAGS: number = BTF_SHOW.COMPACT | BTF_SHOW.NONAME | BTF_SHOW.PTR_RAW | BTF_SHOW.ZERO

/** Memory of a runtime: all of it, and which addresses are live. */
export interface ShowMemory {
  readonly u8: Uint8Array
  contains(address: number, size: number): boolean
}

/** Prints objects of the types of a kernel, for `createRuntime({ providers: { types } })`. */
export interface KernelTypes {
  /**
   * Prints what a `struct btf_ptr` of `size` bytes points to, with a NUL, as far as there is room. `status` is 0 or minus an
   * errno, `length` that of the whole text.
   */
  print(
    memory: ShowMemory,
    pointer: number,
    size: number,
    flags: number,
    to: Uint8Array,
  ): { readonly status: number; readonly length: number }
}

/** Of raw BTF (`/sys/kernel/btf/vmlinux`), which is read when the first object is printed: BtfError then, for damaged BTF. */
export function createKernelTypes(kernelBtf: Uint8Array): KernelTypes {
  let btf: Btf | undefined
  return {
    print: (memory, pointer, size, flags, to) => {
      const fails = (status: number) => ({ status, length: 0 })
      if (flags < 0 || flags > FLAGS || size !== PTR_SIZE) return fails(EINVAL)
      const { u8 } = memory
      const view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength)
      const id = view.getUint32(pointer + PTR_TYPE, true)
      if (id === 0) return fails(EINVAL)
      btf ??= parseBtf(kernelBtf)
      if (!btf.has(id)) return fails(ENOENT)
      let length = 0
      const status = showType(btf, id, Number(view.getBigUint64(pointer, true)), flags, {
        read: (at, bytes) =>
          at + bytes <= u8.length && memory.contains(at, bytes) ? u8.subarray(at, at + bytes) : undefined,
        write: (text) => {
          for (let n = 0; n < text.length; n++, length++)
            if (length < to.length - 1) to[length] = text.charCodeAt(n)
          if (to.length > 0) to[Math.min(length, to.length - 1)] = 0
        },
      })
      return { status, length }
    },
  }
}
