import { closeSync, openSync, readSync } from 'node:fs'
import { errnoText } from '../errno.ts'
import { KernelError } from '../errors.ts'
import { POLLHUP, POLLIN, type SeccompLibc } from './libc.ts'

/** SECCOMP_IOCTL_NOTIF_* (include/uapi/linux/seccomp.h). */
const NOTIF_RECV = 0xc050_2100
const NOTIF_SEND = 0xc018_2101
const NOTIF_ID_VALID = 0x4008_2102
const NOTIF_ADDFD = 0x4018_2103
const FLAG_CONTINUE = 1
const ADDFD_FLAG_SETFD = 1
const ADDFD_FLAG_SEND = 2
const O_CLOEXEC = 0o2000000
const EPERM = 1
const ENOENT = 2

/**
 * What a supervised call gets: `continue` carries it out (which is no decision about what its pointers point to, since they may
 * have changed by then), a value or an errno is returned instead, and of `fd`, a descriptor of this process, a copy is put into
 * the caller, whose number is returned.
 */
export type NotificationAnswer =
  | 'continue'
  | { readonly value: number | bigint }
  | { readonly errno: number }
  | { readonly fd: number; readonly cloexec?: boolean }

export type NotificationHandler = (
  notification: Notification,
) => NotificationAnswer | Promise<NotificationAnswer>

export interface SupervisorStats {
  /** Notifications that were received. */
  received: number
  /** Of those, answered. */
  answered: number
  /** Of those, whose caller was gone before the answer: killed, or interrupted by a signal. */
  gone: number
  /** Of those, denied with EPERM because the handler threw. */
  failed: number
}

/** A system call that waits for an answer. */
export class Notification {
  /** The thread that made it, as this process's pid namespace counts. */
  readonly pid: number
  readonly nr: number
  /** AUDIT_ARCH_*: `findArchitecture` of @skep/hook-seccomp knows its name. */
  readonly arch: number
  readonly instructionPointer: bigint
  readonly args: readonly bigint[]
  readonly id: bigint
  readonly #libc: SeccompLibc
  readonly #listener: number

  /** @internal */
  constructor(libc: SeccompLibc, listener: number, block: Uint8Array) {
    const view = new DataView(block.buffer, block.byteOffset)
    this.#libc = libc
    this.#listener = listener
    this.id = view.getBigUint64(0, true)
    this.pid = view.getUint32(8, true)
    this.nr = view.getInt32(16, true)
    this.arch = view.getUint32(20, true)
    this.instructionPointer = view.getBigUint64(24, true)
    this.args = Array.from({ length: 6 }, (_, n) => view.getBigUint64(32 + 8 * n, true))
  }

  /** The caller still waits for the answer. */
  get valid(): boolean {
    const id = new Uint8Array(BigUint64Array.of(this.id).buffer)
    return this.#libc.ioctl(this.#listener, NOTIF_ID_VALID, id) === 0
  }

  /**
   * Bytes of the caller's memory, as many as there are up to `length`; none where it is gone. It may change them at any time,
   * another thread of it even while it waits.
   */
  readMemory(address: bigint, length: number): Uint8Array {
    let memory: number | undefined
    try {
      memory = openSync(`/proc/${this.pid}/mem`, 'r')
      const bytes = new Uint8Array(length)
      // Not at once: what lies at the end of a mapping is followed by nothing.
      let have = 0
      while (have < length) {
        const at = Number(address) + have
        const part = Math.min(length - have, 4096 - (at % 4096))
        let got = 0
        try {
          got = readSync(memory, bytes, have, part, at)
        } catch {
          break
        }
        if (got === 0) break
        have += got
      }
      // The process may have been another one's by the time its memory was opened.
      return this.valid ? bytes.subarray(0, have) : new Uint8Array(0)
    } catch {
      return new Uint8Array(0)
    } finally {
      if (memory !== undefined) closeSync(memory)
    }
  }

  /** A string of the caller's memory, up to its NUL. */
  readString(address: bigint, longest = 4096): string {
    const bytes = this.readMemory(address, longest)
    const end = bytes.indexOf(0)
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
  }

  /**
   * Puts a copy of a descriptor of this process into the caller, as number `at` or the lowest free one, and gives that.
   *
   * @throws KernelError
   */
  addFd(fd: number, options: { readonly at?: number; readonly cloexec?: boolean } = {}): number {
    const flags = options.at === undefined ? 0 : ADDFD_FLAG_SETFD
    const result = this.#libc.ioctl(this.#listener, NOTIF_ADDFD, this.#addFd(fd, flags, options))
    if (result < 0) throw new KernelError(errnoText(result), 'SECCOMP_IOCTL_NOTIF_ADDFD', `descriptor ${fd}`)
    return result
  }

