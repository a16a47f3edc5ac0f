import { FILTER_CALLS } from './launcher.ts'

/** What a process of a pool is told: on its command line, as JSON. */
export interface PoolOrder {
  /** URL of the module whose exports are the tasks. */
  readonly module: string
  /** Instructions, in hex. */
  readonly filter: string
  /** The number of seccomp(2). */
  readonly nr: number
  readonly flags: number
  /** The filter comes before the module is loaded. */
  readonly first: boolean
}

export interface PoolRequest {
  readonly id: number
  readonly task: string
  readonly args: readonly unknown[]
}

/** What a task threw: the fields of an Error, or something else. */
export type PoolFailure = { readonly thrown?: unknown } & Readonly<Record<string, unknown>>

const FIELDS = ['name', 'message', 'stack', 'code', 'errno', 'syscall', 'path'] as const

/** The error as it was, or what was thrown instead. */
export function failureOf(failure: PoolFailure): unknown {
  if ('thrown' in failure) return failure.thrown
  const error = new Error(String(failure.message))
  for (const name of FIELDS) {
    const value = failure[name]
    if (typeof value !== 'string' && typeof value !== 'number') continue
    Object.defineProperty(error, name, {
      value,
      configurable: true,
      writable: true,
      enumerable: !HIDDEN.has(name),
    })
  }
  return error
}

const HIDDEN: ReadonlySet<string> = new Set(['name', 'message', 'stack'])

/** What a process says: `id` is 0 for how it began. */
export interface PoolAnswer {
  readonly id: number
  readonly value?: unknown
  readonly error?: PoolFailure
  /** The pool's own word: the module has no such task, or the process did not begin. */
  readonly refused?: 'BAD_TASK' | 'BAD_MODULE' | 'NO_FILTER'
}

/**
 * What runs in a process of a pool. Text, for it must stand alone. The filter is put on all threads: the JavaScript's, those of
 * V8 and of Node's pool; later ones inherit it. What the process does all the time is done once before.
 */
export const POOL_PROCESS: string = `
const [path, text] = process.argv.slice(1)
const order = JSON.parse(text)
const say = (message) => process.connected && process.send(message)
// Clones of errors have neither code nor syscall.
const plain = (error) => {
  if (!(error instanceof Error)) return { thrown: error }
  const { name, message, stack, code, errno, syscall, path } = error
  return { name, message, stack, code, errno, syscall, path }
}
const refuse = (refused, error) => process.send({ id: 0, refused, error: plain(error) }, () => process.exit(1))
process.once('disconnect', () => process.exit(0))
const confine = () => {
  ${FILTER_CALLS}
  if (prctl(38, 1, 0, 0, 0) === -1) throw new Error('prctl: errno ' + koffi.errno())
  const result = seccomp(order.nr, 1, order.flags, programOf(order.filter), 0, 0, 0)
  if (result !== 0) throw new Error('seccomp: ' + (result > 0 ? 'thread ' + result : 'errno ' + koffi.errno()))
}
const begin = async () => {
  // The threads of Node's pool.
  const { stat } = require('node:fs/promises')
  await Promise.all(Array.from({ length: 16 }, () => stat('/')))
  try { if (order.first) confine() } catch (error) { return refuse('NO_FILTER', error) }
  let tasks
  try { tasks = await import(order.module) } catch (error) { return refuse('BAD_MODULE', error) }
  try { if (!order.first) confine() } catch (error) { return refuse('NO_FILTER', error) }
  process.on('message', async ({ id, task, args }) => {
    if (!Object.hasOwn(tasks, task) || typeof tasks[task] !== 'function') return say({ id, refused: 'BAD_TASK' })
    try {
      const value = await tasks[task](...args)
      say({ id, value })
    } catch (error) {
      const failure = plain(error)
      try { say({ id, error: failure }) } catch { say({ id, error: plain(new Error(String(error))) }) }
    }
  })
  say({ id: 0 })
}
begin()
`
