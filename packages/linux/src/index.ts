export { KernelLink } from './attach/kernel-link.ts'
export type {
  CgroupTarget,
  NetfilterTarget,
  NetnsTarget,
  RawTracepointTarget,
  SockmapTarget,
  TracingTarget,
} from './attach/kernel-objects.ts'
export type { TcTarget, TcxTarget, XdpTarget } from './attach/network.ts'
export {
  NetworkInterface,
  type NetworkInterfaceOptions,
  networkInterface,
} from './attach/network-interface.ts'
export type { KprobeTarget, PerfEventTarget, TracepointTarget, UprobeTarget } from './attach/perf.ts'
export { attachToKernel, type KernelPoints } from './attach/points.ts'
export type { NodeSocket, SocketFilterTarget, SocketTarget } from './attach/sockets.ts'
export type { Capability } from './capabilities.ts'
export { decisiveLine, processedInsns } from './decisive-line.ts'
export { DeviceError } from './device/errors.ts'
export type { LinuxDeviceOptions } from './device/interface.ts'
export { inNetworkNamespace } from './device/namespace.ts'
export { openPacketSocket, type PacketSocketOptions } from './device/packet-socket.ts'
export type { RingOptions } from './device/rx-ring.ts'
export { openTap, type TapOptions } from './device/tap.ts'
export { kernel } from './engine.ts'
export {
  KernelArgumentError,
  KernelError,
  KernelUnsupportedError,
  LinuxUnavailableError,
  type UnavailableCause,
} from './errors.ts'
export { isKernelAvailable, Kernel, openKernel } from './kernel.ts'
export type { KernelBtf } from './kernel-btf.ts'
export type { KernelMap, MapBatch, MapOptions, MappedPages, UpdateMode } from './kernel-map.ts'
export type {
  KernelProgram,
  ProgramOptions,
  RejectedProgram,
  TestRunOptions,
  TestRunResult,
} from './kernel-program.ts'
export { type KernelCollection, type LoadCollectionOptions, loadCollection } from './load-collection.ts'
export { type LoadedRow, loadRow, type RowLoadOptions, RowMapCache } from './load-row.ts'
export type { BtfInfo, LinkInfo, MapInfo, ProgramCode, ProgramInfo } from './object-info.ts'
export type { ObjectKind } from './objects.ts'
export type { PerfProgram } from './perf-program.ts'
export {
  type PreparedCollection,
  type PrepareOptions,
  type ProgramLoadOptions,
  prepareCollection,
} from './prepare-collection.ts'
export { hasHelper, hasMapType, hasProgramType, knownTypes } from './probe.ts'
export { parseRow } from './row.ts'
export { type RunAnswer, runRow } from './run-row.ts'
export { type ConfineOptions, confine } from './seccomp/confine.ts'
export {
  ConfinedPool,
  type ConfinedPoolOptions,
  type ConfinedPoolStats,
  createConfinedPool,
  type PoolTasks,
  poolSyscalls,
} from './seccomp/confined-pool.ts'
export { ConfinedSpawnError, SeccompUnavailableError } from './seccomp/errors.ts'
export {
  type ObservedProcess,
  type ObservedSyscall,
  type ObserveOptions,
  observeSyscalls,
} from './seccomp/observe.ts'
export { ConfinedPoolError, type ConfinedPoolErrorCode } from './seccomp/pool-error.ts'
export { type ConfinedProcess, type SpawnConfinedOptions, spawnConfined } from './seccomp/spawn-confined.ts'
export {
  Notification,
  type NotificationAnswer,
  type NotificationHandler,
  Supervisor,
  type SupervisorStats,
} from './seccomp/supervisor.ts'
export { attachTypes, linkTypes, mapTypes, programTypes } from './uapi.ts'
export { type VerifyAnswer, type VerifyRowOptions, verifyRow } from './verify-row.ts'
export type { NamedKind, VmlinuxBtf } from './vmlinux.ts'
