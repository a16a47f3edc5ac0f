import { LINKTYPE } from '@skep/packet'
import { DeviceError, settled } from './errors.ts'
import type { DeviceLibc } from './libc.ts'

/** include/uapi/linux/sockios.h, if.h */
const SIOCGIFFLAGS = 0x8913
const SIOCSIFFLAGS = 0x8914
const SIOCGIFMTU = 0x8921
const SIOCSIFMTU = 0x8922
const SIOCGIFHWADDR = 0x8927
const SIOCGIFINDEX = 0x8933
const SIOCSIFTXQLEN = 0x8943
const IFREQ_SIZE = 40
/** Bytes of a name, with its NUL. */
const IFNAMSIZ = 16
const IFF_UP = 1

export const AF_PACKET = 17
export const SOCK_RAW = 3
export const SOCK_NONBLOCK_CLOEXEC = 0o2004000
const AF_INET = 2
const SOCK_DGRAM = 2

/** By `ARPHRD_*` (include/uapi/linux/if_arp.h): what packets begin with. */
const linkTypes: ReadonlyMap<number, number> = new Map([
  [1, LINKTYPE.ETHERNET],
  [772, LINKTYPE.ETHERNET],
  [519, LINKTYPE.RAW],
  [65534, LINKTYPE.RAW],
])

/** What is known of an interface. */
export interface InterfaceFacts {
  readonly ifindex: number
  readonly mtu: number
  /** One of `LINKTYPE`. */
  readonly linkType: number
}

/** What all devices may be told. */
export interface LinuxDeviceOptions {
  /** The network namespace of the interface: a name of `ip netns`, or a file. This process's by default. */
  readonly namespace?: string
  /**
   * The number that programs know the device by; the interface's own by default. Interfaces of different namespaces may have
   * the same one: give others where programs redirect from one to the other.
   */
  readonly ifindex?: number
}

/** The facts with the number that a host gives. Throws DeviceError BAD_OPTION. */
export function numbered(name: string, facts: InterfaceFacts, ifindex: number | undefined): InterfaceFacts {
  if (ifindex === undefined) return facts
  if (!Number.isInteger(ifindex) || ifindex < 1)
    throw new DeviceError('BAD_OPTION', name, `ifindex is ${ifindex}`, 'give a whole number from 1')
  return { ...facts, ifindex }
}

/** A `struct ifreq` for a name. Throws DeviceError BAD_OPTION for what is none. */
export function interfaceRequest(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length === 0 || bytes.length >= IFNAMSIZ || /[\s/\0]/.test(name))
    throw new DeviceError(
      'BAD_OPTION',
      JSON.stringify(name),
      'this is no name of an interface',
      `give 1 to ${IFNAMSIZ - 1} bytes without spaces and slashes`,
    )
  const block = new Uint8Array(IFREQ_SIZE)
  block.set(bytes)
  return block
}

/** The name that a `struct ifreq` came back with. */
export const nameOf = (block: Uint8Array): string =>
  new TextDecoder().decode(block.subarray(0, block.indexOf(0)))

/** Asks and tells the kernel about interfaces of the namespace that this was made in. */
export class InterfaceControl {
  readonly #libc: DeviceLibc
  readonly #socket: number

  constructor(libc: DeviceLibc) {
    this.#libc = libc
    this.#socket = settled(
      libc.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK_CLOEXEC, 0),
      'interfaces',
      'socket(AF_INET)',
    )
  }

  /** Throws DeviceError: ENODEV where there is none. */
  facts(name: string): InterfaceFacts {
    const family = this.#ask(name, SIOCGIFHWADDR, 'SIOCGIFHWADDR').getUint16(IFNAMSIZ, true)
    const linkType = linkTypes.get(family)
    if (linkType === undefined)
      throw new DeviceError(
        'BAD_OPTION',
        name,
        `its packets begin with headers of hardware type ${family}`,
        'give an interface of Ethernet or of bare IP',
      )
    return { ifindex: this.ifindex(name), mtu: this.mtu(name), linkType }
  }

  ifindex(name: string): number {
    return this.#ask(name, SIOCGIFINDEX, 'SIOCGIFINDEX').getInt32(IFNAMSIZ, true)
  }

  /** Whether there is still the interface that had this number. */
  has(name: string, ifindex: number): boolean {
    try {
      return this.ifindex(name) === ifindex
    } catch {
      return false
    }
  }

  mtu(name: string): number {
    return this.#ask(name, SIOCGIFMTU, 'SIOCGIFMTU').getInt32(IFNAMSIZ, true)
  }

  setMtu(name: string, mtu: number): void {
    this.#tell(name, SIOCSIFMTU, 'SIOCSIFMTU', mtu, `mtu ${mtu}`)
  }

  setQueueLength(name: string, length: number): void {
    this.#tell(name, SIOCSIFTXQLEN, 'SIOCSIFTXQLEN', length, `queueLength ${length}`)
  }

  setUp(name: string): void {
    const view = this.#ask(name, SIOCGIFFLAGS, 'SIOCGIFFLAGS')
    view.setUint16(IFNAMSIZ, view.getUint16(IFNAMSIZ, true) | IFF_UP, true)
    const block = new Uint8Array(view.buffer)
    settled(this.#libc.ioctl(this.#socket, SIOCSIFFLAGS, block), name, 'SIOCSIFFLAGS')
  }

  #tell(name: string, request: number, call: string, value: number, what: string): void {
    const block = interfaceRequest(name)
    new DataView(block.buffer).setInt32(IFNAMSIZ, value, true)
    settled(this.#libc.ioctl(this.#socket, request, block), name, call, what)
  }

  #ask(name: string, request: number, call: string): DataView {
    const block = interfaceRequest(name)
    settled(this.#libc.ioctl(this.#socket, request, block), name, call)
    return new DataView(block.buffer)
  }

  close(): void {
    this.#libc.close(this.#socket)
  }
}
