import { defineMapType, definePlugin, ERRNO, mapLayout } from '@skep/runtime'

interface Element {
  readonly at: number
  until: bigint
}

/** A hash whose elements are gone so many milliseconds (map_extra) after they were written. */
export const ttlHash = defineMapType({
  name: 'ttl_hash',
  id: 0x1_0001,
  value: 'plain',
  check: ({ keySize, valueSize, maxEntries, mapExtra = 0 }) =>
    keySize > 0 && valueSize > 0 && maxEntries > 0 && mapExtra > 0
      ? undefined
      : { errno: 'EINVAL', reason: 'give key_size, value_size, max_entries, and milliseconds as map_extra' },
  create: (env, { arena, address, keySize, valueSize, maxEntries }) => {
    const stride = (valueSize + 7) & ~7
    const values = arena.alloc(stride * maxEntries)
    const life = BigInt(arena.view.getUint32(address + mapLayout.MAP_EXTRA, true)) * 1_000_000n
    const room = Array.from({ length: maxEntries }, (_, n) => values + n * stride)
    const elements = new Map<string, Element>()

    const keyAt = (key: number): string => String.fromCharCode(...arena.u8.subarray(key, key + keySize))
    const drop = (key: string): number => {
      const element = elements.get(key)
      if (!element) return -ERRNO.ENOENT
      elements.delete(key)
      room.push(element.at)
      return 0
    }
    const live = (key: string): Element | undefined => {
      const element = elements.get(key)
      if (!element || element.until > env.now()) return element
      drop(key)
      return undefined
    }

    return {
      lookup: (key) => live(keyAt(key))?.at ?? 0,
      update: (key, value, flags) => {
        const name = keyAt(key)
        const before = live(name)
        if (flags === mapLayout.BPF_NOEXIST && before) return -ERRNO.EEXIST
        if (flags === mapLayout.BPF_EXIST && !before) return -ERRNO.ENOENT
        if (flags > mapLayout.BPF_EXIST) return -ERRNO.EINVAL
        if (!before && room.length === 0) for (const other of [...elements.keys()]) live(other)
        const at = before?.at ?? room.pop()
        if (at === undefined) return -ERRNO.E2BIG
        arena.u8.copyWithin(at, value, value + valueSize)
        elements.set(name, { at, until: env.now() + life })
        return 0
      },
      delete: (key) => (live(keyAt(key)) ? drop(keyAt(key)) : -ERRNO.ENOENT),
      nextKey: (key, out) => {
        const names = [...elements.keys()].filter((name) => live(name))
        const next = names[key === 0 ? 0 : names.indexOf(keyAt(key)) + 1]
        if (next === undefined) return -ERRNO.ENOENT
        for (let n = 0; n < keySize; n++) arena.u8[out + n] = next.charCodeAt(n)
        return 0
      },
      free: () => arena.free(values),
    }
  },
})

export const timeToLive = definePlugin({ name: 'acme-ttl', mapTypes: [ttlHash] })
