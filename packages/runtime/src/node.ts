import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlockCipher, CryptoProvider } from '@skep/helpers'
import type { CacheStore } from './load-cache.ts'

export { createPinFolder } from './pin-folder.ts'

/** Keys are hexadecimal; anything else is not one of ours. */
const isKey = (name: string): boolean => /^[0-9a-f]+$/.test(name)

/** Removes the entries that were written first, until the others have at most `limit` bytes together. */
async function trim(folder: string, limit: number): Promise<void> {
  const files = (await readdir(folder)).filter(isKey).map((name) => join(folder, name))
  // Another process may have removed it.
  const found = await Promise.all(files.map((file) => stat(file).catch(() => undefined)))
  const entries = found
    .flatMap((about, n) => (about ? [{ file: files[n]!, size: about.size, time: about.mtimeMs }] : []))
    .sort((one, other) => other.time - one.time)
  let bytes = 0
  for (const { file, size } of entries) {
    bytes += size
    if (bytes > limit) await rm(file, { force: true })
  }
}

/**
 * A cache in a folder, which is made when it is first written to. Several processes may use it at once. Entries are taken as
 * they are, so others than the host must not write there. Past `limit` bytes (default 256 MiB) the oldest are removed.
 */
export function createFileCache(
  folder: string,
  { limit = 256 * 2 ** 20 }: { readonly limit?: number } = {},
): CacheStore {
  const fileOf = (key: string): string => {
    if (!isKey(key)) throw new RangeError(`no key of this cache: ${key}`)
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
      await trim(folder, limit)
    },
  }
}

const BLOCK = 16
const KEY_SIZES: readonly number[] = [16, 24, 32]
/** The kernel's names of block modes that work on whole blocks (crypto/ecb.c, crypto/cbc.c). */
const MODES: Readonly<Record<string, { readonly mode: string; readonly ivSize: number }>> = {
  'ecb(aes)': { mode: 'ecb', ivSize: 0 },
  'cbc(aes)': { mode: 'cbc', ivSize: BLOCK },
}

function cipherOf(mode: string, ivSize: number, key: Uint8Array): BlockCipher {
  const name = `aes-${key.length * 8}-${mode}`
  const run = (
    make: typeof createCipheriv | typeof createDecipheriv,
    data: Uint8Array,
    iv: Uint8Array,
  ): Uint8Array => {
    const cipher = make(name, key, ivSize > 0 ? iv : null)
    cipher.setAutoPadding(false)
    // Whole blocks: nothing is left for the end.
    const output = new Uint8Array(cipher.update(data))
    cipher.final()
    return output
  }
  return {
    ivSize,
    blockSize: BLOCK,
    encrypt: (data, iv) => run(createCipheriv, data, iv),
    decrypt: (data, iv) => run(createDecipheriv, data, iv),
  }
}

/** Node's AES for `providers.crypto`: `ecb(aes)` and `cbc(aes)`, with keys of 16, 24 and 32 bytes. */
export function createNodeCrypto(): CryptoProvider {
  return {
    find: (algorithm) => {
      const known = Object.hasOwn(MODES, algorithm) ? MODES[algorithm] : undefined
      if (!known) return undefined
      return (key) => (KEY_SIZES.includes(key.length) ? cipherOf(known.mode, known.ivSize, key) : undefined)
    },
  }
}
