import type { Arena } from '@skep/memory'
import type { Queue } from './queue.ts'

/** Packets that came for a worker. Good until the loop asks for the next ones. */
export interface PacketBatch {
  /** Arena address of the contexts' addresses, and of room for as many verdicts: what `runBatch` takes. */
  readonly contexts: number
  readonly count: number
  readonly results: number
  /** The verdict that a run wrote. */
  verdict(index: number): number
  /** The packet's bytes as they are now; a view of the arena. */
  packet(index: number): Uint8Array
}

/** Most packets in a batch. */
const MOST = 1024
/** Longest time that packets are handed out without letting the host's other work run. */
const SLICE_MS = 8

export interface QueueUser {
  readonly arena: Arena
  isClosed(): boolean
  /** Resolves when `ready()` may be true, or the worker has left. */
  whenPackets(ready: () => boolean): Promise<void>
  /** Tells the sender that the queue is done with. */
  finished(): void
}

export async function* receive(
  user: QueueUser,
  find: () => Queue | undefined,
): AsyncGenerator<PacketBatch, void, undefined> {
  while (!find()) {
    if (user.isClosed()) return
    await user.whenPackets(() => find() !== undefined)
  }
  const queue = find()!
  const { arena } = user
  let since = performance.now()
  try {
    while (!user.isClosed()) {
      const { first, count } = queue.peek(MOST)
      if (count > 0) {
        yield batchOf(arena, queue, first, count)
        queue.consume(count)
        if (performance.now() - since < SLICE_MS) continue
      } else if (queue.ended) {
        return
      } else {
        queue.wait()
        await user.whenPackets(() => !queue.empty || queue.ended)
        since = performance.now()
        continue
      }
      await new Promise((resolve) => setTimeout(resolve))
      since = performance.now()
    }
  } finally {
    queue.finish()
    user.finished()
  }
}

function batchOf(arena: Arena, queue: Queue, first: number, count: number): PacketBatch {
  const contexts = queue.contexts + 4 * first
  const results = queue.results + 4 * first
  return {
    contexts,
    count,
    results,
    verdict: (index) => arena.u32[(results >> 2) + index]!,
    packet: (index) => {
      const { u8, u32 } = arena
      const context = u32[(contexts >> 2) + index]! >> 2
      return u8.subarray(u32[context]!, u32[context + 1]!)
    },
  }
}
