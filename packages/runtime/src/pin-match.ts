import type { HostMap } from '@skep/maps'
import type { MapSpec, Platform } from '@skep/registry'

export interface PinDifference {
  /** As bpf_map_info and its kin spell it. */
  readonly attribute: string
  readonly pinned: string | number
  readonly wanted: string | number
}

/**
 * Where a pinned map is another than a spec asks for (libbpf, map_is_reuse_compat); for frozen maps, whose contents the verifier
 * takes for constants, also where their contents differ.
 */
export function pinDifferences(map: HostMap, wanted: MapSpec, platform: Platform): PinDifference[] {
  const type = platform.mapTypes.get(wanted.type)?.name ?? wanted.type
  const attributes: readonly (readonly [string, string | number, string | number])[] = [
    ['type', map.type, type],
    ['key_size', map.keySize, wanted.keySize],
    ['value_size', map.valueSize, wanted.valueSize],
    ['max_entries', map.maxEntries, wanted.maxEntries],
    ['map_flags', map.flags, wanted.flags ?? 0],
    ['map_extra', map.spec.mapExtra ?? 0, wanted.mapExtra ?? 0],
    ['frozen', String(map.frozen), String(wanted.frozen || map.frozen)],
  ]
  const differences = attributes.flatMap(([attribute, pinned, here]) =>
    pinned === here ? [] : [{ attribute, pinned, wanted: here }],
  )
  if (differences.length > 0 || !wanted.frozen) return differences
  for (const first of wanted.initial ?? []) {
    if (!('value' in first)) continue
    const value = map.lookup(first.key)
    if (!value || value.some((byte, n) => byte !== (first.value[n] ?? 0)))
      return [{ attribute: 'contents', pinned: 'another constant', wanted: 'this one' }]
  }
  return []
}
