import { isIP, SocketAddress } from 'node:net'
import process from 'node:process'
import { threadId } from 'node:worker_threads'
import {
  type AttachPointDef,
  control,
  defineAttachPoint,
  type Link,
  type ProgramHandle,
} from '@skep/registry'
import { MAX_ERRNO } from '../actions.ts'
import { SeccompError } from '../errors.ts'
import { guardEventContext, guardOffset, LONGEST_TEXT, PLUGIN_NAME_SIZE } from '../guard/event.ts'
import { GUARD_FLAGS } from '../guard/operations.ts'
import { currentPlugin, type GuardEvent, type Judge, judges, operationNumber, runAs } from './ask.ts'
import { patchChildProcess } from './child-process.ts'
import { patchDgram } from './dgram.ts'
import { patchDns } from './dns.ts'
import { patchFs } from './fs.ts'
import { patchNet } from './net.ts'
import { Patches } from './patches.ts'
import { patchRest } from './process.ts'

/** A program that may guard: `collection.program(name, 'guard')`. */
export type GuardProgram = ProgramHandle & { readonly type: 'guard' }

export interface GuardOptions {
  /**
   * Which calls the program decides: `all` of this thread's (the default), the host's own too, which have no plugin's name; or
   * those of `plugins` alone, made within `run`.
   */
  readonly scope?: 'all' | 'plugins'
  /** Told of each call that the program decided, and the errno: 0 where it goes on. What it throws is an `exception` event. */
  readonly onEvent?: (event: GuardEvent, errno: number) => void
}

export interface GuardStats {
  /** Calls that the program was asked about. */
  asked: number
  /** Of those, refused. */
  denied: number
  /** Of those, refused because the program did not come to an end, or could not be told: of a path that is no UTF-8, say. */
  failed: number
}

/** A program that guards this thread, until it is closed. */
export interface Guard extends Link {
  readonly attachPoint: 'guard'
  readonly program: GuardProgram
  readonly stats: Readonly<GuardStats>
  /**
   * Calls `act` as a plugin: what it calls, and what that starts (callbacks, promises, timers), has the plugin's name, of at
   * most 31 bytes. Within another `run` the inner name counts. Plugins must not get hold of this.
   *
   * @throws SeccompError `BAD_CALL` for no name, and what `act` throws
   */
  run<T>(plugin: string, act: () => T): T
}

const EPERM = 1
const ENAMETOOLONG = 36
const EILSEQ = 84
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10

/** Text that a block has room for without being made anew. */
const USUAL_TEXT = 8192

const at = {
  op: guardOffset('op'),
  flags: guardOffset('flags'),
  mode: guardOffset('mode'),
  uid: guardOffset('uid'),
  family: guardOffset('family'),
  port: guardOffset('port'),
  thread: guardOffset('thread'),
  pathLength: guardOffset('path_len'),
  path: guardOffset('path'),
  pathEnd: guardOffset('path_end'),
  plugin: guardOffset('plugin'),
  address: guardOffset('address'),
  detail: guardOffset('reserved'),
} as const

const encoder = new TextEncoder()
const none = new Uint8Array(0)

/** Names in bytes, of which there are few. */
const nameBytes = new Map<string, Uint8Array>()

function bytesOfName(plugin: string): Uint8Array {
  let bytes = nameBytes.get(plugin)
  if (bytes === undefined) {
    bytes = encoder.encode(plugin)
    if (nameBytes.size < 256) nameBytes.set(plugin, bytes)
  }
  return bytes
}

/** An address as the context has it. */
function addressBytes(text: string): { family: number; bytes: Uint8Array } {
  if (text === 'unix') return { family: AF_UNIX, bytes: none }
  const version = isIP(text)
  if (version === 0) return { family: 0, bytes: none }
  if (version === 4) return { family: AF_INET, bytes: Uint8Array.from(text.split('.'), Number) }
  return { family: AF_INET6, bytes: bytesOfIp6(text) }
}

function bytesOfIp6(text: string): Uint8Array {
  const plain = text.replace(/%.*$/, '')
  const { address } = new SocketAddress({ address: plain, family: 'ipv6' })
  const [head = '', tail] = address
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
      const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number]
      return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    })
    .split('::')
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16))
  const [before, behind] = [words(head), words(tail ?? '')]
  const all = [...before, ...Array<number>(Math.max(0, 8 - before.length - behind.length)).fill(0), ...behind]
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

class Attachment implements Guard, Judge {
  readonly attachPoint = 'guard'
  readonly program: GuardProgram
  readonly stats: GuardStats = { asked: 0, denied: 0, failed: 0 }
  readonly #options: GuardOptions
  readonly #forget: () => void
  /** Address of a context with room behind it. */
  #block = 0
  #closed = false

