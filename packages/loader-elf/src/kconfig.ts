import { BTF_KIND, type Btf } from '@skep/btf'
import type { MapSpec, VariableSpec } from '@skep/registry'
import { ElfError } from './errors.ts'
import { type Extern, KCONFIG } from './externs.ts'

export interface KconfigOptions {
  /** Lines of a kernel's configuration: `CONFIG_HZ=250`. */
  readonly kconfig?: string
  /** KERNEL_VERSION of LINUX_KERNEL_VERSION. */
  readonly kernelVersion?: number
}

/** Linux 6.18, whose behaviour Skep has. */
const KERNEL_VERSION = (6 << 16) | (18 << 8)
/** Externs that no configuration has, by name. */
const VIRTUAL: Readonly<Record<string, (options: KconfigOptions) => bigint>> = {
  LINUX_KERNEL_VERSION: (options) => BigInt(options.kernelVersion ?? KERNEL_VERSION),
  LINUX_HAS_BPF_COOKIE: () => 1n,
  LINUX_HAS_SYSCALL_WRAPPER: () => 1n,
}
const MAX_SIZE = 0x10_0000
const TRISTATE: Readonly<Record<string, bigint>> = { n: 0n, y: 1n, m: 2n }

type ValueType = 'bool' | 'tristate' | 'char' | 'int' | 'text'

interface Placed {
  readonly extern: Extern
  readonly type: ValueType
  readonly signed: boolean
  readonly size: number
  readonly align: number
  readonly offset: number
}

export interface Kconfig {
  readonly map: MapSpec
  readonly variables: readonly VariableSpec[]
  /** Bytes into the map's value, by name. */
  readonly offsets: ReadonlyMap<string, number>
  readonly size: number
}

/** The map `.kconfig`, laid out and filled as libbpf does. Undefined without such externs. Throws ElfError. */
export function readKconfig(
  externs: Iterable<Extern>,
  btf: Btf | undefined,
  options: KconfigOptions,
): Kconfig | undefined {
  const placed = btf
    ? place(
        [...externs].filter((e) => e.kind === 'kconfig'),
        btf,
      )
    : []
  const last = placed.at(-1)
  if (!btf || !last) return undefined
  const size = last.offset + last.size
  const value = new Uint8Array(size)
  const given = parseConfig(options.kconfig ?? '')
  for (const one of placed) fill(one, value, given, options)
  const section = btf.findByName(BTF_KIND.DATASEC, KCONFIG)
  return {
    size,
    offsets: new Map(placed.map((p) => [p.extern.name, p.offset])),
    variables: placed.map((p) => ({
      name: p.extern.name,
      map: KCONFIG,
      offset: p.offset,
      size: p.size,
      typeId: btf.target(p.extern.typeId),
    })),
    map: {
      name: KCONFIG,
      type: 'array',
      keySize: 4,
      valueSize: size,
      maxEntries: 1,
      initial: [{ key: new Uint8Array(4), value }],
      frozen: true,
      ...(section === undefined ? {} : { btfValue: section }),
    },
  }
}

/** The strictest alignment first, then the smallest, then by name. */
function place(externs: readonly Extern[], btf: Btf): Placed[] {
  const sized = externs.map((extern) => {
    const type = btf.target(extern.typeId)
    const size = btf.size(type)
    if (!size) throw bad(extern, 'its type has no size')
    return { extern, size, align: btf.align(type) || 1, ...valueType(extern, btf, type) }
  })
  sized.sort((a, b) => b.align - a.align || a.size - b.size || (a.extern.name < b.extern.name ? -1 : 1))
  let end = 0
  return sized.map((one) => {
    const offset = Math.ceil(end / one.align) * one.align
    end = offset + one.size
    if (end > MAX_SIZE) throw bad(one.extern, `more than ${MAX_SIZE} bytes of externs`)
    return { ...one, offset }
  })
}

function bad(extern: Extern, message: string): ElfError {
  return new ElfError('BAD_EXTERN', message, { section: KCONFIG, symbol: extern.name })
}

