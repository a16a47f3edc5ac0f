import { type Cpu, control, type DeferredCalls, fieldLayout, type MapHandle, mapLayout } from '@skep/registry'
import { type Activity, messageOf, settle, whenIdle } from './activity.ts'
import type { Clock } from './clock.ts'
import { ProgramFault } from './errors.ts'
import { readFault } from './program.ts'

const round8 = (n: number): number => (n + 7) & ~7

/** Below a context lies the run header; a callback has no context, and this block stands for one. */
const NO_CONTEXT_SIZE = 64

/** Between the CPU's stack and a callback's frame: room for an index as the key, aligned. */
const KEY_ROOM = 16

/** Runs the callbacks of bpf_timer and bpf_wq: one after another, when no program runs, by the runtime's clock. */
export class Timers implements DeferredCalls {
  readonly #cpu: Cpu
  readonly #clock: Clock
  readonly #activity: Activity
  readonly #mapAt: (address: number) => MapHandle | undefined
  readonly #failed: (fault: ProgramFault) => void
  /** What takes it back, by the work's address. */
  readonly #waiting = new Map<number, () => void>()
  #running = 0
  #noContext = 0

  constructor(parts: {
    readonly cpu: Cpu
    readonly clock: Clock
    readonly activity: Activity
    readonly mapAt: (address: number) => MapHandle | undefined
    readonly failed: (fault: ProgramFault) => void
  }) {
    this.#cpu = parts.cpu
    this.#clock = parts.clock
    this.#activity = parts.activity
    this.#mapAt = parts.mapAt
    this.#failed = parts.failed
  }

  start(work: number, nanoseconds: bigint, absolute: boolean): void {
    this.cancel(work)
    this.#schedule(work, absolute ? nanoseconds - this.#now(work) : nanoseconds)
  }

  queue(work: number): void {
    if (!this.#waiting.has(work)) this.#schedule(work, 0n)
  }

  cancel(work: number): boolean {
    const waiting = this.#waiting.get(work)
    if (!waiting) return false
    waiting()
    return this.#waiting.delete(work)
  }

  running(): number {
    return this.#running
  }

  /** The program of that record goes: no callback of it may run. */
  forget(record: number): void {
    for (const work of [...this.#waiting.keys()]) {
      if (this.#word(work, fieldLayout.ASYNC_PROG) !== record) continue
      this.cancel(work)
      this.#cpu.arena.u32[(work + fieldLayout.ASYNC_PROG) >> 2] = 0
    }
  }

  #word(work: number, offset: number): number {
    return this.#cpu.arena.u32[(work + offset) >> 2]!
  }

  /** The time of the clock that the timer was made with. */
  #now(work: number): bigint {
    const CLOCK_REALTIME = 0
    const now = this.#clock.now()
    if (this.#word(work, fieldLayout.ASYNC_CLOCK) !== CLOCK_REALTIME) return now
    return this.#clock.epoch === undefined ? BigInt(Date.now()) * 1_000_000n : this.#clock.epoch + now
  }

  #schedule(work: number, nanoseconds: bigint): void {
    const step = (): void => {
      // Until no program runs it can still be cancelled.
      const run = (): void => {
        if (this.#waiting.get(work) !== waiting) return
        this.#waiting.delete(work)
        this.#run(work)
      }
      whenIdle(this.#activity, run)
    }
    const waiting = this.#clock.schedule(nanoseconds, step)
    this.#waiting.set(work, waiting)
  }

  #run(work: number): void {
    const map = this.#mapAt(this.#word(work, fieldLayout.ASYNC_MAP))
    const program = this.#word(work, fieldLayout.ASYNC_PROG)
    if (!map || program === 0) return
    const { arena, control: block, table } = this.#cpu
    const value = this.#word(work, fieldLayout.ASYNC_VALUE)
    const callback = table.get(this.#word(work, fieldLayout.ASYNC_CALLBACK)) as (...r: bigint[]) => bigint
    if (this.#noContext === 0) this.#noContext = arena.alloc(NO_CONTEXT_SIZE) + NO_CONTEXT_SIZE / 2
    const { view } = arena
    const sp = view.getUint32(block + control.CTL_SP, true)
    let key = value - round8(map.keySize)
    if (this.#isIndexed(map)) {
      key = sp - KEY_ROOM
      const data = view.getUint32(map.address + mapLayout.MAP_DATA, true)
      view.setUint32(key, (value - data) / view.getUint32(map.address + mapLayout.MAP_STRIDE, true), true)
    }
    view.setUint32(block + control.CTL_SP, sp - KEY_ROOM, true)
    view.setUint32(block + control.CTL_PROG, program, true)
    view.setUint32(block + control.CTL_CTX, this.#noContext, true)
    view.setUint32(block + control.CTL_TAIL_CALLS, 0, true)
    view.setInt32(block + control.CTL_FAULT, control.FAULT_NONE, true)
    this.#activity.depth = 1
    this.#running = work
    try {
      callback(BigInt(map.address), BigInt(key), BigInt(value), 0n, 0n)
    } catch (cause) {
      if (!(cause instanceof WebAssembly.RuntimeError)) throw cause
      const after = arena.view
      if (after.getInt32(block + control.CTL_FAULT, true) === control.FAULT_NONE) {
        after.setInt32(block + control.CTL_FAULT, control.FAULT_ACCESS, true)
        after.setInt32(block + control.CTL_FAULT_PC, -1, true)
      }
    } finally {
      this.#running = 0
      this.#activity.depth = 0
      arena.view.setUint32(block + control.CTL_SP, sp, true)
      const fault = this.#fault(`a callback of map ${map.name}`)
      settle(this.#activity)
      if (fault) this.#failed(fault)
    }
  }

  #fault(subject: string): ProgramFault | undefined {
    const fault = readFault(this.#cpu.arena, this.#cpu.control, subject)
    const { thrown } = this.#activity
    if (!fault || !thrown) return fault
    const { cause } = thrown
    return new ProgramFault('THREW', subject, {
      message: `${thrown.subject} threw: ${messageOf(cause)}`,
      cause,
    })
  }

  #isIndexed(map: MapHandle): boolean {
    const record = this.#cpu.arena.u32[(map.address + mapLayout.MAP_FIELDS) >> 2]!
    return this.#cpu.arena.u32[(record + fieldLayout.RECORD_INDEXED) >> 2] !== 0
  }
}