  /** @internal The ioctl's result. */
  answer(answer: NotificationAnswer): number {
    if (typeof answer === 'object' && 'fd' in answer)
      return this.#libc.ioctl(this.#listener, NOTIF_ADDFD, this.#addFd(answer.fd, ADDFD_FLAG_SEND, answer))
    const block = new Uint8Array(24)
    const view = new DataView(block.buffer)
    view.setBigUint64(0, this.id, true)
    if (answer === 'continue') view.setUint32(20, FLAG_CONTINUE, true)
    else if ('errno' in answer) view.setInt32(16, -answer.errno, true)
    else view.setBigInt64(8, BigInt.asIntN(64, BigInt(answer.value)), true)
    return this.#libc.ioctl(this.#listener, NOTIF_SEND, block)
  }

  #addFd(
    fd: number,
    flags: number,
    options: { readonly at?: number; readonly cloexec?: boolean },
  ): Uint8Array {
    const block = new Uint8Array(24)
    const view = new DataView(block.buffer)
    view.setBigUint64(0, this.id, true)
    view.setUint32(8, flags, true)
    view.setUint32(12, fd, true)
    view.setUint32(16, options.at ?? 0, true)
    view.setUint32(20, options.cloexec ? O_CLOEXEC : 0, true)
    return block
  }
}

/** How long a wait for notifications takes at most: then it is seen whether the supervisor was closed. */
const WAIT_MS = 200

/**
 * Answers the notifications of a listener, in the order in which they come; handlers that wait do not hold up the others. The
 * waiting is done on a thread of Node's pool.
 */
export class Supervisor {
  readonly stats: SupervisorStats = { received: 0, answered: 0, gone: 0, failed: 0 }
  /** When nobody is left to supervise, or the supervisor was closed. Rejects where the listener fails. */
  readonly done: Promise<SupervisorStats>
  readonly #libc: SeccompLibc
  readonly #fd: number
  readonly #handler: NotificationHandler
  readonly #open = new Set<Promise<void>>()
  #closed = false

  /** @internal */
  constructor(libc: SeccompLibc, fd: number, handler: NotificationHandler) {
    this.#libc = libc
    this.#fd = fd
    this.#handler = handler
    this.done = this.#serve()
    this.done.catch(() => {})
  }

  /** Stops. Calls that wait for an answer, and later ones, then fail with ENOSYS. */
  close(): void {
    this.#closed = true
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #serve(): Promise<SupervisorStats> {
    try {
      while (!this.#closed) {
        const events = this.#libc.ready(this.#fd) ? POLLIN : await this.#libc.wait(this.#fd, WAIT_MS)
        if (events < 0 && events !== -4) throw new KernelError(errnoText(events), 'poll', 'the listener')
        if (events > 0 && (events & POLLIN) !== 0) await this.#receive()
        else if (events > 0 && (events & POLLHUP) !== 0) break
      }
      await Promise.all(this.#open)
      return this.stats
    } finally {
      this.#closed = true
      this.#libc.close(this.#fd)
    }
  }

  async #receive(): Promise<void> {
    const block = new Uint8Array(80)
    const result = await this.#libc.ioctlLater(this.#fd, NOTIF_RECV, block)
    // The caller was killed, or a signal came: there may be others.
    if (result === -ENOENT || result === -4) return
    if (result < 0) throw new KernelError(errnoText(result), 'SECCOMP_IOCTL_NOTIF_RECV', 'the listener')
    this.stats.received++
    const notification = new Notification(this.#libc, this.#fd, block)
    const handled = this.#handle(notification)
    if (handled === undefined) return
    this.#open.add(handled)
    void handled.finally(() => this.#open.delete(handled))
  }

  #handle(notification: Notification): Promise<void> | undefined {
    try {
      const answer = this.#handler(notification)
      if (!(answer instanceof Promise)) {
        this.#answer(notification, answer)
        return undefined
      }
      return answer.then(
        (later) => this.#answer(notification, later),
        () => this.#deny(notification),
      )
    } catch {
      this.#deny(notification)
      return undefined
    }
  }

  #deny(notification: Notification): void {
    this.stats.failed++
    this.#answer(notification, { errno: EPERM })
  }

  #answer(notification: Notification, answer: NotificationAnswer): void {
    const result = notification.answer(answer)
    if (result >= 0) this.stats.answered++
    else if (result === -ENOENT) this.stats.gone++
    else {
      // What was answered cannot be: a descriptor that is none.
      this.stats.failed++
      if (notification.answer({ errno: EPERM }) >= 0) this.stats.answered++
      else this.stats.gone++
    }
  }
}
