import { mapLayout as layout } from '@skep/registry'
import { MapError } from './errors.ts'
import type { HostMap } from './host-map.ts'

/** All that a map holds: elements of one size, each a key (perhaps of 0 bytes) and what belongs to it. */
export interface MapContents {
  readonly keyBytes: number
  readonly valueBytes: number
  readonly bytes: Uint8Array
}

interface Contained {
  read(map: HostMap): MapContents
  write(map: HostMap, contents: MapContents): void
}

const word = (map: HostMap, offset: number): number => map.arena.u32[(map.address + offset) >> 2]!

/** Keys and values, in the map's own order. */
const elements: Contained = {
  read(map) {
    const size = map.keySize + map.hostValueSize
    let bytes = new Uint8Array(Math.max(map.size, 1) * size)
    let at = 0
    for (const [key, value] of map.entries()) {
      if (at === bytes.length) {
        const more = new Uint8Array(2 * bytes.length)
        more.set(bytes)
        bytes = more
      }
      bytes.set(key, at)
      bytes.set(value, at + map.keySize)
      at += size
    }
    return { keyBytes: map.keySize, valueBytes: map.hostValueSize, bytes: bytes.slice(0, at) }
  },
  write(map, { bytes }) {
    const { keySize } = map
    const size = keySize + map.hostValueSize
    const restore = map.operation('restore')
    restore?.(map.address, 1)
    for (let at = 0; at < bytes.length; at += size)
      map.update(bytes.subarray(at, at + keySize), bytes.subarray(at + keySize, at + size))
    restore?.(map.address, 0)
  },
}

/** Values in the order of their pushes (assembly/queue-stack.ts). */
const sequence: Contained = {
  read(map) {
    const { valueSize, maxEntries, size } = map
    const oldest = word(map, layout.MAP_PRIVATE)
    const bytes = new Uint8Array(size * valueSize)
    for (let n = 0; n < size; n++) {
      const from = word(map, layout.MAP_DATA) + ((oldest + n) % maxEntries) * word(map, layout.MAP_STRIDE)
      bytes.set(map.arena.u8.subarray(from, from + valueSize), n * valueSize)
    }
    return { keyBytes: 0, valueBytes: valueSize, bytes }
  },
  write(map, { bytes }) {
    for (let at = 0; at < bytes.length; at += map.valueSize) map.push(bytes.subarray(at, at + map.valueSize))
  },
}

/** One element: the secret, the count, the bits (assembly/bloom-filter.ts). */
const SECRET = layout.MAP_PRIVATE + 40
const bitmap: Contained = {
  read(map) {
    const { u8 } = map.arena
    const [data, size] = [word(map, layout.MAP_DATA), (word(map, layout.MAP_PRIVATE + 4) + 1) / 8]
    const bytes = new Uint8Array(12 + size)
    bytes.set(u8.subarray(map.address + SECRET, map.address + SECRET + 8))
    bytes.set(u8.subarray(map.address + layout.MAP_COUNT, map.address + layout.MAP_COUNT + 4), 8)
    bytes.set(u8.subarray(data, data + size), 12)
    return { keyBytes: 0, valueBytes: bytes.length, bytes }
  },
  write(map, { bytes }) {
    const { u8 } = map.arena
    u8.set(bytes.subarray(0, 8), map.address + SECRET)
    u8.set(bytes.subarray(8, 12), map.address + layout.MAP_COUNT)
    u8.set(bytes.subarray(12), word(map, layout.MAP_DATA))
  },
}

/** By how values without keys lie in memory. */
const keyless = { sequence, bits: bitmap } as const

function containedIn({ def, keySize }: HostMap): Contained | undefined {
  const plain = def.value === 'plain' || def.value === 'percpu'
  const iterable = def.wasm ? def.wasm.ops.next_key !== undefined : def.create !== undefined
  if (def.keyless) return keyless[def.keyless]
  return plain && keySize > 0 && iterable ? elements : undefined
}

/** Whether a map's contents are bytes that another map can take: not where they refer to programs, maps, devices or readers. */
export const hasContents = (map: HostMap): boolean => containedIn(map) !== undefined

/**
 * What a map holds now; while programs of other threads write, each element as it was at some moment. An LRU's order is not in
 * it, nor are special fields of values. Throws MapError EPERM where the host may not read or write it, ENOTSUPP for a type that
 * has no such contents.
 */
export function readContents(map: HostMap): MapContents {
  return contained(map, 'readContents').read(map)
}

/** Puts into a new map of the same definition what `readContents` gave. Throws MapError: EINVAL when the sizes differ. */
export function writeContents(map: HostMap, contents: MapContents): void {
  const to = contained(map, 'writeContents')
  const { keyBytes, valueBytes } = to.read(map)
  if (keyBytes !== contents.keyBytes || valueBytes !== contents.valueBytes) {
    const fact = `elements of ${contents.keyBytes} and ${contents.valueBytes} bytes, and the map has ${keyBytes} and ${valueBytes}`
    throw new MapError('EINVAL', map.name, 'writeContents', fact)
  }
  to.write(map, contents)
}

function contained(map: HostMap, operation: string): Contained {
  if (map.flags & (layout.BPF_F_RDONLY | layout.BPF_F_WRONLY))
    throw new MapError('EPERM', map.name, operation, 'BPF_F_RDONLY or BPF_F_WRONLY is set')
  const how = containedIn(map)
  if (!how) throw new MapError('ENOTSUPP', map.name, operation, `what a ${map.type} holds is not bytes`)
  return how
}
