import { mapLayout as layout } from '@skep/registry'
import { MapError } from './errors.ts'
import type { HostMap } from './host-map.ts'

/** A typed array's constructor: `Uint8Array`, `BigUint64Array`, …. */
export interface ViewType<T> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
  readonly BYTES_PER_ELEMENT: number
}

/**
 * The values of an array with BPF_F_MMAPABLE, as mmap(2) shows them: one after another, each at a multiple of 8 bytes, without
 * a copy. Throws MapError: ENOTSUPP for a type that the kernel does not map, EINVAL without BPF_F_MMAPABLE, EPERM when the map
 * is frozen or its flags keep the host from reading or writing (a view can do both), EBADF when it is closed.
 */
export function viewMap<T = Uint8Array>(
  map: HostMap,
  type: ViewType<T> = Uint8Array as unknown as ViewType<T>,
): T {
  const fail = (code: 'ENOTSUPP' | 'EINVAL' | 'EPERM' | 'EBADF', why: string): MapError =>
    new MapError(code, map.name, 'view', why)
  if (map.closed) throw fail('EBADF', 'the map is closed')
  if (!map.def.wasm?.array) throw fail('ENOTSUPP', `maps of type ${map.type} are not mapped; take an array`)
  if ((map.flags & layout.BPF_F_MMAPABLE) === 0)
    throw fail('EINVAL', 'the map has not BPF_F_MMAPABLE among its flags')
  if (map.frozen || map.flags & (layout.BPF_F_RDONLY | layout.BPF_F_WRONLY))
    throw fail(
      'EPERM',
      'the map is frozen, or BPF_F_RDONLY or BPF_F_WRONLY is set; a view is read and written',
    )
  const { u32, memory } = map.arena
  const word = (offset: number): number => u32[(map.address + offset) >> 2]!
  const bytes = word(layout.MAP_STRIDE) * map.maxEntries
  return new type(memory.buffer, word(layout.MAP_DATA), bytes / type.BYTES_PER_ELEMENT)
}
