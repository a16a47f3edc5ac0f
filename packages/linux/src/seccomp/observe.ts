import { classicDefs } from '@skep/isa'
import { type ConfinedProcess, type SpawnConfinedOptions, spawnConfined } from './spawn-confined.ts'

/** A system call that was seen, and how often. */
export interface ObservedSyscall {
  /** AUDIT_ARCH_*. */
  readonly arch: number
  readonly nr: number
  readonly count: number
}

export interface ObservedProcess extends ConfinedProcess {
  /** What it, and what it started, called until now, in the order of first calls. */
  readonly calls: () => ObservedSyscall[]
}

export type ObserveOptions = Omit<SpawnConfinedOptions, 'filter' | 'onNotification'>

/** SECCOMP_RET_USER_NOTIF for all. */
const EVERYTHING = [{ code: classicDefs.ret_k.code, jt: 0, jf: 0, k: 0x7fc0_0000 }]

/**
 * Runs a command and notes each system call that it makes, its children's too: all are carried out. `learnPolicy` of
 * @skep/hook-seccomp makes a policy of them. Each call takes a way through this process, so the command is slower by far.
 *
 * @throws as `spawnConfined`
 */
export async function observeSyscalls(
  command: string,
  args: readonly string[],
  options: ObserveOptions = {},
): Promise<ObservedProcess> {
  const seen = new Map<string, { arch: number; nr: number; count: number }>()
  const confined = await spawnConfined(command, args, {
    ...options,
    filter: EVERYTHING,
    onNotification: ({ arch, nr }) => {
      const key = `${arch} ${nr}`
      const known = seen.get(key)
      if (known === undefined) seen.set(key, { arch, nr, count: 1 })
      else known.count++
      return 'continue'
    },
  })
  return { ...confined, calls: () => [...seen.values()].map((one) => ({ ...one })) }
}
