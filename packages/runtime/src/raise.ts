import type { EventEmitter } from 'eventemitter3'
import { listenerError } from './activity.ts'
import type { RuntimeEvents } from './events.ts'

/**
 * Raises an event that no listener can stop: what one throws becomes an `exception` event. Without a listener for that,
 * and when that one throws, the error is thrown outside of whatever runs now, like any that nobody catches.
 */
export function raise(emitter: EventEmitter<RuntimeEvents>, event: string, args: readonly unknown[]): void {
  try {
    emitter.emit(event as keyof RuntimeEvents, ...(args as never))
  } catch (cause) {
    const error = listenerError(event, cause)
    if (event === 'exception' || emitter.listenerCount('exception') === 0) {
      queueMicrotask(() => {
        throw error
      })
    } else {
      raise(emitter, 'exception', [error])
    }
  }
}
