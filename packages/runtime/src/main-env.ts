import type { Cpu, HostEnv, MapHandle, Platform } from '@skep/registry'
import { type Activity, whenIdle } from './activity.ts'
import { createClock } from './clock.ts'
import type { CoreOptions } from './core-options.ts'
import type { ProgramFault } from './errors.ts'
import { Timers } from './timers.ts'
import { ValueFields } from './value-fields.ts'

/** The thread that made a runtime: what functions in JS may reach in it, timers and special fields. */
export interface MainEnv {
  readonly env: HostEnv
  readonly fields: ValueFields
  /** The program of that record goes. */
  end(record: number): void
}

export function createMainEnv(parts: {
  readonly cpu: Cpu
  readonly activity: Activity
  readonly platform: Platform
  readonly options: Pick<CoreOptions, 'batchTime' | 'clock' | 'seed'>
  readonly emit: (event: string, ...args: unknown[]) => void
  readonly mapAt: (address: number) => MapHandle | undefined
}): MainEnv {
  const { cpu, platform, activity, options, emit, mapAt } = parts
  const clock = options.clock ?? createClock(options.seed !== undefined)
  if (options.batchTime) activity.batchTime = clock.now.bind(clock)
  const failed = (fault: ProgramFault): void => emit('exception', fault)
  const timers = new Timers({ cpu, clock, activity, mapAt, failed })
  const env: HostEnv = {
    memory: cpu.arena.memory,
    control: cpu.control,
    cpu: cpu.index,
    emit,
    now: clock.now.bind(clock),
    ...(clock.epoch === undefined ? {} : { epoch: clock.epoch }),
    deferred: timers,
    whenIdle: (step) => whenIdle(activity, step),
    mapAt,
  }
  const fields = new ValueFields(cpu.arena, platform)
  const end = (record: number): void => {
    timers.forget(record)
    fields.end(record)
  }
  return { env, fields, end }
}
