import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCapture } from '@skep/packet'
import { Random } from '../random.ts'
import { LINKS } from './links.ts'
import { networkPackets } from './packets.ts'

/** Packets of one link type, and the file that has them. */
export interface TestCapture {
  readonly name: string
  /** LINKTYPE */
  readonly linkType: number
  readonly packets: readonly { readonly data: Uint8Array; readonly length: number }[]
  readonly bytes: Uint8Array
}

const SNAPLEN = 262_144

/** A file of the classic pcap format. */
function pcapFile(linkType: number, packets: TestCapture['packets']): Uint8Array {
  const out = new Uint8Array(24 + packets.reduce((sum, { data }) => sum + 16 + data.length, 0))
  const view = new DataView(out.buffer)
  view.setUint32(0, 0xa1b2c3d4, true)
  view.setUint16(4, 2, true)
  view.setUint16(6, 4, true)
  view.setUint32(16, SNAPLEN, true)
  view.setUint32(20, linkType, true)
  let at = 24
  for (const { data, length } of packets) {
    view.setUint32(at + 8, data.length, true)
    view.setUint32(at + 12, length, true)
    out.set(data, at + 16)
    at += 16 + data.length
  }
  return out
}

/** So many of a capture's packets are there a second time with some bytes changed, or cut. */
const CHANGED = 0.6

/** A packet with a few bytes changed, and perhaps only the first of them. */
function changed(
  random: Random,
  { data, length }: TestCapture['packets'][number],
): TestCapture['packets'][number] {
  const bytes = data.slice()
  for (let n = random.below(4); n > 0; n--) {
    // Most of what a filter looks at is near the start.
    const at = random.below(Math.min(bytes.length, random.chance(0.7) ? 48 : 128))
    if (bytes.length > 0)
      bytes[at] = random.chance(0.5) ? random.below(256) : bytes[at]! ^ (1 << random.below(8))
  }
  return { data: random.chance(0.4) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes, length }
}

/** Captures of all link types, from a seed: every encapsulation there is a builder for, changed and cut packets, and traffic. */
export function makeCaptures(root: string, seed: number): TestCapture[] {
  const random = new Random(seed)
  const inner = networkPackets()
  return LINKS.map(({ linkType, frames }) => {
    const whole = frames(inner).map((data) => ({ data, length: data.length }))
    if (linkType === 1) {
      const traffic = parseCapture(readFileSync(join(root, 'apps/cli/testdata/traffic.pcap')))
      for (const record of [...traffic].slice(0, 150))
        whole.push({ data: record.data, length: record.originalLength })
    }
    const packets = [
      ...whole,
      ...whole.filter(() => random.chance(CHANGED)).map((packet) => changed(random, packet)),
    ]
    return { name: `link-type-${linkType}`, linkType, packets, bytes: pcapFile(linkType, packets) }
  })
}
