import { availableParallelism, cpus, loadavg, platform, release, type as systemType } from 'node:os'

/** Where the figures come from. Figures of two machines do not compare. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly system: string
  readonly node: string
  readonly v8: string
  /** Processes that want a core, averaged over a minute: more than the cores have room for disturbs. */
  readonly load?: number | undefined
}

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  system: `${systemType()} ${release()}`,
  node: process.versions.node,
  v8: process.versions.v8,
  ...(platform() === 'win32' ? {} : { load: loadavg()[0]! }),
})

export const formatMachine = (machine: Machine): string => {
  const { cpu, cores, system, node, v8, load } = machine
  const busy = load === undefined ? '' : `; load ${load.toFixed(1)}`
  return `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}; ${system}; Node ${node} (V8 ${v8})${busy}`
}
