import { readFileSync } from 'node:fs'

/** The packets of a capture file: pcap, little-endian, whatever its clock. */
export function readPcap(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const packets: Uint8Array[] = []
  for (let at = 24; at < bytes.length; ) {
    const length = view.getUint32(at + 8, true)
    packets.push(bytes.subarray(at + 16, at + 16 + length))
    at += 16 + length
  }
  return packets
}

/** Recorded traffic of ordinary clients and servers (see its README.md). */
export const TRAFFIC: URL = new URL('../../../apps/cli/testdata/traffic.pcap', import.meta.url)

export const traffic = (): Uint8Array[] => readPcap(readFileSync(TRAFFIC))
