/** SECCOMP_RET_* (include/uapi/linux/seccomp.h): the action in the upper half of what a filter returns, data in the lower. */
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000
export const SECCOMP_RET_KILL_THREAD = 0
export const SECCOMP_RET_TRAP = 0x0003_0000
export const SECCOMP_RET_ERRNO = 0x0005_0000
export const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000
export const SECCOMP_RET_TRACE = 0x7ff0_0000
export const SECCOMP_RET_LOG = 0x7ffc_0000
export const SECCOMP_RET_ALLOW = 0x7fff_0000

/** What becomes of a call, in the kernel's words; `unknown` is an action that Linux does not have, and kills. */
export type SeccompActionName =
  | 'kill_process'
  | 'kill_thread'
  | 'trap'
  | 'errno'
  | 'user_notif'
  | 'trace'
  | 'log'
  | 'allow'
  | 'unknown'

const NAMES: ReadonlyMap<number, SeccompActionName> = /* @__PURE__ */ new Map<number, SeccompActionName>([
  [SECCOMP_RET_KILL_PROCESS, 'kill_process'],
  [SECCOMP_RET_KILL_THREAD, 'kill_thread'],
  [SECCOMP_RET_TRAP, 'trap'],
  [SECCOMP_RET_ERRNO, 'errno'],
  [SECCOMP_RET_USER_NOTIF, 'user_notif'],
  [SECCOMP_RET_TRACE, 'trace'],
  [SECCOMP_RET_LOG, 'log'],
  [SECCOMP_RET_ALLOW, 'allow'],
])

/** The action of what a filter returned. */
export const actionName = (value: number): SeccompActionName => NAMES.get(actionPart(value)) ?? 'unknown'

/** The upper half, unsigned. */
export const actionPart = (value: number): number => (value & 0xffff_0000) >>> 0

/** The lower half: errno, a number for a tracer or a signal handler. */
export const dataPart = (value: number): number => value & 0xffff

/** MAX_ERRNO: more in SECCOMP_RET_ERRNO's data counts as this. */
export const MAX_ERRNO = 4095

/** ENOSYS where the architecture has the common errno numbers: all but mips and parisc. */
export const ENOSYS = 38
