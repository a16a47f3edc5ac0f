import type { MapHandle, TestRunInput } from '@skep/registry'
import type { Collection, PreparedRun, Program, TestRunResult } from '@skep/runtime'
import { createStepper, InterpreterError, type Stepper, type StepperMark } from '@skep/vm-interpreter'
import { CodeMap, type SourceLine } from './code.ts'
import { parseCondition, type Surroundings } from './condition.ts'
import { DebuggerError } from './errors.ts'
import { Journal, type Range } from './journal.ts'
import { locate } from './locate.ts'
import type {
  Breakpoint,
  BreakpointOptions,
  Location,
  Standing,
  Stop,
  Watched,
  Watching,
  Watchpoint,
} from './stops.ts'

export interface DebuggerInput extends TestRunInput {
  /** The program's name; the only one when absent. */
  readonly program?: string
  /** What bpf_get_attach_cookie gives. */
  readonly cookie?: bigint
}

export interface DebuggerOptions {
  /** Bytes of changes that are kept for going backward; the oldest steps are forgotten beyond. Default 128 MiB. */
  readonly history?: number
}

/** An instruction that a program is about to do, or that a caller goes on at. */
export interface Place {
  readonly program: string
  /** Slot of the instruction. */
  readonly pc: number
  readonly function: string
  /** The instruction, in the mnemonic syntax of `skep asm`. */
  readonly text: string
  readonly source?: SourceLine
}

export interface Frame extends Place {
  /** r10: the frame's 512 bytes end here. */
  readonly framePointer: number
}

export interface Fault {
  readonly program: string
  readonly pc: number
  /** FAULT_ codes of registry's `control`. */
  readonly code: number
  readonly address: number
}

const HISTORY = 128 << 20
const FRAME_BYTES = 512

/** How deep the calls are, and whether a line was left: what the kinds of steps end by. */
type Until = (place: Place, depth: number) => boolean

/**
 * One run of a program that goes as far as it is told, forward and backward. It is an interpreter's run of the loaded program:
 * maps, helpers and their effects are the collection's. Going backward restores the arena word by word; going forward again
 * over what is known restores it, too, and runs nothing: effects outside of the arena (events, records that a reader took)
 * happen once.
 */
export class Debugger {
  readonly #collection: Collection
  readonly #program: Program
  readonly #run: PreparedRun
  readonly #stepper: Stepper
  readonly #journal: Journal<StepperMark>
  readonly #codes = new Map<string, CodeMap | undefined>()
  readonly #breakpoints = new Map<number, Standing>()
  readonly #watchpoints = new Map<number, Watching>()
  /** Breakpoints by program and slot. */
  readonly #standing = new Map<string, Map<number, Standing[]>>()
  #nextId = 1
  #closed = false

  /** Use `createDebugger`. */
  constructor(collection: Collection, input: DebuggerInput, options: DebuggerOptions = {}) {
    const { program: name, ...rest } = input
    this.#collection = collection
    this.#program = name === undefined ? collection.program() : collection.program(name)
    this.#run = this.#program.prepare(rest)
    try {
      this.#stepper = createStepper(this.#run.compiled, this.#run.address)
    } catch (error) {
      this.#run.release()
      if (!(error instanceof InterpreterError)) throw error
      throw new DebuggerError(
        'NOT_STEPPABLE',
        this.#program.name,
        `${this.#program.name} does not run on the interpreter; load it with { engine: 'interpreter' }`,
        { cause: error },
      )
    }
    this.#journal = new Journal(this.#program.host.arena, (options.history ?? HISTORY) >>> 2)
  }

  get program(): string {
    return this.#program.name
  }

  get state(): Stepper['state'] {
    return this.#open().state
  }

  /** Instructions done so far. */
  get position(): number {
    return this.#open().executed
  }

  get fault(): Fault | undefined {
    return this.#open().fault
  }

  /** The instruction that comes next, or the one that exited or faulted. */
  get place(): Place {
    return this.#describe(this.#open().place)
  }

  /** How many functions the running one was called by. */
  get depth(): number {
    return this.#open().depth
  }

  /** r0 to r10, unsigned. */
  get registers(): readonly bigint[] {
    return this.#open().registers
  }

  /** r10 is read-only. Throws InterpreterError BAD_VALUE. */
  setRegister(number: number, value: bigint): void {
    this.#open().setRegister(number, value)
    this.#journal.sync()
  }

