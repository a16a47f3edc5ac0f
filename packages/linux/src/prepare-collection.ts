import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CollectionSpec, MapSpec, ProgramSpec, Reference } from '@skep/registry'
import { attachTarget } from './attach-target.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import { kernelSymbol } from './kallsyms.ts'
import type { Kernel } from './kernel.ts'
import type { KernelBtf } from './kernel-btf.ts'
import type { KernelMap, MapOptions } from './kernel-map.ts'
import type { KernelProgram, ProgramOptions, RejectedProgram } from './kernel-program.ts'
import { lineInfoRecords } from './line-info.ts'
import { mapTypes, numberOf } from './uapi.ts'

/** A collection whose BTF and maps are in the kernel; its programs are loaded one by one. */
export interface PreparedCollection {
  readonly maps: ReadonlyMap<string, KernelMap>
  /** BPF_PROG_LOAD of one of the spec's programs. The caller closes what it gets. */
  load(program: ProgramSpec, options?: ProgramLoadOptions): KernelProgram | RejectedProgram
  /** What `load` gives to the kernel, for loading a program many times. Throws `KernelArgumentError`. */
  options(program: ProgramSpec, options?: ProgramLoadOptions): ProgramOptions
  /** Pins the maps that are to be pinned by name and were not there yet. Throws `KernelError`; none stays pinned then. */
  pinMaps(): void
  /** Closes BTF and maps. */
  close(): void
}

export interface PrepareOptions {
  /** Folder of a bpf file system where maps with LIBBPF_PIN_BY_NAME are looked for; absent: they are made anew. */
  readonly pinRoot?: string
}

export type ProgramLoadOptions = Pick<ProgramOptions, 'logLevel' | 'lazyLog'>

/** BPF_OBJ_NAME_LEN less its NUL. */
const NAME_BYTES = 15
const PAGE = 4096

/** What the kernel takes as an object's name. */
const kernelName = (name: string): string => name.replaceAll(/[^A-Za-z0-9_.]/g, '_').slice(0, NAME_BYTES)

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

const typesNamed = (names: string): ReadonlySet<number> =>
  new Set(names.split(' ').map((name) => mapTypes[name] ?? -1))

/** Maps that libbpf gives no BTF, since the kernel takes none for them (libbpf: bpf_object__create_map). */
const withoutBtf = typesNamed(
  'perf_event_array cgroup_array stack_trace array_of_maps hash_of_maps devmap devmap_hash cpumap xskmap sockmap ' +
    'sockhash queue stack',
)
const rings = typesNamed('ringbuf user_ringbuf')
const sizedByCpus = typesNamed('perf_event_array')
const arenas = typesNamed('arena')

/**
 * Loads BTF and maps of a spec through bpf(2), as libbpf does. BTF that the kernel refuses is left out, then that of a map.
 * Throws `KernelError` when a map cannot be made.
 */
