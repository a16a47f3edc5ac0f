import type { PacketBatch } from './batch.ts'
import type { PacketDevice } from './device.ts'

/**
 * A hook on what a device receives that stands behind another one: tc behind XDP, whichever was attached first. It receives
 * itself while nobody is in front.
 */
export interface IngressHook {
  /** Packets that the hook in front passes. What passes here too goes to `stack`, where nothing else was said. */
  take(batch: PacketBatch, stack: PacketDevice | undefined): Promise<void>
  /** Somebody is in front from now on: it stops to receive. */
  yield(): void
  /** Nobody is in front any more: it receives. */
  receive(): void
}

const behind = new WeakMap<PacketDevice, IngressHook>()

/** Who takes what the hook in front passes. */
export const hookBehind = (device: PacketDevice): IngressHook | undefined => behind.get(device)

export function setHookBehind(device: PacketDevice, hook: IngressHook | undefined): void {
  if (hook) behind.set(device, hook)
  else behind.delete(device)
}

/** Why something is no device to attach to, and what to give; undefined for a device. `what` names it. */
export function deviceMistake(what: string, device: unknown): string | undefined {
  const given = device as Partial<PacketDevice> | null | undefined
  if (typeof given?.receive === 'function' && typeof given.transmit === 'function') return undefined
  return typeof (device as { then?: unknown } | null | undefined)?.then === 'function'
    ? `${what} is a promise; await it first (openPcap is asynchronous)`
    : `${what} is no PacketDevice; give openPcap(file), createDevicePair(), createPcapSource(bytes) or another device`
}
