import { openArena } from '@skep/memory'
import { type HostEnv, objectAddress } from '@skep/registry'

/**
 * What assembly/storage.ts imports as `host`: the task that a program runs in, as an object that programs
 * hold; and assembly/stack.ts: the stack that it was called on.
 */
export function ownerFunctions(env: HostEnv): Readonly<Record<string, (...args: number[]) => number>> {
  /** The host's own process, where nobody says which task runs. */
  const self = {}
  let arena: ReturnType<typeof openArena> | undefined
  const { stacks } = env
  return {
    stack: (context, user, to, most) => {
      const frames = stacks?.(context! >>> 0, user !== 0)
      if (!frames) return -1
      const count = Math.min(frames.length, most!)
      const view = new DataView(env.memory.buffer, to! >>> 0, count * 8)
      for (let n = 0; n < count; n++) view.setBigUint64(n * 8, BigInt.asUintN(64, frames[n]!), true)
      return count
    },
    currentTask: () => objectAddress((arena ??= openArena(env.memory)), env.task?.() ?? self),
  }
}
