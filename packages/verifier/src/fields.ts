import type { FieldKind } from '@skep/btf'

/** btf_field_type_name: how messages call it. */
export const fieldName = (kind: FieldKind): string =>
  kind === 'kptr_ref' ? 'kptr' : kind === 'kptr_percpu' ? 'percpu_kptr' : kind

export const isKptr = (kind: FieldKind): boolean =>
  kind === 'kptr' || kind === 'kptr_ref' || kind === 'kptr_percpu'
