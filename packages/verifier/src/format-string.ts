import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { mapOf, offOf } from './regs.ts'

const isDigit = (c: string): boolean => c >= '0' && c <= '9'

/**
 * Is a format string of bpf_snprintf and its kin well formed, for that many 64-bit arguments? The rules of
 * bpf_bprintf_prepare (kernel/bpf/helpers.c).
 */
export function isValidFormat(format: string, args: number): boolean {
  let used = 0
  for (let i = 0; i < format.length; i++) {
    const code = format.charCodeAt(i)
    // Bytes from 0x80 on are text in UTF-8.
    const printable = (code >= 0x20 && code !== 0x7f) || (code >= 9 && code <= 13)
    if (!printable) return false
    if (format[i] !== '%') continue
    if (format[i + 1] === '%') {
      i++
      continue
    }
    if (used >= args) return false
    i++
    // Flags and width, as the kernel skips them.
    while (['0', '+', '-', ' '].includes(format[i] ?? '')) i++
    if (isDigit(format[i] ?? '') && format[i] !== '0') while (isDigit(format[i] ?? '')) i++
    if (format[i] === 'p') {
      const next = format[i + 1] ?? ''
      if ((next === 'k' || next === 'u') && format[i + 2] === 's') i += 2
      else if (next === '' || /[\s\p{P}]/u.test(next) || ['K', 'x', 's', 'S', 'B'].includes(next)) {
        if (['K', 'x', 's', 'S', 'B'].includes(next)) i++
      } else if ((next === 'i' || next === 'I') && (format[i + 2] === '4' || format[i + 2] === '6')) i += 2
      else return false
      used++
      continue
    }
    if (format[i] === 's' || format[i] === 'c') {
      used++
      continue
    }
    if (format[i] === 'l') i++
    if (format[i] === 'l') i++
    if (!['i', 'd', 'u', 'x', 'X'].includes(format[i] ?? '')) return false
    used++
  }
  return true
}

const ascii = new TextDecoder('latin1')

/** check_bpf_snprintf_call: the arguments by number, counted from 0, are constants that were checked before. */
export function checkFormatArgs(env: Env, format: number, size: number): void {
  const bytes = env.domain.constLo(env.reg(size + 1))
  // The kernel gives no reason.
  if (bytes % 8 !== 0) fail('EINVAL')
  const reg = env.reg(format + 1)
  const map = mapOf(env, reg)
  const at = offOf(env, reg) + env.domain.constLo(reg)
  const text = map.constant ?? new Uint8Array()
  const end = text.indexOf(0, at)
  if (!isValidFormat(ascii.decode(text.subarray(at, end < 0 ? text.length : end)), bytes / 8)) {
    fail('EINVAL', 'Invalid format string')
  }
}
