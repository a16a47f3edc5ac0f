import { type Observer, setObserver, setPin } from '@skep/maps'
import type { LinkedMap } from '@skep/registry'
import type { LiveMap } from './map-factory.ts'

/** A map that several may hold: collections that use it, paths that it is pinned under. The last to let go frees it. */
export interface HeldMap extends LiveMap {
  retain(): void
}

/** Held by whoever made it. `freed` is called before it goes; `does` is what `map.pin` and `map.watch` ask for. */
export function holdMap(
  map: LiveMap,
  freed: () => void,
  does: { readonly pin: (path: string) => Promise<void>; readonly observe: Observer },
): HeldMap {
  let holders = 1
  setPin(map.handle, does.pin)
  setObserver(map.handle, does.observe)
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
