import type { Arena } from '@skep/memory'
import { control, type ProgramHandle, type RuntimeHost } from '@skep/registry'
import { ValueWriter } from './value-writer.ts'

const { RUN_COOKIE, RUN_HEADER_SIZE, RUN_SESSION_COOKIE, RUN_SESSION_RETURN } = control

/** How many runs of a runtime's probes may go by until deleted elements are given back. */
const QUIESCE = 64

/** One runtime's probes: a program that runs is not interrupted by another one (bpf_prog_active). */
interface Guard {
  running: boolean
  /** Runs left until maps may reuse deleted elements. */
  left: number
}

const guards = new WeakMap<RuntimeHost, Guard>()

/** What a run is about, for helpers that ask: only one runs at a time in a thread. */
export interface CurrentRun {
  /** The function's address: bpf_get_func_ip. */
  ip: bigint
  /** Name of the function that is about to be called, for the innermost frame. */
  entered: string | undefined
  /** Frames of a sample that was taken before; of the host's own stack when absent. */
  frames: readonly bigint[] | undefined
}

export const currentRun: CurrentRun = { ip: 0n, entered: undefined, frames: undefined }

/** Helpers that read what an address points to, or hand the program to another one that may. */
const READERS = /probe_read|copy_from_user|printk|printf|tail_call|for_each|dynptr|override/

/** Helpers that ask what a run is about. */
const ASKING = /get_func_ip|get_stack|get_task_stack|tail_call/

/** What a run is about. */
export interface RunSubject {
  readonly ip: bigint
  /** At the entry of a function: its name. */
  readonly entered?: string
  readonly frames?: readonly bigint[]
}

/** Counters of one attachment. */
export interface ProbeStats {
  /** Runs of the program. */
  runs: number
  /** Calls that came while a program ran already: from its own helpers and events (a kprobe's nmissed). */
  missed: number
  /** Runs that ended early; each raised an `exception` event. */
  faults: number
}

/** A context in the arena with its run header, and the runs of a program over it. */
export class RunContext {
  readonly address: number
  /** Index in words of 4 bytes. */
  readonly word: number
  readonly arena: Arena
  readonly values: ValueWriter
  readonly stats: ProbeStats = { runs: 0, missed: 0, faults: 0 }
  readonly #program: ProgramHandle
  readonly #guard: Guard
  readonly #asks: boolean
  readonly #block: number
  #released = false
  #busy = false

  constructor(program: ProgramHandle, size: number, room: number) {
    const { host } = program
    this.#program = program
    this.arena = host.arena
    let guard = guards.get(host)
    if (!guard) guards.set(host, (guard = { running: false, left: QUIESCE }))
    this.#guard = guard
    this.#asks = program.helpers.some((name) => ASKING.test(name))
    this.#block = host.arena.alloc(RUN_HEADER_SIZE + size, 16)
    this.address = this.#block + RUN_HEADER_SIZE
    this.word = this.address >> 2
    this.values = new ValueWriter(
      host.arena,
      program.helpers.some((name) => READERS.test(name)),
      room,
    )
  }

  /** Whether a program may run now; counts the call as missed when not. What is written before must be asked first. */
  begin(): boolean {
    if (this.#guard.running || this.#released) {
      this.stats.missed++
      return false
    }
    this.values.begin()
    return true
  }

  setCookie(cookie: bigint): void {
    this.arena.view.setBigUint64(this.address + RUN_COOKIE, BigInt.asUintN(64, cookie), true)
  }

  /** Where the u64 of bpf_session_cookie is, in words. */
  get session(): number {
    return (this.address + RUN_SESSION_COOKIE) >> 2
  }

  setReturn(isReturn: boolean): void {
    this.arena.u32[(this.address + RUN_SESSION_RETURN) >> 2] = isReturn ? 1 : 0
  }

  /** Runs the program; 0 when the run ends early, which is told as an event and harms nobody else. */
  run(subject?: RunSubject): number {
    const guard = this.#guard
    guard.running = true
    this.#busy = true
    if (this.#asks) tell(subject)
    try {
      this.stats.runs++
      return this.#program.run(this.address)
    } catch (fault) {
      this.stats.faults++
      this.#program.host.emit('exception', fault)
      return 0
    } finally {
      this.#busy = false
      guard.running = false
      if (--guard.left === 0) {
        guard.left = QUIESCE
        this.#program.host.quiesce()
      }
      if (this.#released) this.#free()
    }
  }

  /** Gives the memory back, when no program uses it any more. */
  release(): void {
    if (this.#released) return
    this.#released = true
    if (!this.#busy) this.#free()
  }

  #free(): void {
    this.arena.free(this.#block)
    this.values.release()
  }
}

function tell(subject: RunSubject | undefined): void {
  currentRun.ip = subject?.ip ?? 0n
  currentRun.entered = subject?.entered
  currentRun.frames = subject?.frames
}
