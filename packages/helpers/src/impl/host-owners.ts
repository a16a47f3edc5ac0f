import { openArena } from '@skep/memory'
import { type HostEnv, objectAddress } from '@skep/registry'

/** What assembly/storage.ts imports as `host`: the task that a program runs in, as an object that programs hold. */
export function ownerFunctions(env: HostEnv): Readonly<Record<string, (...args: number[]) => number>> {
  /** The host's own process, where nobody says which task runs. */
  const self = {}
  let arena: ReturnType<typeof openArena> | undefined
  return {
    currentTask: () => objectAddress((arena ??= openArena(env.memory)), env.task?.() ?? self),
  }
}
