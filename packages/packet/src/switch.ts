import { mac } from './address.ts'
import { PacketBatch } from './batch.ts'
import type { PacketDevice } from './device.ts'
import { createDevicePair, type DevicePairOptions } from './device-pair.ts'
import { DevicePump, pumpOf } from './device-pump.ts'
import { PacketError } from './errors.ts'
import { LINKTYPE } from './link-type.ts'
import type { DeviceOptions } from './pcap-device.ts'

export interface SwitchOptions {
  /** The first ports; `add` takes more. */
  readonly ports?: Iterable<PacketDevice>
  /** After how many milliseconds an address is forgotten that no frame comes from; 300,000 by default, as in Linux. */
  readonly ageing?: number
  /** The most addresses that are known at once; 4,096 by default. Frames to others go to all ports. */
  readonly maxAddresses?: number
  /** The time in milliseconds; `performance.now` by default. */
  readonly now?: () => number
  /** Told of a port that was taken out since its device failed. */
  readonly onError?: (device: PacketDevice, error: unknown) => void
}

export interface SwitchPortOptions
  extends DeviceOptions,
    Pick<DevicePairOptions, 'queueLength' | 'overflow'> {}

/** Counters of a switch, in frames that it received. */
export interface SwitchStats {
  frames: number
  /** To the one port where the address is. */
  forwarded: number
  /** To all other ports: broadcast, multicast, or an address that is not known. */
  flooded: number
  /** To none: the address is where the frame came from, or it is for the bridge itself (01:80:c2:00:00:0x), or no frame. */
  filtered: number
}

/** A learning bridge between devices (IEEE 802.1D, without spanning tree: give it no loops). */
export interface PacketSwitch extends AsyncDisposable {
  readonly ports: ReadonlySet<PacketDevice>
  readonly stats: Readonly<SwitchStats>
  /** Where addresses are, as far as they were learned and are not forgotten. */
  readonly addresses: ReadonlyMap<string, PacketDevice>
  /** Takes a device as a port, until it has no more packets. Throws PacketError BUSY, BAD_LINK or CLOSED. */
  add(device: PacketDevice): void
  /** Ends that; the device stays open. Removing twice is fine. */
  remove(device: PacketDevice): void
  /**
   * A port of the switch's own: what is transmitted on it goes into the switch, what the switch sends there is received. What
   * nobody receives in time is dropped, unless `overflow` is `wait`. Throws PacketError CLOSED.
   */
  port(options?: SwitchPortOptions): PacketDevice
  /** Ends all; closes the devices that `port` made. */
  close(): Promise<void>
}

const TABLES = ['offsets', 'lengths', 'originalLengths', 'seconds', 'nanos', 'interfaceIds'] as const

const HEADER_SIZE = 14
const GROUP = 2 ** 40
const RESERVED = 0x01_80c2_0000_00

interface Place {
  port: PacketDevice
  seen: number
}

/** Where a frame goes, if not to one port. */
const NOWHERE = 'nowhere'
const EVERYWHERE = 'everywhere'

/** Makes a switch of these devices. Throws PacketError as `add`. */
export const createSwitch = (options: SwitchOptions = {}): PacketSwitch => new Bridge(options)

class Bridge implements PacketSwitch {
  readonly ports: Set<PacketDevice> = new Set()
  readonly stats: SwitchStats = { frames: 0, forwarded: 0, flooded: 0, filtered: 0 }
  readonly #ageing: number
  readonly #maxAddresses: number
  readonly #now: () => number
  readonly #onError: SwitchOptions['onError']
  readonly #pumps = new Map<PacketDevice, DevicePump>()
  readonly #own = new Set<PacketDevice>()
  /** By address as a number of 48 bits. */
  readonly #places = new Map<number, Place>()
  #closed = false

  constructor(options: SwitchOptions) {
    this.#ageing = options.ageing ?? 300_000
    this.#maxAddresses = options.maxAddresses ?? 4096
    this.#now = options.now ?? (() => performance.now())
    this.#onError = options.onError
    for (const device of options.ports ?? []) this.add(device)
  }

