import type { Insn } from '@skep/isa'
import type { HostMap } from '@skep/maps'
import type { Arena } from '@skep/memory'
import { createArena } from '@skep/memory'
import {
  type CollectionSpec,
  type CompiledUnit,
  createPlatform,
  type Engine,
  type EngineDef,
  type HelperDef,
  type LinkedHelper,
  type LinkedMap,
  type MapHandle,
  type MapSpec,
  type Platform,
  programLayout,
  type RuntimeHost,
} from '@skep/registry'
import type { Verifier } from '@skep/verifier'
import { EventEmitter } from 'eventemitter3'
import { createActivity, observeRuns, whenIdle } from './activity.ts'
import { checkOptions } from './check-options.ts'
import { checkSpec } from './check-spec.ts'
import { Collection } from './collection.ts'
import { completeMaps } from './complete-maps.ts'
import type { CoreOptions, LoadOptions, ProgramVerdict } from './core-options.ts'
import { createCpu } from './cpu.ts'
import { engineDef, type NamedEngine, withEngine } from './engine-option.ts'
import { RuntimeError } from './errors.ts'
import type { RuntimeEvents } from './events.ts'
import { attachTypeOf, forgetProgram } from './forget-program.ts'
import { setGlobals } from './globals.ts'
import { type HeldMap, holdMap } from './held-map.ts'
import { kfuncAsHelper } from './kfunc.ts'
import { Lifetime } from './lifetime.ts'
import { linkProgram } from './link.ts'
import { linkFunction } from './link-function.ts'
import { compileWith } from './load-cache.ts'
import { createMainEnv, type MainEnv } from './main-env.ts'
import { createMap, fillMap, type MapFactory } from './map-factory.ts'
import { createModuleSet, type ModuleSet } from './modules.ts'
import { pinPathByName } from './pin-path.ts'
import type { PinInfo, Pinnable } from './pin-table.ts'
import { Pins } from './pins.ts'
import { aboutLinked, Program, writeRecord } from './program.ts'
import { raise } from './raise.ts'
import type { RemoteLoad } from './remote/load-remote.ts'
import { selectPrograms } from './select-programs.ts'
import { tierUp } from './tier-up.ts'
import { provePrograms, verifyProgram } from './verify-program.ts'
import type { WorkerHub } from './workers/hub.ts'
import { withWorkers } from './workers/options.ts'
import type { SharedRuntime } from './workers/shared.ts'
import type { Spread, SpreadOptions } from './workers/spread.ts'

type Threads = typeof import('./workers/threads.ts')

export { type Clock, createVirtualClock, type VirtualClock } from './clock.ts'
export { Collection, type MapCodecs } from './collection.ts'
export type { CoreOptions, LoadOptions, ProgramVerdict, VerifierFactory } from './core-options.ts'
export { type FaultCode, ProgramFault, RuntimeError, type RuntimeErrorCode } from './errors.ts'
export type { PrintkEvent, RuntimeEvents } from './events.ts'
export { type GlobalValue, setGlobals } from './globals.ts'
export { type CacheStore, createMemoryCache } from './load-cache.ts'
export { PinError, type PinErrorCode } from './pin-error.ts'
export type { PinStore } from './pin-store.ts'
export type { PinInfo, Pinnable } from './pin-table.ts'
export { type PreparedRun, Program, type TestRunResult, type WarmupInput } from './program.ts'
export { perCpu, TypedMap } from './typed-map.ts'
export type { SharedCollection, SharedRuntime } from './workers/shared.ts'
export type { Spread, SpreadOptions, SpreadStats } from './workers/spread.ts'

export class Runtime extends EventEmitter<RuntimeEvents> {
  readonly platform: Platform
  readonly arena: Arena
  readonly host: RuntimeHost
  readonly #options: NamedEngine
  readonly #cpu: ReturnType<typeof createCpu>
  readonly #modules: ModuleSet
  readonly #mapFactory: MapFactory
  readonly #main: MainEnv
  readonly #verifier: Verifier | undefined
  readonly #engines = new Map<string, Promise<Engine>>()
  readonly #helpers = new Map<number, Promise<LinkedHelper>>()
  readonly #kfuncs = new Map<string, Promise<LinkedHelper>>()
  readonly #maps = new Map<number, HeldMap>()
  /** By id. */
  readonly #programs = new Map<number, Program>()
  readonly #pins: Pins
  readonly #lifetimes = new WeakMap<Program, Lifetime>()
  readonly #activity = createActivity()
  readonly #collections = new Set<Collection>()
  readonly #onClose = new Set<() => void>()
  readonly #threads: Threads | undefined
  #hub: WorkerHub | undefined
  #nextMapId = 1
  #nextCollectionId = 1
  #nextProgramId = 1
  #closed = false

