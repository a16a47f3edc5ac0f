import type { Link } from '@skep/registry'
import type { Collection } from './collection.ts'
import type { ProgramFault } from './errors.ts'

/** One line that a program printed (bpf_trace_printk). */
export interface PrintkEvent {
  readonly text: string
  readonly cpu: number
}

export interface RuntimeEvents {
  load: (collection: Collection) => void
  attach: (link: Link) => void
  detach: (link: Link) => void
  printk: (line: PrintkEvent) => void
  /** A run that ended early, or XDP_ABORTED and the like. */
  exception: (fault: ProgramFault | Error) => void
  /** Records that a consumer was too slow for. */
  lost: (count: number, source: string) => void
  /** A worker has joined, as this CPU. */
  join: (worker: { readonly cpu: number }) => void
  /** A worker has left: it closed what it had joined, or it was taken for gone (`unshare`). */
  leave: (worker: { readonly cpu: number; readonly closed: boolean }) => void
  close: () => void
}
