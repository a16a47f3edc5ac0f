import type { MapSpec } from '@skep/registry'
import { PinError } from './pin-error.ts'

/** What a map is: the attributes of bpf(2), and the CPUs that its values are laid out for. */
export interface PinDefinition {
  readonly name: string
  readonly type: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly mapExtra: number
  readonly cpus: number
  readonly frozen: boolean
}

/** Elements of one size: a key (perhaps of 0 bytes) and what belongs to it, one behind the other. */
export interface PinContents {
  readonly keyBytes: number
  readonly valueBytes: number
  readonly bytes: Uint8Array
}

export interface PinnedMap {
  readonly definition: PinDefinition
  readonly contents: PinContents
}

/** `SKEPPIN` and a NUL. */
const MAGIC = Uint8Array.of(0x53, 0x4b, 0x45, 0x50, 0x50, 0x49, 0x4e, 0)
const VERSION = 1
/** Magic, u32 version, u32 bytes of the definition, u32 bytes of a key, u32 bytes of a value, u64 bytes of the elements. */
const HEADER = 32
const CHECKSUM = 4

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let word = n
  for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0xedb8_8320 : word >>> 1
  return word
})

/** CRC-32 as IEEE 802.3 has it. */
export function crc32(bytes: Uint8Array): number {
  let word = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++) word = table[(word ^ bytes[i]!) & 0xff]! ^ (word >>> 8)
  return ~word >>> 0
}

/**
 * A pinned map as bytes, little-endian: the header, the definition as JSON, the elements, and the CRC-32 of all that.
 * Format 1; a change to it is another number.
 */
export function encodePin({ definition, contents }: PinnedMap): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(definition))
  const size = HEADER + text.length + contents.bytes.length
  const file = new Uint8Array(size + CHECKSUM)
  const view = new DataView(file.buffer)
  file.set(MAGIC)
  view.setUint32(8, VERSION, true)
  view.setUint32(12, text.length, true)
  view.setUint32(16, contents.keyBytes, true)
  view.setUint32(20, contents.valueBytes, true)
  view.setBigUint64(24, BigInt(contents.bytes.length), true)
  file.set(text, HEADER)
  file.set(contents.bytes, HEADER + text.length)
  view.setUint32(size, crc32(file.subarray(0, size)), true)
  return file
}

/** Reads what `encodePin` wrote. Throws PinError DAMAGED and VERSION. */
export function decodePin(path: string, file: Uint8Array): PinnedMap {
  const damaged = (why: string): PinError =>
    new PinError('DAMAGED', path, `${why}; unpin it, or bring the bytes back from a copy`)
  if (file.length < HEADER + CHECKSUM)
    throw damaged(`the stored map has ${file.length} bytes, too few for one`)
  if (MAGIC.some((byte, n) => file[n] !== byte)) throw damaged('the stored bytes are no pinned map')
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const version = view.getUint32(8, true)
  const textBytes = view.getUint32(12, true)
  const keyBytes = view.getUint32(16, true)
  const valueBytes = view.getUint32(20, true)
  const bytes = view.getBigUint64(24, true)
  const end = file.length - CHECKSUM
  const whole = crc32(file.subarray(0, end)) === view.getUint32(end, true)
  if (whole && version !== VERSION)
    throw new PinError(
      'VERSION',
      path,
      `the stored map has format ${version}, and this version reads ${VERSION}`,
    )
  if (!whole) throw damaged('the checksum does not fit the stored bytes')
  const size = keyBytes + valueBytes
  if (BigInt(HEADER + textBytes) + bytes !== BigInt(end))
    throw damaged('its parts do not have the length of all')
  const elements = file.slice(HEADER + textBytes, end)
  if (size === 0 ? elements.length > 0 : elements.length % size !== 0)
    throw damaged(`${elements.length} bytes are not whole elements of ${size}`)
  const definition = readDefinition(file.slice(HEADER, HEADER + textBytes))
  if (!definition) throw damaged('its definition is none')
  return { definition, contents: { keyBytes, valueBytes, bytes: elements } }
}

const numbers = ['keySize', 'valueSize', 'maxEntries', 'flags', 'mapExtra', 'cpus'] as const

function readDefinition(text: Uint8Array): PinDefinition | undefined {
  let given: Partial<PinDefinition> | null
  try {
    given = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text))
  } catch {
    return undefined
  }
  if (typeof given !== 'object' || given === null) return undefined
  const { name, type, frozen } = given
  if (typeof name !== 'string' || typeof type !== 'string' || typeof frozen !== 'boolean') return undefined
  const fits = (value: unknown): boolean => Number.isInteger(value) && (value as number) >>> 0 === value
  if (!numbers.every((key) => fits(given[key]))) return undefined
  return given as PinDefinition
}

/** The spec that makes such a map. */
export function specOfPin({ definition }: PinnedMap): MapSpec {
  const { name, type, keySize, valueSize, maxEntries, flags, mapExtra } = definition
  return { name, type, keySize, valueSize, maxEntries, flags, ...(mapExtra === 0 ? {} : { mapExtra }) }
}
