import type { CollectionSpec, ProgramSpec } from '@skep/registry'
import { RuntimeError } from './errors.ts'

/** The programs of these names, or all that load by themselves. Throws RuntimeError NO_SUCH_PROGRAM. */
export function selectPrograms(
  spec: CollectionSpec,
  names: readonly string[] | undefined,
): readonly ProgramSpec[] {
  if (!names) return spec.programs.filter((p) => p.autoload !== false)
  return names.map((name) => {
    const program = spec.programs.find((p) => p.name === name)
    if (program) return program
    const known = spec.programs.map((p) => p.name).join(', ') || 'none'
    throw new RuntimeError('NO_SUCH_PROGRAM', name, `no program "${name}"; the collection has: ${known}`)
  })
}
