import { deviceMistake, hookBehind, type PacketDevice, pumpOf } from '@skep/packet'
import { type AttachPointDef, defineAttachPoint, type Link, type ProgramHandle } from '@skep/registry'
import { type Attached, DEFAULT_PRIORITY, MOST_PROGRAMS } from './chain.ts'
import { XdpAttachError } from './errors.ts'
import { type HookOptions, hookOf, type XdpBatchView, XdpHook } from './hook.ts'
import { XDP_PASS, xdpProgramType } from './program-type.ts'
import { createXdpStats, type XdpStats } from './stats.ts'

export interface XdpAttachOptions {
  /**
   * Where passed packets go: the twin of the kernel's network stack. They end here when absent. Where tc is attached to the
   * device's ingress, they go through it first.
   */
  readonly pass?: PacketDevice
  /** Devices by ifindex, for bpf_redirect and redirect maps. */
  readonly redirect?: ReadonlyMap<number, PacketDevice>
  /** rx_queue_index that the program sees. Default 0. */
  readonly rxQueue?: number
  /** Packets in one run of the program's loop; the first link on a device decides. Default 256. */
  readonly batchSize?: number
  readonly onBatch?: (batch: XdpBatchView) => void
  /**
   * Takes the place of what is attached, whose links close: `true` of whatever it is, a program of that one only
   * (XDP_FLAGS_REPLACE). By default a device that has a program refuses (XDP_FLAGS_UPDATE_IF_NOEXIST).
   */
  readonly replace?: boolean | XdpProgram
  /** Shares the device with other programs that have one, the lowest first, as libxdp's dispatcher; 50 with `chainCall` alone. */
  readonly priority?: number
  /** Verdicts (enum xdp_action) with which the next program is asked. Default XDP_PASS; a packet that is through all passes. */
  readonly chainCall?: readonly number[]
}

export interface XdpLink extends Link {
  readonly program: XdpProgram
  readonly stats: Readonly<XdpStats>
  /** Among the programs of the device; undefined for one alone. */
  readonly priority: number | undefined
  /** Resolves when the device has no more packets or the link is closed; rejects with the device's error. */
  readonly done: Promise<XdpStats>
  /**
   * Another program runs from the next batch on, no packet goes without one; only if `expected` runs now, where that is given
   * (BPF_F_REPLACE). Throws XdpAttachError.
   */
  update(program: XdpProgram, options?: { readonly expected?: XdpProgram }): void
}

/** A program that may attach to XDP: `collection.program(name, 'xdp')`. */
export type XdpProgram = ProgramHandle & { readonly type: 'xdp'; readonly loadFlags?: number }

/**
 * Runs a program on every packet that a device receives. XDP_TX goes back out of the device, XDP_PASS to `options.pass`,
 * XDP_REDIRECT to the device asked for. Throws XdpAttachError.
 */
export function attachXdp(
  program: XdpProgram,
  device: PacketDevice,
  options: XdpAttachOptions = {},
): XdpLink {
  checkProgram(program)
  if (program.attach) return program.attach('xdp', { device, ...options }) as XdpLink
  checkDevice('device', device)
  if (options.pass !== undefined) checkDevice('options.pass', options.pass)
  for (const [ifindex, target] of options.redirect ?? [])
    checkDevice(`options.redirect, ifindex ${ifindex}`, target)
  const batchSize = options.batchSize ?? 256
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 4096) {
    throw new XdpAttachError('BAD_OPTION', `batchSize is ${batchSize}; give an integer from 1 to 4096`)
  }
  return new Attachment(program, device, options, batchSize)
}

function checkProgram(program: ProgramHandle): void {
  if (typeof program?.runBatch !== 'function') {
    throw new XdpAttachError(
      'BAD_PROGRAM',
      typeof (program as { then?: unknown } | null | undefined)?.then === 'function'
        ? 'a promise was given as program; await it first'
        : 'what was given is no program; give collection.program(name, "xdp")',
    )
  }
  if (program.type !== xdpProgramType.name) {
    throw new XdpAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not xdp; put it into SEC("xdp"), or attach it with the hook of its type`,
    )
  }
  if (program.attachType === 'xdp_devmap' || program.attachType === 'xdp_cpumap') {
    throw new XdpAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is for ${program.attachType}, not for a device; put it into such a map with setRedirect of @skep/maps`,
    )
  }
}

function checkDevice(what: string, device: PacketDevice): void {
  const mistake = deviceMistake(what, device)
  if (mistake) throw new XdpAttachError('BAD_DEVICE', mistake)
}

/** XDP as an attach point of the platform. */
export const xdpAttachPoint: AttachPointDef<{ readonly device: PacketDevice } & XdpAttachOptions, XdpLink> =
  defineAttachPoint({
    name: 'xdp',
    programTypes: ['xdp'],
    attach: (program, { device, ...options }) => attachXdp(program as XdpProgram, device, options),
  })

