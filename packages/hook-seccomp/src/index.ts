export {
  actionName,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  type SeccompActionName,
} from './actions.ts'
export {
  type Architecture,
  type ArchName,
  architectureOf,
  architectures,
  findArchitecture,
  isSyscallName,
  syscallName,
  syscallNumber,
  syscallsOf,
  X32_BIT,
} from './architectures.ts'
export { attachSeccomp, type SeccompProgram, SeccompTask, seccompAttachPoint } from './attach.ts'
export { actionValue, compilePolicy } from './compile-policy.ts'
export { SeccompError, type SeccompErrorCode, type SeccompPlace } from './errors.ts'
export { checkFilter, kernelLength } from './filter.ts'
export { guardEventContext } from './guard/event.ts'
export { GUARD_FLAGS, GUARD_OPERATIONS, type GuardOperation, guardOperation } from './guard/operations.ts'
export { guardPlugin, guardProgramType } from './guard/plugin.ts'
export {
  diffPolicies,
  type LearnOptions,
  learnPolicy,
  type ObservedCall,
  type PolicyDifference,
} from './learn-policy.ts'
export { type OciOptions, type OciPolicy, parseOciProfile } from './oci-profile.ts'
export { seccompPlugin } from './plugin.ts'
export {
  type PolicyAction,
  type PolicyComparison,
  type PolicyNumber,
  type PolicyRule,
  parsePolicy,
  type SeccompPolicy,
} from './policy.ts'
export { seccompProgramType } from './program-type.ts'
export { type SeccompCall, seccompDataContext, seccompWords } from './seccomp-data.ts'
export { seccompSpec } from './seccomp-spec.ts'
export {
  createSimulator,
  type SeccompDecision,
  type SeccompFilter,
  type SeccompSimulator,
  type SimulateOptions,
  simulate,
} from './simulate.ts'
