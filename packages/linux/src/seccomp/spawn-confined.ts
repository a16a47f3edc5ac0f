import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ClassicInsn } from '@skep/isa'
import { errnoText } from '../errno.ts'
import { KernelArgumentError } from '../errors.ts'
import { FLAG_LOG, FLAG_NEW_LISTENER, FLAG_WAIT_KILLABLE_RECV, filterBytes } from './confine.ts'
import { ConfinedSpawnError } from './errors.ts'
import { LAUNCHER } from './launcher.ts'
import { loadLibc } from './libc.ts'
import { type NotificationHandler, Supervisor } from './supervisor.ts'

type Stdio = 'pipe' | 'ignore' | 'inherit' | number

export interface SpawnConfinedOptions {
  /** The filter: of `compilePolicy`, say. It must let `execve` pass, by which the command begins. */
  readonly filter: readonly ClassicInsn[]
  readonly cwd?: string
  /** The command's whole environment. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Standard input, output and error. Default: `pipe`. */
  readonly stdio?: Stdio | readonly [Stdio, Stdio, Stdio]
  /** Actions but `allow` go to the kernel's log. */
  readonly log?: boolean
  /** Answers what the filter notifies of, `execve` of the command included. Without one such calls fail with ENOSYS. */
  readonly onNotification?: NotificationHandler
}

export interface ConfinedProcess {
  /** The command's process: its exit, its standard streams. A call that was killed ends it with SIGSYS. */
  readonly child: ChildProcess
  /** The command's end, also where it came before anybody could listen to `child`. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Where there is an `onNotification`. */
  readonly supervisor: Supervisor | undefined
}

/**
 * Runs a command under a filter. Resolves when the command has begun, or when the filter has killed it for that: then, as later,
 * it ends with SIGSYS.
 *
 * @throws ConfinedSpawnError with the kernel's errno, where it does not begin; KernelArgumentError; SeccompUnavailableError
 */
export async function spawnConfined(
  command: string,
  args: readonly string[],
  options: SpawnConfinedOptions,
): Promise<ConfinedProcess> {
  const insns = filterBytes(options.filter)
  const libc = await loadLibc()
  const env = Object.entries(options.env ?? process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  const listen = options.onNotification !== undefined
  const order = {
    file: findCommand(command, options.env?.PATH ?? process.env.PATH ?? ''),
    argv: [command, ...args],
    env,
    filter: Buffer.from(insns).toString('hex'),
    nr: libc.seccomp,
    flags: (listen ? FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE_RECV : 0) | (options.log ? FLAG_LOG : 0),
    listen,
  }
  const { stdio = 'pipe' } = options
  const streams = typeof stdio === 'object' ? stdio : ([stdio, stdio, stdio] as const)
  const koffi = createRequire(import.meta.url).resolve('koffi')
  const child = spawn(process.execPath, ['-e', LAUNCHER, koffi, JSON.stringify(order)], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    // Nothing of the command's environment means anything to the launcher.
    env: {},
    stdio: [...streams, 'pipe'],
  })
  const exited: ConfinedProcess['exited'] = new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  )
  const letFlow = hold(child)
  const messages = readMessages(child)
  let supervisor: Supervisor | undefined
  try {
    const ready = await messages.next()
    if (!listen) {
      await messages.ended()
      return { child, exited, supervisor }
    }
    const { pid } = child
    const fd = libc.takeDescriptor(pid!, await listenerOf(pid!, messages))
    if (fd < 0) throw new ConfinedSpawnError('pidfd_getfd', errnoText(fd), 'the listener of the child')
    supervisor = new Supervisor(libc, fd, options.onNotification!)
    release(pid!, BigInt(ready.ready!))
    await messages.ended()
    return { child, exited, supervisor }
  } catch (error) {
    supervisor?.close()
    child.kill('SIGKILL')
    throw error
  } finally {
    letFlow()
  }
}

/** Keeps what a child prints until its caller has it: Node throws away what nobody has asked for when a child ends. */
function hold({ stdout, stderr }: ChildProcess): () => void {
  const wait = (): void => {}
  for (const stream of [stdout, stderr]) stream?.on('readable', wait)
  return () => {
    for (const stream of [stdout, stderr]) stream?.off('readable', wait)
  }
}

function findCommand(command: string, path: string): string {
  if (typeof command !== 'string' || command === '' || command.includes('\0'))
    throw new KernelArgumentError('command', 'give the name or the path of a program')
  if (command.includes('/')) return command
  for (const directory of path.split(delimiter)) {
    const file = join(directory || '.', command)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // The next one.
    }
  }
  throw new ConfinedSpawnError('execve', 'ENOENT', `no ${command} in PATH`)
}

interface Message {
  readonly ready?: string
  readonly step?: string
  readonly errno?: number
}

interface Messages {
  /** The next message. Rejects for one that tells of a failure, and where there is none. */
  next(): Promise<Message>
  /** When the command has begun. */
  ended(): Promise<void>
  readonly over: boolean
}

function readMessages(child: ChildProcess): Messages {
  const stream = child.stdio[3] as Readable
  let text = ''
  let over = false
  let failed: Error | undefined
  let wake = (): void => {}
  stream.setEncoding('utf8')
  stream.on('data', (more: string) => {
    text += more
    wake()
  })
  const finish = (): void => {
    over = true
    wake()
  }
  stream.on('close', finish)
  stream.on('error', finish)
  child.on('error', (error) => {
    failed = new ConfinedSpawnError('spawn', (error as NodeJS.ErrnoException).code ?? 'EIO', error.message)
    finish()
  })
  const take = async (): Promise<Message | undefined> => {
    for (;;) {
      const end = text.indexOf('\n')
      if (end >= 0) {
        const message = JSON.parse(text.slice(0, end)) as Message
        text = text.slice(end + 1)
        if (message.step === undefined) return message
        throw new ConfinedSpawnError(message.step, errnoText(-message.errno!), 'the command did not begin')
      }
      if (failed) throw failed
      if (over) return undefined
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return {
    get over() {
      return over
    },
    next: async () => {
      const message = await take()
      if (message === undefined)
        throw new ConfinedSpawnError('launch', 'ECHILD', 'the child ended before it had a filter')
      return message
    },
    ended: async () => void (await take()),
  }
}

/** The number of the listener in a process that is about to have one. */
async function listenerOf(pid: number, messages: Messages): Promise<number> {
  for (;;) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (readlinkSync(`/proc/${pid}/fd/${fd}`).includes('seccomp notify')) return Number(fd)
    } catch {
      // Descriptors come and go.
    }
    if (messages.over) {
      await messages.next()
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Lets the launcher go on. */
function release(pid: number, address: bigint): void {
  const memory = openSync(`/proc/${pid}/mem`, 'r+')
  try {
    writeSync(memory, Uint8Array.of(1), 0, 1, Number(address))
  } finally {
    closeSync(memory)
  }
}
