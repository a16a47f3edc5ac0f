import { createHook } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { KprobeAttachError } from '../errors.ts'
import type { EventSource, FieldType, Tracepoint } from '../event-source.ts'

/** The messages of a diagnostics channel: of an array its elements, of anything else the message and the channel's name. */
export const channelSource = (channel: string | symbol): EventSource => ({
  name: String(channel),
  subscribe(emit) {
    const listener = (message: unknown, name: string | symbol): void => {
      if (Array.isArray(message)) emit(...message)
      else emit(message, name)
    }
    subscribe(channel, listener)
    return () => void unsubscribe(channel, listener)
  },
})

const hook = (
  moment: 'before' | 'after' | 'destroy' | 'promiseResolve',
): Pick<Tracepoint, 'fields' | 'subscribe'> => ({
  fields: { async_id: 'u64' },
  subscribe(emit) {
    const enabled = createHook({ [moment]: (id: number) => emit(id) }).enable()
    return () => void enabled.disable()
  },
})

const NS = 1e6

/** What performance hooks tell, later than it was: observers are called when the event loop comes to it. */
function observe(type: string, emit: (entry: PerformanceEntryLike) => void): () => void {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) emit(entry as unknown as PerformanceEntryLike)
  })
  observer.observe({ entryTypes: [type] as never })
  return () => observer.disconnect()
}

interface PerformanceEntryLike {
  readonly name: string
  readonly duration: number
  readonly detail?: {
    readonly kind?: number
    readonly flags?: number
    readonly req?: { readonly method?: string; readonly url?: string }
    readonly res?: { readonly statusCode?: number }
  }
}

/** How often the delays of the event loop are told, in milliseconds. */
const DELAY_WINDOW = 1000

/** Durations are nanoseconds. */
const table: Readonly<Record<string, Pick<Tracepoint, 'fields' | 'subscribe'>>> = {
  'async_hooks:init': {
    fields: { async_id: 'u64', trigger_async_id: 'u64', type: 'string' },
    subscribe(emit) {
      const enabled = createHook({ init: (id, type, trigger) => emit(id, trigger, type) }).enable()
      return () => void enabled.disable()
    },
  },
  'async_hooks:before': hook('before'),
  'async_hooks:after': hook('after'),
  'async_hooks:destroy': hook('destroy'),
  'async_hooks:promise_resolve': hook('promiseResolve'),
  'perf_hooks:gc': {
    fields: { duration: 'u64', kind: 'u32', flags: 'u32' },
    subscribe: (emit) =>
      observe('gc', ({ duration, detail }) => emit(duration * NS, detail?.kind ?? 0, detail?.flags ?? 0)),
  },
  'perf_hooks:event_loop_delay': {
    fields: { min: 'u64', max: 'u64', mean: 'u64', p50: 'u64', p99: 'u64', count: 'u64' },
    subscribe(emit) {
      const histogram = monitorEventLoopDelay({ resolution: 10 })
      histogram.enable()
      const timer = setInterval(() => {
        const { min, max, mean, count } = histogram
        if (count > 0) emit(min, max, mean, histogram.percentile(50), histogram.percentile(99), count)
        histogram.reset()
      }, DELAY_WINDOW)
      timer.unref()
      return () => {
        clearInterval(timer)
        histogram.disable()
      }
    },
  },
  // HttpRequest is a server's, HttpClient a client's.
  'perf_hooks:http': {
    fields: { duration: 'u64', status: 'u32', name: 'string', method: 'string', url: 'string' },
    subscribe: (emit) =>
      observe('http', ({ duration, name, detail }) =>
        emit(duration * NS, detail?.res?.statusCode ?? 0, name, detail?.req?.method, detail?.req?.url),
      ),
  },
}

/** Names of the tracepoints of Node: async_hooks and performance hooks. */
export const tracepointNames: readonly string[] = Object.keys(table)

/** A tracepoint of Node by its name. Throws KprobeAttachError NO_SUCH_EVENT. */
export function tracepointOf(name: string): Tracepoint {
  const found = Object.hasOwn(table, name) ? table[name] : undefined
  if (found) return { name, ...found }
  throw new KprobeAttachError(
    'NO_SUCH_EVENT',
    `there is no tracepoint ${name}; there are ${tracepointNames.join(', ')}, and defineTracepoint for messages of channels`,
  )
}

/** A channel's messages as records: `values` picks the fields in order; where absent, they are properties of the message. */
export function defineTracepoint(
  channel: string,
  fields: Readonly<Record<string, FieldType>>,
  values?: (message: never) => readonly unknown[],
): Tracepoint {
  const names = Object.keys(fields)
  return {
    ...channelSource(channel),
    fields,
    values: (message) =>
      values
        ? values(message as never)
        : names.map((name) => (message as Record<string, unknown> | null)?.[name]),
  }
}
