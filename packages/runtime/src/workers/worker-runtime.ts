import { createHostMap, type HostMap, type HostMapParts } from '@skep/maps'
import { type Arena, openArena } from '@skep/memory'
import {
  type AdoptedProgram,
  control,
  type Engine,
  type HostEnv,
  type LinkedHelper,
  type LinkedMap,
  type MapHandle,
  type Platform,
  programLayout,
  type RuntimeHost,
} from '@skep/registry'
import { EventEmitter } from 'eventemitter3'
import { createActivity, whenIdle } from '../activity.ts'
import { createClock } from '../clock.ts'
import { Collection, type MapCodecs } from '../collection.ts'
import { createCpu, type OwnCpu } from '../cpu.ts'
import { RuntimeError } from '../errors.ts'
import type { RuntimeEvents } from '../events.ts'
import { kfuncAsHelper } from '../kfunc.ts'
import { linkFunction } from '../link-function.ts'
import { innerDef } from '../map-factory.ts'
import { createModuleSet, type ModuleSet } from '../modules.ts'
import { Program } from '../program.ts'
import { raise } from '../raise.ts'
import type { TypedMap } from '../typed-map.ts'
import { Channel, type Message } from './channel.ts'
import { CpuTable } from './cpu-table.ts'
import { Queue } from './queue.ts'
import { type PacketBatch, type QueueUser, receive } from './receive.ts'
import { SHARED_FORMAT, type SharedCollection, type SharedFunction, type SharedRuntime } from './shared.ts'

/** Slots that other CPUs give out come first; those of a worker's own functions begin here. */
const OWN_SLOTS = 1 << 15

/**
 * A runtime as one of its workers has it: its own CPU, the collections and maps of all. Programs run as anywhere; events of
 * runs here are raised here, and a ring buffer's reader is woken where the runtime was made. Made by `joinRuntime`.
 */
export class WorkerRuntime extends EventEmitter<RuntimeEvents> {
  /** What bpf_get_smp_processor_id gives here, and which values of per-CPU maps are this worker's. */
  readonly cpu: number
  readonly platform: Platform
  readonly arena: Arena
  readonly host: RuntimeHost
  readonly #tag: number
  readonly #table: CpuTable
  readonly #channel: Channel
  readonly #own: OwnCpu
  readonly #env: HostEnv
  readonly #modules: ModuleSet
  readonly #activity = createActivity()
  readonly #engines = new Map<string, Promise<Engine>>()
  readonly #started: Engine[] = []
  readonly #functions = new Map<number, Promise<LinkedHelper>>()
  readonly #maps = new Map<number, HostMap>()
  readonly #collections = new Map<number, Collection>()
  readonly #onClose = new Set<() => void>()
  readonly #onPackets = new Set<() => void>()
  /** What was there when this worker's handle was made, and what was closed since. */
  readonly #known: ReadonlySet<number>
  readonly #next: number
  readonly #retired = new Set<number>()
  /** Messages that wait while collections are being opened. */
  readonly #later: Message[] = []
  #opening = 0
  #closed = false

