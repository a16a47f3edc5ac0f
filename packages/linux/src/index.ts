export type { Capability } from './capabilities.ts'
export { decisiveLine, processedInsns } from './decisive-line.ts'
export { DeviceError } from './device/errors.ts'
export { inNetworkNamespace } from './device/namespace.ts'
export { openPacketSocket, type PacketSocketOptions } from './device/packet-socket.ts'
export type { RingOptions } from './device/rx-ring.ts'
export { openTap, type TapOptions } from './device/tap.ts'
export { KernelArgumentError, KernelError, LinuxUnavailableError, type UnavailableCause } from './errors.ts'
export { isKernelAvailable, Kernel, openKernel } from './kernel.ts'
export type { KernelBtf } from './kernel-btf.ts'
export type { KernelMap, MapBatch, MapOptions, MappedPages, UpdateMode } from './kernel-map.ts'
export type {
  KernelProgram,
  ProgramInfo,
  ProgramOptions,
  RejectedProgram,
  TestRunOptions,
  TestRunResult,
} from './kernel-program.ts'
export { type KernelCollection, type LoadCollectionOptions, loadCollection } from './load-collection.ts'
export { type LoadedRow, loadRow, type RowLoadOptions, RowMapCache } from './load-row.ts'
export { type PreparedCollection, type ProgramLoadOptions, prepareCollection } from './prepare-collection.ts'
export { parseRow } from './row.ts'
export { type RunAnswer, runRow } from './run-row.ts'
export { type ConfineOptions, confine } from './seccomp/confine.ts'
export { ConfinedSpawnError, SeccompUnavailableError } from './seccomp/errors.ts'
export {
  type ObservedProcess,
  type ObservedSyscall,
  type ObserveOptions,
  observeSyscalls,
} from './seccomp/observe.ts'
export { type ConfinedProcess, type SpawnConfinedOptions, spawnConfined } from './seccomp/spawn-confined.ts'
export {
  Notification,
  type NotificationAnswer,
  type NotificationHandler,
  Supervisor,
  type SupervisorStats,
} from './seccomp/supervisor.ts'
export { attachTypes, mapTypes, programTypes } from './uapi.ts'
export { type VerifyAnswer, type VerifyRowOptions, verifyRow } from './verify-row.ts'
export type { NamedKind, VmlinuxBtf } from './vmlinux.ts'
