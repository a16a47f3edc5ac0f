import { filterCapture, filterDevice } from '@skep/hook-socket'
import { compileFilter } from '@skep/loader-cbpf/filter'
import { createCollector, createPcapSource, PacketBatch, receiveAll } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { file, program, spec, thrownBy } from '../hostile-tools.ts'

const capture = file('traffic.pcap')

describe('a socket filter on a device', () => {
  it('keeps and cuts what it keeps of a capture', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(compileFilter('udp port 53 or icmp', { name: 'names', snaplen: 60 }))
    const filter = loaded.program('names', 'socket_filter')
    const device = filterDevice(filter, await createPcapSource(capture), { batchSize: 50 })
    const kept = createCollector()
    // A reader with less room than the filter.
    for await (const batch of receiveAll(device, new PacketBatch({ capacity: 7 }))) await kept.transmit(batch)
    const { stats } = await filterCapture(filter, capture)
    const { packets, bytes, passed, truncated, dropped } = device.filter
    expect({ packets, bytes, passed, dropped }).toEqual(stats)
    expect(kept.packets).toHaveLength(passed)
    const lengths = kept.packets.map(({ data }) => data.length)
    expect(Math.max(...lengths)).toBe(60)
    expect(truncated).toBe(kept.packets.filter(({ originalLength }) => originalLength > 60).length)
    await device.close()
  })

  it('ends with its program, and gives its memory back', async () => {
    using runtime = await createRuntime()
    const keep = spec([
      program('mov r0, -1\nexit', { name: 'all', type: 'socket_filter', section: 'socket' }),
    ])
    const loaded = await runtime.load(keep)
    const source = await createPcapSource(capture)
    const { used } = runtime.arena
    const device = filterDevice(loaded.program('all', 'socket_filter'), source)
    const batch = new PacketBatch({ capacity: 3 })
    expect(await device.receive(batch)).toBe(3)
    await device.close()
    expect(await device.receive(batch)).toBe(0)
    expect(runtime.arena.used).toBe(used)
    const xdp = (await runtime.load(spec([program('mov r0, 2\nexit', { name: 'xdp' })]))).program(
      'xdp',
      'xdp',
    )
    // @ts-expect-error a program for devices keeps no bytes
    expect(thrownBy(() => filterDevice(xdp, source))).toMatchObject({ code: 'WRONG_PROGRAM_TYPE' })
  })
})
