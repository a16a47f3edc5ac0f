import childProcess from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { getSystemErrorName } from 'node:util'
import { copied, takePath } from './arguments.ts'
import { askFile } from './ask.ts'
import { processError, uvErrno } from './errors.ts'
import type { Patches } from './patches.ts'

type Call = (this: unknown, ...args: unknown[]) => unknown

const access = accessSync

/** Where the system finds a command. */
function commandPath(file: string, path: string): string {
  if (file.includes('/') || process.platform === 'win32') return file
  for (const folder of path.split(delimiter)) {
    const found = join(folder || '.', file)
    try {
      access(found, constants.X_OK)
      return found
    } catch {
      // The next one.
    }
  }
  return file
}

function askSpawn(file: string, args: readonly unknown[], path: string | undefined, cwd?: unknown): number {
  const found = commandPath(file, path ?? process.env.PATH ?? '')
  const folder = takePath(cwd)?.text
  const whole =
    folder !== undefined && found.includes('/') && !found.startsWith('/') ? join(folder, found) : found
  return askFile('PROCESS_SPAWN', whole, { detail: args.map((one) => `${String(one)}\0`).join('') })
}

/**
 * Where every process starts that is not waited for: spawn, exec, execFile and fork end here, and what is refused goes the way
 * that the system's refusal goes.
 */
function spawn(original: Call): Call {
  return function (this: unknown, given: unknown) {
    const handle = (this as { _handle?: { spawn?: unknown } })._handle
    if (typeof given !== 'object' || given === null || handle == null)
      return Reflect.apply(original, this, [given])
    const options = copied(given)
    const file = String(options.file)
    const args = Array.isArray(options.args) ? options.args.map(String) : []
    if (Array.isArray(options.args)) options.args = [...args]
    const pairs = Array.isArray(options.envPairs) ? options.envPairs.map(String) : undefined
    if (pairs !== undefined) options.envPairs = pairs
    const path = pairs?.find((one) => one.startsWith('PATH='))?.slice(5)
    const errno = askSpawn(file, args.slice(1), path, options.cwd)
    if (errno === 0) return Reflect.apply(original, this, [options])
    Object.defineProperty(handle, 'spawn', { value: failing(handle, uvErrno(errno)), configurable: true })
    try {
      return Reflect.apply(original, this, [options])
    } finally {
      delete handle.spawn
    }
  }
}

/**
 * The handle's way to start a process, which fails with an errno of libuv. Where Node goes on to open the streams of a process
 * that did not begin, the system has to have made them: a folder does not begin.
 */
function failing(handle: { spawn?: unknown }, errno: number): (options: object) => number {
  const start = handle.spawn as Call
  const goesOn = ['EACCES', 'EAGAIN', 'ENOENT'].includes(getSystemErrorName(errno))
  return (options) => {
    if (goesOn) Reflect.apply(start, handle, [{ ...options, file: '/' }])
    return errno
  }
}

/** The arguments of a function that waits, taken once. */
interface Waiting {
  readonly args: unknown[]
  readonly file: string
  readonly argv: readonly string[]
  readonly errno: number
}

function waiting(given: readonly unknown[], shell: boolean): Waiting {
  const file = String(given[0])
  const listed = !shell && Array.isArray(given[1])
  const argv = listed ? (given[1] as unknown[]).map(String) : []
  const last = given[shell ? 1 : listed || given[1] == null ? 2 : 1]
  const options = typeof last === 'object' && last !== null ? copied(last) : {}
  const env = typeof options.env === 'object' && options.env !== null ? copied(options.env) : undefined
  if (env !== undefined) options.env = env
  const args = shell ? [file, options] : [file, argv, options]
  const through = shell || options.shell ? shellOf(options.shell) : undefined
  const run =
    through === undefined ? { file, argv } : { file: through, argv: ['-c', [file, ...argv].join(' ')] }
  const path = typeof env?.PATH === 'string' ? env.PATH : undefined
  return { args, ...run, errno: askSpawn(run.file, run.argv, path, options.cwd) }
}

const shellOf = (shell: unknown): string =>
  typeof shell === 'string'
    ? shell
    : process.platform === 'win32'
      ? (process.env.comspec ?? 'cmd.exe')
      : '/bin/sh'

/** What Node gives of a process that did not begin. */
function notBegun({ file, argv, errno }: Waiting): object {
  const error = processError(errno, `spawnSync ${file}`, { path: file, spawnargs: argv })
  return { error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null }
}

const waits = (name: string) => (original: unknown) =>
  function (this: unknown, ...given: unknown[]): unknown {
    // Node says what is wrong with it.
    if (typeof given[0] !== 'string') return Reflect.apply(original as Call, this, given)
    const call = waiting(given, name === 'execSync')
    if (call.errno === 0) return Reflect.apply(original as Call, this, call.args)
    const result = notBegun(call)
    if (name === 'spawnSync') return result
    const { error } = result as { error: Error }
    throw Object.assign(error, result)
  } as never

export function patchChildProcess(patches: Patches): void {
  const { prototype } = childProcess.ChildProcess as unknown as { prototype: object }
  patches.wrap(prototype, 'spawn', (original) => spawn(original as Call) as never)
  for (const name of ['spawnSync', 'execFileSync', 'execSync']) patches.wrap(childProcess, name, waits(name))
}
