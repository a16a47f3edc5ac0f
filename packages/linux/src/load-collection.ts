import type { CollectionSpec, MapSpec, ProgramSpec } from '@skep/registry'
import type { Kernel } from './kernel.ts'
import type { KernelBtf } from './kernel-btf.ts'
import type { KernelMap } from './kernel-map.ts'
import type { KernelProgram, RejectedProgram } from './kernel-program.ts'

/** A collection in the running kernel. A program that the kernel refused is data. */
export interface KernelCollection {
  readonly maps: ReadonlyMap<string, KernelMap>
  readonly programs: ReadonlyMap<string, KernelProgram | RejectedProgram>
  close(): void
  [Symbol.dispose](): void
}

export interface LoadCollectionOptions {
  /** Size of the log; 0 when none is wanted. Default 1. */
  readonly logLevel?: number
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)
/** BPF_OBJ_NAME_LEN less its NUL. */
const NAME_BYTES = 15

/** What the kernel takes as an object's name. */
const kernelName = (name: string): string => name.replaceAll(/[^A-Za-z0-9_.]/g, '_').slice(0, NAME_BYTES)

/**
 * Loads maps and programs of a spec through bpf(2), as libbpf does: maps first, their file descriptors into the
 * instructions, first contents, programs, then program arrays. Throws KernelError when a map cannot be made.
 */
export function loadCollection(
  kernel: Kernel,
  spec: CollectionSpec,
  options: LoadCollectionOptions = {},
): KernelCollection {
  const undo: (() => void)[] = []
  const close = (): void => {
    for (const step of undo.splice(0).reverse()) step()
  }
  try {
    let btf: KernelBtf | undefined
    if (spec.btf) {
      btf = kernel.loadBtf(spec.btf)
      undo.push(() => btf?.close())
    }
    const maps = new Map<string, KernelMap>()
    for (const map of spec.maps) {
      const live = createMap(kernel, map, btf)
      maps.set(map.name, live)
      undo.push(() => live.close())
    }
    const programs = new Map<string, KernelProgram | RejectedProgram>()
    for (const program of spec.programs) {
      const live = kernel.loadProgram({
        name: kernelName(program.name),
        type: program.type,
        ...(program.attachType === undefined ? {} : { attachType: program.attachType }),
        ...(program.flags === undefined ? {} : { flags: program.flags }),
        license: program.license,
        insns: patch(program, maps),
        ...(program.kernelVersion === undefined ? {} : { kernVersion: program.kernelVersion }),
        ...(btf && program.functions.every((f) => f.typeId !== 0)
          ? { btf, funcInfo: funcInfo(program) }
          : {}),
        logLevel: options.logLevel ?? 1,
      })
      programs.set(program.name, live)
      if (live.ok) undo.push(() => live.close())
    }
    for (const map of spec.maps) fillPrograms(maps.get(map.name)!, map, programs)
    return { maps, programs, close, [Symbol.dispose]: close }
  } catch (error) {
    close()
    throw error
  }
}

function createMap(kernel: Kernel, spec: MapSpec, btf: KernelBtf | undefined): KernelMap {
  const typed = btf && (spec.btfKey || spec.btfValue) && spec.btfValue
  const map = kernel.createMap({
    name: kernelName(spec.name),
    type: spec.type,
    keySize: spec.keySize,
    valueSize: spec.valueSize,
    maxEntries: spec.maxEntries,
    ...(spec.flags === undefined ? {} : { flags: spec.flags }),
    ...(spec.mapExtra === undefined ? {} : { mapExtra: spec.mapExtra }),
    ...(typed ? { btf, btfKeyTypeId: spec.btfKey ?? 0, btfValueTypeId: spec.btfValue! } : {}),
  })
  for (const first of spec.initial ?? []) if ('value' in first) map.update(first.key, first.value)
  if (spec.frozen) map.freeze()
  return map
}

/** Instructions with file descriptors where the spec has references. */
function patch(program: ProgramSpec, maps: ReadonlyMap<string, KernelMap>): Uint8Array {
  const insns = program.insns.slice()
  const view = new DataView(insns.buffer)
  for (const reference of program.references) {
    if (reference.kind !== 'map' && reference.kind !== 'map_value') continue
    view.setInt32(reference.insn * 8 + 4, maps.get(reference.map)!.fd, true)
  }
  return insns
}

function funcInfo(program: ProgramSpec): Uint8Array {
  const words = program.functions.flatMap((f) => [f.insn, f.typeId])
  return new Uint8Array(Uint32Array.from(words).buffer)
}

function fillPrograms(
  map: KernelMap,
  spec: MapSpec,
  programs: ReadonlyMap<string, KernelProgram | RejectedProgram>,
): void {
  for (const first of spec.initial ?? []) {
    if (!('program' in first)) continue
    const program = programs.get(first.program)
    if (program?.ok) map.update(u32(first.index), u32(program.fd))
  }
}
