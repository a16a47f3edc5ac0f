import type { Link } from './attach-point.ts'
import type { ProgramHandle } from './handles.ts'

export type AttachErrorCode = 'BAD_PROGRAM' | 'WRONG_PROGRAM_TYPE'

/** What was given to attach does not belong there. */
export class AttachError extends Error {
  readonly code: AttachErrorCode
  override readonly name = 'AttachError'
  readonly attachPoint: string

  constructor(code: AttachErrorCode, attachPoint: string, message: string) {
    super(message)
    this.code = code
    this.attachPoint = attachPoint
  }
}

/** A program of a type, for the signature of an attach function: `collection.program(name, 'http_request')` is one. */
export type ProgramOf<T extends string> = ProgramHandle & { readonly type: T }

export interface LinkOptions<P extends ProgramHandle> {
  /** The attach point's name. */
  readonly attachPoint: string
  /** Names of the program types that it takes. */
  readonly programTypes: readonly string[]
  readonly program: P
  /** Puts the program to work, and returns what takes it away again: that is called once. */
  readonly attach: () => () => void
}

/**
 * The link of an attach point, as `attachX` of a hook package gives one: it refuses other programs, raises `attach` and `detach`,
 * and closes with the program's collection and runtime. Throws AttachError BAD_PROGRAM and WRONG_PROGRAM_TYPE, RuntimeError
 * CLOSED, and what `attach` throws.
 */
export function openLink<P extends ProgramHandle>(options: LinkOptions<P>): Link & { readonly program: P } {
  const { attachPoint, program } = options
  checkProgram(options)
  let closed = false
  let detach: (() => void) | undefined
  const close = (): void => {
    if (closed) return
    closed = true
    forget()
    detach?.()
    if (detach) program.host.emit('detach', link)
  }
  const link = {
    attachPoint,
    program,
    get closed() {
      return closed
    },
    close,
    [Symbol.dispose]: close,
  }
  // First, for it refuses a program whose collection is closed.
  const forget = program.host.onClose(close)
  try {
    detach = options.attach()
  } catch (error) {
    close()
    throw error
  }
  program.host.emit('attach', link)
  return link
}

function checkProgram({ attachPoint, program, programTypes }: LinkOptions<ProgramHandle>): void {
  if (typeof program?.run !== 'function') {
    const promised = typeof (program as { then?: unknown } | null | undefined)?.then === 'function'
    const why = promised
      ? 'a promise was given as program; await it first'
      : `what was given is no program; give collection.program(name, '${programTypes[0]}')`
    throw new AttachError('BAD_PROGRAM', attachPoint, `${attachPoint}: ${why}`)
  }
  if (programTypes.includes(program.type)) return
  throw new AttachError(
    'WRONG_PROGRAM_TYPE',
    attachPoint,
    `${attachPoint}: program ${program.name} is of type ${program.type}, not ${programTypes.join(' or ')}; attach it with the hook of its type`,
  )
}
