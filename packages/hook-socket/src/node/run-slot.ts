import type { Arena } from '@skep/memory'
import { control, type ProgramHandle } from '@skep/registry'

const { RUN_HEADER_SIZE } = control

/** Room for one run of a program in the arena: a context, and bytes behind it. */
export class RunSlot {
  readonly arena: Arena
  /** Address of the context; its run header lies below. */
  readonly context: number
  /** Address of the bytes behind it. */
  readonly data: number
  readonly #block: number

  constructor(arena: Arena, contextSize: number, room: number) {
    this.arena = arena
    this.#block = arena.alloc(16 + RUN_HEADER_SIZE + contextSize + 16 + room, 16)
    this.context = this.#block + 16 + RUN_HEADER_SIZE
    this.data = (this.context + contextSize + 15) & ~15
    arena.u32[this.#block >> 2] = this.context
  }

  /** Clears the context's first `bytes` and the run header. */
  clear(bytes: number): void {
    this.arena.u8.fill(0, this.context - RUN_HEADER_SIZE, this.context + bytes)
  }

  /** The program's result, unsigned; 0, with an `exception` event, for a run that ended early. */
  run(program: ProgramHandle): number {
    program.runBatch(this.#block, 1, this.#block + 4)
    return this.arena.u32[(this.#block + 4) >> 2]!
  }

  free(): void {
    this.arena.free(this.#block)
  }
}

interface Shared {
  readonly slot: RunSlot
  users: number
  busy: boolean
}

/** One slot for all who need it in an arena, as long as there is one. */
export class SharedSlot {
  static readonly #slots = new WeakMap<WebAssembly.Memory, Map<string, Shared>>()
  readonly #arena: Arena
  readonly #name: string
  readonly #shared: Shared
  readonly #make: () => RunSlot

  constructor(arena: Arena, name: string, contextSize: number, room: number) {
    this.#arena = arena
    this.#name = name
    this.#make = () => new RunSlot(arena, contextSize, room)
    let slots = SharedSlot.#slots.get(arena.memory)
    if (!slots) SharedSlot.#slots.set(arena.memory, (slots = new Map()))
    let shared = slots.get(name)
    if (!shared) slots.set(name, (shared = { slot: this.#make(), users: 0, busy: false }))
    shared.users++
    this.#shared = shared
  }

  /** Acts on the slot; on another one when a program that runs now is what made this happen. */
  use<T>(act: (slot: RunSlot) => T): T {
    const shared = this.#shared
    if (shared.busy) {
      const slot = this.#make()
      try {
        return act(slot)
      } finally {
        slot.free()
      }
    }
    shared.busy = true
    try {
      return act(shared.slot)
    } finally {
      shared.busy = false
    }
  }

  release(): void {
    if (--this.#shared.users > 0) return
    SharedSlot.#slots.get(this.#arena.memory)?.delete(this.#name)
    this.#shared.slot.free()
  }
}