  /** Use `joinRuntime`. */
  constructor(shared: SharedRuntime, platform: Platform) {
    super()
    this.platform = platform
    this.arena = openArena(shared.memory)
    this.cpu = shared.cpu
    this.#tag = shared.tag
    this.#table = new CpuTable(this.arena, shared.table)
    this.#known = new Set(shared.collections.map(({ id }) => id))
    this.#next = shared.next
    this.#channel = new Channel(shared.channel, (message) => this.#receive(message))
    if (this.#table.closed) {
      this.#channel.close()
      this.#check()
    }
    if (!this.#table.join(shared.cpu, shared.tag)) {
      this.#channel.close()
      throw new RuntimeError(
        'TAKEN',
        'handle',
        'this handle was used by another worker, or taken back; call share() once for each worker',
      )
    }
    this.arena.exports.setOwner(shared.tag)
    const { seed } = shared
    const random = seed ?? crypto.getRandomValues(new BigUint64Array(1))[0]!
    this.#own = createCpu(this.arena, shared.cpu, BigInt.asUintN(64, random + BigInt(shared.cpu)), OWN_SLOTS)
    const { control: block } = this.#own
    this.arena.view.setUint32(block + control.CTL_OWNER, shared.tag, true)
    this.#table.setControl(shared.cpu, block)
    const emit = (event: string, ...args: unknown[]): void => raise(this, event, args)
    const { now, epoch } = createClock(seed !== undefined)
    if (shared.batchTime) this.#activity.batchTime = now
    const mapAt = (address: number): MapHandle | undefined => this.#maps.get(address)
    this.#env = {
      memory: this.arena.memory,
      control: block,
      cpu: shared.cpu,
      emit,
      now,
      ...(epoch === undefined ? {} : { epoch }),
      mapAt,
    }
    this.#modules = createModuleSet(this.#own, this.#env, this.#activity, new Map(shared.modules))
    this.host = {
      arena: this.arena,
      platform,
      control: block,
      now,
      emit,
      mapAt,
      programOf: (id) => this.#programOf(id),
      // Another CPU's programs may hold pointers to what was deleted.
      quiesce: () => {},
      onClose: (close) => {
        this.#onClose.add(close)
        return () => void this.#onClose.delete(close)
      },
    }
  }

  /** The open collections, oldest first. */
  get collections(): readonly Collection[] {
    return [...this.#collections.values()]
  }

  #programOf(id: number): Program | undefined {
    for (const { programs } of this.collections)
      for (const program of programs.values()) if (program.id === id) return program
    return undefined
  }

  /** The program of that name in any collection; with `type`, only if it is of that program type. */
  program(name: string): Program
  program<T extends string>(name: string, type: T): Program<T>
  program(name: string, type?: string): Program {
    const collection = this.collections.find(({ programs }) => programs.has(name))
    if (collection) return type === undefined ? collection.program(name) : collection.program(name, type)
    const known = this.collections.flatMap(({ programs }) => [...programs.keys()]).join(', ') || 'none'
    throw new RuntimeError('NO_SUCH_PROGRAM', name, `no program "${name}"; the runtime shares: ${known}`)
  }

  /** The map of that name in any collection, with codecs a typed view of it. */
  map(name: string): HostMap
  map<K, V>(name: string, codecs: MapCodecs<K, V>): TypedMap<K, V>
  map<K, V>(name: string, codecs?: MapCodecs<K, V>): HostMap | TypedMap<K, V> {
    const collection = this.collections.find(({ maps }) => maps.has(name))
    if (collection) return codecs ? collection.map(name, codecs) : collection.map(name)
    const known = this.collections.flatMap(({ maps }) => [...maps.keys()]).join(', ') || 'none'
    throw new RuntimeError('NO_SUCH_MAP', name, `no map "${name}"; the runtime shares: ${known}`)
  }

  /**
   * Opens a collection that was loaded after this worker had joined: what its `share()` gave. Throws RuntimeError STALE when
   * it was closed meanwhile.
   */
  async open(shared: SharedCollection): Promise<Collection> {
    this.#check()
    if (shared?.format !== SHARED_FORMAT) throw badHandle('collection.share()')
    const there = this.#collections.get(shared.id)
    if (there) return there
    this.#opening++
    const undo: (() => void)[] = []
    try {
      const { id } = shared
      if (this.#retired.has(id) || (id < this.#next && !this.#known.has(id))) {
        throw new RuntimeError('STALE', 'handle', 'the collection of this handle was closed; load it again')
      }
      return await this.#open(shared, undo)
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    } finally {
      this.#opening--
      if (this.#opening === 0) for (const message of this.#later.splice(0)) this.#receive(message)
    }
  }

  async #open(shared: SharedCollection, undo: (() => void)[]): Promise<Collection> {
    const maps = new Map<string, HostMap>()
    const free = this.platform.freeFields
    const freeFields =
      free && ((await this.#modules.function(free)) as unknown as NonNullable<HostMapParts['freeFields']>)
    for (const { spec, id, address } of shared.maps) {
      const def = this.platform.mapTypes.get(spec.type)!
      const map = createHostMap({
        arena: this.arena,
        def,
        spec,
        id,
        env: this.#env,
        address,
        exports: await this.#modules.instantiate(def.wasm!.module),
        ...innerDef(spec, this.platform),
        ...(freeFields ? { freeFields } : {}),
        slot: (fn, _name, slot) => this.#own.addFunction(fn, slot),
      })
      maps.set(spec.name, map)
      this.#maps.set(address, map)
      undo.push(() => {
        this.#maps.delete(address)
        map.close()
      })
      // Readers of rings are in the thread that made the runtime.
      if (def.value === 'opaque') map.onWake(() => this.#wake())
    }
    const linkedMaps = [...maps.values()].map((map): LinkedMap => map.link())
    const adopted: AdoptedProgram[] = []
    for (const { name, functions } of shared.programs) {
      const helpers = new Map<number, LinkedHelper>()
      for (const fn of functions) helpers.set(fn.id, await this.#function(fn))
      adopted.push({ name, helpers, maps: linkedMaps })
    }
    const engine = await this.#engine(shared.engine)
    const unit = await engine.adopt!(adopted, shared.unit)
    undo.push(() => unit.release())
    this.#check()

    const links = new Set<() => void>()
    const host: RuntimeHost = {
      ...this.host,
      onClose: (close) => {
        links.add(close)
        return () => void links.delete(close)
      },
    }
    const { view } = this.arena
    const programs = new Map<string, Program>()
    for (const [n, compiled] of unit.programs.entries()) {
      const { name, type, attachType, bufferAccess, id, record, functions } = shared.programs[n]!
      const slot = view.getUint32(record + programLayout.PROG_SLOT, true)
      this.#own.addFunction(compiled.entry, slot)
      undo.push(() => this.#own.table.set(slot, null))
      const program = new Program({
        name,
        id,
        typeDef: this.platform.programTypes.byName(type)!,
        ...(attachType === undefined ? {} : { attachType }),
        record,
        host,
        helpers: functions.map((fn) => fn.name),
        bufferAccess,
        compiled,
        cpu: this.#own,
        activity: this.#activity,
      })
      programs.set(name, program)
    }
    const release = (): void => {
      for (const step of undo.splice(0).reverse()) step()
    }
    const collection: Collection = new Collection({
      spec: specOf(shared),
      programs,
      maps,
      cpus: this.arena.cpus,
      share: () => shared,
      release: () => {
        for (const close of links) close()
        for (const program of programs.values()) program.retire()
        this.#collections.delete(shared.id)
        whenIdle(this.#activity, release)
      },
    })
    this.#collections.set(shared.id, collection)
    this.host.emit('load', collection)
    return collection
  }

  /** Tells the runtime that this worker has come; not for hosts. */
  announce(): void {
    if (!this.#closed) this.#channel.post({ kind: 'join', cpu: this.cpu })
  }

  /** Leaves the runtime: its CPU is free for another worker. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const close of this.#onClose) close()
    for (const collection of this.#collections.values()) collection.close()
    whenIdle(this.#activity, () => this.#leave())
    raise(this, 'close', [])
    this.removeAllListeners()
  }

  #leave(): void {
    for (const engine of this.#started) engine.close?.()
    if (this.#table.leave(this.cpu, this.#tag)) this.#own.release()
    this.#channel.post({ kind: 'leave', cpu: this.cpu })
    this.#channel.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * The packets that `runtime.spread` sends to this worker, in batches; ends when the spread ends or the runtime is closed.
   * `for await (const { contexts, count, results } of runtime.receive()) program.runBatch(contexts, count, results)`
   */
  receive(): AsyncGenerator<PacketBatch, void, undefined> {
    const find = (): Queue | undefined => {
      const address = this.#closed ? 0 : this.#table.queue(this.cpu)
      return address === 0 ? undefined : new Queue(this.arena, address)
    }
    const user: QueueUser = {
      arena: this.arena,
      isClosed: () => this.#closed,
      whenPackets: (ready) => this.#whenPackets(ready),
      finished: () => {
        if (!this.#closed) this.#channel.post({ kind: 'acknowledge' })
      },
    }
    return receive(user, find)
  }

  async #whenPackets(ready: () => boolean): Promise<void> {
    if (this.#closed || ready()) return
    this.#channel.hold()
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#onPackets.delete(done)
        this.#onClose.delete(done)
        resolve()
      }
      this.#onPackets.add(done)
      this.#onClose.add(done)
    })
    if (!this.#closed) this.#channel.drop()
  }

  get closed(): boolean {
    return this.#closed
  }

  #check(): void {
    if (!this.#closed && !this.#table.closed) return
    throw new RuntimeError('CLOSED', 'runtime', 'the runtime is closed; make a new one')
  }

  #wake(): void {
    if (this.#table.beginWake(this.cpu)) this.#channel.post({ kind: 'wake', cpu: this.cpu })
  }

  #receive(message: Message): void {
    if (this.#closed) return
    if (this.#opening > 0 && (message.kind === 'retire' || message.kind === 'close')) {
      this.#later.push(message)
      return
    }
    if (message.kind === 'retire') {
      this.#retired.add(message.collection)
      this.#collections.get(message.collection)?.close()
      this.#table.acknowledge(this.cpu, message.retirement)
      this.#channel.post({ kind: 'acknowledge' })
    } else if (message.kind === 'close') {
      this.close()
    } else if (message.kind === 'packets' && message.cpu === this.cpu) {
      for (const done of [...this.#onPackets]) done()
    }
  }

  #engine(name: string): Promise<Engine> {
    let engine = this.#engines.get(name)
    if (!engine) {
      engine = this.platform.engines.byName(name)!.create(this.#own)
      this.#engines.set(name, engine)
      void engine.then(
        (made) => this.#started.push(made),
        () => {},
      )
    }
    return engine
  }

  #function({ id, name, slot }: SharedFunction): Promise<LinkedHelper> {
    let fn = this.#functions.get(id)
    if (!fn) {
      const linker = { cpu: this.#own, modules: this.#modules, env: this.#env, activity: this.#activity }
      fn =
        id < 0
          ? linkFunction(kfuncAsHelper(name, id, this.platform.kfuncs.byName(name)), 'kfunc', linker, slot)
          : linkFunction(this.platform.helpers.byId(id)!, 'helper', linker, slot)
      this.#functions.set(id, fn)
    }
    return fn
  }
}

/** What a worker knows of a collection's spec. */
function specOf(shared: SharedCollection): Collection['spec'] {
  const none = new Uint8Array(0)
  return {
    programs: shared.programs.map(({ name, section, type }) => ({
      name,
      section,
      type,
      license: shared.license,
      insns: none,
      references: [],
      functions: [],
      lines: [],
    })),
    maps: shared.maps.map(({ spec }) => spec),
    variables: shared.variables,
    license: shared.license,
    notes: [],
  }
}

export function badHandle(source: string): RuntimeError {
  return new RuntimeError(
    'BAD_OPTION',
    'handle',
    `what was given is no handle of this version of @skep/runtime; send what ${source} returns with postMessage or workerData`,
  )
}
