import { setPin } from '@skep/maps'
import type { LinkedMap } from '@skep/registry'
import type { LiveMap } from './map-factory.ts'

/** A map that several may hold: collections that use it, paths that it is pinned under. The last to let go frees it. */
export interface HeldMap extends LiveMap {
  retain(): void
}

/** Held by whoever made it. `freed` is called before it goes; `pin` is what `map.pin` does. */
export function holdMap(map: LiveMap, freed: () => void, pin: (path: string) => Promise<void>): HeldMap {
  let holders = 1
  setPin(map.handle, pin)
  return {
    ...map,
    retain: () => void holders++,
    release: () => {
      if (--holders > 0) return
      freed()
      map.release()
    },
  }
}

/** The map as a collection links it that did not make it: what a program array was made with are another's programs. */
export function heldByAnother(map: HeldMap): HeldMap {
  const { programs: _, ...linked } = map.linked as LinkedMap & { programs?: unknown }
  return { ...map, linked }
}