  get addresses(): ReadonlyMap<string, PacketDevice> {
    const oldest = this.#now() - this.#ageing
    const known = [...this.#places].filter(([, { seen }]) => seen >= oldest)
    return new Map(known.map(([address, { port }]) => [textOf(address), port]))
  }

  add(device: PacketDevice): void {
    if (this.#closed) throw new PacketError('CLOSED', 'the switch is closed')
    if (this.ports.has(device)) return
    if (device.linkType !== LINKTYPE.ETHERNET)
      throw new PacketError('BAD_LINK', `${device.name} has no Ethernet frames; a switch takes no others`)
    if (pumpOf(device))
      throw new PacketError('BUSY', `a hook or another switch receives from ${device.name}; close that first`)
    const batch = new PacketBatch({ capacity: 256 })
    const outgoing = new Map<PacketDevice, PacketBatch>()
    const pump = new DevicePump(device, {
      ring: { batch, refresh: () => {}, free: () => {} },
      process: () => this.#pass(device, batch, outgoing),
      tooLong: (length) => new PacketError('TOO_LONG', `a frame of ${length} bytes does not fit a batch`),
    })
    this.ports.add(device)
    this.#pumps.set(device, pump)
    pump.done.then(
      () => this.#forget(device, pump),
      (error: unknown) => {
        this.#forget(device, pump)
        this.#onError?.(device, error)
      },
    )
  }

  remove(device: PacketDevice): void {
    const pump = this.#pumps.get(device)
    if (!pump) return
    pump.stop()
    this.#forget(device, pump)
  }

  #forget(device: PacketDevice, pump: DevicePump): void {
    // It may be a port again by now.
    if (this.#pumps.get(device) !== pump) return
    this.#pumps.delete(device)
    this.ports.delete(device)
    for (const [address, { port }] of this.#places) if (port === device) this.#places.delete(address)
  }

  port(options: SwitchPortOptions = {}): PacketDevice {
    const { queueLength, overflow = 'drop', ...about } = options
    const name = about.name ?? `port${this.#own.size}`
    const [inside, outside] = createDevicePair({
      ends: [
        { ...about, name: `${name}-switch` },
        { ...about, name },
      ],
      overflow,
      ...(queueLength === undefined ? {} : { queueLength }),
    })
    this.add(inside)
    this.#own.add(inside)
    return outside
  }

  async #pass(
    from: PacketDevice,
    batch: PacketBatch,
    outgoing: Map<PacketDevice, PacketBatch>,
  ): Promise<void> {
    const now = this.#now()
    for (const one of outgoing.values()) one.clear()
    const send = (port: PacketDevice, index: number): void => {
      let one = outgoing.get(port)
      if (!one) {
        one = new PacketBatch({ buffer: batch.buffer, capacity: batch.capacity })
        outgoing.set(port, one)
      }
      // Frames stay where they lie.
      const n = one.count++
      for (const table of TABLES) one.tables[table][n] = batch.tables[table][index]!
    }
    for (let i = 0; i < batch.count; i++) {
      const way = this.#way(from, batch, i, now)
      this.stats.frames++
      if (way === NOWHERE) this.stats.filtered++
      else if (way === EVERYWHERE) {
        this.stats.flooded++
        for (const port of this.ports) if (port !== from) send(port, i)
      } else {
        this.stats.forwarded++
        send(way, i)
      }
    }
    const sending: Promise<void>[] = []
    for (const [port, one] of outgoing) {
      if (!this.ports.has(port)) outgoing.delete(port)
      else if (one.count > 0) sending.push(this.#transmit(port, one))
    }
    await Promise.all(sending)
  }

  async #transmit(port: PacketDevice, batch: PacketBatch): Promise<void> {
    try {
      await port.transmit(batch)
    } catch (error) {
      // The others go on.
      const known = this.ports.has(port)
      this.remove(port)
      if (known) this.#onError?.(port, error)
    }
  }

  /** Learns where the sender is, and says where the frame goes. */
  #way(
    from: PacketDevice,
    batch: PacketBatch,
    index: number,
    now: number,
  ): PacketDevice | typeof NOWHERE | typeof EVERYWHERE {
    if (batch.tables.lengths[index]! < HEADER_SIZE) return NOWHERE
    const at = batch.tables.offsets[index]!
    const target = addressAt(batch.buffer, at)
    const sender = addressAt(batch.buffer, at + 6)
    if (!isGroup(sender) && sender !== 0) this.#learn(sender, from, now)
    if (target - (target % 16) === RESERVED) return NOWHERE
    if (isGroup(target)) return EVERYWHERE
    const place = this.#places.get(target)
    if (!place || now - place.seen > this.#ageing) return EVERYWHERE
    return place.port === from ? NOWHERE : place.port
  }

  #learn(address: number, port: PacketDevice, seen: number): void {
    const place = this.#places.get(address)
    if (place) {
      place.port = port
      place.seen = seen
      return
    }
    if (this.#places.size >= this.#maxAddresses) {
      for (const [old, { seen: then }] of this.#places)
        if (seen - then > this.#ageing) this.#places.delete(old)
      if (this.#places.size >= this.#maxAddresses) return
    }
    this.#places.set(address, { port, seen })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const device of [...this.ports]) this.remove(device)
    await Promise.all([...this.#own].map((device) => device.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Six bytes, as a number. */
const addressAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!) * 0x100_0000 +
  ((bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!)

/** Broadcast and multicast: the lowest bit of the first byte. */
const isGroup = (address: number): boolean => Math.floor(address / GROUP) % 2 === 1

const textOf = (address: number): string =>
  mac.format(Uint8Array.from({ length: 6 }, (_, n) => Math.floor(address / 2 ** (40 - 8 * n)) % 256))
