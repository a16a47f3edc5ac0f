import type { ModuleBuilder } from '@skep/wasm'

/** Zeros that cost less in a segment than a segment of their own. */
const GAP = 16
/** Engines refuse modules with more segments than 100,000. */
const MOST_SEGMENTS = 50_000

/** Ranges of a memory that are not zero, `gap` zeros or fewer apart joined. `bytes` begins at a multiple of 8. */
export function findRanges(bytes: Uint8Array, gap: number = GAP): [from: number, to: number][] {
  const ranges: [number, number][] = []
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
  let last: [number, number] | undefined
  for (let n = 0; n < words.length; n++) {
    if (words[n] === 0) continue
    const at = n << 2
    if (last && at - last[1] <= gap) last[1] = at + 4
    else {
      last = [at, at + 4]
      ranges.push(last)
    }
  }
  return ranges.length > MOST_SEGMENTS ? findRanges(bytes, gap * 4) : ranges
}

/** Adds data segments that make a new memory equal to this one. */
export function addImage(builder: ModuleBuilder, memory: Uint8Array): void {
  for (const [from, to] of findRanges(memory)) {
    let [first, end] = [from, to]
    while (memory[first] === 0) first++
    while (memory[end - 1] === 0) end--
    builder.data(memory.slice(first, end), first | 0)
  }
}

/** The module without its data count section, which WebAssembly 1.0 does not know. */
export function withoutDataCount(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let at = 8; at < module.length; ) {
    const start = at
    const id = module[at++]!
    let size = 0
    for (let shift = 0, more = true; more; shift += 7) {
      size += (module[at]! & 0x7f) * 2 ** shift
      more = module[at++]! >= 0x80
    }
    at += size
    if (id !== 12) continue
    const rest = new Uint8Array(module.length - (at - start))
    rest.set(module.subarray(0, start))
    rest.set(module.subarray(at), start)
    return rest
  }
  return module
}
