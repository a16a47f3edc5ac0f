import type { Arena } from '@skep/memory'
import { RuntimeError } from '../errors.ts'
import { flowHash } from './flow-hash.ts'
import type { WorkerHub } from './hub.ts'
import { Queue } from './queue.ts'
import type { SharedRuntime } from './shared.ts'

export interface SpreadOptions {
  /** Packets that may wait for each worker: a power of two. Default 1,024. */
  readonly slots?: number
  /** Most bytes of a packet. Default 1,536. */
  readonly frameSize?: number
}

/** Counters of a spread, in packets. */
export interface SpreadStats {
  sent: number
  /** Those that found no room in their worker's queue. */
  lost: number
}

const bad = (option: string, message: string): RuntimeError =>
  new RuntimeError('BAD_OPTION', option, `option ${option}: ${message}`)

/**
 * Gives XDP packets to workers by their flow: those of one connection, both directions, go to one worker, in order. The
 * workers take them with `WorkerRuntime.receive`.
 */
export class Spread {
  readonly stats: SpreadStats = { sent: 0, lost: 0 }
  readonly #hub: WorkerHub
  readonly #arena: Arena
  readonly #handles: readonly SharedRuntime[]
  readonly #queues: readonly Queue[]
  readonly #frame: number
  #ended: Promise<void> | undefined

  /** Use `runtime.spread`. */
  constructor(hub: WorkerHub, arena: Arena, handles: readonly SharedRuntime[], options: SpreadOptions) {
    const { slots = 1024, frameSize = 1536 } = options
    if (handles.length === 0) throw bad('workers', 'give the handle of one worker at least')
    if (!(slots >= 2 && slots <= 2 ** 20 && Number.isInteger(Math.log2(slots)))) {
      throw bad('slots', `${slots} is no power of two from 2 to 1,048,576`)
    }
    if (!(Number.isInteger(frameSize) && frameSize >= 64 && frameSize <= 65_536)) {
      throw bad('frameSize', `${frameSize} is no number of bytes from 64 to 65,536`)
    }
    this.#hub = hub
    this.#arena = arena
    this.#handles = handles
    this.#frame = Math.ceil(frameSize / 64) * 64
    for (const { cpu } of handles) {
      if (hub.queueOf(cpu) !== 0) {
        throw new RuntimeError(
          'TAKEN',
          `${cpu}`,
          `the worker of CPU ${cpu} has a queue already; end that spread first`,
        )
      }
    }
    this.#queues = handles.map(({ cpu }, n) => {
      const queue = Queue.create(arena, slots, this.#frame, n)
      hub.setQueue(cpu, queue.address)
      return queue
    })
  }

  /** The worker that a packet's flow belongs to: an index of the list of handles. */
  workerOf(packet: Uint8Array): number {
    return Math.floor((flowHash(packet) / 2 ** 32) * this.#queues.length)
  }

  /**
   * Copies a packet into its worker's queue; false when that is full, and the packet is lost, unless it is sent again when
   * the host's other work has run. Throws RuntimeError BAD_OPTION for one that is too long.
   */
  send(packet: Uint8Array): boolean {
    if (this.#ended) throw new RuntimeError('CLOSED', 'spread', 'the spread has ended; make a new one')
    if (packet.length > this.#frame) {
      throw bad(
        'frameSize',
        `a packet has ${packet.length} bytes, and a frame ${this.#frame}; give a larger frameSize`,
      )
    }
    const n = this.workerOf(packet)
    const queue = this.#queues[n]!
    const taken = queue.push(packet)
    this.stats[taken ? 'sent' : 'lost']++
    if (queue.takeWaiting()) this.#hub.wakeQueue(this.#handles[n]!.cpu)
    return taken
  }

  /** No more packets come: resolves when every worker that is still there has taken its last one. */
  end(): Promise<void> {
    this.#ended ??= new Promise((resolve) => {
      for (const [n, queue] of this.#queues.entries()) {
        queue.end()
        if (queue.takeWaiting()) this.#hub.wakeQueue(this.#handles[n]!.cpu)
      }
      const forget = this.#hub.onNews(() => {
        const left = this.#handles.some((handle, n) => this.#hub.isThere(handle) && !this.#queues[n]!.done)
        if (left) return
        forget()
        for (const [n, queue] of this.#queues.entries()) {
          const { cpu } = this.#handles[n]!
          if (this.#hub.queueOf(cpu) === queue.address) this.#hub.setQueue(cpu, 0)
          this.#arena.free(queue.address)
        }
        resolve()
      })
    })
    return this.#ended
  }
}
