import type { Socket } from 'node:net'

/** Why a source does not read now: each has to end before it goes on. */
export class Backlog {
  readonly #reasons = new Set<object>()
  readonly #resume: () => void
  readonly #listeners = new Map<Socket, () => void>()

  constructor(resume: () => void) {
    this.#resume = resume
  }

  get blocked(): boolean {
    return this.#reasons.size > 0
  }

  add(reason: object): void {
    this.#reasons.add(reason)
  }

  done(reason: object): void {
    if (this.#reasons.delete(reason) && this.#reasons.size === 0) this.#resume()
  }

  /** Until the socket takes more, or is gone. */
  waitFor(target: Socket): void {
    if (this.#listeners.has(target)) return
    this.#reasons.add(target)
    const ready = (): void => {
      this.#forget(target)
      this.done(target)
    }
    this.#listeners.set(target, ready)
    target.on('drain', ready)
    target.on('close', ready)
  }

  /** Nothing is waited for any more; nobody is told. */
  clear(): void {
    for (const target of [...this.#listeners.keys()]) this.#forget(target)
    this.#reasons.clear()
  }

  #forget(target: Socket): void {
    const ready = this.#listeners.get(target)
    if (!ready) return
    this.#listeners.delete(target)
    target.off('drain', ready)
    target.off('close', ready)
  }
}

/** Whose bytes go to a socket, and where those of a socket go. */
const followers = new WeakMap<Socket, Set<Socket>>()
const followed = new WeakMap<Socket, Set<Socket>>()

const setOf = (table: WeakMap<Socket, Set<Socket>>, socket: Socket): Set<Socket> => {
  let set = table.get(socket)
  if (!set) table.set(socket, (set = new Set()))
  return set
}

/** Bytes of `source` go to `target`. */
export function follow(source: Socket, target: Socket): void {
  const targets = followed.get(source)
  if (targets?.has(target)) return
  setOf(followed, source).add(target)
  setOf(followers, target).add(source)
}

/** No more bytes of `source` go anywhere, and nobody ends for that. */
export function unfollow(source: Socket): void {
  for (const target of followed.get(source) ?? []) followers.get(target)?.delete(source)
  followed.delete(source)
}

/** `source` has ended: those end too that nobody else's bytes go to. */
export function endWhenLast(source: Socket): void {
  const targets = [...(followed.get(source) ?? [])]
  unfollow(source)
  for (const target of targets) {
    if ((followers.get(target)?.size ?? 0) === 0 && !target.destroyed && !target.writableEnded) target.end()
  }
}