function valueType(extern: Extern, btf: Btf, typeId: number): { type: ValueType; signed: boolean } {
  const type = btf.resolve(typeId)
  const size = btf.size(type) ?? 0
  if (btf.kind(type) === BTF_KIND.ARRAY && btf.array(type).count > 0) {
    const element = btf.resolve(btf.array(type).element)
    if (btf.kind(element) === BTF_KIND.INT && btf.size(element) === 1 && !btf.integer(element).bool)
      return { type: 'text', signed: false }
  }
  if (btf.isEnum(type) && btf.name(type) === 'libbpf_tristate' && size === 4)
    return { type: 'tristate', signed: false }
  if (btf.kind(type) === BTF_KIND.INT && [1, 2, 4, 8].includes(size)) {
    const { bool, signed } = btf.integer(type)
    if (!bool) return { type: size === 1 ? 'char' : 'int', signed }
    if (size === 1) return { type: 'bool', signed: false }
  }
  throw bad(extern, 'its type is none of bool, char, char[], an integer or enum libbpf_tristate')
}

function parseConfig(text: string): Map<string, string> {
  const out = new Map<string, string>()
  for (const [, name, value] of text.matchAll(/^(CONFIG_\w+)=(.+?)\s*$/gm)) {
    if (!out.has(name!)) out.set(name!, value!)
  }
  return out
}

function fill(
  one: Placed,
  into: Uint8Array,
  given: ReadonlyMap<string, string>,
  options: KconfigOptions,
): void {
  const { extern, type } = one
  const { name, weak } = extern
  const virtual = Object.hasOwn(VIRTUAL, name) ? VIRTUAL[name] : undefined
  if (virtual) {
    number(one, into, virtual(options))
    return
  }
  const value = given.get(name)
  if (value === undefined) {
    if (!weak) throw bad(extern, 'no value is known; give one in the option kconfig, or declare it __weak')
    return
  }
  if (value.startsWith('"')) {
    if (type !== 'text') throw bad(extern, `${value} is text, but the variable is no char[]`)
    if (value.length < 2 || !value.endsWith('"')) throw bad(extern, `${value} has no closing quote`)
    const bytes = new TextEncoder().encode(value.slice(1, -1)).subarray(0, one.size - 1)
    into.set(bytes, one.offset)
  } else if (/^[ynm]$/.test(value)) {
    if (type === 'bool' && value !== 'm') number(one, into, TRISTATE[value]!)
    else if (type === 'tristate') number(one, into, TRISTATE[value]!)
    else if (type === 'char') number(one, into, BigInt(value.charCodeAt(0)))
    else throw bad(extern, `${value} is for a bool, tristate or char, but the variable is a ${type}`)
  } else {
    if (type !== 'int' && type !== 'char')
      throw bad(extern, `${value} is a number, but the variable is a ${type}`)
    number(one, into, integer(extern, value))
  }
}

/** As strtoull with base 0: decimal, 0x, and 0 for octal, with a sign. */
function integer(extern: Extern, text: string): bigint {
  const [, sign, digits] = /^([+-]?)(0[xX][\da-fA-F]+|\d+)$/.exec(text) ?? []
  const octal = digits !== undefined && /^0[0-7]+$/.test(digits)
  if (digits === undefined || (/^0\d/.test(digits) && !octal) || digits.length > 24)
    throw bad(extern, `${text.slice(0, 40)} is no integer`)
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits)
  if (value >> 64n) throw bad(extern, `${text} does not fit in 64 bits`)
  return sign === '-' ? -value : value
}

function number(one: Placed, into: Uint8Array, value: bigint): void {
  const { extern, size, offset, type } = one
  if (type === 'text') throw bad(extern, `${value} is a number, but the variable is a char[]`)
  const bits = size * 8
  const fits = one.signed
    ? BigInt.asIntN(bits, value) === value
    : value >= 0n && BigInt.asUintN(bits, value) === value
  // 64 bits take either sign, as libbpf reads both as u64.
  if (!fits && size < 8) throw bad(extern, `${value} does not fit in ${size} bytes`)
  let rest = BigInt.asUintN(bits, value)
  for (let i = 0; i < size; i++, rest >>= 8n) into[offset + i] = Number(rest & 0xffn)
}
