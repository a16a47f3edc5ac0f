import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CacheStore } from './load-cache.ts'

export { createNodeCrypto } from './node-crypto.ts'

export { createPinFolder } from './pin-folder.ts'

/**
 * A cache in a folder, which is made when it is first written to. Several processes may use it at once. Entries are taken as
 * they are, so others than the host must not write there; nothing is ever removed.
 */
export function createFileCache(folder: string): CacheStore {
  // Keys are hexadecimal; anything else is not one of ours.
  const fileOf = (key: string): string => {
    if (!/^[0-9a-f]+$/.test(key)) throw new RangeError(`no key of this cache: ${key}`)
    return join(folder, key)
  }
  return {
    get: async (key) => {
      const bytes = await readFile(fileOf(key)).catch(() => undefined)
      return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    },
    set: async (key, entry) => {
      const file = fileOf(key)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      // Written aside and renamed: nobody reads half of it.
      const aside = `${file}.${randomBytes(6).toString('hex')}`
      try {
        await writeFile(aside, entry, { mode: 0o600 })
        await rename(aside, file)
      } catch (error) {
        await rm(aside, { force: true })
        throw error
      }
    },
  }
}
