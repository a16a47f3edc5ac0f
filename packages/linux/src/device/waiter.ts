import type { DeviceLibc } from './libc.ts'

export const EPOLLIN = 1
export const EPOLLOUT = 4
export const EPOLLERR = 8
const EPOLLONESHOT = 1 << 30
const ADD = 1
const DEL = 2
const MOD = 3

/** The most descriptors that one wait tells of; the others are told by the next. */
const AT_ONCE = 64
/** How long a wait takes at most: a process that ends without a word is held up no longer. */
const LONGEST_MS = 1000

interface Waiting {
  /** Who waits for which event, by EPOLLIN and EPOLLOUT. */
  readonly resolvers: Map<number, (events: number) => void>
}

/**
 * Waits for descriptors to become ready: for all of them on one thread of Node's pool, which sleeps in epoll_wait(2). A
 * descriptor begins or ends to be waited for without waking that thread; it is held as long as anybody waits.
 */
export class Waiter {
  readonly #libc: DeviceLibc
  readonly #epoll: number
  readonly #wake: number
  readonly #events: Uint8Array
  readonly #view: DataView
  readonly #event: Uint8Array
  readonly #eventView: DataView
  readonly #waiting = new Map<number, Waiting>()
  #count = 0
  #running = false

  constructor(libc: DeviceLibc) {
    this.#libc = libc
    this.#epoll = libc.epoll()
    this.#wake = libc.eventfd()
    this.#events = new Uint8Array(AT_ONCE * libc.epollEventSize)
    this.#view = new DataView(this.#events.buffer)
    this.#event = new Uint8Array(libc.epollEventSize)
    this.#eventView = new DataView(this.#event.buffer)
    this.#control(ADD, this.#wake, EPOLLIN)
    // Node's exit joins the pool's threads.
    process.once('exit', () => this.#stir())
  }

  /** Answers the events of a descriptor once `event` is among them, or it failed; 0 when it is forgotten first. */
  wait(fd: number, event: number): Promise<number> {
    let one = this.#waiting.get(fd)
    if (one === undefined) {
      one = { resolvers: new Map() }
      this.#waiting.set(fd, one)
      this.#control(ADD, fd, EPOLLONESHOT)
    }
    const { resolvers } = one
    return new Promise((resolve) => {
      const before = resolvers.get(event)
      if (before === undefined) this.#count++
      resolvers.set(event, (events) => {
        before?.(events)
        resolve(events)
      })
      this.#arm(fd, resolvers)
      this.#run()
    })
  }

  /** Ends the waits for a descriptor: before it is closed. */
  forget(fd: number): void {
    const one = this.#waiting.get(fd)
    if (one === undefined) return
    this.#waiting.delete(fd)
    this.#control(DEL, fd, 0)
    this.#count -= one.resolvers.size
    for (const resolve of one.resolvers.values()) resolve(0)
    if (this.#count === 0 && this.#running) this.#stir()
  }

  #arm(fd: number, resolvers: ReadonlyMap<number, unknown>): void {
    let events = 0
    for (const event of resolvers.keys()) events |= event
    this.#control(MOD, fd, events | EPOLLONESHOT)
  }

  #control(operation: number, fd: number, events: number): void {
    this.#eventView.setUint32(0, events, true)
    this.#eventView.setInt32(this.#libc.epollDataOffset, fd, true)
    this.#libc.control(this.#epoll, operation, fd, this.#event)
  }

  #stir(): void {
    const one = new Uint8Array(BigUint64Array.of(1n).buffer)
    this.#libc.write(this.#wake, this.#libc.address(one), 8)
  }

  #run(): void {
    if (this.#running || this.#count === 0) return
    this.#running = true
    this.#libc.wait(this.#epoll, this.#events, AT_ONCE, LONGEST_MS).then(
      (count) => this.#tell(count),
      () => this.#tell(0),
    )
  }

  #tell(count: number): void {
    this.#running = false
    const { epollEventSize, epollDataOffset } = this.#libc
    for (let n = 0; n < count; n++) {
      const events = this.#view.getUint32(n * epollEventSize, true)
      const fd = this.#view.getInt32(n * epollEventSize + epollDataOffset, true)
      if (fd === this.#wake) {
        const drained = new Uint8Array(8)
        this.#libc.read(fd, this.#libc.address(drained), 8)
        continue
      }
      const resolvers = this.#waiting.get(fd)?.resolvers
      if (resolvers === undefined) continue
      for (const [event, resolve] of resolvers) {
        // An error is everybody's.
        if ((events & (event | ~(EPOLLIN | EPOLLOUT))) === 0) continue
        resolvers.delete(event)
        this.#count--
        resolve(events)
      }
      if (resolvers.size > 0) this.#arm(fd, resolvers)
    }
    this.#run()
  }
}

const waiters = new WeakMap<DeviceLibc, Waiter>()

/** The one of this process, or of a worker. */
export const waiterOf = (libc: DeviceLibc): Waiter => {
  const waiter = waiters.get(libc) ?? new Waiter(libc)
  waiters.set(libc, waiter)
  return waiter
}
