import type { Link, ProgramHandle } from '@skep/registry'
import type { ProbeStats, RunContext } from './run-context.ts'

/** A program at functions, events or a timer. */
export interface ProbeLink extends Link {
  readonly stats: Readonly<ProbeStats>
}

/** A link that takes its probes away and gives its context back when it is closed. */
export class OpenLink<P extends ProgramHandle = ProgramHandle> implements ProbeLink {
  readonly attachPoint: string
  readonly program: P
  readonly #context: RunContext
  readonly #detach: () => void
  readonly #forget: () => void
  #closed = false

  /** `detach` is called once. */
  constructor(attachPoint: string, program: P, context: RunContext, detach: () => void) {
    this.attachPoint = attachPoint
    this.program = program
    this.#context = context
    this.#detach = detach
    this.#forget = program.host.onClose(() => this.close())
    program.host.emit('attach', this)
  }

  get stats(): Readonly<ProbeStats> {
    return this.#context.stats
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#forget()
    this.#detach()
    this.#context.release()
    this.program.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
