import type { PacketDevice } from '@skep/packet'
import { type AttachPointDef, defineAttachPoint, type Link } from '@skep/registry'
import type { Direction } from './actions.ts'
import type { TcProgram } from './attach.ts'
import { checkDevice, checkDevices, checkProgram } from './check.ts'
import { TcAttachError } from './errors.ts'
import type { TcFilterStats } from './filter-table.ts'
import { hookOf, type TcStats } from './hook.ts'
import { schedClsProgramType } from './sched.ts'
import { checkSide, SideAttachment, SideLink, type SideOptions } from './side-link.ts'
import type { TcxEntry } from './tcx-run.ts'

/** A program's place among those that are there: a link of it, or the program. */
export type TcxRelative = TcxLink | TcProgram

export interface TcxAttachOptions extends SideOptions {
  /** Asked before that one, or before all (BPF_F_BEFORE). */
  readonly before?: TcxRelative | 'first'
  /** Asked after that one, or after all, which is the default (BPF_F_AFTER). */
  readonly after?: TcxRelative | 'last'
  /** Refuses with STALE unless the order is as old as this (`link.revision`). */
  readonly expectedRevision?: number
}

export interface TcxLink extends Link {
  readonly attachPoint: 'tcx'
  readonly program: TcProgram
  readonly direction: Direction
  /** Of the order of programs on this side; each change raises it. */
  readonly revision: number
  /** Of this program. */
  readonly stats: Readonly<TcFilterStats>
  /** Of the side of the device, over all of its programs. */
  readonly totals: Readonly<TcStats>
  /** Resolves when the device has no more packets, or the link is closed; rejects with the device's error. */
  readonly done: Promise<TcStats>
  /**
   * Another program runs from the next packet on, in the same place; only if `expected` runs now, where that is given
   * (BPF_F_REPLACE). Throws TcAttachError.
   */
  update(program: TcProgram, options?: { readonly expected?: TcProgram }): void
}

/**
 * Runs a program on a side of a device as tcx does, before the filters of `attachTc`: programs in an order of their own are
 * asked until one returns something else than TCX_NEXT. Throws TcAttachError.
 */
export function attachTcx(program: TcProgram, device: PacketDevice, options: TcxAttachOptions): TcxLink {
  checkProgram(program, schedClsProgramType.name)
  if (program.attach) return program.attach('tcx', { device, ...options }) as TcxLink
  checkDevice('device', device)
  const given: TcxAttachOptions = options ?? {}
  checkSide(given)
  checkDevices(given)
  return new TcxAttachment(program, device, given)
}

/** The programs of tcx on a side of a device, in the order in which they are asked, and the order's revision. */
export function tcxQuery(
  device: PacketDevice,
  direction: Direction,
): { readonly programs: readonly TcProgram[]; readonly revision: number } {
  const tcx = hookOf(device, direction)?.tcx
  return { programs: (tcx?.list ?? []).map(({ program }) => program), revision: tcx?.revision ?? 1 }
}

class TcxAttachment extends SideAttachment implements TcxLink {
  readonly attachPoint = 'tcx'
  readonly #entry: TcxEntry

  constructor(program: TcProgram, device: PacketDevice, options: TcxAttachOptions) {
    const side = new SideLink([program], device, options, () => this.close())
    super(side)
    this.#entry = { program, stats: { packets: 0, bytes: 0, matched: 0 }, ended: side.ended }
    const { tcx, host } = side.hook
    const place = (relative: TcxRelative | 'first' | 'last'): TcxEntry | undefined => {
      if (typeof relative === 'string') return undefined
      const wanted = 'attachPoint' in relative ? relative.program : relative
      const found = tcx.list.find((entry) => entry.program === wanted)
      if (found) return found
      throw new TcAttachError('NOT_FOUND', `program ${wanted.name} is not attached there; look again what is`)
    }
    const { before, after, expectedRevision: revision } = options
    side.attempt(() =>
      tcx.insert(
        this.#entry,
        {
          before: before === undefined ? before : () => place(before),
          after: after === undefined ? after : () => place(after),
          revision,
        },
        (other) => other.program === program,
      ),
    )
    try {
      side.begin(options)
    } catch (error) {
      tcx.remove(this.#entry)
      side.hook.closeIfEmpty()
      throw error
    }
    host.emit('attach', this)
  }

  get program(): TcProgram {
    return this.#entry.program
  }

  get revision(): number {
    return this.side.hook.tcx.revision
  }

  get stats(): Readonly<TcFilterStats> {
    return this.#entry.stats
  }

  update(program: TcProgram, { expected }: { readonly expected?: TcProgram } = {}): void {
    checkProgram(program, schedClsProgramType.name)
    const entry = this.#entry
    if (!this.closed && expected !== undefined && expected !== entry.program)
      throw new TcAttachError(
        'NOT_EXPECTED',
        `the link has program ${entry.program.name}, not ${expected.name}; look again what is there`,
      )
    if (!this.closed && program === entry.program) return
    const { tcx } = this.side.hook
    if (tcx.list.some((other) => other.program === program))
      throw new TcAttachError('EXISTS', 'the program is attached there already; give another one')
    this.side.follow(program)
    entry.program = program
    tcx.touch()
  }

  close(): void {
    if (this.closed) return
    this.side.hook.tcx.remove(this.#entry)
    if (this.side.finish()) this.side.hook.host.emit('detach', this)
  }
}

/** tcx as an attach point of the platform. */
export const tcxAttachPoint: AttachPointDef<{ readonly device: PacketDevice } & TcxAttachOptions, TcxLink> =
  defineAttachPoint({
    name: 'tcx',
    programTypes: [schedClsProgramType.name],
    attach: (program, { device, ...options }) => attachTcx(program as TcProgram, device, options),
  })
