import type { Link, ProgramHandle } from '@skep/registry'
import { SocketAttachError } from '../errors.ts'

/** A program of a type: `collection.program(name, type)`. */
export type ProgramOf<T extends string> = ProgramHandle & { readonly type: T }

export const isPromise = (value: unknown): boolean =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/**
 * Refuses what is no program of these types, or one of other attach types. Throws SocketAttachError BAD_PROGRAM and
 * WRONG_PROGRAM_TYPE.
 */
export function checkProgram(
  program: ProgramHandle,
  types: readonly string[],
  attachTypes?: readonly (string | undefined)[],
): void {
  if (typeof program?.runBatch !== 'function')
    throw new SocketAttachError(
      'BAD_PROGRAM',
      isPromise(program)
        ? 'a promise was given as program; await it first'
        : `what was given is no program; give collection.program(name, '${types[0]}')`,
    )
  if (!types.includes(program.type))
    throw new SocketAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not ${types.join(' or ')}; load it as that type, or attach it with the hook of its own`,
    )
  if (attachTypes && !attachTypes.includes(program.attachType))
    throw new SocketAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is for ${program.attachType ?? 'no attach type'}, not for ${attachTypes.filter((type) => type).join(' or ')}; name its section so`,
    )
}

/** A link that `detach`es once: when it is closed, or a collection of its programs is. */
export abstract class Attachment<P extends ProgramHandle> implements Link {
  readonly attachPoint: string
  #program: P
  #programs: readonly ProgramHandle[]
  #forget: readonly (() => void)[] = []
  #closed = false

  constructor(attachPoint: string, program: P, others: readonly ProgramHandle[] = []) {
    this.attachPoint = attachPoint
    this.#program = program
    this.#programs = [program, ...others]
  }

  protected abstract detach(): void

  /** To be called when all is in place; throws, with nothing done, for a program whose collection is closed. */
  protected opened(place: () => void): void {
    // First, for it refuses a program whose collection is closed.
    this.#forget = this.#programs.map((one) => one.host.onClose(() => this.leave()))
    try {
      place()
    } catch (error) {
      for (const forget of this.#forget) forget()
      this.#closed = true
      throw error
    }
    this.#program.host.emit('attach', this)
  }

  get program(): P {
    return this.#program
  }

  /** The program is another one from now on. Throws SocketAttachError CLOSED. */
  protected exchange(program: P): void {
    if (this.#closed) throw new SocketAttachError('CLOSED', 'the link is closed; attach the program anew')
    const forget = program.host.onClose(() => this.leave())
    this.#forget[0]?.()
    this.#forget = [forget, ...this.#forget.slice(1)]
    this.#programs = [program, ...this.#programs.slice(1)]
    this.#program = program
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.leave()
  }

  /** Detaches, whoever may still want the link. */
  leave(): void {
    if (this.#closed) return
    this.#closed = true
    for (const forget of this.#forget) forget()
    this.detach()
    this.#program.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
