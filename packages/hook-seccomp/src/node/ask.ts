import { AsyncLocalStorage } from 'node:async_hooks'
import { GUARD_OPERATIONS, type GuardOperation } from '../guard/operations.ts'
import { realPath } from './real-path.ts'

/** A call that is about to be made, as hosts see it. */
export interface GuardEvent {
  readonly operation: GuardOperation
  /** The plugin that calls; '' where the host does. */
  readonly plugin: string
  /** A file's absolute path, a host's name, a module: what the operation is about. */
  readonly path: string
  readonly detail: string
  readonly flags: number
  readonly mode: number
  /** The address as text, where there is one. */
  readonly address: string
  readonly port: number
}

/** What a patch knows of a call. */
export type Request = Pick<GuardEvent, 'operation' | 'path'> & Partial<GuardEvent>

/** Somebody who decides: 0, or an errno of Linux. */
export interface Judge {
  judge(event: GuardEvent): number
}

/** Guards of this thread, oldest first. */
export const judges: Judge[] = []

const plugins = new AsyncLocalStorage<string>()

/** The plugin in whose scope this is called; '' for the host. */
export const currentPlugin = (): string => plugins.getStore() ?? ''

export const runAs = <T>(plugin: string, act: () => T): T => plugins.run(plugin, act)

/** A program decides: what it, and whoever listens, calls meanwhile is the host's own. */
let judging = false

/** What guards say: 0, or the errno of the first that objects. */
export function ask(request: Request, plugin: string = currentPlugin()): number {
  if (judges.length === 0 || judging) return 0
  const event: GuardEvent = { detail: '', flags: 0, mode: 0, address: '', port: 0, ...request, plugin }
  judging = true
  try {
    for (const judge of judges) {
      const errno = judge.judge(event)
      if (errno !== 0) return errno
    }
    return 0
  } finally {
    judging = false
  }
}

/** The same of a file. `last` is false where the call is about a link itself. */
export const askFile = (
  operation: GuardOperation,
  path: string,
  more: Partial<GuardEvent> = {},
  last = true,
): number => (judges.length === 0 ? 0 : ask({ operation, path: realPath(path, last), ...more }))

export const operationNumber = (operation: GuardOperation): number => GUARD_OPERATIONS[operation]
