import { describe, expect, it } from 'vitest'
import {
  buildPacket,
  createDevicePair,
  createSwitch,
  LINKTYPE,
  PacketBatch,
  type PacketDevice,
  receiveAll,
  type SwitchOptions,
} from './index.ts'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const address = (host: string): string => (host.length === 1 ? `02:00:00:00:00:0${host}` : host)

/** Hosts at ports of a switch, which note what they get: `from>to:word`. */
function network(names: string, options: SwitchOptions = {}) {
  const bridge = createSwitch(options)
  const heard: Record<string, string[]> = {}
  const hosts: Record<string, PacketDevice> = {}
  for (const name of names) {
    const port = bridge.port({ name })
    hosts[name] = port
    const words: string[] = []
    heard[name] = words
    void (async () => {
      for await (const batch of receiveAll(port))
        for (const frame of batch) words.push(new TextDecoder().decode(frame.subarray(14)))
    })()
  }
  const say = async (at: string, from: string, to: string, ...words: string[]) => {
    const batch = new PacketBatch()
    for (const word of words)
      batch.push(
        buildPacket([
          { layer: 'ethernet', src: address(from), dst: address(to), type: 0x88b5 },
          { layer: 'payload', data: new TextEncoder().encode(word) },
        ]),
      )
    await hosts[at]!.transmit(batch)
    // Frames pass a few turns of the event loop later.
    for (let n = 0; n < 20; n++) await Promise.resolve()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const take = () =>
    Object.fromEntries(Object.entries(heard).map(([name, words]) => [name, words.splice(0).join(' ')]))
  return { bridge, hosts, say, take }
}

describe('a switch', () => {
  it('learns where addresses are, and sends to all others what it does not know', async () => {
    const { bridge, hosts, say, take } = network('abc')
    await say('a', 'a', 'b', 'who', 'are', 'you')
    expect(take()).toEqual({ a: '', b: 'who are you', c: 'who are you' })
    await say('b', 'b', 'a', 'me')
    await say('a', 'a', 'b', 'fine')
    expect(take()).toEqual({ a: 'me', b: 'fine', c: '' })
    await say('c', 'c', BROADCAST, 'all')
    await say('c', 'c', '33:33:00:00:00:01', 'some')
    expect(take()).toEqual({ a: 'all some', b: 'all some', c: '' })
    expect(bridge.stats).toEqual({ frames: 7, forwarded: 2, flooded: 5, filtered: 0 })
    expect([...bridge.addresses.keys()]).toEqual([address('a'), address('b'), address('c')])
    expect(bridge.ports.size).toBe(3)
    expect(bridge.ports.has(hosts.a!)).toBe(false) // the other end of it is
    await bridge.close()
  })

  it('follows an address that moves, forgets one that is silent, and one whose port goes', async () => {
    let time = 0
    const { bridge, say, take } = network('abc', { now: () => time, ageing: 100 })
    await say('a', 'a', BROADCAST, '-')
    await say('b', 'a', BROADCAST, '-')
    take()
    await say('c', 'c', 'a', 'moved')
    expect(take()).toEqual({ a: '', b: 'moved', c: '' })
    time = 101
    expect(bridge.addresses.size).toBe(0)
    await say('c', 'c', 'a', 'forgotten')
    expect(take()).toEqual({ a: 'forgotten', b: 'forgotten', c: '' })
    await say('b', 'a', BROADCAST, '-')
    take()
    bridge.remove(bridge.addresses.get(address('a'))!)
    expect([...bridge.addresses.keys()]).toEqual([address('c')])
    await say('c', 'c', 'a', 'gone')
    expect(take()).toEqual({ a: 'gone', b: '', c: '' })
    await bridge.close()
  })

  it('keeps what is for nobody else: frames to where they came from, to bridges, and what is no frame', async () => {
    const { bridge, hosts, say, take } = network('ab')
    await say('a', 'b', BROADCAST, '-')
    take()
    await say('a', 'a', 'b', 'neighbour')
    await say('a', 'a', '01:80:c2:00:00:0e', 'lldp')
    const short = new PacketBatch()
    short.push(new Uint8Array(13))
    await hosts.a!.transmit(short)
    await say('a', BROADCAST, BROADCAST, 'nobody')
    expect(take()).toEqual({ a: '', b: 'nobody' })
    expect(bridge.stats).toMatchObject({ frames: 5, filtered: 3 })
    expect([...bridge.addresses.keys()].sort()).toEqual([address('a'), address('b')])
    await bridge.close()
  })

  it('knows no more addresses than it may, and makes room where some are old', async () => {
    let time = 0
    const { bridge, say } = network('ab', { now: () => time, ageing: 100, maxAddresses: 2 })
    for (const from of ['1', '2', '3']) await say('a', from, BROADCAST, '-')
    expect([...bridge.addresses.keys()]).toEqual([address('1'), address('2')])
    time = 101
    await say('a', '3', BROADCAST, '-')
    expect([...bridge.addresses.keys()]).toEqual([address('3')])
    await bridge.close()
  })

  it('takes devices until they end, and lets go of those that fail', async () => {
    const failed: [string, unknown][] = []
    const bridge = createSwitch({
      onError: ({ name }, error) => failed.push([name, (error as Error).message]),
    })
    const port = bridge.port()
    const [near, far] = createDevicePair()
    bridge.add(near)
    bridge.add(near)
    expect(() => createSwitch({ ports: [near] })).toThrow(
      'BUSY: a hook or another switch receives from veth0; close that first',
    )
    await far.close()
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(bridge.ports.size).toBe(1)
    const wire = { ...createDevicePair()[0], name: 'wire' }
    bridge.add({ ...wire, receive: () => Promise.reject(new Error('cut')) })
    bridge.add({
      ...wire,
      name: 'dumb',
      receive: () => new Promise(() => {}),
      transmit: () => Promise.reject(new Error('mute')),
    })
    const batch = new PacketBatch()
    batch.push(new Uint8Array(60).fill(255))
    await port.transmit(batch)
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(failed).toEqual([
      ['wire', 'cut'],
      ['dumb', 'mute'],
    ])
    const [raw] = createDevicePair({ linkType: LINKTYPE.RAW })
    expect(() => bridge.add(raw)).toThrow('BAD_LINK: veth0 has no Ethernet frames')
    await bridge.close()
    await bridge.close()
    expect(await port.receive(batch)).toBe(0)
    expect(() => bridge.port()).toThrow('CLOSED: the switch is closed')
  })

  it('drops what a port does not take in time, and waits where it is told to', async () => {
    const full = async (overflow?: 'wait') => {
      const bridge = createSwitch()
      const sender = bridge.port()
      const slow = bridge.port({ queueLength: 2, ...(overflow ? { overflow } : {}) })
      const batch = new PacketBatch()
      for (let n = 0; n < 5; n++) batch.push(new Uint8Array(60).fill(255))
      await sender.transmit(batch)
      await new Promise((resolve) => setTimeout(resolve, 0))
      const got: number[] = []
      const receiving = new PacketBatch()
      while (got.reduce((sum, n) => sum + n, 0) < (overflow ? 5 : 2)) got.push(await slow.receive(receiving))
      await bridge.close()
      return [...bridge.ports].length + got.length
    }
    expect(await full()).toBe(1)
    expect(await full('wait')).toBeGreaterThan(1)
  })
})