  /** Use `createRuntime`. */
  constructor(platform: Platform, verifier: Verifier | undefined, options: NamedEngine, threads?: Threads) {
    super()
    this.platform = platform
    this.#options = options
    this.#verifier = verifier
    this.#threads = threads
    this.arena = createArena({
      ...(options.limit === undefined ? {} : { limit: options.limit }),
      shared: options.shared ?? false,
      cpus: options.cpus ?? 1,
    })
    const seed = options.seed ?? crypto.getRandomValues(new BigUint64Array(1))[0]!
    this.#cpu = createCpu(this.arena, 0, seed)
    const emit = this.#raise.bind(this)
    const mapAt = (address: number): MapHandle | undefined => this.#maps.get(address)?.handle
    this.#main = createMainEnv({ cpu: this.#cpu, platform, activity: this.#activity, options, emit, mapAt })
    const { env, fields } = this.#main
    this.#modules = createModuleSet(this.#cpu, env, this.#activity)
    this.#mapFactory = {
      platform,
      cpu: this.#cpu,
      modules: this.#modules,
      env,
      slots: new Map(),
      activity: this.#activity,
      fields,
      seed: options.seed,
    }
    this.#pins = new Pins({
      platform,
      cpus: this.arena.cpus,
      store: options.pins,
      live: (map) => (this.#maps.get(map.address)?.handle === map ? this.#maps.get(map.address) : undefined),
      make: (spec) => this.#make(spec),
      keep: (program) => this.#lifetimes.get(program)?.keep(program),
      whenIdle: (step) => whenIdle(this.#activity, step),
      failed: (error) => this.#raise('exception', error),
    })
    this.host = {
      arena: this.arena,
      platform,
      control: this.#cpu.control,
      now: env.now,
      emit,
      mapAt,
      programOf: (id) => this.#programs.get(id),
      quiesce: () => {
        for (const map of this.#maps.values()) map.handle.quiesce()
      },
      onClose: (close) => {
        this.#onClose.add(close)
        return () => void this.#onClose.delete(close)
      },
    }
  }

