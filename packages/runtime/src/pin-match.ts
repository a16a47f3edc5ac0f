import type { HostMap } from '@skep/maps'
import type { MapSpec, Platform } from '@skep/registry'

export interface PinDifference {
  /** As bpf_map_info and its kin spell it. */
  readonly attribute: string
  readonly pinned: string | number
  readonly wanted: string | number
}

type Attribute = readonly [attribute: string, pinned: string | number, wanted: string | number]

const templateOf = (
  inner: MapSpec | undefined,
  typeOf: (spec: MapSpec) => string | number,
): readonly (readonly [attribute: string, value: string | number])[] => [
  ['type', inner ? typeOf(inner) : 'none'],
  ['key_size', inner?.keySize ?? 0],
  ['value_size', inner?.valueSize ?? 0],
  ['max_entries', inner?.maxEntries ?? 0],
  ['map_flags', inner?.flags ?? 0],
]

/**
 * Where a pinned map is another than a spec asks for (libbpf, map_is_reuse_compat); for frozen maps, whose contents the verifier
 * takes for constants, also where their contents differ.
 */
export function pinDifferences(map: HostMap, wanted: MapSpec, platform: Platform): PinDifference[] {
  const typeOf = (spec: MapSpec): string | number => platform.mapTypes.get(spec.type)?.name ?? spec.type
  const attributes: readonly Attribute[] = [
    ['type', map.type, typeOf(wanted)],
    ['key_size', map.keySize, wanted.keySize],
    ['value_size', map.valueSize, wanted.valueSize],
    ['max_entries', map.maxEntries, wanted.maxEntries],
    ['map_flags', map.flags, wanted.flags ?? 0],
    ['map_extra', map.spec.mapExtra ?? 0, wanted.mapExtra ?? 0],
    ['frozen', String(map.frozen), String(wanted.frozen || map.frozen)],
    // What the kernel's verifier takes from the pinned map; here programs are verified by their own template.
    ...templateOf(map.spec.inner, typeOf).map(([attribute, pinned], n): Attribute => {
      return [`inner_${attribute}`, pinned, templateOf(wanted.inner, typeOf)[n]![1]]
    }),
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
