import type { Env } from './env.ts'
import { fail } from './errors.ts'

/** Refuses a program whose verification takes longer than its limit (the kernel's -EAGAIN, when it is interrupted). */
export function checkTime(env: Env): void {
  const { deadline, timeLimit } = env.privileges
  if (deadline === Number.POSITIVE_INFINITY || performance.now() < deadline) return
  fail('EAGAIN', `out of time: verification took more than ${timeLimit} ms (limit)`)
}
