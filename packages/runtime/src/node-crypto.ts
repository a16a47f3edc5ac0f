import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { BlockCipher, CryptoProvider } from '@skep/helpers'

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
