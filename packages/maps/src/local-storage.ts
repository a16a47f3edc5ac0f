import { knownAddress, type MapHandle, objectAddress, objectAt } from '@skep/registry'
import { MapError } from './errors.ts'
import { HostMap } from './host-map.ts'

const bytesOf = (address: number): Uint8Array => new Uint8Array(Uint32Array.of(address).buffer)

/**
 * Values by object of a local storage map (`sk_storage`, `task_storage`, `cgrp_storage`, `inode_storage`). Throws MapError
 * EINVAL for a map of another type, EBADF for a closed one.
 */
export function openLocalStorage(map: MapHandle): LocalStorage {
  const operation = 'openLocalStorage'
  if (!(map instanceof HostMap) || !map.operation('release') || map.keySize !== 4)
    throw new MapError('EINVAL', map.name, operation, `the map is of type ${map.type}, no local storage`)
  if (map.closed) throw new MapError('EBADF', map.name, operation, 'the map is closed')
  return new LocalStorage(map)
}

/** The host's side of local storage. What an object has goes with it, as with a WeakMap. */
export class LocalStorage {
  readonly map: HostMap

  /** Use `openLocalStorage`. */
  constructor(map: HostMap) {
    this.map = map
  }

  /** A copy of the object's value; undefined when it has none. */
  get(owner: object): Uint8Array | undefined {
    const address = knownAddress(this.map.arena, owner)
    return address === undefined ? undefined : this.map.lookup(bytesOf(address))
  }

  /** Throws MapError as `HostMap.update`: EEXIST, ENOENT, EINVAL by the flags, ENOMEM. */
  set(owner: object, value: Uint8Array, flags = 0): this {
    this.map.update(bytesOf(objectAddress(this.map.arena, owner)), value, flags)
    return this
  }

  has(owner: object): boolean {
    return this.get(owner) !== undefined
  }

  /** False when the object had no value. */
  delete(owner: object): boolean {
    const address = knownAddress(this.map.arena, owner)
    return address !== undefined && this.map.delete(bytesOf(address))
  }

  /** Objects that have a value, with copies of the values. */
  *entries(): Generator<[owner: object, value: Uint8Array]> {
    for (const [key, value] of this.map.entries()) {
      const owner = objectAt(this.map.arena, new DataView(key.buffer, key.byteOffset).getUint32(0, true))
      if (owner) yield [owner, value]
    }
  }

  [Symbol.iterator](): Generator<[owner: object, value: Uint8Array]> {
    return this.entries()
  }
}
