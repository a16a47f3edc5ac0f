import type { ProgramTypeDef } from './program-type.ts'

/**
 * What a loader's expected_attach_type, by name or number, is to a program type (bpf_prog_load_check_attach,
 * kernel/bpf/syscall.c): one of its attach types by name; undefined when it is none of them and the type does not mind;
 * false when the kernel refuses it with EINVAL.
 */
export function attachTypeName(
  type: ProgramTypeDef,
  attach: string | number | undefined,
): string | undefined | false {
  const wanted = attach ?? 0
  for (const [name, rules] of Object.entries(type.attachTypes ?? {})) {
    if (name === wanted || rules.id === wanted) return name
  }
  if (wanted === 0 && type.zeroAttachType) return type.zeroAttachType
  if (!type.strictAttachType) return undefined
  return wanted === 0 && !type.attachTypes ? undefined : false
}
