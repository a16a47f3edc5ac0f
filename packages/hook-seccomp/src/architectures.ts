import { SeccompError } from './errors.ts'
import { SYSCALL_NAMES, SYSCALL_NUMBERS } from './syscall-table.ts'

/** An architecture as seccomp tells them apart (linux/audit.h, AUDIT_ARCH_*). */
export interface Architecture {
  readonly name: ArchName
  /** What `seccomp_data.arch` holds: x32 has x86_64's. */
  readonly token: number
  /** Width of registers: arguments above are 0 in their upper halves for 32. */
  readonly bits: 32 | 64
  readonly littleEndian: boolean
  /** What numbers begin with: 4000 on mips, 0x40000000 on x32. */
  readonly first: number
  /** Other names: those of Node (`x64`), OCI (`SCMP_ARCH_X86_64`), Debian and the kernel. */
  readonly aliases: readonly string[]
}

export type ArchName =
  | 'x86_64'
  | 'x86'
  | 'x32'
  | 'aarch64'
  | 'arm'
  | 'riscv64'
  | 'ppc64le'
  | 'ppc64'
  | 'ppc'
  | 's390x'
  | 's390'
  | 'mips'
  | 'mipsel'
  | 'mips64'
  | 'mipsel64'
  | 'mips64n32'
  | 'mipsel64n32'
  | 'parisc'
  | 'parisc64'

/** __X32_SYSCALL_BIT: numbers of x32 have it, under x86_64's token. */
export const X32_BIT = 0x4000_0000

/** __AUDIT_ARCH_LE, which tells how the halves of 64-bit fields lie for a token that is none of the known. */
const LITTLE = 0x4000_0000

/** Name, token, bits, whose numbers, the first of them, aliases besides SCMP_ARCH_<name>. */
type Row = readonly [ArchName, number, 32 | 64, string, number, ...string[]]

const ROWS: readonly Row[] = [
  ['x86_64', 0xc000_003e, 64, 'x86_64', 0, 'x64', 'amd64'],
  ['x86', 0x4000_0003, 32, 'x86', 0, 'ia32', 'i386'],
  ['x32', 0xc000_003e, 32, 'x32', X32_BIT],
  ['aarch64', 0xc000_00b7, 64, 'aarch64', 0, 'arm64'],
  ['arm', 0x4000_0028, 32, 'arm', 0, 'armhf'],
  ['riscv64', 0xc000_00f3, 64, 'riscv64', 0],
  ['ppc64le', 0xc000_0015, 64, 'ppc64', 0, 'ppc64el'],
  ['ppc64', 0x8000_0015, 64, 'ppc64', 0],
  ['ppc', 0x14, 32, 'ppc', 0],
  ['s390x', 0x8000_0016, 64, 's390x', 0],
  ['s390', 0x16, 32, 's390', 0],
  ['mips', 0x8, 32, 'mips', 4000],
  ['mipsel', 0x4000_0008, 32, 'mips', 4000],
  ['mips64', 0x8000_0008, 64, 'mips64', 5000],
  ['mipsel64', 0xc000_0008, 64, 'mips64', 5000, 'mips64el'],
  ['mips64n32', 0xa000_0008, 32, 'mips64n32', 6000],
  ['mipsel64n32', 0xe000_0008, 32, 'mips64n32', 6000],
  ['parisc', 0xf, 32, 'parisc', 0],
  ['parisc64', 0x8000_000f, 64, 'parisc', 0],
]

const tables = new Map<string, ReadonlyMap<string, number>>()

/** Every architecture that names of system calls are known for. */
export const architectures: readonly Architecture[] = /* @__PURE__ */ ROWS.map(
  ([name, token, bits, , first, ...aliases]) =>
    Object.freeze({
      name,
      token,
      bits,
      littleEndian: (token & LITTLE) !== 0,
      first,
      aliases: [`SCMP_ARCH_${name.toUpperCase()}`, ...aliases],
    }),
)

/** An architecture by any of its names, or by the token where that says it. Undefined where it is none of the known. */
export function findArchitecture(name: string | number): Architecture | undefined {
  if (typeof name === 'number') return architectures.find((arch) => arch.token === name >>> 0)
  return architectures.find((arch) => arch.name === name || arch.aliases.includes(name))
}

/**
 * An architecture by any of its names.
 *
 * @throws SeccompError `UNKNOWN_ARCH`
 */
export function architectureOf(name: string, path?: string): Architecture {
  const arch = findArchitecture(name)
  if (arch !== undefined) return arch
  const known = architectures.map((one) => one.name).join(', ')
  const place = path === undefined ? {} : { path }
  throw new SeccompError('UNKNOWN_ARCH', `architecture ${name} is none of ${known}`, place)
}

/** How the words of `struct seccomp_data` lie for a token. */
export const isLittleEndian = (token: number): boolean => (token & LITTLE) !== 0

/** Every system call of an architecture: its number by its name. x32's have their bit. */
export function syscallsOf(name: ArchName): ReadonlyMap<string, number> {
  const [, , , source, first] = ROWS.find(([arch]) => arch === name)!
  const key = `${source}+${first}`
  const known = tables.get(key)
  if (known !== undefined) return known
  const table = new Map<string, number>()
  const names = SYSCALL_NAMES.split(' ')
  let at = 0
  let last = -1
  for (const cell of SYSCALL_NUMBERS[source]!.split(',')) {
    if (cell.startsWith('-')) at += Number(cell.slice(1) || 1)
    else {
      last = cell === '' ? last + 1 : Number.parseInt(cell, 36)
      table.set(names[at++]!, first + last)
    }
  }
  tables.set(key, table)
  return table
}

/** The number of a system call, undefined where the architecture has none of that name. */
export const syscallNumber = (arch: ArchName, name: string): number | undefined => syscallsOf(arch).get(name)

/** The name of a number; undefined where it has none. For x86_64 numbers with x32's bit are x32's. */
export function syscallName(arch: ArchName, nr: number): string | undefined {
  const source = arch === 'x86_64' && (nr & X32_BIT) !== 0 ? 'x32' : arch
  for (const [name, number] of syscallsOf(source)) if (number === nr) return name
  return undefined
}

/** Whether any architecture has a call of this name. */
export const isSyscallName = (name: string): boolean => SYSCALL_NAMES.split(' ').includes(name)
