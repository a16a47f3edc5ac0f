import crypto from 'node:crypto'
import Module, { createRequire, isBuiltin } from 'node:module'
import process from 'node:process'
import v8 from 'node:v8'
import worker from 'node:worker_threads'
import { GUARD_FLAGS, type GuardOperation } from '../guard/operations.ts'
import { copied, takePath } from './arguments.ts'
import { ask, askFile } from './ask.ts'
import { fileError, uvErrno } from './errors.ts'
import type { Patches } from './patches.ts'

type Call = (this: unknown, ...args: unknown[]) => unknown
type Constructor = new (...args: unknown[]) => object

/** A function that throws where it is refused. */
const throwing = (check: (args: unknown[]) => Error | undefined) => (original: unknown) =>
  function (this: unknown, ...given: unknown[]): unknown {
    const args = [...given]
    const error = check(args)
    if (error !== undefined) throw error
    return Reflect.apply(original as Call, this, args)
  } as never

const refused = (errno: number, syscall: string, path: string): Error | undefined =>
  errno === 0 ? undefined : fileError(errno, syscall, path)

/** A function with a path, at a place among its arguments. */
const onPath = (operation: GuardOperation, syscall: string, at = 0, otherwise = '') =>
  throwing((args) => {
    const path = takePath(args[at] ?? otherwise)
    if (path === undefined) return undefined
    args[at] = args[at] === undefined ? undefined : path.value
    return refused(askFile(operation, path.text), syscall, path.text)
  })

/** A function that is asked about by a word: its own name, or its first argument. */
const onWord = (operation: GuardOperation, syscall: string, word?: string) =>
  throwing((args) => {
    if (word === undefined) args[0] = String(args[0])
    const path = word ?? (args[0] as string)
    return refused(ask({ operation, path }), syscall, path)
  })

/** Node's own errors come of what `_kill` returns. */
const kill = (original: unknown) =>
  function (this: unknown, pid: unknown, signal: unknown): unknown {
    const errno = ask({
      operation: 'PROCESS_KILL',
      path: '',
      mode: Number(pid) >>> 0,
      flags: Number(signal) & 0xff,
    })
    return errno === 0 ? Reflect.apply(original as Call, this, [pid, signal]) : uvErrno(errno)
  } as never

function patchProcess(patches: Patches): void {
  patches.wrap(process, '_kill', kill)
  patches.wrap(process, '_debugProcess', onWord('CODE_INSPECT', '_debugProcess'))
  patches.wrap(process, 'chdir', onPath('PROCESS_CHDIR', 'chdir'))
  patches.wrap(process, 'loadEnvFile', onPath('FS_READ', 'open', 0, '.env'))
  for (const name of ['setuid', 'seteuid', 'setgid', 'setegid', 'setgroups', 'initgroups'])
    patches.wrap(process, name, onWord('PROCESS_SETID', name, name))
  for (const name of ['exit', 'reallyExit', 'abort'])
    patches.wrap(process, name, onWord('PROCESS_EXIT', name, name))
  patches.wrap(process, 'dlopen', onPath('PROCESS_DLOPEN', 'dlopen', 1))
  patches.wrap(process, 'execve', onPath('PROCESS_SPAWN', 'execve'))
  for (const name of ['binding', '_linkedBinding'])
    patches.wrap(process, name, onWord('PROCESS_BINDING', name))
  if (process.report)
    patches.wrap(process.report, 'writeReport', onPath('FS_WRITE', 'open', 0, 'report.json'))
  patches.wrap(v8, 'writeHeapSnapshot', onPath('FS_WRITE', 'open', 0, 'Heap.heapsnapshot'))
  patches.wrap(crypto, 'setEngine', onWord('CODE_ENGINE', 'setEngine'))
}

