import type { PluginDef } from '@skep/registry'
import { workerPreset } from './worker-preset.ts'
import { joinRuntime as join } from './workers/join.ts'
import type { SharedRuntime } from './workers/shared.ts'
import type { WorkerRuntime } from './workers/worker-runtime.ts'

export { type Codec, CodecError, codec } from '@skep/btf'
export { Collection, type MapCodecs } from './collection.ts'
export { type FaultCode, ProgramFault, RuntimeError, type RuntimeErrorCode } from './errors.ts'
export type { PrintkEvent, RuntimeEvents } from './events.ts'
export { Program, type TestRunResult } from './program.ts'
export { perCpu, TypedMap } from './typed-map.ts'
export { flowHash } from './workers/flow-hash.ts'
export type { PacketBatch } from './workers/receive.ts'
export type { SharedCollection, SharedRuntime } from './workers/shared.ts'
export { WorkerRuntime } from './workers/worker-runtime.ts'

export interface JoinOptions {
  /** The plugins that createRuntime got beside the default preset. */
  readonly plugins?: readonly PluginDef[]
}

/**
 * Joins a runtime of the default preset in a worker. `handle` is what `runtime.share()` gave, sent to this worker and to no
 * other. Throws RuntimeError PLUGIN_MISMATCH, TAKEN, CLOSED, BAD_OPTION.
 */
export const joinRuntime = (handle: SharedRuntime, options: JoinOptions = {}): Promise<WorkerRuntime> =>
  join(handle, { plugins: [...workerPreset, ...(options.plugins ?? [])] })
