import type { Cpu, HostEnv, MapHandle } from '@skep/registry'
import { type Activity, whenIdle } from './activity.ts'
import { type Clock, createClock } from './clock.ts'
import type { ProgramFault } from './errors.ts'
import { Timers } from './timers.ts'

/** What functions in JS may reach in the thread that made a runtime: time and timers included. */
export function createMainEnv(parts: {
  readonly cpu: Cpu
  readonly activity: Activity
  readonly clock: Clock | undefined
  readonly deterministic: boolean
  readonly emit: (event: string, ...args: unknown[]) => void
  readonly mapAt: (address: number) => MapHandle | undefined
}): { readonly env: HostEnv; readonly timers: Timers; readonly now: () => bigint } {
  const { cpu, activity, emit, mapAt } = parts
  const clock = parts.clock ?? createClock(parts.deterministic)
  const now = clock.now.bind(clock)
  const failed = (fault: ProgramFault): void => emit('exception', fault)
  const timers = new Timers({ cpu, clock, activity, mapAt, failed })
  const env: HostEnv = {
    memory: cpu.arena.memory,
    control: cpu.control,
    cpu: cpu.index,
    emit,
    now,
    ...(clock.epoch === undefined ? {} : { epoch: clock.epoch }),
    deferred: timers,
    whenIdle: (step) => whenIdle(activity, step),
    mapAt,
  }
  return { env, timers, now }
}
