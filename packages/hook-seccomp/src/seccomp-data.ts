import { SECCOMP_DATA_SIZE } from '@skep/isa'
import { field, type StructContext, struct } from '@skep/registry'
import { type Architecture, findArchitecture, isLittleEndian, syscallsOf } from './architectures.ts'
import { SeccompError } from './errors.ts'

/** A system call as a filter sees it. */
export interface SeccompCall {
  /** Its name on `arch`; or give `nr`. */
  readonly syscall?: string
  /** Its number; what is not in the table can be asked for too. */
  readonly nr?: number
  /** A name (`x86_64`, the default; `aarch64`, `arm64`, `SCMP_ARCH_ARM`) or what `seccomp_data.arch` holds. */
  readonly arch?: string | number
  /** Up to six, each 64 bits; negative ones as two's complement. Those that are not given are 0. */
  readonly args?: readonly (number | bigint)[]
  readonly instructionPointer?: number | bigint
}

/** `struct seccomp_data` (include/uapi/linux/seccomp.h). Filters read it in words of 32 bits, in the machine's order. */
export const seccompDataContext: StructContext = /* @__PURE__ */ struct('seccomp_data', {
  nr: field.u32({ widths: 'exact', c: 'int' }),
  arch: field.u32({ widths: 'exact' }),
  instruction_pointer: field.u64({ unit: 4, widths: 'exact', c: '__u64' }),
  args: field.array(field.u64(), 6, { unit: 4, widths: 'exact', c: '__u64' }),
})

/** The 16 words of `struct seccomp_data` for a call, as loads of 32 bits give them on its architecture. */
export function seccompWords(call: SeccompCall): Uint32Array {
  const { nr, token } = identify(call)
  const words = new Uint32Array(SECCOMP_DATA_SIZE / 4)
  words[0] = nr
  words[1] = token
  const low = isLittleEndian(token) ? 0 : 1
  const put = (at: number, value: number | bigint, path: string): void => {
    const wide = toU64(value, path)
    words[at + low] = Number(wide & 0xffff_ffffn)
    words[at + 1 - low] = Number(wide >> 32n)
  }
  put(2, call.instructionPointer ?? 0, 'instructionPointer')
  const args = call.args ?? []
  if (!Array.isArray(args) || args.length > 6) {
    throw new SeccompError('BAD_CALL', `a system call has up to 6 arguments, not ${args.length}`, {
      path: 'args',
    })
  }
  for (const [n, value] of args.entries()) put(4 + 2 * n, value, `args.${n}`)
  return words
}

function identify(call: SeccompCall): { nr: number; token: number } {
  const arch = call.arch ?? 'x86_64'
  const known = findArchitecture(arch)
  if (known === undefined && typeof arch === 'string') {
    throw new SeccompError('UNKNOWN_ARCH', `architecture ${arch} has no table here; give its AUDIT_ARCH`, {
      path: 'arch',
    })
  }
  const token = known?.token ?? (arch as number) >>> 0
  if (call.nr !== undefined) {
    if (!Number.isInteger(call.nr) || call.nr < -(2 ** 31) || call.nr > 2 ** 32 - 1) {
      throw new SeccompError('BAD_CALL', `${call.nr} is no number of 32 bits`, { path: 'nr' })
    }
    return { nr: call.nr >>> 0, token }
  }
  if (call.syscall === undefined) {
    throw new SeccompError('BAD_CALL', 'no system call is named; give syscall or nr')
  }
  return { nr: numberOn(known, call.syscall), token }
}

function numberOn(arch: Architecture | undefined, name: string): number {
  const nr = arch === undefined ? undefined : syscallsOf(arch.name).get(name)
  if (nr !== undefined) return nr
  const where = arch?.name ?? 'an architecture without a table'
  throw new SeccompError('UNKNOWN_SYSCALL', `${where} has no system call ${name}; give nr`, {
    path: 'syscall',
  })
}

/** A value of 64 bits, unsigned; negative ones as two's complement. */
export function toU64(value: number | bigint, path: string): bigint {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    const wide = BigInt(value)
    if (wide >= -(2n ** 63n) && wide < 2n ** 64n) return BigInt.asUintN(64, wide)
  }
  throw new SeccompError('BAD_CALL', `${String(value)} is no value of 64 bits`, { path })
}
