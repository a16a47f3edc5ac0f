import { type HostMap, setPin } from '@skep/maps'
import type { Arena } from '@skep/memory'
import type {
  CollectionSpec,
  CompiledProgram,
  Cpu,
  EngineDef,
  MapTypeDef,
  Platform,
  ProgramSpec,
  RemoteCollection,
  RemoteEngine,
  RemoteProgram,
  RemoteRefusal,
  RuntimeHost,
} from '@skep/registry'
import type { UNCLASSIFIED } from '@skep/verifier'
import { VerifierError } from '@skep/verifier/error'
import type { Activity } from '../activity.ts'
import { Collection } from '../collection.ts'
import type { LoadOptions } from '../core-options.ts'
import { RuntimeError } from '../errors.ts'
import { kindOf } from '../kind-of.ts'
import { Lifetime } from '../lifetime.ts'
import { Program } from '../program.ts'
import { RemoteHostMap } from './remote-map.ts'

/** A collection that is to be loaded. */
export interface RemoteLoad {
  readonly spec: CollectionSpec
  readonly chosen: readonly ProgramSpec[]
  readonly options: LoadOptions
}

/** And what loading needs of a runtime. */
export interface RemoteLoadParts extends RemoteLoad {
  readonly def: EngineDef
  readonly host: RuntimeHost
  readonly cpu: Cpu
  readonly activity: Activity
  readonly opened: (collection: Collection) => void
  readonly closed: (collection: Collection) => void
}

/** The engines of a runtime, which close with it. */
const engines = new WeakMap<Arena, Map<EngineDef, Promise<RemoteEngine>>>()

function engineOf({ def, host }: RemoteLoadParts): Promise<RemoteEngine> {
  let open = engines.get(host.arena)
  if (!open) engines.set(host.arena, (open = new Map()))
  let engine = open.get(def)
  if (!engine) {
    engine = def.remote!()
    open.set(def, engine)
    engine.then(
      (opened) => host.onClose(() => opened.close()),
      // The next load tries again.
      () => open.delete(def),
    )
  }
  return engine
}

/**
 * Loads a collection into an engine that has maps and programs of its own. Throws VerifierError for the first program that it
 * refuses, RuntimeError BAD_OPTION for options that mean nothing there, and what the engine throws.
 */
export async function loadRemote(parts: RemoteLoadParts): Promise<Collection> {
  const { def, spec, chosen, options, host } = parts
  for (const [name, why] of [
    ['verify', 'verifies every program'],
    ['unprivileged', 'asks this process’s own privileges'],
  ] as const) {
    if (options[name] === undefined || options[name] === (name === 'verify')) continue
    throw new RuntimeError('BAD_OPTION', name, `option ${name}: engine ${def.name} ${why}; leave it out`)
  }
  checkSlots(spec, chosen)
  const engine = await engineOf(parts)
  const { pinRoot } = options
  const remote = await engine.load(spec, {
    platform: host.platform,
    programs: chosen,
    ...(pinRoot === undefined ? {} : { pinRoot }),
  })
  if (remote.refused) throw refusalError(remote.refused)
  try {
    return assemble(parts, engine, remote)
  } catch (error) {
    remote.close()
    throw error
  }
}

/** Slots of program arrays that the spec fills with programs which are not loaded. */
function checkSlots({ maps }: CollectionSpec, chosen: readonly ProgramSpec[]): void {
  for (const map of maps) {
    for (const first of map.initial ?? []) {
      if (!('program' in first) || chosen.some(({ name }) => name === first.program)) continue
      throw new RuntimeError(
        'BAD_REFERENCE',
        first.program,
        `map ${map.name}: slot ${first.index} is program "${first.program}", which is not loaded`,
      )
    }
  }
}

/** Its log is not one of ours. */
const UNKNOWN: typeof UNCLASSIFIED = 'UNCLASSIFIED'