export function prepareCollection(
  kernel: Kernel,
  spec: CollectionSpec,
  { pinRoot }: PrepareOptions = {},
): PreparedCollection {
  const undo: (() => void)[] = []
  const close = (): void => {
    for (const step of undo.splice(0).reverse()) step()
  }
  try {
    const btf = spec.btf && acceptedBtf(kernel, spec.btf)
    if (btf) undo.push(() => btf.close())
    const maps = new Map<string, KernelMap>()
    const toPin = new Map<string, KernelMap>()
    const made: MapSpec[] = []
    for (const map of spec.maps) {
      const path = pinRoot !== undefined && map.pinning === 'by_name' ? pinPath(pinRoot, map) : undefined
      const pinned = path === undefined ? undefined : reusePinned(kernel, path, map)
      const live = pinned ?? createMap(kernel, map, btf)
      maps.set(map.name, live)
      undo.push(() => live.close())
      if (pinned) continue
      made.push(map)
      if (path !== undefined) toPin.set(path, live)
      fillValues(kernel, live, map)
    }
    for (const map of made) fillMaps(maps, map)
    return {
      maps,
      pinMaps: () => pinAll(toPin),
      load: (program, options = {}) => loadProgram(kernel, spec, program, maps, btf, options),
      options: (program, options = {}) => programOptions(kernel, spec, program, maps, btf, options),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

const pinPath = (root: string, { name, pinPath: own }: MapSpec): string => own ?? `${root}/${name}`

/** The map that is pinned there, if it is as the spec says (libbpf: map_is_reuse_compat). */
function reusePinned(kernel: Kernel, path: string, spec: MapSpec): KernelMap | undefined {
  const map = kernel.openPinnedMap(path)
  if (!map) return undefined
  const info = map.info()
  const type = numberOf(mapTypes, spec.type) ?? -1
  const wanted = [type, spec.keySize, spec.valueSize, maxEntries(kernel, spec, type), spec.flags ?? 0]
  const there = [map.type, info.keySize, info.valueSize, info.maxEntries, info.flags]
  if (wanted.every((value, n) => value === there[n])) return map
  map.close()
  throw new KernelArgumentError(
    `map.${spec.name}`,
    `${path} is pinned with type, sizes and flags ${there.join(' ')}, and the object's are ${wanted.join(' ')}; unlink it`,
  )
}

function pinAll(maps: ReadonlyMap<string, KernelMap>): void {
  const done: string[] = []
  try {
    for (const [path, map] of maps) {
      mkdirSync(dirname(path), { recursive: true })
      map.pin(path)
      done.push(path)
    }
  } catch (error) {
    for (const path of done) rmSync(path, { force: true })
    throw error
  }
}

function acceptedBtf(kernel: Kernel, bytes: Uint8Array): KernelBtf | undefined {
  try {
    return kernel.loadBtf(bytes)
  } catch (error) {
    if (error instanceof KernelError) return undefined
    throw error
  }
}

function createMap(kernel: Kernel, spec: MapSpec, objectBtf: KernelBtf | undefined): KernelMap {
  const innerMap = spec.inner && createMap(kernel, { ...spec.inner, name: '' }, objectBtf)
  const own = spec.btf && acceptedBtf(kernel, spec.btf)
  try {
    const type = numberOf(mapTypes, spec.type) ?? -1
    const btf = withoutBtf.has(type) || !spec.btfValue ? undefined : (own ?? objectBtf)
    const options: MapOptions = {
      name: kernelName(spec.name),
      type: spec.type,
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      maxEntries: maxEntries(kernel, spec, type),
      ...(spec.flags === undefined ? {} : { flags: spec.flags }),
      ...(spec.mapExtra === undefined ? {} : { mapExtra: spec.mapExtra }),
      ...(innerMap ? { innerMap } : {}),
    }
    if (!btf) return kernel.createMap(options)
    try {
      return kernel.createMap({
        ...options,
        btf,
        btfKeyTypeId: spec.btfKey ?? 0,
        btfValueTypeId: spec.btfValue ?? 0,
      })
    } catch (error) {
      if (error instanceof KernelError) return kernel.createMap(options)
      throw error
    }
  } finally {
    innerMap?.close()
    own?.close()
  }
}

/** Sizes that depend on the machine (libbpf: map_set_def_max_entries, adjust_ringbuf_sz). */
function maxEntries(kernel: Kernel, { maxEntries: asked }: MapSpec, type: number): number {
  if (sizedByCpus.has(type) && asked === 0) return kernel.possibleCpus
  if (!rings.has(type) || asked === 0) return asked
  let bytes = PAGE
  while (bytes < asked && bytes < 2 ** 31) bytes *= 2
  return bytes
}

function fillValues(kernel: Kernel, map: KernelMap, spec: MapSpec): void {
  if (arenas.has(map.type)) {
    kernel.placeArena(map)
    return
  }
  for (const first of spec.initial ?? []) if ('value' in first) map.update(first.key, first.value)
  if (spec.frozen) map.freeze()
}

function fillMaps(maps: ReadonlyMap<string, KernelMap>, spec: MapSpec): void {
  for (const first of spec.initial ?? []) {
    if ('map' in first) maps.get(spec.name)!.update(u32(first.index), u32(maps.get(first.map)!.fd))
  }
}

function loadProgram(...source: Parameters<typeof programOptions>): KernelProgram | RejectedProgram {
  const [kernel] = source
  try {
    return kernel.loadProgram(programOptions(...source))
  } catch (error) {
    // libbpf gives up the program there, before it asks the kernel.
    if (error instanceof KernelArgumentError)
      return { ok: false, errno: 'ESRCH', log: error.message, beforeKernel: true }
    throw error
  }
}

function programOptions(
  kernel: Kernel,
  spec: CollectionSpec,
  program: ProgramSpec,
  maps: ReadonlyMap<string, KernelMap>,
  btf: KernelBtf | undefined,
  options: ProgramLoadOptions,
): ProgramOptions {
  const typed = btf && program.functions.every((f) => f.typeId !== 0)
  return {
    name: kernelName(program.name),
    type: program.type,
    ...attachTarget(kernel, program.type, program.attachType ?? 0, program.attachTo, program.name),
    ...(program.flags === undefined ? {} : { flags: program.flags }),
    license: program.license,
    insns: patch(kernel, program, maps),
    ...(program.kernelVersion === undefined ? {} : { kernVersion: program.kernelVersion }),
    ...(btf ? { btf } : {}),
    ...(typed ? { funcInfo: funcInfo(program) } : {}),
    ...(btf && program.lines.length > 0 ? { lineInfo: lineInfoRecords(spec.btf!, program.lines) } : {}),
    logLevel: 1,
    ...options,
  }
}

/** Instructions with file descriptors and ids where the spec has references. */
function patch(kernel: Kernel, program: ProgramSpec, maps: ReadonlyMap<string, KernelMap>): Uint8Array {
  const insns = program.insns.slice()
  const view = new DataView(insns.buffer)
  for (const reference of program.references) {
    const at = reference.insn * 8
    if (reference.kind === 'map' || reference.kind === 'map_value')
      view.setInt32(at + 4, maps.get(reference.map)!.fd, true)
    else if (reference.kind === 'kfunc') patchKfunc(kernel, view, at, reference)
    else if (reference.kind === 'ksym') patchSymbol(kernel, view, at, reference)
  }
  return insns
}

type KernelReference = Extract<Reference, { name: string }>
/** libbpf: POISON_CALL_KFUNC_BASE. */
const POISONED_KFUNC = 2_002_000_000

function patchKfunc(kernel: Kernel, view: DataView, at: number, { name, weak }: KernelReference): void {
  const id = kernel.vmlinux?.find('func', name)
  if (id === undefined && !weak)
    throw new KernelArgumentError(name, 'this kernel has no function of that name')
  // An id that does not exist, in a call of a helper: an error unless it is dead code.
  if (id === undefined) view.setUint8(at + 1, view.getUint8(at + 1) & 0x0f)
  view.setInt32(at + 4, id ?? POISONED_KFUNC, true)
}

const PSEUDO_BTF_ID = 3

function patchSymbol(kernel: Kernel, view: DataView, at: number, { name, weak }: KernelReference): void {
  const typed = view.getUint8(at + 1) >> 4 === PSEUDO_BTF_ID
  const { vmlinux } = kernel
  const value = typed ? (vmlinux?.find('var', name) ?? vmlinux?.find('func', name)) : kernelSymbol(name)
  if (value === undefined && !weak)
    throw new KernelArgumentError(name, 'this kernel has no symbol of that name')
  if (typed && value === undefined) view.setUint8(at + 1, view.getUint8(at + 1) & 0x0f)
  const address = BigInt(value ?? 0)
  view.setUint32(at + 4, Number(address & 0xffff_ffffn), true)
  view.setUint32(at + 12, Number(address >> 32n), true)
}

function funcInfo(program: ProgramSpec): Uint8Array {
  const words = program.functions.flatMap((f) => [f.insn, f.typeId])
  return new Uint8Array(Uint32Array.from(words).buffer)
}
