/** A cache that fails costs time, and nothing else. */
export async function quietly<T>(get: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await get()
  } catch {
    return undefined
  }
}

/** What a cache keeps: something that JSON can say, and bytes. */
export interface Entry {
  readonly about: unknown
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The length of the JSON (u32, little endian), the JSON, the bytes. */
export function packEntry(about: unknown, bytes: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(about))
  const entry = new Uint8Array(4 + text.length + bytes.length)
  new DataView(entry.buffer).setUint32(0, text.length, true)
  entry.set(text, 4)
  entry.set(bytes, 4 + text.length)
  return entry
}

/** Undefined for what is none. */
export function openEntry(entry: Uint8Array): Entry | undefined {
  try {
    const length = new DataView(entry.buffer, entry.byteOffset, entry.length).getUint32(0, true)
    const about: unknown = JSON.parse(new TextDecoder().decode(entry.slice(4, 4 + length)))
    return { about, bytes: new Uint8Array(entry.subarray(4 + length)) }
  } catch {
    return undefined
  }
}

/** SHA-256 over the parts and their lengths, in hexadecimal. */
export async function digest(parts: readonly (string | Uint8Array)[]): Promise<string> {
  const encoder = new TextEncoder()
  const blobs = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part))
  const all = new Uint8Array(blobs.reduce((sum, { length }) => sum + 4 + length, 0))
  const view = new DataView(all.buffer)
  let at = 0
  for (const blob of blobs) {
    view.setUint32(at, blob.length, true)
    all.set(blob, at + 4)
    at += 4 + blob.length
  }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
