/**
 * bpf_crypto_* (kernel/bpf/crypto.c): the host does the arithmetic. A context is an object as those of bpf_obj_new, so
 * what holds one in a kptr frees it.
 */
import { EINVAL, ENOMEM } from '../../registry/src/layout/errno'
import { OBJECT_HEADER } from '../../registry/src/layout/fields'
import { DYNPTR_RINGBUF, dynptrData, dynptrReadOnly, dynptrSize, dynptrType, place } from './dynptr'
import { pointer, result } from './env'
import { keep } from './objects'

// @ts-ignore: decorator
@external("memory", "alloc")
declare function alloc(size: u32, align: u32): u32

// @ts-ignore: decorator
@external("memory", "free")
declare function free(address: u32): i32

// @ts-ignore: decorator
@external("host", "cryptoCreate")
declare function hostCreate(context: u32, params: u32): i32

// @ts-ignore: decorator
@external("host", "cryptoRelease")
declare function hostRelease(context: u32): void

// @ts-ignore: decorator
@external("host", "cryptoRun")
declare function hostRun(
  context: u32,
  from: u32,
  size: u32,
  to: u32,
  iv: u32,
  ivSize: u32,
  decrypts: i32,
): i32

/** sizeof(struct bpf_crypto_params), and its `reserved`. */
const PARAMS_SIZE: u32 = 408
const RESERVED: usize = 14
/** Of a context: how many hold it. */
const USAGE: usize = 0
const CONTEXT_SIZE: u32 = 16

export function crypto_ctx_create(params: u64, size: u64, error: u64, r4: u64, r5: u64): u64 {
  const from = pointer(params)
  if (from == 0 || <u32>size != PARAMS_SIZE || load<u16>(from, RESERVED) != 0) {
    store<i32>(pointer(error), -EINVAL)
    return 0
  }
  const block: usize = alloc(OBJECT_HEADER + CONTEXT_SIZE, 8)
  if (block == 0) {
    store<i32>(pointer(error), -ENOMEM)
    return 0
  }
  memory.fill(block, 0, OBJECT_HEADER + CONTEXT_SIZE)
  const context = block + OBJECT_HEADER
  const made = hostCreate(<u32>context, <u32>from)
  store<i32>(pointer(error), made)
  if (made != 0) {
    free(<u32>block)
    return 0
  }
  store<u32>(context, 1, USAGE)
  return <u64>context
}

export function crypto_ctx_acquire(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const at = pointer(context)
  const usage = load<u32>(at, USAGE)
  if (usage == 0) return 0
  store<u32>(at, usage + 1, USAGE)
  return context
}

export function crypto_ctx_release(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  releaseCipher(pointer(context))
  return 0
}

/** Takes one of those that hold a context away; a program may still look at one that nobody holds. */
export function releaseCipher(at: usize): void {
  const usage = load<u32>(at, USAGE) - 1
  store<u32>(at, usage, USAGE)
  if (usage != 0) return
  hostRelease(<u32>at)
  keep(at - OBJECT_HEADER)
}

/** __bpf_dynptr_data of all of a dynptr; packets have none. */
function bytesOf(at: usize): usize {
  if (dynptrData(at) == 0 || dynptrType(at) > DYNPTR_RINGBUF) return 0
  return place(at, 0, dynptrSize(at))
}

function crypt(context: u64, source: u64, target: u64, vector: u64, decrypts: i32): u64 {
  const src = pointer(source)
  const dst = pointer(target)
  const siv = pointer(vector)
  if (dynptrData(dst) == 0 || dynptrData(src) == 0 || dynptrReadOnly(dst)) return result(-EINVAL)
  const size = dynptrSize(src)
  const room = dynptrSize(dst)
  const ivSize = siv != 0 && dynptrData(siv) != 0 ? dynptrSize(siv) : 0
  if (size == 0 || room == 0 || size > room) return result(-EINVAL)
  const from = bytesOf(src)
  const to = bytesOf(dst)
  const iv = ivSize != 0 ? bytesOf(siv) : 0
  if (from == 0 || to == 0 || (ivSize != 0 && (iv == 0 || dynptrReadOnly(siv)))) return result(-EINVAL)
  return result(hostRun(<u32>context, <u32>from, size, <u32>to, <u32>iv, ivSize, decrypts))
}

export function crypto_encrypt(context: u64, source: u64, target: u64, vector: u64, r5: u64): u64 {
  return crypt(context, source, target, vector, 0)
}

export function crypto_decrypt(context: u64, source: u64, target: u64, vector: u64, r5: u64): u64 {
  return crypt(context, source, target, vector, 1)
}
