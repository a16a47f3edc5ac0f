import {
  type CollectionSpec,
  defineEngine,
  type EngineDef,
  type MapSpec,
  type RemoteCollection,
  type RemoteEngine,
  type RemoteLoadOptions,
  type RemoteMap,
  type RemoteProgram,
} from '@skep/registry'
import { decisiveLine } from './decisive-line.ts'
import { KernelArgumentError } from './errors.ts'
import { type Kernel, openKernel } from './kernel.ts'
import type { KernelProgram } from './kernel-program.ts'
import { fillPrograms } from './load-collection.ts'
import { type PreparedCollection, prepareCollection } from './prepare-collection.ts'
import { refuseUnknown } from './refuse-unknown.ts'
import { KernelMapFace, KernelProgramFace } from './remote-objects.ts'

/**
 * The running kernel as an engine: `createRuntime({ engine: kernel() })`. Collections get their maps and programs there, and
 * what the runtime gives of them is the same otherwise; see docs/guide/kernel.md. Loading rejects with LinuxUnavailableError
 * where bpf(2) cannot be reached.
 */
export const kernel = (): EngineDef =>
  defineEngine({
    name: 'kernel',
    checked: false,
    create: async () => {
      throw new KernelArgumentError(
        'engine',
        'the kernel takes collections with maps and programs; load one, or run bare instructions on another engine',
      )
    },
    remote: async () => new KernelEngine(await openKernel()),
  })

class KernelEngine implements RemoteEngine {
  readonly #kernel: Kernel

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  get cpus(): number {
    return this.#kernel.possibleCpus
  }

  async load(spec: CollectionSpec, options: RemoteLoadOptions): Promise<RemoteCollection> {
    const { programs, pinRoot = '/sys/fs/bpf' } = options
    refuseUnknown(this.#kernel, spec, options)
    const prepared = prepareCollection(this.#kernel, spec, { pinRoot })
    const loaded = new Map<string, KernelProgram>()
    const close = (): void => {
      for (const program of loaded.values()) program.close()
      prepared.close()
    }
    try {
      for (const program of programs) {
        const result = prepared.load(program, { lazyLog: true })
        if (result.ok) {
          loaded.set(program.name, result)
          continue
        }
        close()
        const { errno, log } = result
        const insn = Number([...log.matchAll(/^(\d+): \(/gm)].at(-1)?.[1] ?? 0)
        const refused = { program, errno, insn, line: decisiveLine(log) ?? errno, log }
        return { maps: new Map(), programs: new Map(), refused, close }
      }
      for (const map of spec.maps) fillPrograms(prepared.maps.get(map.name)!, map, loaded)
      prepared.pinMaps()
      return { maps: this.#maps(prepared, spec.maps), programs: this.#programs(loaded), close }
    } catch (error) {
      close()
      throw error
    }
  }

  #maps(prepared: PreparedCollection, specs: readonly MapSpec[]): ReadonlyMap<string, RemoteMap> {
    const { context } = this.#kernel
    return new Map(specs.map(({ name }) => [name, new KernelMapFace(context, prepared.maps.get(name)!)]))
  }

  #programs(loaded: ReadonlyMap<string, KernelProgram>): ReadonlyMap<string, RemoteProgram> {
    const { context } = this.#kernel
    return new Map([...loaded].map(([name, program]) => [name, new KernelProgramFace(context, program)]))
  }

  close(): void {
    this.#kernel.close()
  }
}