  constructor(program: GuardProgram, options: GuardOptions) {
    this.program = program
    this.#options = options
    // First, for it refuses a program whose collection is closed.
    this.#forget = program.host.onClose(() => this.close())
    this.#block = this.#room(USUAL_TEXT)
    judges.push(this)
    if (judges.length === 1) patches().apply()
    program.host.emit('attach', this)
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    judges.splice(judges.indexOf(this), 1)
    if (judges.length === 0) patches().restore()
    this.#forget()
    this.program.host.arena.free(this.#block)
    this.program.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  run<T>(plugin: string, act: () => T): T {
    const size = typeof plugin === 'string' ? bytesOfName(plugin).length : 0
    if (size === 0 || size >= PLUGIN_NAME_SIZE || plugin.includes('\0')) {
      const fact = `a plugin's name has 1 to ${PLUGIN_NAME_SIZE - 1} bytes and no NUL, not ${size}; give a shorter one`
      throw new SeccompError('BAD_CALL', fact, { path: 'plugin' })
    }
    return runAs(plugin, act)
  }

  judge(event: GuardEvent): number {
    if (this.#options.scope === 'plugins' && event.plugin === '') return 0
    this.stats.asked++
    const errno = this.#decide(event)
    if (errno !== 0) this.stats.denied++
    try {
      this.#options.onEvent?.(event, errno)
    } catch (error) {
      this.program.host.emit('exception', error)
    }
    return errno
  }

  #decide(event: GuardEvent): number {
    const path = encoder.encode(event.path)
    if (path.length > LONGEST_TEXT) {
      this.stats.failed++
      return ENAMETOOLONG
    }
    // Text that stands for other bytes: what it names is not what would be used.
    if (event.path.includes('\ufffd')) {
      this.stats.failed++
      return EILSEQ
    }
    const { arena } = this.program.host
    let block = 0
    try {
      const detail = encoder.encode(event.detail)
      const size = path.length + Math.min(detail.length, LONGEST_TEXT)
      block = size <= USUAL_TEXT ? this.#block : this.#room(size)
      const context = block + control.RUN_HEADER_SIZE
      write(arena, context, event, path, detail)
      const verdict = this.program.run(context) | 0
      return verdict <= 0 && verdict >= -MAX_ERRNO ? -verdict : EPERM
    } catch (error) {
      this.stats.failed++
      this.program.host.emit('exception', error)
      return EPERM
    } finally {
      if (block !== 0 && block !== this.#block) arena.free(block)
    }
  }

  /** A context, the run's header below it, and room for text behind it. */
  #room(text: number): number {
    const size = control.RUN_HEADER_SIZE + guardEventContext.size + Math.max(text, USUAL_TEXT)
    return this.program.host.arena.alloc(size, 64)
  }
}

function write(
  arena: ProgramHandle['host']['arena'],
  context: number,
  event: GuardEvent,
  path: Uint8Array,
  detail: Uint8Array,
): void {
  const { view, u8 } = arena
  const start = context - control.RUN_HEADER_SIZE
  const text = context + guardEventContext.size
  u8.fill(0, start, text)
  const cut = detail.length > LONGEST_TEXT
  const { family, bytes } = addressBytes(event.address)
  const put = (offset: number, value: number): void => view.setUint32(context + offset, value, true)
  put(at.op, operationNumber(event.operation))
  put(at.flags, event.flags | (cut ? GUARD_FLAGS.CUT : 0))
  put(at.mode, event.mode)
  put(at.uid, process.getuid?.() ?? 0)
  put(at.family, family)
  put(at.port, event.port)
  put(at.thread, threadId)
  put(at.pathLength, path.length)
  put(at.path, text)
  put(at.pathEnd, text + path.length)
  put(at.detail, text + path.length)
  put(at.detail + 4, Math.min(detail.length, LONGEST_TEXT))
  u8.set(bytesOfName(event.plugin), context + at.plugin)
  u8.set(bytes, context + at.address)
  u8.set(path, text)
  u8.set(cut ? detail.subarray(0, LONGEST_TEXT) : detail, text + path.length)
}

let made: Patches | undefined

/** Made when the first guard comes: what Node's functions are then is what they are when the last one has gone. */
function patches(): Patches {
  if (made !== undefined) return made
  made = new Patches()
  for (const patch of [patchFs, patchNet, patchDgram, patchDns, patchChildProcess, patchRest]) patch(made)
  return made
}

/**
 * Has a program decide what this thread's JavaScript calls of Node: files, connections, names, processes, threads, modules. What
 * it refuses fails as it would if the system had refused it. Several guards all have to agree. This is advisory: it stops what
 * comes through Node's functions, and docs/guide/guard.md lists the ways round it; `confine` of @skep/linux has none of them.
 *
 * @throws SeccompError `BAD_PROGRAM`, `BAD_OPTION`; RuntimeError where the program's collection is closed
 */
export function attachGuard(program: GuardProgram, options: GuardOptions = {}): Guard {
  if (typeof program?.run !== 'function' || typeof program.host?.arena?.alloc !== 'function') {
    const fact =
      "what was given is no program; give collection.program(name, 'guard'), and await promises first"
    throw new SeccompError('BAD_PROGRAM', fact)
  }
  if (program.type !== 'guard') {
    const { name, type } = program as ProgramHandle
    const fact = `program ${name} is of type ${type}, not guard; put it into SEC("guard")`
    throw new SeccompError('BAD_PROGRAM', fact)
  }
  const { scope = 'all', onEvent } = options ?? {}
  if (scope !== 'all' && scope !== 'plugins') {
    throw new SeccompError('BAD_OPTION', `scope is ${String(scope)}; give 'all' or 'plugins'`, {
      path: 'scope',
    })
  }
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    throw new SeccompError('BAD_OPTION', `onEvent is no function; leave it out`, { path: 'onEvent' })
  }
  return new Attachment(program, { scope, ...(onEvent ? { onEvent } : {}) })
}

/** A guard as an attach point of the platform. */
export const guardAttachPoint: AttachPointDef<GuardOptions, Guard> = defineAttachPoint({
  name: 'guard',
  programTypes: ['guard'],
  attach: (program, options) => attachGuard(program as GuardProgram, options),
})

/** The plugin in whose `run` this is called; '' for the host. */
export const guardedPlugin = (): string => currentPlugin()
