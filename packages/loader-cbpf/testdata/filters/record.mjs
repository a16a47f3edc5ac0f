// Asks tcpdump anew what the filters of verdicts.json say of its packets, and writes that down there.
// usage: node record.mjs   (tcpdump 4.99.3 with libpcap 1.10.3 of Debian 12)
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const file = new URL('verdicts.json', import.meta.url)
const dir = mkdtempSync(join(tmpdir(), 'filters-'))
const capture = join(dir, 'packets.pcap')

/** The packets as a capture; the second in which each was taken is its number. */
function pcap(linkType, packets) {
  const bytes = packets.map(({ data }) => Buffer.from(data, 'hex'))
  const parts = [words(0xa1b2c3d4, 0x0004_0002, 0, 0, 262144, linkType)]
  packets.forEach(({ length }, index) => {
    parts.push(words(index, 0, bytes[index].length, length), bytes[index])
  })
  return Buffer.concat(parts)
}

const words = (...values) => Buffer.from(new Uint32Array(values).buffer)

function accepted(expression, count) {
  const { status, stdout } = spawnSync('tcpdump', ['-r', capture, '-w', '-', '--', expression], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (status !== 0) return 'refused'
  const verdicts = Array(count).fill('-')
  for (let at = 24; at < stdout.length; at += 16 + stdout.readUInt32LE(at + 8)) {
    verdicts[stdout.readUInt32LE(at)] = '+'
  }
  return verdicts.join('')
}

const groups = JSON.parse(readFileSync(file, 'utf8'))
for (const group of groups) {
  writeFileSync(capture, pcap(group.linkType, group.packets))
  for (const filter of group.filters) filter[1] = accepted(filter[0], group.packets.length)
}
rmSync(dir, { recursive: true })
const lines = groups.map(({ linkType, packets, filters }) => {
  const list = (items) => items.map((item) => `  ${JSON.stringify(item)}`).join(',\n')
  return `{ "linkType": ${linkType}, "packets": [\n${list(packets)}\n], "filters": [\n${list(filters)}\n] }`
})
writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`)