/** A file, or `node:` and a name: what `require` comes to. What is not found is for Node to say. */
function patchRequire(patches: Patches): void {
  const { _resolveFilename } = Module as unknown as { _resolveFilename: Call }
  patches.wrap(
    Module,
    '_load',
    throwing((args) => {
      if (typeof args[0] !== 'string') return undefined
      let path: string
      try {
        path = isBuiltin(args[0])
          ? `node:${args[0].replace(/^node:/, '')}`
          : String(Reflect.apply(_resolveFilename, Module, args.slice(0, 3)))
      } catch {
        return undefined
      }
      return refused(ask({ operation: 'CODE_REQUIRE', path }), 'require', path)
    }) as never,
  )
}

/** A class whose making is asked about; what makes one of its prototype comes here too. */
function patchClass(
  patches: Patches,
  owner: object,
  name: string,
  check: (args: unknown[]) => Error | undefined,
): void {
  const original = (owner as Record<string, unknown>)[name] as Constructor | undefined
  if (typeof original !== 'function') return
  const guarded = new Proxy(original, {
    construct(target, given, newTarget) {
      const args = [...(given as unknown[])]
      const error = check(args)
      if (error !== undefined) throw error
      return Reflect.construct(target, args, newTarget) as object
    },
  })
  patches.replace(owner, name, guarded)
  patches.replace(original.prototype as object, 'constructor', guarded)
}

function checkWorker(args: unknown[]): Error | undefined {
  const options = typeof args[1] === 'object' && args[1] !== null ? copied(args[1]) : {}
  args[1] = options
  if (options.eval) {
    args[0] = String(args[0])
    const request = { detail: args[0] as string, flags: GUARD_FLAGS.EVAL }
    return refused(ask({ operation: 'CODE_WORKER', path: '', ...request }), 'worker', '[worker eval]')
  }
  const isData = args[0] instanceof URL && args[0].protocol === 'data:'
  if (isData) args[0] = new URL(String(args[0]))
  const path = isData ? undefined : takePath(args[0])
  if (path !== undefined) args[0] = path.value
  const text = path?.text ?? String(args[0])
  const errno = isData ? ask({ operation: 'CODE_WORKER', path: text }) : askFile('CODE_WORKER', text)
  return refused(errno, 'worker', text)
}

function checkWasi(args: unknown[]): Error | undefined {
  const options = typeof args[0] === 'object' && args[0] !== null ? copied(args[0]) : {}
  if (typeof options.preopens === 'object' && options.preopens !== null)
    options.preopens = copied(options.preopens)
  args[0] = options
  const folders = Object.values((options.preopens ?? {}) as object).map((one) => `${String(one)}\0`)
  return refused(ask({ operation: 'CODE_WASI', path: '', detail: folders.join('') }), 'wasi', 'WASI')
}

const checkDatabase = (args: unknown[]): Error | undefined => {
  const path = takePath(args[0])
  if (path === undefined || path.text === ':memory:') return undefined
  args[0] = path.value
  return refused(askFile('FS_WRITE', path.text), 'open', path.text)
}

/** Modules that warn when they are loaded are loaded here without that: nobody has asked for them yet. */
function quietly(name: string): Record<string, unknown> | undefined {
  if (!isBuiltin(name)) return undefined
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return createRequire(import.meta.url)(name) as Record<string, unknown>
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}

function patchInspector(patches: Patches): void {
  const inspector = quietly('node:inspector')
  if (inspector === undefined) return
  patches.wrap(inspector, 'open', onWord('CODE_INSPECT', 'open', 'open'))
  const { prototype } = inspector.Session as { prototype: object }
  for (const name of ['connect', 'connectToMainThread'])
    patches.wrap(prototype, name, onWord('CODE_INSPECT', name, name))
}

/** What is left of Node that reaches outside: the process itself, code that is loaded, threads, the inspector. */
export function patchRest(patches: Patches): void {
  patchProcess(patches)
  patchRequire(patches)
  patchInspector(patches)
  patchClass(patches, worker, 'Worker', checkWorker)
  patchClass(patches, quietly('node:wasi') ?? {}, 'WASI', checkWasi)
  patchClass(patches, quietly('node:sqlite') ?? {}, 'DatabaseSync', checkDatabase)
}
