import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { traffic, trafficPath } from '../test/traffic.ts'
import { encodeCapture, openCapture, PacketBatch, parseCapture, receiveAll } from './index.ts'
import { openFileSource, openPcap, openPcapSink } from './node.ts'

const folder = mkdtempSync(join(tmpdir(), 'skep-packet-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('openPcap and openPcapSink', () => {
  it('copy a capture from file to file', async () => {
    const path = join(folder, 'copy.pcapng')
    const source = await openPcap(trafficPath)
    const sink = await openPcapSink(path, { format: 'pcapng' })
    expect([source.name, sink.name]).toEqual(['traffic.pcap', 'copy.pcapng'])
    for await (const batch of receiveAll(source)) await sink.transmit(batch)
    await source.close()
    await sink.close()

    const copy = await openPcap(path)
    const batch = new PacketBatch({ capacity: 10_000, buffer: new Uint8Array(4 << 20) })
    let count = 0
    while (await copy.receive(batch)) count += batch.count
    expect(count).toBe([...parseCapture(traffic)].length)
    await copy.close()
  })

  it('read a file far larger than they hold', async () => {
    const path = join(folder, 'large.pcap')
    const records = [...parseCapture(traffic)]
    const many = encodeCapture(Array.from({ length: 40 }, () => records).flat()) // 44 MB
    writeFileSync(path, many)
    const source = await openFileSource(path)
    let longest = 0
    const reader = await openCapture({
      read(into) {
        longest = Math.max(longest, into.length)
        return source.read(into)
      },
      close: () => source.close?.(),
    })
    const batch = new PacketBatch({ headroom: 256, capacity: 4096, buffer: new Uint8Array(2 << 20) })
    let count = 0
    while (await reader.readInto(batch)) count += batch.count
    expect(count).toBe(40 * records.length)
    expect(longest).toBeLessThanOrEqual(1 << 20)
    await reader.close()
  })

  it('fail with the error of the file system, or of the format', async () => {
    await expect(openPcap(join(folder, 'nowhere.pcap'))).rejects.toMatchObject({ code: 'ENOENT' })
    writeFileSync(join(folder, 'none.pcap'), 'nothing of the kind')
    await expect(openPcap(join(folder, 'none.pcap'))).rejects.toMatchObject({ code: 'PCAP_MAGIC' })
  })
})
