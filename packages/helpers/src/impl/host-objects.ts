import { openArena } from '@skep/memory'
import { control, ERRNO, fieldLayout, type HostEnv } from '@skep/registry'

/** The functions that assembly/async.ts and assembly/objects.ts import as `host`: what happens when no program runs. */
export function objectFunctions(
  env: HostEnv,
): Readonly<Record<string, (...args: number[]) => number | void>> {
  const { deferred } = env
  const whenIdle = env.whenIdle ?? ((step: () => void): void => step())
  let opened: ReturnType<typeof openArena> | undefined
  const arena = (): ReturnType<typeof openArena> => {
    opened ??= openArena(env.memory)
    return opened
  }

  return {
    freeDroppedLater: () =>
      whenIdle(() => {
        const { view } = arena()
        let block = view.getUint32(env.control + control.CTL_DROPPED, true)
        view.setUint32(env.control + control.CTL_DROPPED, 0, true)
        while (block !== 0) {
          const next = view.getUint32(block + fieldLayout.OBJECT_NEXT, true)
          arena().free(block)
          block = next
        }
      }),
    timerStart: (work, low, high, absolute) => {
      if (!deferred) return -ERRNO.EOPNOTSUPP
      const nanoseconds = BigInt.asIntN(64, (BigInt(high! >>> 0) << 32n) | BigInt(low! >>> 0))
      deferred.start(work! >>> 0, nanoseconds, absolute !== 0)
      return 0
    },
    workQueue: (work) => {
      if (!deferred) return -ERRNO.EOPNOTSUPP
      deferred.queue(work! >>> 0)
      return 0
    },
    timerCancel: (work) => (deferred?.cancel(work! >>> 0) ? 1 : 0),
    timerRunning: () => deferred?.running() ?? 0,
    timerFree: (work) => {
      // Of a timer that another thread runs the record stays: it has no program any more.
      if (!deferred) return
      const at = work! >>> 0
      deferred.cancel(at)
      whenIdle(() => arena().free(at))
    },
  }
}
