import type { PacketBatch, PacketDevice } from '@skep/packet'
import { type AttachPointDef, defineAttachPoint, type Link, type ProgramHandle } from '@skep/registry'
import type { Direction, TcAction } from './actions.ts'
import { TcAttachError } from './errors.ts'
import type { Filter, TcFilterStats } from './filter-table.ts'
import { type HookOptions, hookOf, send, type TcBatchView, TcHook, type TcStats } from './hook.ts'
import { schedActProgramType, schedClsProgramType } from './sched.ts'

/** A program that may attach to tc: `collection.program(name, 'sched_cls')`. */
export type TcProgram = ProgramHandle & { readonly type: 'sched_cls' }

export interface TcAttachOptions {
  readonly direction: Direction
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
  /** Ingress: where passed packets go, the twin of the kernel's network stack. They end here when absent. */
  readonly pass?: PacketDevice
  /** Devices by ifindex, for bpf_redirect and bpf_clone_redirect. */
  readonly redirect?: ReadonlyMap<number, PacketDevice>
  /** Packets in one run of the program's loop. Default 64. */
  readonly batchSize?: number
  readonly onBatch?: (batch: TcBatchView) => void
  /** Ingress: whether packets are received from the device; else they come through `tcIngress`. Default true. */
  readonly receive?: boolean
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
  const { direction, batchSize = 64, actions = [], directAction = false } = options ?? {}
  if (direction !== 'ingress' && direction !== 'egress')
    throw new TcAttachError('BAD_OPTION', `direction is ${direction}; give 'ingress' or 'egress'`)
  if (options.pass !== undefined) checkDevice('options.pass', options.pass)
  for (const [ifindex, target] of options.redirect ?? [])
    checkDevice(`options.redirect, ifindex ${ifindex}`, target)
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1024)
    throw new TcAttachError('BAD_OPTION', `batchSize is ${batchSize}; give an integer from 1 to 1024`)
  if (directAction && actions.length > 0)
    throw new TcAttachError(
      'BAD_OPTION',
      'actions have no effect with directAction: the program decides; leave one of them out',
    )
  for (const action of actions) {
    if (action.kind === 'bpf') checkProgram(action.program, schedActProgramType.name)
    if (action.kind === 'mirred') checkDevice('device of an action', action.device)
  }
  return new Attachment(program, device, options, batchSize)
}

const isPromise = (value: unknown): boolean =>
  typeof (value as { then?: unknown } | null)?.then === 'function'

function checkProgram(program: ProgramHandle, type: string): void {
  if (typeof program?.runBatch !== 'function')
    throw new TcAttachError(
      'BAD_PROGRAM',
      isPromise(program)
        ? 'a promise was given as program; await it first'
        : `what was given is no program; give collection.program(name, "${type}")`,
    )
  if (program.type !== type)
    throw new TcAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not ${type}; load it as that type, or attach it with the hook of its own`,
    )
}

function checkDevice(what: string, device: PacketDevice): void {
  if (typeof device?.receive === 'function' && typeof device.transmit === 'function') return
  throw new TcAttachError(
    'BAD_DEVICE',
    isPromise(device)
      ? `${what} is a promise; await it first (openPcap is asynchronous)`
      : `${what} is no PacketDevice; give openPcap(file), createDevicePair() or another device`,
  )
}

/** Whatever else it is told, a hook keeps what it was told before. */
function told(options: TcAttachOptions): Partial<HookOptions> {
  const { pass, redirect, onBatch, receive } = options
  return {
    ...(pass ? { pass } : {}),
    ...(redirect ? { redirect } : {}),
    ...(onBatch ? { onBatch } : {}),
    ...(receive === undefined ? {} : { receive }),
  }
}

class Attachment implements TcLink {
  readonly attachPoint = 'tc'
  readonly done: Promise<TcStats>
  readonly #hook: TcHook
  readonly #filter: Filter
  #forget: () => void
  #forgetProgram: () => void
  #closed = false
  #end: () => void = () => {}

  constructor(program: TcProgram, device: PacketDevice, options: TcAttachOptions, batchSize: number) {
    const { host } = program
    const { direction } = options
    const known = hookOf(device, direction)
    if (known) checkHost(known, program)
    const programs = (options.actions ?? []).flatMap((a) => (a.kind === 'bpf' ? [a.program] : []))
    const hook = known ?? new TcHook(host, device, direction, { batchSize, receive: true })
    this.#hook = hook
    // First, for it refuses a program whose collection is closed.
    this.#forget = (): void => {}
    this.#forgetProgram = (): void => {}
    try {
      for (const action of programs) checkHost(hook, action)
      const place = hook.filters.place(options, options.replace ?? false)
      this.#forgetProgram = host.onClose(() => this.close())
      const forget = programs.map((p) => p.host.onClose(() => this.close()))
      this.#forget = () => {
        for (const step of [this.#forgetProgram, ...forget]) step()
      }
      this.#filter = {
        ...place,
        program,
        directAction: options.directAction ?? false,
        classid: (options.classid ?? 0) >>> 0,
        actions: [...(options.actions ?? [])],
        stats: { packets: 0, bytes: 0, matched: 0 },
        replaced: () => this.#finish(),
      }
      Object.assign(hook.options, told(options))
      const pump = hook.start()
      hook.filters.add(this.#filter)
      const closed = new Promise<void>((resolve) => {
        this.#end = resolve
      })
      this.done = (pump ? Promise.race([pump.done, closed]) : closed).then(() => hook.stats)
    } catch (error) {
      this.#forgetProgram()
      this.#forget()
      if (hook.filters.count === 0) hook.close()
      throw error
    }
    host.emit('attach', this)
    // A host that never looks at `done` hears of a failure through the `exception` event.
    this.done.catch((error) => host.emit('exception', error))
  }

  get program(): TcProgram {
    return this.#filter.program as TcProgram
  }

  get direction(): Direction {
    return this.#hook.direction
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

  get totals(): Readonly<TcStats> {
    return this.#hook.stats
  }

  get closed(): boolean {
    return this.#closed
  }

  update(program: TcProgram): void {
    checkProgram(program, schedClsProgramType.name)
    if (this.#closed) throw new TcAttachError('CLOSED', 'the link is closed; attach the program anew')
    checkHost(this.#hook, program)
    const forget = program.host.onClose(() => this.close())
    this.#forgetProgram()
    this.#forgetProgram = forget
    this.#filter.program = program
  }

  close(): void {
    if (this.#closed) return
    this.#hook.filters.remove(this.#filter)
    this.#finish()
  }

  #finish(): void {
    if (this.#closed) return
    this.#closed = true
    this.#forget()
    if (this.#hook.filters.count === 0) this.#hook.close()
    this.#end()
    this.#hook.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function checkHost(hook: TcHook, program: ProgramHandle): void {
  if (program.host.arena === hook.host.arena) return
  throw new TcAttachError(
    'FOREIGN',
    `program ${program.name} is of another runtime than the filters of device ${hook.device.name}; load it into theirs`,
  )
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
export const tcIngress = (device: PacketDevice): PacketDevice => through(device, 'ingress')

/** tc as an attach point of the platform. */
export const tcAttachPoint: AttachPointDef<{ readonly device: PacketDevice } & TcAttachOptions, TcLink> =
  defineAttachPoint({
    name: 'tc',
    programTypes: [schedClsProgramType.name],
    attach: (program, { device, ...options }) => attachTc(program as TcProgram, device, options),
  })