  #raise(event: string, ...args: unknown[]): void {
    raise(this, event, args)
  }

  /** Verdicts of a collection's programs, without loading it. Throws RuntimeError BAD_SPEC for what is no spec. */
  verify(spec: CollectionSpec): ProgramVerdict[] {
    checkSpec(spec)
    const verifier = this.#requireVerifier()
    const completed = this.#complete(spec)
    return spec.programs.map((program) => ({ program, verdict: verifyProgram(verifier, completed, program) }))
  }

  /**
   * Verifies, links and compiles a collection and makes its maps. Throws VerifierError for the first program refused,
   * and RuntimeError where the spec is damaged or a map or helper cannot be made; nothing stays behind then.
   */
  async load(spec: CollectionSpec, options: LoadOptions = {}): Promise<Collection> {
    this.#open()
    checkSpec(spec)
    // Two loads of one object must not both find nothing pinned.
    if (spec.maps.some((map) => map.pinning === 'by_name'))
      return (await this.#pins.table()).exclusively(() => this.#load(spec, options))
    return this.#load(spec, options)
  }

  async #load(spec: CollectionSpec, options: LoadOptions): Promise<Collection> {
    const given = options.globals ? setGlobals(spec, options.globals) : spec
    const chosen = selectPrograms(given, options.programs)
    const engineName = this.#engineName(options.engine)
    const def = this.platform.engines.byName(engineName)!
    if (def.remote) return this.#loadRemote(def, { spec: given, chosen, options })
    const withGlobals = this.#complete(given)
    const verify = options.verify ?? true
    if (!verify && !def.checked) {
      throw new RuntimeError(
        'UNVERIFIED',
        engineName,
        `engine ${engineName} runs verified programs only; leave verify on, or take an engine with a checked mode`,
      )
    }
    const facts = verify
      ? await provePrograms(this.#requireVerifier(), withGlobals, chosen, options, this.#options.cache)
      : []

    await this.#main.fields.know(withGlobals, verify)
    const undo: (() => void)[] = []
    const pinnedHere: string[] = []
    const release = (): void => {
      for (const step of undo.splice(0).reverse()) step()
    }
    try {
      const engine = await this.#engine(engineName)
      const maps = new Map<string, HeldMap>()
      const reused = new Set<string>()
      const toPin = new Map<string, HeldMap>()
      for (const mapSpec of withGlobals.maps) {
        const path = mapSpec.pinning === 'by_name' ? pinPathByName(options.pinRoot ?? '', mapSpec) : ''
        const pinned = path === '' ? undefined : await (await this.#pins.table()).reuse(path, mapSpec)
        const map = pinned ?? (await this.#make(mapSpec))
        if (pinned) reused.add(mapSpec.name)
        else if (path !== '') toPin.set(path, map)
        maps.set(mapSpec.name, map)
        undo.push(() => map.release())
      }
      const mapNames = withGlobals.maps.map((m) => m.name)
      const linker = {
        platform: this.platform,
        map: (name: string): LinkedMap | undefined => maps.get(name)?.linked,
        valueAddress: (name: string): number => maps.get(name)!.valueAddress(),
        helper: (id: number) => this.#helper(id),
        kfunc: (name: string) => this.#kfunc(name),
      }
      const linked = await Promise.all(
        chosen.map((program, i) => linkProgram(program, mapNames, facts[i], linker)),
      )
      const around = { arena: this.arena, control: this.#cpu.control, maps: withGlobals.maps }
      const compile = (by: Engine): Promise<CompiledUnit> =>
        compileWith(this.#options.cache, linked, { ...around, engine: by })
      const first = this.#firstEngine(engineName)
      const tiers =
        first === undefined
          ? undefined
          : tierUp(await (await this.#engine(first)).compile(linked), compile(engine))
      const unit = tiers ?? (await compile(engine))
      undo.push(() => unit.release())
      // It may have been closed while this load waited.
      this.#open()

      const lifetime: Lifetime = new Lifetime(() => {
        const hub = this.#hub
        whenIdle(this.#activity, hub ? () => hub.retire(id, release) : release)
      })
      const programs = new Map<string, Program>()
      for (const [i, compiled] of unit.programs.entries()) {
        const source = chosen[i]!
        const typeDef = this.platform.programTypes.get(source.type)
        if (!typeDef) {
          throw new RuntimeError(
            'UNKNOWN_PROGRAM_TYPE',
            source.name,
            `program ${source.name}: no program type ${source.type}; a plugin may define it with defineProgramType`,
            'EINVAL',
          )
        }
        const record = this.arena.alloc(programLayout.PROG_RECORD_SIZE)
        const id = this.#nextProgramId++
        const attach = attachTypeOf(typeDef, source.attachType)
        const slot = writeRecord(this.#cpu, record, id, typeDef.id, attach, compiled)
        this.#main.fields.begin(record, source, withGlobals)
        const program = new Program({
          name: source.name,
          id,
          typeDef,
          ...(typeof source.attachType === 'string' ? { attachType: source.attachType } : {}),
          ...(source.flags === undefined ? {} : { loadFlags: source.flags }),
          record,
          host: { ...this.host, onClose: (close) => lifetime.link(source.name, close) },
          pin: (pinned, path) => this.pin(path, pinned),
          ...aboutLinked(linked[i]!),
          compiled,
          cpu: this.#cpu,
          activity: this.#activity,
        })
        undo.push(() => {
          program.retire()
          this.#programs.delete(id)
          for (const { handle } of this.#maps.values()) forgetProgram(handle, record, id)
          this.#main.end(record)
          this.#cpu.removeFunction(slot)
          this.arena.free(record)
        })
        programs.set(source.name, program)
        this.#programs.set(id, program)
        this.#lifetimes.set(program, lifetime)
      }
      lifetime.begin([...programs.values()])
      for (const mapSpec of withGlobals.maps) {
        // As libbpf: a map that was there keeps what it holds; only slots for programs are filled anew.
        const initial = mapSpec.initial?.filter((first) => 'program' in first) ?? []
        const { frozen: _, ...kept } = { ...mapSpec, initial }
        fillMap(maps.get(mapSpec.name)!, reused.has(mapSpec.name) ? kept : mapSpec, programs, maps)
      }
      for (const [path, { handle }] of toPin) {
        await this.pin(path, handle)
        pinnedHere.push(path)
      }

      const id = this.#nextCollectionId++
      const collection: Collection = new Collection({
        share: () => {
          const all = [...programs.values()]
          const parts = { id, spec: withGlobals, engine: engineName, unit, linked, programs: all, maps }
          return this.#workers().threads.describeCollection(parts)
        },
        spec: withGlobals,
        settled: tiers?.settled((compiled, done) => {
          whenIdle(this.#activity, () => {
            if (!lifetime.over)
              for (const [n, program] of [...programs.values()].entries()) program.replace(compiled[n]!)
            done()
          })
        }),
        programs,
        maps: new Map([...maps].map(([name, map]) => [name, map.handle])),
        cpus: this.arena.cpus,
        release: () => {
          this.#collections.delete(collection)
          lifetime.close()
        },
      })
      this.#collections.add(collection)
      this.#raise('load', collection)
      return collection
    } catch (error) {
      for (const path of pinnedHere) await this.unpin(path).catch(() => {})
      release()
      throw error
    }
  }

  async #loadRemote(def: EngineDef, what: RemoteLoad): Promise<Collection> {
    const { loadRemote } = await import('./remote/load-remote.ts')
    const [host, cpu, activity] = [this.host, this.#cpu, this.#activity]
    const closed = (collection: Collection): void => void this.#collections.delete(collection)
    const opened = (collection: Collection): void => {
      this.#collections.add(collection)
      this.#raise('load', collection)
    }
    return loadRemote({ ...what, def, host, cpu, activity, opened, closed })
  }

  /** A new map, held by who asked. */
  async #make(spec: MapSpec): Promise<HeldMap> {
    const map = await createMap(spec, this.#nextMapId++, this.#mapFactory)
    const { address } = map.linked
    const freed = (): void => void this.#maps.delete(address)
    const held: HeldMap = holdMap(map, freed, {
      pin: (path) => this.pin(path, map.handle),
      observe: (check) => observeRuns(this.#activity, check),
    })
    this.#maps.set(address, held)
    return held
  }

  /**
   * Keeps a map or a program under a path after its collection is closed (BPF_OBJ_PIN), until `unpin` or the runtime's close.
   * Names between slashes, without dots. A map whose contents are bytes goes to the store too, where the runtime has one: now,
   * at `syncPins`, and when the runtime closes. Throws PinError BAD_PATH, EXISTS, FOREIGN, STORE.
   */
  async pin(path: string, object: Pinnable): Promise<void> {
    this.#open()
    const pins = await this.#pins.table()
    this.#open()
    await pins.pin(path, object)
  }

  /** Takes a pin back; what nobody else holds goes. Throws PinError ABSENT, BAD_PATH, STORE. */
  async unpin(path: string): Promise<void> {
    await (await this.#pins.table()).unpin(path)
  }

  /** What is pinned under a path, out of the store too (BPF_OBJ_GET). Throws PinError ABSENT, DAMAGED, VERSION, MISMATCH, STORE. */
  async openPin(path: string): Promise<HostMap | Program> {
    this.#open()
    const pins = await this.#pins.table()
    this.#open()
    return pins.open(path)
  }

  /** What is pinned in this process. */
  get pins(): readonly PinInfo[] {
    return [...this.#pins]
  }

  /** Writes what pinned maps hold now to the store: one's, or all. Throws PinError ABSENT and STORE. */
  async syncPins(path?: string): Promise<void> {
    await (await this.#pins.table()).sync(path)
  }

  /**
   * Runs bare instructions over a block of memory, without program type or verification: r1 is the block's address, r2
   * its length. For conformance suites and for trying instructions. Engines with a checked mode check every access; the
   * others take the program as it is, confined to the arena. Returns all 64 bits of r0.
   */
  async runBare(insns: readonly Insn[], memory: Uint8Array, engineName?: string): Promise<bigint> {
    const engine = await this.#engine(this.#engineName(engineName))
    const { checked } = this.platform.engines.byName(engine.name)!
    const { runBare } = await import('./run-bare.ts')
    return runBare(insns, memory, { engine, checked, cpu: this.#cpu, helper: (id) => this.#helper(id) })
  }

  /**
   * What one worker joins with: post it, and call `joinRuntime` there. A worker that is gone without having closed what it
   * joined must be told with `unshare`; so must a handle that is not used. Throws RuntimeError NO_CPU when all CPUs are
   * taken, and UNSHARED for a runtime without `workers`, an engine or a map type that works in one thread only.
   */
  share(): SharedRuntime {
    const { seed, batchTime = false, plugins } = this.#options
    const { hub, threads } = this.#workers()
    return hub.share({
      ...(seed === undefined ? {} : { seed }),
      batchTime,
      plugins: plugins.map(threads.printPlugin),
      modules: [...this.#modules.compiled],
      collections: [...this.#collections].map((collection) => collection.share()),
      next: this.#nextCollectionId,
    })
  }

  /** The worker that had this handle is gone, or never came: its CPU is free, its locks are no longer waited for. */
  unshare(handle: SharedRuntime): void {
    this.#hub?.unshare(handle)
  }

  /**
   * Sends XDP packets to the workers of these handles by their flow (`flowHash`); they take them with
   * `WorkerRuntime.receive`. Throws RuntimeError BAD_OPTION and TAKEN.
   */
  spread(handles: readonly SharedRuntime[], options: SpreadOptions = {}): Spread {
    const { hub, threads } = this.#workers()
    return new threads.Spread(hub, this.arena, handles, options)
  }

  #workers(): { readonly hub: WorkerHub; readonly threads: Threads } {
    this.#open()
    const threads = this.#threads
    if (!threads) {
      throw new RuntimeError(
        'UNSHARED',
        'workers',
        'the memory of this runtime belongs to one thread; give createRuntime the number of workers',
      )
    }
    this.#hub ??= new threads.WorkerHub({
      arena: this.arena,
      emit: this.host.emit,
      wakeReaders: () => {
        for (const { handle } of this.#maps.values()) handle.wake()
      },
    })
    return { hub: this.#hub, threads }
  }

  /** Closes collections and links. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const close of this.#onClose) close()
    for (const collection of this.#collections) collection.close()
    this.#pins.close()
    this.#hub?.close()
    this.#raise('close')
    this.removeAllListeners()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #open(): void {
    if (this.#closed) throw new RuntimeError('CLOSED', 'runtime', 'the runtime is closed; make a new one')
  }

  #complete(spec: CollectionSpec): CollectionSpec {
    return completeMaps(spec, this.platform, this.#options.cpus ?? 1)
  }

  #requireVerifier(): Verifier {
    if (this.#verifier) return this.#verifier
    throw new RuntimeError(
      'UNVERIFIED',
      'verifier',
      'the runtime was made without a verifier; pass `verifier: createVerifier`, or load with `verify: false` on an engine with a checked mode',
    )
  }

  #engineName(asked: string | undefined): string {
    return engineDef(this.platform, asked ?? this.#options.engine ?? [...this.platform.engines][0]?.name).name
  }

  /** The engine that bridges the time until another has compiled. */
  #firstEngine(engine: string): string | undefined {
    if (!this.#options.tierUp || this.arena.shared) return undefined
    const first = [...this.platform.engines].find((def) => def.checked)?.name
    return first === engine ? undefined : first
  }

  #engine(name: string): Promise<Engine> {
    let engine = this.#engines.get(name)
    if (!engine) {
      engine = this.platform.engines.byName(name)!.create(this.#cpu)
      this.#engines.set(name, engine)
    }
    return engine
  }

  #helper(id: number): Promise<LinkedHelper> {
    let helper = this.#helpers.get(id)
    if (!helper) {
      helper = this.#linkHelper(id)
      this.#helpers.set(id, helper)
    }
    return helper
  }

  async #linkHelper(id: number): Promise<LinkedHelper> {
    const def: HelperDef | undefined = this.platform.helpers.byId(id)
    if (!def) {
      throw new RuntimeError(
        'UNKNOWN_HELPER',
        String(id),
        `no helper has id ${id}; a plugin may define it with defineHelper`,
      )
    }
    return linkFunction(def, 'helper', this.#mapFactory)
  }

  #kfunc(name: string): Promise<LinkedHelper> {
    let kfunc = this.#kfuncs.get(name)
    if (!kfunc) {
      // Numbers below 0 are no helper's.
      const id = -1 - this.#kfuncs.size
      kfunc = linkFunction(
        kfuncAsHelper(name, id, this.platform.kfuncs.byName(name)),
        'kfunc',
        this.#mapFactory,
      )
      this.#kfuncs.set(name, kfunc)
    }
    return kfunc
  }
}

/** Composes a runtime of exactly the parts given. Throws RuntimeError BAD_OPTION, NO_SUCH_ENGINE, and CollisionError. */
export async function createRuntime(given: CoreOptions): Promise<Runtime> {
  checkOptions(given.plugins, given)
  const options = withWorkers(withEngine(given))
  const platform = createPlatform(options.plugins)
  const { kernelBtf, cpus = 1 } = options
  const { engine } = options
  if (engine !== undefined) engineDef(platform, engine)
  return new Runtime(
    platform,
    await options.verifier?.(platform, { cpus, ...(kernelBtf ? { kernelBtf } : {}) }),
    options,
    options.shared ? await import('./workers/threads.ts') : undefined,
  )
}
