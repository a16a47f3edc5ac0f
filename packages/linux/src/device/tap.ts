import { openSync } from 'node:fs'
import { LINKTYPE, type PacketBatch, type PacketDevice, PacketError } from '@skep/packet'
import { again, LinuxDevice } from './device.ts'
import { DeviceError, settled } from './errors.ts'
import {
  InterfaceControl,
  type InterfaceFacts,
  interfaceRequest,
  type LinuxDeviceOptions,
  nameOf,
  numbered,
} from './interface.ts'
import { type DeviceLibc, loadDeviceLibc } from './libc.ts'
import { actInNamespace } from './namespace.ts'
import { Room } from './room.ts'

/** include/uapi/linux/if_tun.h */
const TUNSETIFF = 0x4004_54ca
const IFF_TUN = 1
const IFF_TAP = 2
const IFF_NO_PI = 0x1000
const EBADFD = -77

const TUN_FILE = '/dev/net/tun'
const O_RDWR_NONBLOCK = 0o4002
/** Before what the mtu limits: an Ethernet header with two VLAN tags. */
const LINK_HEADER = 22

export interface TapOptions extends LinuxDeviceOptions {
  /** Packets are Ethernet frames (`tap`, the default), or bare IP (`tun`). */
  readonly kind?: 'tap' | 'tun'
  /** Sets the interface's mtu. */
  readonly mtu?: number
  /** How many packets the kernel keeps until they are received here; 1,000 by default. It drops what comes beyond. */
  readonly queueLength?: number
  /** Brings the interface up; true by default. */
  readonly up?: boolean
}

class TapDevice extends LinuxDevice {
  protected readonly input: number
  protected readonly output: number
  readonly #room = new Room()
  readonly #longest: number

  constructor(libc: DeviceLibc, fd: number, name: string, facts: InterfaceFacts) {
    super(libc, name, facts)
    this.input = this.output = fd
    this.#longest = facts.mtu + (facts.linkType === LINKTYPE.ETHERNET ? LINK_HEADER : 0)
  }

  protected take(batch: PacketBatch): void {
    const room = this.#room
    const base = this.libc.address(batch.buffer)
    const now = Date.now()
    const seconds = Math.floor(now / 1000)
    const nanos = (now % 1000) * 1_000_000
    while (room.find(batch)) {
      // One byte more than packets have: read(2) does not say when it cut one.
      const wanted = this.#longest + 1
      if (room.length < wanted && batch.count > 0) return
      const most = Math.min(wanted, room.length)
      const got = this.libc.read(this.input, base + room.at, most)
      if (again(got) || (got < 0 && batch.count > 0)) return
      if (got < 0) throw this.error(got, 'read')
      if (got === most) {
        if (most < wanted)
          throw new PacketError('TOO_LONG', `a packet of ${got} bytes or more does not fit the batch`)
        this.counts.rxErrors++
        continue
      }
      batch.add(batch.buffer, room.at, got, got, seconds, nanos)
      this.counts.rxPackets++
      this.counts.rxBytes += got
    }
  }

  protected send(batch: PacketBatch, first: number): number {
    const { offsets, lengths } = batch.tables
    const base = this.libc.address(batch.buffer)
    for (let n = first; n < batch.count; n++) {
      const result = this.libc.write(this.output, base + offsets[n]!, lengths[n]!)
      if (again(result)) return n
      if (result === EBADFD) throw this.error(result, 'write')
      this.count(result, lengths[n]!)
    }
    return batch.count
  }

  protected failure(): DeviceError | undefined {
    return this.error(EBADFD, 'poll')
  }

  protected free(): void {
    this.libc.close(this.input)
  }
}

/**
 * A TAP interface: what the kernel sends out of it is received here, and what is transmitted here the kernel receives from it.
 * The interface is made if there is none of this name, and then gone when the device is closed; a `%d` in the name becomes a
 * free number. It may be moved to another namespace while it is open.
 *
 * Rejects with DeviceError: `EPERM` without CAP_NET_ADMIN, `EBUSY` where another process has it open, `ENOENT` without
 * /dev/net/tun.
 */
export async function openTap(name: string, options: TapOptions = {}): Promise<PacketDevice> {
  const libc = await loadDeviceLibc()
  const { namespace, kind = 'tap' } = options
  if (kind !== 'tap' && kind !== 'tun')
    throw new DeviceError('BAD_OPTION', name, `kind is ${JSON.stringify(kind)}`, 'give tap or tun')
  const open = (): PacketDevice => {
    const block = interfaceRequest(name)
    const fd = openTun(name)
    let control: InterfaceControl | undefined
    try {
      new DataView(block.buffer).setUint16(16, (kind === 'tap' ? IFF_TAP : IFF_TUN) | IFF_NO_PI, true)
      settled(libc.ioctl(fd, TUNSETIFF, block), name, 'TUNSETIFF')
      const real = nameOf(block)
      control = new InterfaceControl(libc)
      if (options.mtu !== undefined) control.setMtu(real, options.mtu)
      if (options.queueLength !== undefined) control.setQueueLength(real, options.queueLength)
      if (options.up ?? true) control.setUp(real)
      return new TapDevice(libc, fd, real, numbered(real, control.facts(real), options.ifindex))
    } catch (error) {
      libc.close(fd)
      throw error
    } finally {
      control?.close()
    }
  }
  return namespace === undefined ? open() : actInNamespace(libc, namespace, open)
}

function openTun(name: string): number {
  try {
    return openSync(TUN_FILE, O_RDWR_NONBLOCK)
  } catch (cause) {
    const { code = 'EIO' } = cause as { code?: string }
    const mend =
      code === 'EACCES' || code === 'EPERM'
        ? 'run as root or with CAP_NET_ADMIN'
        : `load the module tun, or give the container the device ${TUN_FILE}`
    throw new DeviceError(code, name, `${TUN_FILE} does not open`, mend, { cause })
  }
}