  /** The running function first, then its callers. */
  get frames(): readonly Frame[] {
    return this.#open().frames.map(({ framePointer, ...place }) => ({
      ...this.#describe(place),
      framePointer,
    }))
  }

  /** A frame's 512 bytes, the lowest address first; the running function's is frame 0. */
  stack(frame = 0): Uint8Array {
    const found = this.frames[frame]
    if (!found) throw new DebuggerError('NO_SUCH_PLACE', `frame ${frame}`, `there is no frame ${frame}`)
    return this.memory(found.framePointer - FRAME_BYTES, FRAME_BYTES)
  }

  /** A copy of memory: pointers of programs are addresses in it. Throws DebuggerError NO_SUCH_PLACE. */
  memory(address: number | bigint, size: number): Uint8Array {
    const { u8 } = this.#program.host.arena
    const at = Number(BigInt.asUintN(64, BigInt(address)))
    if (at < 1 || at + size > u8.length || size < 0) {
      throw new DebuggerError(
        'NO_SUCH_PLACE',
        `0x${at.toString(16)}`,
        `no ${size} bytes at 0x${at.toString(16)}; the memory ends at 0x${u8.length.toString(16)}`,
      )
    }
    return u8.slice(at, at + size)
  }

  /** The packet as it is now: what the program type's test run gives back. */
  get packet(): Uint8Array {
    this.#open()
    return this.#run.finish().data ?? new Uint8Array()
  }

  get maps(): ReadonlyMap<string, MapHandle> {
    return this.#collection.maps
  }

  /** A value over the program as it stands; see `parseCondition`. Throws DebuggerError BAD_CONDITION. */
  evaluate(expression: string): bigint {
    return parseCondition(expression)(this.#surroundings())
  }

  /** What is known of a program's code: the running one's when absent. */
  code(program: string = this.#open().place.program): CodeMap | undefined {
    if (!this.#codes.has(program)) {
      const spec = this.#collection.spec.programs.find(({ name }) => name === program)
      this.#codes.set(program, spec && new CodeMap(spec))
    }
    return this.#codes.get(program)
  }

  // Stops.

  get breakpoints(): readonly Breakpoint[] {
    return [...this.#breakpoints.values()].map(tell)
  }

  /** Throws DebuggerError NO_SUCH_PLACE and BAD_CONDITION. */
  addBreakpoint(location: Location, options: BreakpointOptions = {}): Breakpoint {
    const { slots, line } = locate(location, {
      program: this.#program.name,
      programs: this.#collection.spec.programs,
      helpers: this.#program.host.platform.helpers,
      code: (name) => this.code(name),
    })
    const standing: Standing = {
      id: this.#nextId++,
      location,
      options,
      slots,
      ...(line === undefined ? {} : { line }),
      condition: options.condition === undefined ? undefined : parseCondition(options.condition),
      hits: 0,
    }
    this.#breakpoints.set(standing.id, standing)
    for (const [program, all] of slots) {
      const bySlot = this.#standing.get(program) ?? new Map<number, Standing[]>()
      this.#standing.set(program, bySlot)
      for (const slot of all) bySlot.set(slot, [...(bySlot.get(slot) ?? []), standing])
    }
    return tell(standing)
  }

  get watchpoints(): readonly Watchpoint[] {
    return [...this.#watchpoints.values()].map(({ id, watched, hits }) => ({ id, watched, hits }))
  }

  /** Stops behind each step that changes it. Throws DebuggerError NO_SUCH_PLACE. */
  addWatchpoint(watched: Watched): Watchpoint {
    const watching: Watching = { id: this.#nextId++, watched, seen: '', hits: 0 }
    watching.seen = this.#look(watched)
    this.#watchpoints.set(watching.id, watching)
    return { id: watching.id, watched, hits: 0 }
  }

  /** Takes a breakpoint or watchpoint away; false when there is none of that id. */
  remove(id: number): boolean {
    const standing = this.#breakpoints.get(id)
    if (!standing) return this.#watchpoints.delete(id)
    this.#breakpoints.delete(id)
    for (const [program, slots] of standing.slots) {
      const bySlot = this.#standing.get(program)!
      for (const slot of slots) {
        const left = bySlot.get(slot)!.filter((one) => one !== standing)
        if (left.length > 0) bySlot.set(slot, left)
        else bySlot.delete(slot)
      }
    }
    return true
  }

  // Forward.

  /** Does so many instructions, whatever stands in the way. A helper call is one, with all that it does. */
  step(count = 1): Stop {
    checkCount(count)
    this.#begin()
    for (let n = 0; n < count && this.state === 'stopped'; n++) this.#forward()
    return this.#ended('step')
  }

  /** Goes on to the next breakpoint, watchpoint or end; at most `limit` instructions. */
  continue(limit: number = Number.MAX_SAFE_INTEGER): Stop {
    return this.#goOn(limit, () => false)
  }

  /** Steps, but takes a call of a subprogram as one step. Breakpoints in it stop. */
  stepOver(limit: number = Number.MAX_SAFE_INTEGER): Stop {
    const { depth } = this
    return this.#goOn(limit, (_, now) => now <= depth)
  }

  /** Goes on until the running function has returned. */
  stepOut(limit: number = Number.MAX_SAFE_INTEGER): Stop {
    const { depth } = this
    return this.#goOn(limit, (_, now) => now < depth)
  }

  /** Goes on to the next line of source, into subprograms. Without lines one instruction. */
  stepLine(limit: number = Number.MAX_SAFE_INTEGER): Stop {
    return this.#goOn(
      limit,
      this.#leavesLine(() => true),
    )
  }

  /** Goes on to the next line of source of the running function or of a caller. */
  stepLineOver(limit: number = Number.MAX_SAFE_INTEGER): Stop {
    const { depth } = this
    return this.#goOn(
      limit,
      this.#leavesLine((now) => now <= depth),
    )
  }

  // Backward.

  /** Takes so many instructions back. */
  stepBack(count = 1): Stop {
    checkCount(count)
    this.#begin()
    for (let n = 0; n < count; n++) if (!this.#backward()) return this.#atBeginning()
    return { reason: 'step', ids: [] }
  }

  /** Goes back to the last breakpoint, or to before the last step that changed what is watched. */
  continueBack(): Stop {
    return this.#goBack(() => false)
  }

  /** Goes back, taking a call of a subprogram as one step. */
  stepBackOver(): Stop {
    const { depth } = this
    return this.#goBack((_, now) => now <= depth)
  }

  /** Goes back to before the call of the running function. */
  stepBackOut(): Stop {
    const { depth } = this
    return this.#goBack((_, now) => now < depth)
  }

  /** Goes back to the begin of the line before, of the running function or of a caller. */
  stepLineBack(): Stop {
    const { depth } = this
    const begin = this.#lineBegin()
    return this.#goBack((place, now) => now <= depth && begin(place))
  }

  /** Goes to where so many instructions are done: back or forward, whatever stands in the way. */
  seek(position: number): Stop {
    if (!Number.isInteger(position) || position < 0)
      throw new DebuggerError('BAD_VALUE', `${position}`, `position is ${position}; give an integer from 0`)
    this.#begin()
    while (this.position > position) if (!this.#backward()) return this.#atBeginning()
    while (this.position < position && this.state === 'stopped') this.#forward()
    return this.#ended('step')
  }

  /** What the run came to, as a test run's result; undefined as long as it has not exited. */
  result(): TestRunResult | undefined {
    if (this.state !== 'exited') return undefined
    return { retval: Number(this.registers[0]! & 0xffff_ffffn), ...this.#run.finish() }
  }

  /** Gives its memory back; the program and its maps stay as they are. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stepper.close()
    this.#run.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #open(): Stepper {
    if (this.#closed) {
      const { name } = this.#program
      throw new DebuggerError('CLOSED', name, `the debugger of ${name} is closed; make another one`)
    }
    return this.#stepper
  }

  /** What the host changed since the last command is known before anything else changes. */
  #begin(): void {
    this.#open()
    this.#journal.sync()
    for (const watching of this.#watchpoints.values()) watching.seen = this.#look(watching.watched)
  }

  #ended(reason: 'step' | 'limit'): Stop {
    const { state } = this
    return { reason: state === 'stopped' ? reason : state, ids: [] }
  }

  #atBeginning(): Stop {
    return { reason: 'beginning', ids: [] }
  }

  #forward(): void {
    const journal = this.#journal
    const stepper = this.#stepper
    if (journal.future > 0) {
      stepper.restore(journal.redo()!)
      return
    }
    const before = stepper.mark
    const ranges = this.#touched()
    try {
      stepper.step()
    } finally {
      journal.add(before, stepper.mark, ranges)
    }
  }

  #backward(): boolean {
    const mark = this.#journal.undo()
    if (mark) this.#stepper.restore(mark)
    return mark !== undefined
  }

  /** What the next instruction may change. */
  #touched(): readonly Range[] | 'all' {
    const { pc, program } = this.#stepper.place
    const { registers, all } = this.#stepper.ranges
    const insn = this.code(program)?.at(pc)
    switch (insn?.def.kind) {
      case 'st':
      case 'stx':
      case 'store_rel':
      case 'atomic': {
        const address = BigInt.asUintN(64, this.#stepper.register(insn.dst) + BigInt(insn.off))
        // A pointer into an arena of the program's lies elsewhere.
        if (address + 8n > this.#program.host.arena.u8.length) return 'all'
        return [registers, { address: Number(address), size: insn.def.size }]
      }
      case 'call':
        return insn.def.callee === 'local' ? all : 'all'
      case 'exit':
        return this.depth === 0 ? 'all' : all
      case 'callx':
      case undefined:
        return 'all'
      default:
        return [registers]
    }
  }

  #goOn(limit: number, until: Until): Stop {
    this.#begin()
    for (let n = 0; n < limit && this.state === 'stopped'; n++) {
      this.#forward()
      const ids = [...this.#changed()]
      if (ids.length > 0) return { reason: 'watchpoint', ids }
      if (this.state !== 'stopped') break
      const met = this.#met(true)
      if (met.length > 0) return { reason: 'breakpoint', ids: met }
      if (until(this.place, this.depth)) return { reason: 'step', ids: [] }
    }
    return this.#ended('limit')
  }

  #goBack(until: Until): Stop {
    this.#begin()
    while (this.#backward()) {
      const ids = [...this.#changed()]
      if (ids.length > 0) return { reason: 'watchpoint', ids }
      const met = this.#met(false)
      if (met.length > 0) return { reason: 'breakpoint', ids: met }
      if (until(this.place, this.depth)) return { reason: 'step', ids: [] }
    }
    return this.#atBeginning()
  }

  /** Breakpoints that the program stands at. Going forward they count what they let pass. */
  #met(counting: boolean): number[] {
    if (this.#standing.size === 0) return []
    const { program, pc } = this.#stepper.place
    const met: number[] = []
    for (const standing of this.#standing.get(program)?.get(pc) ?? []) {
      if (standing.condition && !this.#holds(standing)) continue
      if (counting) standing.hits++
      if (standing.hits > (standing.options.ignore ?? 0)) met.push(standing.id)
    }
    return met
  }

  /** A condition over memory that is not there does not hold. */
  #holds({ condition }: Standing): boolean {
    try {
      return condition!(this.#surroundings()) !== 0n
    } catch (error) {
      if (error instanceof DebuggerError && error.code === 'NO_SUCH_PLACE') return false
      throw error
    }
  }

  *#changed(): Generator<number> {
    for (const watching of this.#watchpoints.values()) {
      const now = this.#look(watching.watched)
      if (now === watching.seen) continue
      watching.seen = now
      watching.hits++
      yield watching.id
    }
  }

  /** What is watched, as text to compare. */
  #look(watched: Watched): string {
    switch (watched.kind) {
      case 'memory':
        return this.memory(watched.address, watched.size).join()
      case 'register':
        return `${this.#stepper.register(watched.register)}`
      case 'map':
        return this.#map(watched.map).lookup(watched.key)?.join() ?? 'absent'
    }
  }

  #map(name: string): MapHandle {
    const map = this.maps.get(name)
    if (map) return map
    const known = [...this.maps.keys()].join(', ') || 'none'
    throw new DebuggerError('NO_SUCH_PLACE', name, `no map ${name}; the collection has ${known}`)
  }

  #surroundings(): Surroundings {
    const stepper = this.#open()
    return {
      register: (number) => stepper.register(number),
      memory: (address, size) => this.memory(address, size),
      packet: () => this.packet,
      pc: stepper.pc,
      depth: stepper.depth,
      position: stepper.executed,
    }
  }

  #describe({ program, pc }: { readonly program: string; readonly pc: number }): Place {
    const code = this.code(program)
    const source = code?.sourceAt(pc)
    return {
      program,
      pc,
      function: code?.functionAt(pc) ?? program,
      text: code?.textAt(pc) ?? '?',
      ...(source ? { source } : {}),
    }
  }

  #leavesLine(deepEnough: (depth: number) => boolean): Until {
    const { source, function: begun } = this.place
    const { depth } = this
    return (place, now) => {
      if (!deepEnough(now)) return false
      if (!source || !place.source) return true
      const same = place.source.line === source.line && place.source.file === source.file
      const elsewhere = place.function !== begun || now !== depth
      return elsewhere || (!same && this.code(place.program)?.beginsLine(place.pc) === true)
    }
  }

  /** Whether a place is the first one of its line, of one before the present one. */
  #lineBegin(): (place: Place) => boolean {
    let left = false
    const present = this.place
    const begun = this.code(present.program)?.beginsLine(present.pc) === true
    // From the middle of a line its own begin comes first.
    if (!begun) left = true
    return (place) => {
      if (!place.source) return true
      if (place.source.line !== present.source?.line || place.function !== present.function) left = true
      return left && this.code(place.program)?.beginsLine(place.pc) === true
    }
  }
}

const tell = ({ id, location, options, slots, line, hits }: Standing): Breakpoint => ({
  id,
  location,
  ...options,
  slots,
  ...(line === undefined ? {} : { line }),
  hits,
})

function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 1)
    throw new DebuggerError('BAD_VALUE', `${count}`, `${count} steps; give an integer from 1`)
}

/**
 * Stops a program of a collection before its first instruction, over an input as `testRun` takes it. The collection must have
 * been loaded on the interpreter. Throws DebuggerError NOT_STEPPABLE.
 */
export function createDebugger(
  collection: Collection,
  input: DebuggerInput,
  options: DebuggerOptions = {},
): Debugger {
  return new Debugger(collection, input, options)
}
