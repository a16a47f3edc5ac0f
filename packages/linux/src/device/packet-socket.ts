import type { DeviceStats, PacketBatch, PacketDevice } from '@skep/packet'
import { again, LinuxDevice } from './device.ts'
import { DeviceError, settled } from './errors.ts'
import {
  AF_PACKET,
  InterfaceControl,
  type InterfaceFacts,
  type LinuxDeviceOptions,
  numbered,
  SOCK_NONBLOCK_CLOEXEC,
  SOCK_RAW,
} from './interface.ts'
import { type DeviceLibc, loadDeviceLibc } from './libc.ts'
import { actInNamespace } from './namespace.ts'
import { type RingOptions, RxRing, SOL_PACKET, SOL_SOCKET } from './rx-ring.ts'
import { SendMany } from './send-many.ts'

/** include/uapi/linux/if_packet.h, if_ether.h, asm-generic/socket.h */
const PACKET_ADD_MEMBERSHIP = 1
const PACKET_STATISTICS = 6
const PACKET_QDISC_BYPASS = 20
const PACKET_IGNORE_OUTGOING = 23
const PACKET_MR_PROMISC = 1
const ETH_P_ALL = 3
const SO_ERROR = 4
const ENETDOWN = 100

export interface PacketSocketOptions extends LinuxDeviceOptions, RingOptions {
  /** Receives frames for other hosts too, as long as the device is open; false by default. */
  readonly promiscuous?: boolean
  /** Receives what this machine sends out of the interface too; false by default. */
  readonly outgoing?: boolean
  /** Sends past the interface's queueing discipline and its filters; false by default. */
  readonly bypassQdisc?: boolean
}

class PacketSocket extends LinuxDevice {
  protected readonly input: number
  protected readonly output: number
  readonly #ring: RxRing
  readonly #sender: SendMany
  readonly #control: InterfaceControl
  /** The interface's own number. */
  readonly #own: number

  constructor(
    libc: DeviceLibc,
    name: string,
    facts: InterfaceFacts,
    { input, output, ring, control, own }: Sockets,
  ) {
    super(libc, name, facts)
    this.input = input
    this.output = output
    this.#ring = ring
    this.#control = control
    this.#own = own
    this.#sender = new SendMany(libc, output)
  }

  override get stats(): Readonly<DeviceStats> {
    if (!this.closed) this.#countDropped()
    return this.counts
  }

  protected take(batch: PacketBatch): void {
    this.#ring.take(batch)
    this.counts.rxPackets += batch.count
    for (let n = 0; n < batch.count; n++) this.counts.rxBytes += batch.tables.lengths[n]!
    this.counts.rxErrors = this.#ring.errors
  }

  protected send(batch: PacketBatch, first: number): number {
    const { lengths } = batch.tables
    for (let n = first; n < batch.count; ) {
      const result = this.#sender.send(batch, n)
      if (again(result)) return n
      // What was not sent is the first packet: too long, or the interface is down, or its queue full.
      const done = Math.max(result, 1)
      for (let i = 0; i < done; i++) this.count(result, lengths[n + i]!)
      n += done
    }
    return batch.count
  }

  protected failure(): DeviceError | undefined {
    const block = new Uint8Array(4)
    this.libc.getOption(this.input, SOL_SOCKET, SO_ERROR, block)
    const errno = new DataView(block.buffer).getInt32(0, true)
    if (errno === 0) return undefined
    // An interface that is down may come up again.
    if (errno === ENETDOWN && this.#control.has(this.name, this.#own)) return undefined
    if (errno === ENETDOWN) return new DeviceError('ENODEV', this.name, 'the interface is gone')
    return this.error(-errno, 'poll')
  }

  protected free(): void {
    this.#countDropped()
    this.#ring.free()
    for (const fd of new Set([this.input, this.output])) this.libc.close(fd)
    this.#control.close()
  }

  /** Reading the kernel's counters resets them. */
  #countDropped(): void {
    const block = new Uint8Array(12)
    if (this.libc.getOption(this.input, SOL_PACKET, PACKET_STATISTICS, block) < 0) return
    this.counts.rxDropped += new DataView(block.buffer).getUint32(4, true)
  }
}

interface Sockets {
  readonly input: number
  readonly output: number
  readonly ring: RxRing
  readonly control: InterfaceControl
  readonly own: number
}

/** struct sockaddr_ll; the protocol is in network byte order. */
function address(protocol: number, ifindex: number): Uint8Array {
  const block = new Uint8Array(20)
  const view = new DataView(block.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setUint16(2, protocol)
  view.setInt32(4, ifindex, true)
  return block
}

const word = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)

/**
 * An interface that there is, through packet(7): a copy of each frame that it receives is received here, through a ring shared
 * with the kernel, and what is transmitted here the interface sends. The kernel's own stack still sees what comes: give the
 * interface no addresses where this device is to be its only reader. Checksums and segmentation that senders on this machine
 * left to a card are done here.
 *
 * Rejects with DeviceError: `EPERM` without CAP_NET_RAW, `ENODEV` where there is no such interface.
 */
export async function openPacketSocket(
  interfaceName: string,
  options: PacketSocketOptions = {},
): Promise<PacketDevice> {
  const libc = await loadDeviceLibc()
  const open = (): PacketDevice => openHere(libc, interfaceName, options)
  return options.namespace === undefined ? open() : actInNamespace(libc, options.namespace, open)
}

function openHere(libc: DeviceLibc, name: string, options: PacketSocketOptions): PacketDevice {
  const opened: { free(): void }[] = []
  const socket = (): number => {
    // Without a protocol nothing is received: until it is bound, and by the one that only sends.
    const fd = settled(libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK_CLOEXEC, 0), name, 'socket(AF_PACKET)')
    opened.unshift({ free: () => libc.close(fd) })
    return fd
  }
  try {
    const control = new InterfaceControl(libc)
    opened.unshift({ free: () => control.close() })
    const facts = control.facts(name)
    const input = socket()
    const output = socket()
    const set = (fd: number, option: number, call: string, value: Uint8Array): void =>
      void settled(libc.setOption(fd, SOL_PACKET, option, value), name, call)
    set(input, PACKET_IGNORE_OUTGOING, 'PACKET_IGNORE_OUTGOING', word(options.outgoing ? 0 : 1))
    if (options.promiscuous) {
      const membership = new Uint8Array(16)
      const view = new DataView(membership.buffer)
      view.setInt32(0, facts.ifindex, true)
      view.setUint16(4, PACKET_MR_PROMISC, true)
      set(input, PACKET_ADD_MEMBERSHIP, 'PACKET_ADD_MEMBERSHIP', membership)
    }
    if (options.bypassQdisc) set(output, PACKET_QDISC_BYPASS, 'PACKET_QDISC_BYPASS', word(1))
    const ring = new RxRing(libc, input, name, facts.mtu, options)
    opened.unshift(ring)
    settled(libc.bind(output, address(0, facts.ifindex)), name, 'bind')
    settled(libc.bind(input, address(ETH_P_ALL, facts.ifindex)), name, 'bind')
    return new PacketSocket(libc, name, numbered(name, facts, options.ifindex), {
      input,
      output,
      ring,
      control,
      own: facts.ifindex,
    })
  } catch (error) {
    for (const one of opened) one.free()
    throw error
  }
}
