import { createHelpersPlugin, helpersPlugin } from '@skep/helpers'
import { forwardingHelpers, type TcLink, tcEgress } from '@skep/hook-tc'
import type { BpfFilterWords } from '@skep/loader-tc'
import { PacketBatch, type PacketDevice } from '@skep/packet'
import { type Collection, defaultPreset, type PinStore } from '@skep/runtime'
import { createRuntime, type Runtime } from '@skep/runtime/core'
import { createVerifier } from '@skep/verifier'
import { CaptureDevice } from './device.ts'
import { TcFailure } from './failure.ts'

/** A filter as tc lists it. */
export interface InstalledFilter {
  readonly link: TcLink
  readonly words: BpfFilterWords
  readonly protocol: number
  /** Loaded for it, and needed by nothing else once it is gone. */
  readonly collections: readonly Collection[]
}

/** Takes a filter away with what was loaded for it. */
export function removeFilter({ link, collections }: InstalledFilter): void {
  link.close()
  for (const collection of collections) collection.close()
}

/** A device that commands know by its name. */
export interface TcDevice {
  readonly device: CaptureDevice
  /** What the host sends on it. */
  readonly send: PacketDevice | undefined
  /** Takes what passes its ingress. */
  readonly pass: PacketDevice | undefined
  qdisc: 'clsact' | 'ingress' | undefined
  readonly filters: { ingress: InstalledFilter[]; egress: InstalledFilter[] }
}

export interface TcDeviceOptions {
  readonly source?: PacketDevice
  readonly send?: PacketDevice
  readonly pass?: PacketDevice
  readonly sink?: PacketDevice
}

export interface TcStateOptions {
  readonly engine?: string
  /** Keeps pinned maps beyond the state. */
  readonly pins?: PinStore
  /** Reads a file that a command names. */
  readonly read: (path: string) => Promise<Uint8Array>
  /** Folders of pinning scopes from 3 on. */
  readonly pinning?: Readonly<Record<number, string>>
}

/** What is handed over by `export`: maps by the ids of their definitions. */
export interface Exported {
  readonly object: string
  readonly maps: readonly { readonly id: number; readonly name: string; readonly map: number }[]
}

const PRESET = defaultPreset.map((plugin) =>
  plugin === helpersPlugin ? createHelpersPlugin(forwardingHelpers) : plugin,
)

/** Devices, filters and pins that tc's commands work on, one after the other. */
export class TcState {
  readonly runtime: Runtime
  readonly options: TcStateOptions
  readonly devices: Map<string, TcDevice> = new Map()
  /** By ifindex, for redirects. */
  readonly byIndex: Map<number, PacketDevice> = new Map()
  /** What programs printed since `exec bpf dbg` showed it. */
  readonly trace: string[] = []
  readonly exported: Map<string, Exported> = new Map()

  /** Use `openTc`. */
  constructor(runtime: Runtime, options: TcStateOptions) {
    this.runtime = runtime
    this.options = options
    runtime.on('printk', ({ text }) => this.trace.push(text))
  }

  /** Adds a device; its ifindex is the next number. */
  addDevice(name: string, { source, send, pass, sink }: TcDeviceOptions = {}): TcDevice {
    const ifindex = this.devices.size + 1
    const device = new CaptureDevice({
      name,
      ifindex,
      ...(source ? { source } : {}),
      ...(sink ? { sink } : {}),
    })
    const added: TcDevice = {
      device,
      send,
      pass,
      qdisc: undefined,
      filters: { ingress: [], egress: [] },
    }
    this.devices.set(name, added)
    this.byIndex.set(ifindex, device)
    return added
  }

  /** Throws TcFailure where there is none. */
  device(name: string): TcDevice {
    const found = this.devices.get(name)
    if (!found) throw new TcFailure(1, `Cannot find device "${name}"`)
    return found
  }

  /** Lets packets come: all, or so many of each device and side. */
  async replay(count: number = Number.POSITIVE_INFINITY, only?: string): Promise<void> {
    for (const [name, { device, filters, pass, send }] of this.devices) {
      if (only !== undefined && name !== only) continue
      if (filters.ingress.length > 0) await device.release(count)
      else await drain(device, pass, count)
      if (send) await move(send, tcEgress(device), count)
    }
  }

  async close(): Promise<void> {
    for (const { device, send, pass } of this.devices.values()) {
      await device.close()
      await send?.close()
      await pass?.close()
    }
    this.runtime.close()
  }
}

/** Packets of a device without filters go to the host as they are. */
async function drain(device: CaptureDevice, to: PacketDevice | undefined, count: number): Promise<void> {
  const batch = new PacketBatch()
  device.grant(count)
  while (device.granted) if (await device.receive(batch)) await to?.transmit(batch)
}

/** Sends packets of a capture, one batch of at most `count` after the other. */
async function move(from: PacketDevice, to: PacketDevice, count: number): Promise<void> {
  for (let left = count; left > 0; ) {
    const batch = new PacketBatch({ capacity: Math.min(left, 256) })
    const received = await from.receive(batch)
    if (received === 0) return
    left -= received
    await to.transmit(batch)
  }
}

/** An empty state. The host closes it. */
export const openTc = async (options: TcStateOptions): Promise<TcState> =>
  new TcState(
    await createRuntime({
      plugins: PRESET,
      verifier: createVerifier,
      ...(options.engine === undefined ? {} : { engine: options.engine }),
      ...(options.pins ? { pins: options.pins } : {}),
    }),
    options,
  )