/** Where the program goes: its place, and what gives way to it. Throws XdpAttachError. */
function placeOf(
  device: PacketDevice,
  { replace = false, priority, chainCall }: XdpAttachOptions,
): {
  readonly priority: number | undefined
  readonly chainCall: number
  readonly replaced: readonly Attached[]
} {
  if (priority !== undefined && (!Number.isInteger(priority) || priority < 0 || priority > 0xffff_ffff))
    throw new XdpAttachError('BAD_OPTION', `priority is ${priority}; give an integer from 0 on`)
  for (const verdict of chainCall ?? [])
    if (!Number.isInteger(verdict) || verdict < 0 || verdict > 31)
      throw new XdpAttachError('BAD_OPTION', `chainCall has ${verdict}; give verdicts, as [XDP_PASS]`)
  const there = hookOf(device)?.programs ?? []
  const one = typeof replace === 'boolean' ? undefined : there.find(({ program }) => program === replace)
  if (typeof replace !== 'boolean' && !one) {
    const found = there.map(({ program }) => program.name).join(', ') || 'none'
    throw new XdpAttachError(
      'NOT_EXPECTED',
      `device ${device.name} has program ${found} attached, not ${replace.name}; look again what is there`,
    )
  }
  const shares = priority !== undefined || chainCall !== undefined || one?.priority !== undefined
  const bits = (chainCall ?? [XDP_PASS]).reduce((mask, verdict) => mask | (1 << verdict), 0)
  const place = {
    priority: shares ? (priority ?? one?.priority ?? DEFAULT_PRIORITY) : undefined,
    chainCall: chainCall === undefined && one ? one.chainCall : bits,
  }
  if (replace === true) return { ...place, replaced: there }
  const stay = there.filter((other) => other !== one)
  const loner = stay.find((other) => !shares || other.priority === undefined)
  if (loner)
    throw new XdpAttachError(
      'BUSY',
      `device ${device.name} has program ${loner.program.name} attached; close that link first`,
    )
  if (stay.length === MOST_PROGRAMS)
    throw new XdpAttachError(
      'BUSY',
      `device ${device.name} has ${MOST_PROGRAMS} programs, and room for no more`,
    )
  return { ...place, replaced: one ? [one] : [] }
}

function checkHost(hook: XdpHook, program: ProgramHandle): void {
  if (program.host.arena === hook.host.arena) return
  throw new XdpAttachError(
    'FOREIGN',
    `program ${program.name} is of another runtime than those of device ${hook.device.name}; load it into theirs`,
  )
}

/** Whatever else it is told, a hook keeps what it was told before. */
function told({ pass, redirect, rxQueue, onBatch }: XdpAttachOptions): HookOptions {
  return {
    ...(pass ? { pass } : {}),
    ...(redirect ? { redirect } : {}),
    ...(rxQueue === undefined ? {} : { rxQueue }),
    ...(onBatch ? { onBatch } : {}),
  }
}

class Attachment implements XdpLink {
  readonly attachPoint = 'xdp'
  readonly done: Promise<XdpStats>
  readonly #entry: Attached
  readonly #hook: XdpHook
  #forget: () => void
  #closed = false
  #settle!: (value: XdpStats | Promise<XdpStats>) => void

  constructor(program: XdpProgram, device: PacketDevice, options: XdpAttachOptions, batchSize: number) {
    const { replaced, ...place } = placeOf(device, options)
    // First, for it refuses a program whose collection is closed.
    this.#forget = program.host.onClose(() => this.close())
    try {
      this.#hook = openHook(program, device, replaced, batchSize)
    } catch (error) {
      this.#forget()
      throw error
    }
    this.done = new Promise((settle) => {
      this.#settle = settle
    })
    this.done.catch(() => {})
    const ended = (failure?: { readonly error: unknown }): void => {
      if (failure) this.#settle(Promise.reject(failure.error))
      this.close()
    }
    this.#entry = { ...place, program, stats: createXdpStats(), ended }
    Object.assign(this.#hook.options, told(options))
    this.#hook.add(this.#entry)
    for (const { ended: giveWay } of replaced) giveWay()
    program.host.emit('attach', this)
  }

  get program(): XdpProgram {
    return this.#entry.program
  }

  get stats(): Readonly<XdpStats> {
    return this.#entry.stats
  }

  get priority(): number | undefined {
    return this.#entry.priority
  }

  get closed(): boolean {
    return this.#closed
  }

  update(program: XdpProgram, { expected }: { readonly expected?: XdpProgram } = {}): void {
    checkProgram(program)
    const entry = this.#entry
    if (this.#closed) throw new XdpAttachError('CLOSED', 'the link is closed; attach the program anew')
    if (expected !== undefined && expected !== entry.program)
      throw new XdpAttachError(
        'NOT_EXPECTED',
        `the link has program ${entry.program.name}, not ${expected.name}; look again what is there`,
        'EPERM',
      )
    checkHost(this.#hook, program)
    if (program === entry.program) return
    const forget = program.host.onClose(() => this.close())
    this.#forget()
    this.#forget = forget
    entry.program = program
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#forget()
    this.#hook.remove(this.#entry)
    const { stats } = this.#entry
    // The last one waits for the batch that is under way.
    const last = this.#hook.programs.length === 0
    const over = last ? this.#hook.done.then(() => stats) : Promise.resolve(stats)
    over.catch(() => {})
    this.#settle(over)
    this.#hook.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** The hook of the device; those of another runtime give way at once. */
function openHook(
  program: XdpProgram,
  device: PacketDevice,
  replaced: readonly Attached[],
  batchSize: number,
): XdpHook {
  const known = hookOf(device)
  if (known && replaced.length === known.programs.length && known.host.arena !== program.host.arena)
    for (const { ended } of replaced) ended()
  const hook = hookOf(device)
  if (hook) {
    checkHost(hook, program)
    return hook
  }
  const receives = pumpOf(device)
  if (receives && !hookBehind(device)) {
    throw new XdpAttachError(
      'BUSY',
      `another hook receives from device ${device.name}; let it take the packets that XDP passes`,
    )
  }
  return new XdpHook(program.host, device, batchSize)
}
