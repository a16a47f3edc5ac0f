import { closeSync, openSync, readSync } from 'node:fs'
import { parseCapture } from '@skep/packet'

/** What a capture file says of itself before its first packet. */
export interface CaptureHead {
  /** LINKTYPE of the first interface; undefined where the file names none at its start. */
  readonly linkType: number | undefined
  readonly bigEndian: boolean
}

/** Enough for what stands before the first packet. */
const HEAD = 65_536
/** How each format begins where it is big-endian: a pcap's magic number, and the one of a pcapng section. */
const PCAP_BIG = 0xa1
const PCAPNG_BIG = 0x1a
const PCAPNG_MAGIC_AT = 8
const PCAPNG_BLOCK = 0x0a0d0d0a

/** Reads the start of a capture file. Throws the system's errors. */
export function captureHead(file: string): CaptureHead {
  const fd = openSync(file, 'r')
  const bytes = Buffer.alloc(HEAD)
  let length: number
  try {
    length = readSync(fd, bytes, 0, HEAD, 0)
  } catch (error) {
    throw Object.assign(error as Error, { path: file })
  } finally {
    closeSync(fd)
  }
  const head = bytes.subarray(0, length)
  const section = length > PCAPNG_MAGIC_AT && head.readUInt32BE(0) === PCAPNG_BLOCK
  const bigEndian = section ? head[PCAPNG_MAGIC_AT] === PCAPNG_BIG : head[0] === PCAP_BIG
  return { linkType: firstLinkType(head), bigEndian }
}

/** What is wrong with the file is for whoever reads all of it to say. */
function firstLinkType(head: Uint8Array): number | undefined {
  try {
    const capture = parseCapture(head, { tolerateTruncation: true })
    return capture.interfaces[0]?.linkType
  } catch {
    return undefined
  }
}
