import type { CollectionSpec, MapSpec } from '@skep/registry'
import type { Kernel } from './kernel.ts'
import type { KernelMap } from './kernel-map.ts'
import type { KernelProgram, RejectedProgram } from './kernel-program.ts'
import { type ProgramLoadOptions, prepareCollection } from './prepare-collection.ts'

/** A collection in the running kernel. A program that the kernel refused is data. */
export interface KernelCollection {
  readonly maps: ReadonlyMap<string, KernelMap>
  readonly programs: ReadonlyMap<string, KernelProgram | RejectedProgram>
  close(): void
  [Symbol.dispose](): void
}

export type LoadCollectionOptions = ProgramLoadOptions

/**
 * Loads maps and programs of a spec through bpf(2), as libbpf does: maps first, their file descriptors into the
 * instructions, first contents, programs, then program arrays. Throws KernelError when a map cannot be made.
 */
export function loadCollection(
  kernel: Kernel,
  spec: CollectionSpec,
  options: LoadCollectionOptions = {},
): KernelCollection {
  const prepared = prepareCollection(kernel, spec)
  const programs = new Map<string, KernelProgram | RejectedProgram>()
  const close = (): void => {
    for (const program of programs.values()) if (program.ok) program.close()
    prepared.close()
  }
  try {
    for (const program of spec.programs) programs.set(program.name, prepared.load(program, options))
    for (const map of spec.maps) fillPrograms(prepared.maps.get(map.name)!, map, programs)
    return { maps: prepared.maps, programs, close, [Symbol.dispose]: close }
  } catch (error) {
    close()
    throw error
  }
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

/** Puts programs into the slots of a program array that the spec fills. */
export function fillPrograms(
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
