import type { Link, ProgramHandle } from '@skep/registry'
import { type Context, Handle } from '../context.ts'
import { KernelArgumentError } from '../errors.ts'
import { type LinkInfo, linkInfo } from '../object-info.ts'
import { pinObject } from '../objects.ts'

const BPF_F_REPLACE = 4

/** How a program is held at its place, and let go. */
export interface Hold {
  /** The link's descriptor, where the kernel has one for it: closing that detaches. */
  readonly link?: Handle
  /** What else ends with it. */
  readonly release?: () => void
  /** Another program takes its place; absent where the kernel has no such thing. */
  readonly replace?: (fd: number) => void
}

export interface LinkParts {
  readonly context: Context
  readonly point: string
  readonly program: ProgramHandle
  readonly closed: () => void
}

/** A program attached in the running kernel. Closing detaches it, and so does the end of the process, but for a pinned link. */
export class KernelLink implements Link {
  readonly attachPoint: string
  readonly #parts: LinkParts
  readonly #hold: Hold
  #program: ProgramHandle
  #closed = false

  /** Use `attachToKernel`. */
  constructor(parts: LinkParts, hold: Hold) {
    this.attachPoint = parts.point
    this.#parts = parts
    this.#hold = hold
    this.#program = parts.program
  }

  get program(): ProgramHandle {
    return this.#program
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * BPF_LINK_UPDATE: another program runs from the next event on; only if `expected` runs now, where that is given. Throws
   * KernelError, KernelArgumentError.
   */
  update(program: ProgramHandle, { expected }: { readonly expected?: ProgramHandle } = {}): void {
    if (this.#closed) throw new KernelArgumentError('link', 'is closed; attach the program anew')
    if (program.type !== this.#program.type || !program.attach) {
      const what = program.attach ? `is of type ${program.type}` : 'does not run in the kernel'
      throw new KernelArgumentError(
        'program',
        `${program.name} ${what}; the link takes programs of type ${this.#program.type} that the kernel runs`,
      )
    }
    const { link, replace } = this.#hold
    if (replace) replace(program.record)
    else {
      const { context } = this.#parts
      const { attr } = context
      const size = attr.begin('BPF_LINK_UPDATE')
      attr.set('link_fd', this.#link(link).fd)
      attr.set('new_prog_fd', program.record)
      if (expected) {
        attr.set('flags', BPF_F_REPLACE)
        attr.set('old_prog_fd', expected.record)
      }
      context.must('BPF_LINK_UPDATE', size, `program '${program.name}' at ${this.attachPoint}`)
    }
    this.#program = program
  }

  /** Keeps the program attached under a path of a bpf file system, beyond `close` and the process. Throws KernelError. */
  pin(path: string): void {
    pinObject(this.#parts.context, this.#link(this.#hold.link).fd, path)
  }

  /** `struct bpf_link_info`. Throws KernelError. */
  info(): LinkInfo {
    return linkInfo(this.#parts.context, this.#link(this.#hold.link), `link at ${this.attachPoint}`)
  }

  #link(link: Handle | undefined): Handle {
    if (link) return link
    throw new KernelArgumentError('link', `the kernel has no link object for ${this.attachPoint} here`)
  }

  /** Detaches the program. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#hold.link?.close()
    this.#hold.release?.()
    this.#parts.closed()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** BPF_LINK_CREATE. Throws KernelError. */
export function createLink(
  context: Context,
  fields: Readonly<Record<string, number | bigint>>,
  what: string,
  mends: Readonly<Record<string, string>> = {},
): Handle {
  const { attr } = context
  const size = attr.begin('BPF_LINK_CREATE')
  for (const [name, value] of Object.entries(fields)) attr.set(name, value)
  return new Handle(context.ffi, context.must('BPF_LINK_CREATE', size, what, mends), `link of ${what}`)
}
