/**
 * Numbers that stand for objects and functions of the host: they look like addresses of a kernel's heap, and no program can
 * read there (bpf_probe_read gives -EFAULT).
 */
const HEAP = 0xffff_8880
const ALIGN = 16
const PER_PAGE = 2 ** 32 / ALIGN

const numbers = new WeakMap<object, number>()
let last = 0

/** The number of an object, the same for as long as it lives: `handleLow` and `handleHigh` make the 64 bits of it. */
export function handleOf(object: object): number {
  let number = numbers.get(object)
  if (number === undefined) numbers.set(object, (number = ++last))
  return number
}

export const handleLow = (handle: number): number => ((handle % PER_PAGE) * ALIGN) | 0
export const handleHigh = (handle: number): number => (HEAP + Math.floor(handle / PER_PAGE)) | 0

/** The 64 bits by which programs know an object or a function: an argument, bpf_get_func_ip. */
export function addressOf(object: object): bigint {
  const handle = handleOf(object)
  return (BigInt(handleHigh(handle) >>> 0) << 32n) | BigInt(handleLow(handle) >>> 0)
}
