import type { CollectionSpec } from '@skep/registry'
import { RuntimeError } from './errors.ts'
import { isPromise, kindOf } from './kind-of.ts'

const bad = (subject: string, message: string): RuntimeError => new RuntimeError('BAD_SPEC', subject, message)

/**
 * Checks what a host gives as a spec, so far as neither the verifier nor the map types do: that it is one, that names are
 * there once, that variables lie in their maps. Throws RuntimeError BAD_SPEC.
 */
export function checkSpec(spec: CollectionSpec): void {
  const given = spec as Partial<CollectionSpec> | null | undefined
  if (isPromise(given)) throw bad('spec', 'a promise was given instead of a spec; await it first')
  if (!Array.isArray(given?.programs) || !Array.isArray(given.maps) || !Array.isArray(given.variables)) {
    throw bad(
      'spec',
      `${kindOf(spec)} is no CollectionSpec (programs, maps and variables are arrays); give what parseElf or another loader returns`,
    )
  }
  const programs = new Set<string>()
  for (const [n, program] of spec.programs.entries()) {
    const { name, insns } = program ?? {}
    if (typeof name !== 'string')
      throw bad('programs', `programs[${n}].name is ${kindOf(name)}; give a string`)
    if (!(insns instanceof Uint8Array)) {
      throw bad(name, `program ${name}: insns is ${kindOf(insns)}; give a Uint8Array of 8-byte instructions`)
    }
    for (const field of ['references', 'functions', 'lines'] as const) {
      if (!Array.isArray(program[field]))
        throw bad(name, `program ${name}: ${field} is no array; give [] for none`)
    }
    if (programs.has(name)) throw bad(name, `two programs are named "${name}"; name each differently`)
    programs.add(name)
  }
  const maps = new Map<string, number>()
  for (const [n, map] of spec.maps.entries()) {
    const { name } = map ?? {}
    if (typeof name !== 'string') throw bad('maps', `maps[${n}].name is ${kindOf(name)}; give a string`)
    for (const field of ['keySize', 'valueSize', 'maxEntries'] as const) {
      const value = map[field]
      if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) continue
      throw bad(name, `map ${name}: ${field} is ${String(value)}; give an integer from 0 to 4294967295`)
    }
    if (maps.has(name)) throw bad(name, `two maps are named "${name}"; name each differently`)
    // An arena has no values; its variables lie in its first contents.
    const first = map.initial?.find((one) => 'value' in one)
    maps.set(name, Math.max(map.valueSize, first?.value.length ?? 0))
  }
  for (const { name, map, offset, size } of spec.variables) {
    const room = maps.get(map)
    if (room === undefined)
      throw bad(name, `variable ${name} lies in map "${map}", which the collection has not`)
    if (!(offset >= 0 && size >= 0 && offset + size <= room)) {
      throw bad(
        name,
        `variable ${name}: bytes ${offset} to ${offset + size} do not lie in map ${map} of ${room}`,
      )
    }
  }
}
