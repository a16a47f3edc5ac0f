import type { CollectionSpec, ProgramSpec, RemoteLoadOptions } from '@skep/registry'
import { KernelUnsupportedError } from './errors.ts'
import type { Kernel } from './kernel.ts'
import { mapTypes, numberOf, programTypes } from './uapi.ts'

/** Ids from here on are plugins'. */
const PLUGINS = 0x1_0000

/**
 * Refuses what only Skep's own runtime has, by its name: types, helpers and functions of plugins. Throws KernelUnsupportedError
 * before anything is made.
 */
export function refuseUnknown(
  kernel: Kernel,
  spec: CollectionSpec,
  { platform, programs }: RemoteLoadOptions,
): void {
  const known = (table: Readonly<Record<string, number>>, type: string | number): boolean =>
    (numberOf(table, type) ?? PLUGINS) < PLUGINS
  for (const map of spec.maps.flatMap((one) => (one.inner ? [one, one.inner] : [one])))
    if (!known(mapTypes, map.type))
      throw new KernelUnsupportedError('map type', String(map.type), `map ${map.name}`)
  for (const program of programs) {
    const user = `program ${program.name}`
    if (!known(programTypes, program.type))
      throw new KernelUnsupportedError('program type', String(program.type), user)
    for (const id of helperIds(program)) {
      if (id < PLUGINS) continue
      throw new KernelUnsupportedError('helper', platform.helpers.byId(id)?.name ?? String(id), user)
    }
    for (const reference of program.references) {
      if (reference.kind !== 'kfunc' || reference.weak || kernel.vmlinux?.find('func', reference.name))
        continue
      throw new KernelUnsupportedError('function', reference.name, user)
    }
  }
}

const CALL = 0x85
const HELPER = 0

/** Ids of the helpers that a program calls. */
function helperIds({ insns, references }: ProgramSpec): readonly number[] {
  const kfuncs = new Set(references.flatMap((one) => (one.kind === 'kfunc' ? [one.insn] : [])))
  const ids: number[] = []
  const view = new DataView(insns.buffer, insns.byteOffset, insns.length)
  for (let at = 0; at < insns.length; at += 8) {
    // ld_imm64 takes two slots.
    if (insns[at] === 0x18) at += 8
    else if (insns[at] === CALL && insns[at + 1]! >> 4 === HELPER && !kfuncs.has(at / 8))
      ids.push(view.getInt32(at + 4, true))
  }
  return ids
}
