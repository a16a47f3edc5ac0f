import type { CollectionSpec, MapRefusal, MapSpec, Platform } from '@skep/registry'

/** The spec with the sizes of its maps that depend on the machine, as libbpf gives them before it creates maps. */
export function completeMaps(spec: CollectionSpec, platform: Platform, cpus: number): CollectionSpec {
  const complete = (map: MapSpec): MapSpec => platform.mapTypes.get(map.type)?.complete?.(map, cpus) ?? map
  const maps = spec.maps.map((map) => {
    const done = complete(map)
    return done.inner ? { ...done, inner: complete(done.inner) } : done
  })
  return { ...spec, maps }
}

export interface RefusedMap extends MapRefusal {
  /** Its name. */
  readonly map: string
}

/**
 * The first map of a (completed) spec that bpf(2) would refuse to create, and why; undefined when there is none. A type that
 * the platform does not know is refused.
 */
export function refusedMap(spec: CollectionSpec, platform: Platform): RefusedMap | undefined {
  for (const map of spec.maps.flatMap((m) => (m.inner ? [m.inner, m] : [m]))) {
    const def = platform.mapTypes.get(map.type)
    const refusal: MapRefusal | undefined = def
      ? def.check(map)
      : { errno: 'EINVAL', reason: `no map type ${map.type}` }
    if (refusal) return { map: map.name, ...refusal }
  }
  return undefined
}
