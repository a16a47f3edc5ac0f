import type { PacketBatch, PacketDevice } from '@skep/packet'
import { type AttachPointDef, defineAttachPoint, type Link, type ProgramHandle } from '@skep/registry'
import type { Direction, TcAction } from './actions.ts'
import { checkDevice, checkDevices, checkProgram } from './check.ts'
import { TcAttachError } from './errors.ts'
import type { Filter, TcFilterStats } from './filter-table.ts'
import { ingressOf, send, type TcStats } from './hook.ts'
import { schedActProgramType, schedClsProgramType } from './sched.ts'
import { checkSide, SideAttachment, SideLink, type SideOptions } from './side-link.ts'

/** A program that may attach to tc: `collection.program(name, 'sched_cls')`. */
export type TcProgram = ProgramHandle & { readonly type: 'sched_cls' }

export interface TcAttachOptions extends SideOptions {
  /** The program's result is a verdict (`da`), not a class. Default false. */
  readonly directAction?: boolean
  /** The class of packets where the program names none: MAJOR << 16 | MINOR. Default 0. */
  readonly classid?: number
  /** 1 to 65,535, the lowest first; by default before all that are there, as tc does it. */
  readonly priority?: number
  /** Default 0, where every packet begins. */
  readonly chain?: number
  /** What the filter is known by within its priority; by default the lowest that is free. */
  readonly handle?: number
  /** An EtherType that packets must have; by default any. */
  readonly protocol?: number
  /** What happens to packets that match; not with `directAction`. */
  readonly actions?: readonly TcAction[]
  /** Takes the place of the filter that has this priority and handle, whose link closes. Default false. */
  readonly replace?: boolean
}

export interface TcLink extends Link {
  readonly attachPoint: 'tc'
  readonly program: TcProgram
  readonly direction: Direction
  readonly chain: number
  readonly priority: number
  readonly handle: number
  /** Of this filter. */
  readonly stats: Readonly<TcFilterStats>
  /** Of the side of the device, over all of its filters. */
  readonly totals: Readonly<TcStats>
  /** Resolves when the device has no more packets, or the link is closed; rejects with the device's error. */
  readonly done: Promise<TcStats>
  /** Another program runs from the next packet on. Throws TcAttachError. */
  update(program: TcProgram): void
}

/**
 * Runs a program on what a device receives (`ingress`) or on what is sent through `tcEgress(device)` (`egress`), as a filter
 * of clsact: direct action or classes, by chains and priorities. What passes goes to `options.pass`, or out of the device.
 * Throws TcAttachError.
 */
export function attachTc(program: TcProgram, device: PacketDevice, options: TcAttachOptions): TcLink {
  checkProgram(program, schedClsProgramType.name)
  if (program.attach) return program.attach('tc', { device, ...options }) as TcLink
  checkDevice('device', device)
  const given: TcAttachOptions = options ?? {}
  checkSide(given)
  checkDevices(given)
  const { actions = [], directAction = false } = given
  if (directAction && actions.length > 0)
    throw new TcAttachError(
      'BAD_OPTION',
      'actions have no effect with directAction: the program decides; leave one of them out',
    )
  for (const action of actions) checkAction(action)
  return new Attachment(program, device, given)
}

function checkAction(action: TcAction): void {
  if (action.kind === 'bpf') checkProgram(action.program, schedActProgramType.name)
  if (action.kind === 'mirred') checkDevice('device of an action', action.device)
  if (action.kind === 'police' && !(action.rate >= 1 && action.burst >= 1))
    throw new TcAttachError(
      'BAD_OPTION',
      `police has rate ${action.rate} and burst ${action.burst}; give bytes a second, and bytes`,
    )
}

class Attachment extends SideAttachment implements TcLink {
  readonly attachPoint = 'tc'
  readonly #filter: Filter

  constructor(program: TcProgram, device: PacketDevice, options: TcAttachOptions) {
    const actions = [...(options.actions ?? [])]
    const programs = actions.flatMap((a) => (a.kind === 'bpf' ? [a.program] : []))
    const side = new SideLink([program, ...programs], device, options, () => this.close())
    super(side)
    const { filters, host } = side.hook
    const place = side.attempt(() => filters.place(options, options.replace ?? false))
    this.#filter = {
      ...place,
      program,
      directAction: options.directAction ?? false,
      classid: (options.classid ?? 0) >>> 0,
      actions,
      stats: { packets: 0, bytes: 0, matched: 0 },
      replaced: () => this.#finish(),
      ended: side.ended,
    }
    side.begin(options)
    filters.add(this.#filter)
    host.emit('attach', this)
  }

  get program(): TcProgram {
    return this.#filter.program as TcProgram
  }

  get chain(): number {
    return this.#filter.chain
  }

  get priority(): number {
    return this.#filter.priority
  }

  get handle(): number {
    return this.#filter.handle
  }

  get stats(): Readonly<TcFilterStats> {
    return this.#filter.stats
  }

  update(program: TcProgram): void {
    checkProgram(program, schedClsProgramType.name)
    this.side.follow(program)
    this.#filter.program = program
  }

  close(): void {
    if (this.closed) return
    this.side.hook.filters.remove(this.#filter)
    this.#finish()
  }

  #finish(): void {
    if (this.side.finish()) this.side.hook.host.emit('detach', this)
  }
}

/** A device that what is sent to it goes through a side of another. */
const through = (device: PacketDevice, direction: Direction): PacketDevice => ({
  name: device.name,
  ifindex: device.ifindex,
  mtu: device.mtu,
  linkType: device.linkType,
  stats: device.stats,
  receive: (batch) => device.receive(batch),
  transmit: (batch: PacketBatch) => send(device, direction, batch),
  close: () => device.close(),
  [Symbol.asyncDispose]: () => device.close(),
})

/** The device as the host sends on it: what is transmitted goes through its egress filters first. */
export const tcEgress = (device: PacketDevice): PacketDevice => through(device, 'egress')

/** What is transmitted here goes through the device's ingress filters, as if the device had received it. */
export function tcIngress(device: PacketDevice): PacketDevice {
  const side = through(device, 'ingress')
  ingressOf.set(side, device)
  return side
}

/** tc as an attach point of the platform. */
export const tcAttachPoint: AttachPointDef<{ readonly device: PacketDevice } & TcAttachOptions, TcLink> =
  defineAttachPoint({
    name: 'tc',
    programTypes: [schedClsProgramType.name],
    attach: (program, { device, ...options }) => attachTc(program as TcProgram, device, options),
  })