function refusalError({ program, errno, line, insn, log }: RemoteRefusal): VerifierError {
  const source = program.lines.findLast((one) => one.insn <= insn)
  return new VerifierError(program.name, {
    code: UNKNOWN,
    errno,
    line,
    insn,
    ...(source ? { source } : {}),
    log: () => log,
  })
}

function assemble(parts: RemoteLoadParts, engine: RemoteEngine, remote: RemoteCollection): Collection {
  const { spec, chosen, host } = parts
  const maps = new Map<string, RemoteHostMap>()
  for (const mapSpec of spec.maps) {
    const map = remote.maps.get(mapSpec.name)!
    const def = mapTypeOf(host.platform, mapSpec.type)
    const handle = new RemoteHostMap(map, { arena: host.arena, spec: mapSpec, def, cpus: engine.cpus })
    setPin(handle, async (path) => map.pin(path))
    maps.set(mapSpec.name, handle)
  }
  const lifetime = new Lifetime(() => {
    for (const map of maps.values()) map.close()
    remote.close()
  })
  const programs = new Map<string, Program>()
  for (const source of chosen)
    programs.set(source.name, remoteProgram(parts, source, remote.programs.get(source.name)!, lifetime))
  lifetime.begin([...programs.values()])
  const collection = new Collection({
    share: () => {
      throw new RuntimeError(
        'UNSHARED',
        parts.def.name,
        `workers do not share what engine ${parts.def.name} has`,
      )
    },
    spec,
    programs,
    maps: maps as unknown as ReadonlyMap<string, HostMap>,
    cpus: engine.cpus,
    release: () => {
      parts.closed(collection)
      lifetime.close()
    },
  })
  parts.opened(collection)
  return collection
}

function mapTypeOf(platform: Platform, type: string | number): MapTypeDef {
  const def = platform.mapTypes.get(type)
  if (def) return def
  throw new RuntimeError('UNKNOWN_MAP_TYPE', String(type), `no map type ${type}`, 'EINVAL')
}

function remoteProgram(
  { host, cpu, activity, def }: RemoteLoadParts,
  source: ProgramSpec,
  remote: RemoteProgram,
  lifetime: Lifetime,
): Program {
  const typeDef = host.platform.programTypes.get(source.type)
  if (!typeDef) throw new RuntimeError('UNKNOWN_PROGRAM_TYPE', source.name, `no program type ${source.type}`)
  const refuse = (): never => {
    throw new RuntimeError(
      'ABSENT',
      source.name,
      `program ${source.name} runs in engine ${def.name}, which takes no context of this memory; use testRun, or attach it`,
    )
  }
  const compiled: CompiledProgram = {
    name: source.name,
    entry: refuse,
    code: 0,
    run: refuse,
    runBatch: refuse,
  }
  const program: Program = new Program({
    name: source.name,
    id: remote.id,
    typeDef,
    ...(typeof source.attachType === 'string' ? { attachType: source.attachType } : {}),
    record: remote.handle,
    host: { ...host, onClose: (close) => lifetime.link(source.name, close) },
    helpers: [],
    compiled,
    cpu,
    activity,
    pin: async (_, path) => remote.pin(path),
    remote: {
      testRun: (input) => {
        if (input?.data instanceof Uint8Array) return remote.testRun(input)
        const what = `testRun of ${source.name}: data is ${kindOf(input?.data)}`
        throw new RuntimeError(
          'BAD_OPTION',
          'data',
          `${what}; give { data: a Uint8Array }, empty for no packet`,
        )
      },
      attach: (point, target) => {
        let forget = (): void => {}
        const link = remote.attach(point, target, program, () => {
          forget()
          host.emit('detach', link)
        })
        try {
          forget = lifetime.link(source.name, () => link.close())
        } catch (error) {
          link.close()
          throw error
        }
        host.emit('attach', link)
        return link
      },
    },
  })
  return program
}
