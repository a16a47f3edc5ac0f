import { type compilePolicy, kernelLength, type SeccompDecision } from '@skep/hook-seccomp'
import { encodeClassic, formatClassic } from '@skep/isa'
import { type ClassicInsn, formatCArray, formatDdd } from '@skep/loader-cbpf'
import { errnoOf } from './errno-name.ts'

/** How much of tcpdump's `-d` was given: the listing, C, or numbers. */
export function filterText(insns: readonly ClassicInsn[], code: number): string {
  if (code <= 1) return formatClassic(insns).join('\n')
  return (code === 2 ? formatCArray(insns) : formatDdd(insns)).trimEnd()
}

/** A filter as JSON has it. */
export const filterJson = (insns: ReturnType<typeof compilePolicy>): object => ({
  instructions: insns.length,
  kernel_instructions: kernelLength(insns),
  insns,
  bytes: encodeClassic(insns),
})

/** `errno 13 (EACCES)`, `allow`, `kill_process`. */
export function decisionText({ action, errno, data }: SeccompDecision): string {
  if (errno !== undefined && action !== 'errno') return `${action}, nobody listens: errno ${errnoOf(errno)}`
  if (errno !== undefined) return `errno ${errnoOf(errno)}`
  return action === 'trap' || action === 'trace' ? `${action} ${data}` : action
}
