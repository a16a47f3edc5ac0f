import { ERRNO, type HostEnv } from '@skep/registry'
import type { BlockCipher, CryptoProvider } from '../providers.ts'

// struct bpf_crypto_params.
const TYPE_SIZE = 14
const ALGO = 16
const ALGO_SIZE = 128
const KEY = 144
const KEY_SIZE = 256
const KEY_LENGTH = 400
const AUTH_SIZE = 404

/** Kernel functions that run where the host has ciphers: exports of the module, by name. */
export const cryptoKfuncs: Readonly<Record<string, string>> = {
  bpf_crypto_ctx_create: 'crypto_ctx_create',
  bpf_crypto_ctx_acquire: 'crypto_ctx_acquire',
  bpf_crypto_ctx_release: 'crypto_ctx_release',
  bpf_crypto_encrypt: 'crypto_encrypt',
  bpf_crypto_decrypt: 'crypto_decrypt',
}

/** The functions that assembly/crypto.ts imports as `host`. */
export function cryptoFunctions(
  env: HostEnv,
  provider: CryptoProvider | undefined,
): Readonly<Record<string, (...args: number[]) => number>> {
  const ciphers = new Map<number, BlockCipher>()
  const bytes = (at: number, size: number): Uint8Array => new Uint8Array(env.memory.buffer, at >>> 0, size)
  const text = (at: number, size: number): string => {
    const all = bytes(at, size)
    const end = all.indexOf(0)
    return new TextDecoder().decode(all.slice(0, end < 0 ? size : end))
  }
  return {
    cryptoCreate: (context, params) => {
      const at = params! >>> 0
      const view = new DataView(env.memory.buffer)
      const type = text(at, TYPE_SIZE)
      if (!provider || type !== 'skcipher') return -ERRNO.ENOENT
      const algo = text(at + ALGO, ALGO_SIZE)
      const length = view.getUint32(at + KEY_LENGTH, true)
      const algorithm = provider.find(algo)
      if (!algorithm || view.getUint32(at + AUTH_SIZE, true) !== 0) return -ERRNO.EOPNOTSUPP
      if (length === 0 || length > KEY_SIZE) return -ERRNO.EINVAL
      const cipher = algorithm(bytes(at + KEY, length).slice())
      if (!cipher) return -ERRNO.EINVAL
      ciphers.set(context! >>> 0, cipher)
      return 0
    },
    cryptoRelease: (context) => {
      ciphers.get(context! >>> 0)?.close?.()
      ciphers.delete(context! >>> 0)
      return 0
    },
    cryptoRun: (context, from, size, to, iv, ivSize, decrypts) => {
      const cipher = ciphers.get(context! >>> 0)
      if (!cipher || ivSize !== cipher.ivSize) return -ERRNO.EINVAL
      // What is left of a block is refused, once the whole ones are done.
      const rest = size! % cipher.blockSize
      const whole = size! - rest
      const vector = bytes(iv!, ivSize!)
      const input = bytes(from!, whole).slice()
      const output = decrypts ? cipher.decrypt(input, vector.slice()) : cipher.encrypt(input, vector.slice())
      bytes(to!, whole).set(output)
      // Chained blocks go on from the last one, as the kernel leaves it.
      if (ivSize! > 0 && whole > 0) vector.set((decrypts ? input : output).subarray(-ivSize!))
      return rest === 0 ? 0 : -ERRNO.EINVAL
    },
  }
}
