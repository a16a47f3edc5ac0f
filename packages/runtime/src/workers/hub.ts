import { discardAbandoned } from '@skep/maps'
import type { Arena } from '@skep/memory'
import { control } from '@skep/registry'
import { RuntimeError } from '../errors.ts'
import { Channel, type Message } from './channel.ts'
import { CpuTable, tagOf } from './cpu-table.ts'
import { checkIsolated } from './options.ts'
import { SHARED_FORMAT, type SharedRuntime } from './shared.ts'

export interface HubParts {
  readonly arena: Arena
  readonly emit: (event: string, ...args: unknown[]) => void
  /** Wakes the readers of all rings. */
  readonly wakeReaders: () => void
}

/** What the thread that made a runtime knows of the others. */
export class WorkerHub {
  readonly #parts: HubParts
  readonly #table: CpuTable
  readonly #channel: Channel
  /** What waits until every worker knows that a collection is closed. */
  readonly #waiting: {
    readonly retirement: number
    readonly collection?: number
    readonly step: () => void
  }[] = []
  readonly #listeners = new Set<() => void>()
  #generation = 0
  #retirements = 0
  #closed = false

  constructor(parts: HubParts) {
    checkIsolated()
    this.#parts = parts
    this.#table = CpuTable.create(parts.arena)
    this.#channel = new Channel(`skep-${crypto.randomUUID()}`, (message) => this.#receive(message))
  }

  /** Reserves a CPU for a worker. Throws RuntimeError NO_CPU. */
  share(
    contents: Pick<SharedRuntime, 'seed' | 'batchTime' | 'plugins' | 'modules' | 'collections' | 'next'>,
  ): SharedRuntime {
    const { arena } = this.#parts
    const generation = ++this.#generation
    const cpu = this.#table.reserve(generation, this.#retirements)
    if (cpu === 0) {
      throw new RuntimeError(
        'NO_CPU',
        'share',
        `all ${arena.cpus} CPUs are taken, this thread's among them; give createRuntime more workers, or take back handles with unshare`,
      )
    }
    return {
      format: SHARED_FORMAT,
      cpu,
      tag: tagOf(cpu, generation),
      memory: arena.memory,
      table: this.#table.address,
      channel: this.#channel.name,
      ...contents,
    }
  }

  /** A worker is gone, or never came: its CPU is free again, and whoever waits for a lock that it holds is told. */
  unshare({ cpu, tag }: SharedRuntime): void {
    if (!this.#table.isJoined(cpu, tag)) {
      this.#table.leave(cpu, tag)
      this.#settle()
      return
    }
    const { arena } = this.#parts
    const block = this.#table.control(cpu)
    discardAbandoned(arena, tag)
    this.#table.leave(cpu, tag)
    if (block !== 0) {
      arena.free(arena.view.getUint32(block + control.CTL_STACK_END, true))
      arena.free(block)
    }
    this.#parts.wakeReaders()
    this.#left(cpu, false)
  }

  /** Runs `step` when no worker runs programs of a collection any more. */
  retire(collection: number, step: () => void): void {
    const retirement = ++this.#retirements
    this.#waiting.push({ retirement, collection, step })
    this.#channel.post({ kind: 'retire', collection, retirement })
    this.#settle()
  }

  /** Calls `listener` now, and whenever a worker has left or has told something; returns a function that ends it. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener)
    queueMicrotask(listener)
    return () => void this.#listeners.delete(listener)
  }

  isThere({ cpu, tag }: SharedRuntime): boolean {
    return this.#table.isThere(cpu, tag)
  }

  queueOf(cpu: number): number {
    return this.#table.queue(cpu)
  }

  setQueue(cpu: number, address: number): void {
    this.#table.setQueue(cpu, address)
    if (address !== 0) this.wakeQueue(cpu)
  }

  wakeQueue(cpu: number): void {
    this.#channel.post({ kind: 'packets', cpu })
  }

  /** Tells the workers; what still waits for them happens as they answer. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const retirement = ++this.#retirements
    this.#table.close()
    this.#table.dismiss()
    this.#waiting.push({ retirement, step: () => this.#channel.close() })
    this.#channel.post({ kind: 'close', retirement })
    this.#settle()
  }

  #left(cpu: number, closed: boolean): void {
    this.#parts.emit('leave', { cpu, closed })
    this.#settle()
  }

  #settle(): void {
    while (this.#waiting.length > 0 && this.#table.isKnown(this.#waiting[0]!.retirement)) {
      this.#waiting.shift()!.step()
    }
    for (const listener of this.#listeners) listener()
  }

  #receive(message: Message): void {
    switch (message.kind) {
      case 'join':
        // It was on its way when these were closed.
        for (const { retirement, collection } of this.#waiting) {
          if (collection === undefined) this.#channel.post({ kind: 'close', retirement })
          else this.#channel.post({ kind: 'retire', collection, retirement })
        }
        this.#parts.emit('join', { cpu: message.cpu })
        break
      case 'leave':
        this.#left(message.cpu, true)
        break
      case 'acknowledge':
        this.#settle()
        break
      case 'wake':
        this.#table.endWake(message.cpu)
        this.#parts.wakeReaders()
        break
      default:
    }
  }
}
