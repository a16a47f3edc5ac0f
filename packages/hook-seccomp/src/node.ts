export type { GuardEvent } from './node/ask.ts'
export {
  attachGuard,
  type Guard,
  type GuardOptions,
  type GuardProgram,
  type GuardStats,
  guardAttachPoint,
  guardedPlugin,
} from './node/attach-guard.ts'
