import { type AttachPointDef, defineAttachPoint, type Link, type ProgramHandle } from '@skep/registry'
import { SeccompError } from './errors.ts'
import { checkProgram } from './program.ts'
import type { SeccompCall } from './seccomp-data.ts'
import { createSimulator, type SeccompDecision, type SimulateOptions } from './simulate.ts'

/** A program that may attach to a task: `collection.program(name, 'seccomp')`. */
export type SeccompProgram = ProgramHandle & { readonly type: 'seccomp' }

/** A twin of a task of the kernel: programs attach to it, and decide what it asks. */
export class SeccompTask {
  readonly #options: SimulateOptions
  readonly #programs: SeccompProgram[] = []
  #simulator = createSimulator([])

  constructor(options: SimulateOptions = {}) {
    this.#options = options
  }

  /** The programs that are attached, oldest first. */
  get programs(): readonly SeccompProgram[] {
    return [...this.#programs]
  }

  /** What becomes of a system call. Throws what a program's run throws. */
  decide(call: SeccompCall): SeccompDecision {
    return this.#simulator.decide(call)
  }

  /** @internal */
  change(act: (programs: SeccompProgram[]) => void): void {
    act(this.#programs)
    this.#simulator = createSimulator(this.#programs, this.#options)
  }
}

/**
 * Stacks a program on a task, above those that are there. Unlike the kernel's filters, which stay until the task ends, it goes
 * when its link closes.
 *
 * @throws SeccompError `BAD_PROGRAM`
 */
export function attachSeccomp(program: SeccompProgram, task: SeccompTask): Link {
  checkProgram(program)
  if (!(task instanceof SeccompTask)) {
    throw new SeccompError(
      'BAD_PROGRAM',
      'what was given to attach to is no SeccompTask; give new SeccompTask()',
    )
  }
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    forget()
    task.change((programs) => void programs.splice(programs.lastIndexOf(program), 1))
    program.host.emit('detach', link)
  }
  const link: Link = {
    attachPoint: 'seccomp',
    program,
    get closed() {
      return closed
    },
    close,
    [Symbol.dispose]: close,
  }
  // First, for it refuses a program whose collection is closed.
  const forget = program.host.onClose(close)
  task.change((programs) => void programs.push(program))
  program.host.emit('attach', link)
  return link
}

/** seccomp as an attach point of the platform. */
export const seccompAttachPoint: AttachPointDef<SeccompTask> = defineAttachPoint({
  name: 'seccomp',
  programTypes: ['seccomp'],
  attach: (program, task) => attachSeccomp(program as SeccompProgram, task),
})
