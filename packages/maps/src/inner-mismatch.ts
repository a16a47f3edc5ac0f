import { type MapSpec, type MapTypeDef, mapLayout } from '@skep/registry'

/** Why a map cannot be an element of one whose template is `inner` (map_meta_equal), or undefined. */
export function mismatch(inner: MapSpec, def: MapTypeDef, spec: MapSpec): string | undefined {
  const type = typeof inner.type === 'number' ? def.id : def.name
  const flags = inner.flags ?? 0
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['type', type, inner.type],
    ['key_size', spec.keySize, inner.keySize],
    ['value_size', spec.valueSize, inner.valueSize],
    ['map_flags', spec.flags ?? 0, flags],
    ...(def.innerEntries && (flags & mapLayout.BPF_F_INNER_MAP) === 0
      ? [['max_entries', spec.maxEntries, inner.maxEntries] as const]
      : []),
  ]
  const odd = pairs.find(([, is, wanted]) => is !== wanted)
  return odd && `the inner map's ${odd[0]} is ${odd[1]}, and its template has ${odd[2]}`
}
