import type { PacketDevice } from '@skep/packet'
import type { ProgramHandle } from '@skep/registry'
import type { Direction } from './actions.ts'
import { TcAttachError } from './errors.ts'
import { type HookOptions, hookOf, type TcBatchView, TcHook, type TcStats } from './hook.ts'
import type { Neighbour } from './neighbour.ts'

/** What is of a side of a device, whoever attaches to it: the last one who says it counts. */
export interface SideOptions {
  readonly direction: Direction
  /** Ingress: where passed packets go, the twin of the kernel's network stack. They end here when absent. */
  readonly pass?: PacketDevice
  /** Devices by ifindex, for bpf_redirect and bpf_clone_redirect. */
  readonly redirect?: ReadonlyMap<number, PacketDevice>
  /** For bpf_redirect_peer: the devices at the other ends, by the ifindex of those at this end. */
  readonly peers?: ReadonlyMap<number, PacketDevice>
  /** For bpf_redirect_neigh. */
  readonly neighbour?: Neighbour
  /** Packets in one run of the program's loop; the first on a side decides. Default 64. */
  readonly batchSize?: number
  readonly onBatch?: (batch: TcBatchView) => void
  /**
   * Ingress: whether packets are received from the device, behind XDP where that is attached; else they come through
   * `tcIngress`. Default true.
   */
  readonly receive?: boolean
}

/** Checks what is of a side. Throws TcAttachError BAD_OPTION. */
export function checkSide({ direction, batchSize = 64 }: SideOptions): void {
  if (direction !== 'ingress' && direction !== 'egress')
    throw new TcAttachError('BAD_OPTION', `direction is ${direction}; give 'ingress' or 'egress'`)
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1024)
    throw new TcAttachError('BAD_OPTION', `batchSize is ${batchSize}; give an integer from 1 to 1024`)
}

/** Whatever else it is told, a hook keeps what it was told before. */
function told(options: SideOptions): Partial<HookOptions> {
  const { pass, redirect, peers, neighbour, onBatch, receive } = options
  return {
    ...(pass ? { pass } : {}),
    ...(redirect ? { redirect } : {}),
    ...(peers ? { peers } : {}),
    ...(neighbour ? { neighbour } : {}),
    ...(onBatch ? { onBatch } : {}),
    ...(receive === undefined ? {} : { receive }),
  }
}

/** What is the same of all links on a side of a device. */
export class SideLink {
  readonly hook: TcHook
  readonly done: Promise<TcStats>
  #forget: readonly (() => void)[] = []
  #closed = false
  readonly #close: () => void
  #settle!: (value: TcStats | Promise<TcStats>) => void

  /** `programs` must be of one runtime; with one of them the link closes. Throws TcAttachError FOREIGN, BUSY. */
  constructor(
    programs: readonly ProgramHandle[],
    device: PacketDevice,
    options: SideOptions,
    close: () => void,
  ) {
    const { host } = programs[0]!
    const { direction, batchSize = 64 } = options
    this.#close = close
    const known = hookOf(device, direction)
    this.hook = known ?? new TcHook(host, device, direction, { batchSize, receive: true })
    this.done = new Promise((settle) => {
      this.#settle = settle
    })
    // Who looks at it hears of a failure; the others by the runtime's `exception` event.
    this.done.catch(() => {})
    this.attempt(() => {
      for (const program of programs) this.check(program)
      // It refuses a program whose collection is closed.
      for (const program of programs) this.#forget = [...this.#forget, program.host.onClose(close)]
    })
  }

  /** Undoes what was begun when `act` throws. */
  attempt<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      for (const step of this.#forget) step()
      this.hook.closeIfEmpty()
      throw error
    }
  }

  /** Tells the hook what this one was told, and lets packets come. */
  begin(options: SideOptions): void {
    Object.assign(this.hook.options, told(options))
    this.attempt(() => this.hook.start())
  }

  check(program: ProgramHandle): void {
    const { hook } = this
    if (program.host.arena === hook.host.arena) return
    throw new TcAttachError(
      'FOREIGN',
      `program ${program.name} is of another runtime than the filters of device ${hook.device.name}; load it into theirs`,
    )
  }

  /** Another program takes the place of the first. */
  follow(program: ProgramHandle): void {
    if (this.#closed) throw new TcAttachError('CLOSED', 'the link is closed; attach the program anew')
    this.check(program)
    const forget = program.host.onClose(this.#close)
    this.#forget[0]?.()
    this.#forget = [forget, ...this.#forget.slice(1)]
  }

  get closed(): boolean {
    return this.#closed
  }

  readonly ended = (failure?: { readonly error: unknown }): void =>
    this.#settle(failure ? Promise.reject(failure.error) : this.hook.stats)

  /** True once: what is attached has been taken away. */
  finish(): boolean {
    if (this.#closed) return false
    this.#closed = true
    for (const step of this.#forget) step()
    this.hook.closeIfEmpty()
    this.#settle(this.hook.stats)
    return true
  }
}

/** What links on a side have in common to look at. */
export abstract class SideAttachment {
  protected readonly side: SideLink

  constructor(side: SideLink) {
    this.side = side
  }

  get direction(): Direction {
    return this.side.hook.direction
  }

  get totals(): Readonly<TcStats> {
    return this.side.hook.stats
  }

  get done(): Promise<TcStats> {
    return this.side.done
  }

  get closed(): boolean {
    return this.side.closed
  }

  abstract close(): void

  [Symbol.dispose](): void {
    this.close()
  }
}
