import { readFileSync } from 'node:fs'
import type { DeviceStats, PacketBatch, PacketDevice } from '@skep/packet'
import { InterfaceControl } from '../device/interface.ts'
import { type DeviceLibc, loadDeviceLibc } from '../device/libc.ts'
import { actInNamespace } from '../device/namespace.ts'
import { KernelArgumentError } from '../errors.ts'

/** Runs `act`, which is synchronous, in a network namespace, or where this thread is. Throws DeviceError. */
export const inNetns = <T>(libc: DeviceLibc, namespace: string | undefined, act: () => T): T =>
  namespace === undefined ? act() : actInNamespace(libc, namespace, act)

export interface NetworkInterfaceOptions {
  /** The network namespace of the interface: a name of `ip netns`, or a file. This process's by default. */
  readonly namespace?: string
}

/**
 * A network interface by its name, for programs that the kernel runs: what `attachXdp` and `attachTc` take then. Its packets
 * stay in the kernel. Rejects with DeviceError, ENODEV where there is none.
 */
export async function networkInterface(
  name: string,
  { namespace }: NetworkInterfaceOptions = {},
): Promise<NetworkInterface> {
  const libc = await loadDeviceLibc()
  const facts = inNetns(libc, namespace, () => {
    const control = new InterfaceControl(libc)
    try {
      return control.facts(name)
    } finally {
      control.close()
    }
  })
  return new NetworkInterface(libc, { name, ...facts, namespace })
}

/** An interface of the machine, as a place for programs of the kernel. */
export class NetworkInterface implements PacketDevice {
  readonly name: string
  readonly ifindex: number
  readonly mtu: number
  readonly linkType: number
  readonly namespace: string | undefined
  /** For who attaches. */
  readonly libc: DeviceLibc

  /** Use `networkInterface`. */
  constructor(
    libc: DeviceLibc,
    about: Pick<NetworkInterface, 'name' | 'ifindex' | 'mtu' | 'linkType' | 'namespace'>,
  ) {
    this.libc = libc
    this.name = about.name
    this.ifindex = about.ifindex
    this.mtu = about.mtu
    this.linkType = about.linkType
    this.namespace = about.namespace
  }

  /** Runs `act`, which is synchronous, in the interface's namespace. */
  inside<T>(act: () => T): T {
    return inNetns(this.libc, this.namespace, act)
  }

  /** The interface's own counters (/proc/net/dev). */
  get stats(): DeviceStats {
    const text = this.inside(() => readFileSync('/proc/thread-self/net/dev', 'latin1'))
    const line = text.split('\n').find((row) => row.trimStart().startsWith(`${this.name}:`)) ?? ''
    const counts = line
      .slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/)
      .map(Number)
    const at = (n: number): number => counts[n] ?? 0
    return {
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txDropped: at(11),
    }
  }

  #stays(): KernelArgumentError {
    return new KernelArgumentError(
      this.name,
      'its packets stay in the kernel: attach a program of a runtime with engine: kernel(), or open a packet socket on it',
    )
  }

  /** Rejects: the kernel's programs see the packets, not this process. */
  async receive(_batch: PacketBatch): Promise<number> {
    throw this.#stays()
  }

  /** Rejects, as `receive`. */
  async transmit(_batch: PacketBatch): Promise<void> {
    throw this.#stays()
  }

  /** Nothing is held. */
  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
