/** What the threads of a runtime tell each other. */
export type Message =
  /** To workers: the collection of this id is closed. */
  | { readonly kind: 'retire'; readonly collection: number; readonly retirement: number }
  /** To workers: the runtime is closed. */
  | { readonly kind: 'close'; readonly retirement: number }
  /** To the runtime: this CPU's worker has come. */
  | { readonly kind: 'join'; readonly cpu: number }
  /** To the runtime: no program of a retired collection runs on this CPU. */
  | { readonly kind: 'acknowledge' }
  /** To the runtime: this CPU's worker has gone. */
  | { readonly kind: 'leave'; readonly cpu: number }
  /** To the runtime: readers of rings may find something. */
  | { readonly kind: 'wake'; readonly cpu: number }
  /** To a worker: its queue is not empty any more. */
  | { readonly kind: 'packets'; readonly cpu: number }

/** What is used of BroadcastChannel, as browsers and Node have it. */
interface Broadcast {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown): void
  close(): void
  ref?(): void
  unref?(): void
}

/** A channel between all threads of one runtime; it keeps no process alive unless somebody `hold`s it. */
export class Channel {
  readonly name: string
  readonly #broadcast: Broadcast
  #held = 0

  constructor(name: string, receive: (message: Message) => void) {
    this.name = name
    this.#broadcast = new BroadcastChannel(name) as unknown as Broadcast
    this.#broadcast.onmessage = ({ data }) => receive(data as Message)
    this.#broadcast.unref?.()
  }

  post(message: Message): void {
    this.#broadcast.postMessage(message)
  }

  /** Somebody waits for a message. */
  hold(): void {
    if (this.#held++ === 0) this.#broadcast.ref?.()
  }

  drop(): void {
    if (--this.#held === 0) this.#broadcast.unref?.()
  }

  close(): void {
    this.#broadcast.onmessage = null
    this.#broadcast.close()
  }
}
