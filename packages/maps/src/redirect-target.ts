import { type MapHandle, mapLayout, type ProgramHandle } from '@skep/registry'
import { MapError } from './errors.ts'

/**
 * Makes `target` an element of a devmap (an ifindex) or a cpumap (the queue's size), with a program that has a word first:
 * one for BPF_XDP_DEVMAP, or BPF_XDP_CPUMAP, of a map whose values have 8 bytes. When the program is closed, the element goes
 * with it. Throws MapError as bpf(2): EINVAL for another program in a devmap, ENOMEM in a cpumap.
 */
export function setRedirect(map: MapHandle, key: number, target: number, program?: ProgramHandle): void {
  if (program && map.valueSize !== 8) {
    const detail = `values have ${map.valueSize} bytes, and no room for a program; make the map with values of 8`
    throw new MapError('EINVAL', map.name, 'setRedirect', detail)
  }
  const value = Uint32Array.of(target, program?.record ?? 0).slice(0, map.valueSize / 4)
  map.update(new Uint8Array(Uint32Array.of(key).buffer), new Uint8Array(value.buffer), mapLayout.BPF_ANY)
}
