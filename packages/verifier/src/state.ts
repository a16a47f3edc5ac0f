import { classFor, FRAME_STACK, FULL_CLASS, type Heap, SLOT_SIZE, SLOT_TYPES } from './heap.ts'
import { REG_AUX0, REG_SIZE, REG_TYPE, STACK_SPILL } from './layout.ts'
import { BPF_REG_FP, MAX_BPF_REG } from './limits.ts'
import { NOT_INIT, PTR_TO_STACK, SCALAR_VALUE } from './reg-type.ts'
import type { ScalarDomain } from './scalar/index.ts'

export {
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
} from './layout.ts'

/** `callsite` of the outermost frame. */
export const BPF_MAIN_FUNC = -1

export const REF_TYPE_PTR = 2
export const REF_TYPE_IRQ = 4
export const REF_TYPE_LOCK = 8
export const REF_TYPE_RES_LOCK = 16
export const REF_TYPE_RES_LOCK_IRQ = 32
export const REF_TYPE_LOCK_MASK: number = REF_TYPE_LOCK | REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ

/** One function's registers and stack (struct bpf_func_state); the records are in the heap. */
export class Frame {
  address = 0
  sizeClass = 0
  /** Stack slots in use; deeper ones were never touched. */
  slots = 0
  frameno = 0
  subprog = 0
  /** Slot of the call instruction, or BPF_MAIN_FUNC. */
  callsite: number = BPF_MAIN_FUNC
  inCallback = false
  inAsyncCallback = false
  inExceptionCallback = false
  asyncEntries = 0
  callbackDepth = 0
  /** What a callback may return. */
  returnMin = 0
  returnMax = 0

  reg(n: number): number {
    return this.address + n * REG_SIZE
  }

  slot(spi: number): number {
    return this.address + FRAME_STACK + spi * SLOT_SIZE
  }

  /** Address of the eight type bytes of a slot. */
  types(spi: number): number {
    return this.address + FRAME_STACK + spi * SLOT_SIZE + SLOT_TYPES
  }
}

// An entry of the jump history: five words.
export const HISTORY_WORDS = 6
export const HISTORY_INSN = 0
export const HISTORY_PREVIOUS = 1
export const HISTORY_FLAGS = 2
/** How many registers the jump linked, then three of them a word: frame 3 bits, register or slot 6 bits, is-register 1 bit. */
export const HISTORY_LINKED = 3

/** Words of history that are copied one by one. */
const MOST_LOOPED = 24
const NO_HISTORY = new Int32Array(0)

/** A state of the whole program (struct bpf_verifier_state). */
export class State {
  readonly frames: (Frame | undefined)[] = []
  curframe = 0
  // Acquired references and held locks, in order.
  refCount = 0
  readonly refId: number[] = []
  readonly refInsn: number[] = []
  readonly refType: number[] = []
  /** For locks: the map (or BTF) that holds the lock. */
  readonly refOwner: number[] = []
  activeLocks = 0
  activePreemptLocks = 0
  activeRcuLocks = 0
  activeIrqId = 0
  activeLockId = 0
  activeLockOwner = 0
  speculative = false
  inSleepable = false
  cleaned = false
  branches = 0
  parent: State | undefined
  insn = 0
  firstInsn = 0
  lastInsn = 0
  dfsDepth = 0
  callbackUnrollDepth = 0
  mayGotoDepth = 0
  /** For a back edge of a loop: the state that it was found equal to. */
  equalState: State | undefined
  history: Int32Array = NO_HISTORY
  historyLength = 0
  // As a checkpoint in the lists of explored states.
  hits = 0
  misses = 0
  inFreeList = false

  get frame(): Frame {
    return this.frames[this.curframe]!
  }
}

/** Makes, copies and recycles states. */
export class StatePool {
  readonly #heap: Heap
  readonly #domain: ScalarDomain
  readonly #states: State[] = []
  readonly #frames: Frame[] = []

  constructor(heap: Heap, domain: ScalarDomain) {
    this.#heap = heap
    this.#domain = domain
    heap.copyReg = domain.copyRecord
  }

  /** Forgets what it could reuse; the heap was reset. */
  reset(): void {
    this.#states.length = 0
    this.#frames.length = 0
  }

  state(): State {
    const state = this.#states.pop() ?? new State()
    state.hits = 0
    state.misses = 0
    state.inFreeList = false
    state.equalState = undefined
    state.cleaned = false
    return state
  }

  /** A frame with room for `slots` stack slots. */
  frame(slots: number): Frame {
    const frame = this.#frames.pop() ?? new Frame()
    frame.sizeClass = classFor(slots)
    frame.address = this.#heap.allocate(frame.sizeClass)
    return frame
  }

  /** A frame that can grow to a whole stack in place. */
  fullFrame(): Frame {
    const frame = this.#frames.pop() ?? new Frame()
    frame.sizeClass = FULL_CLASS
    frame.address = this.#heap.allocate(FULL_CLASS)
    return frame
  }

  releaseFrame(frame: Frame): void {
    this.#heap.release(frame.address, frame.sizeClass)
    this.#frames.push(frame)
  }

  release(state: State): void {
    for (let i = 0; i < state.frames.length; i++) {
      const frame = state.frames[i]
      if (frame) this.releaseFrame(frame)
      state.frames[i] = undefined
    }
    state.parent = undefined
    state.equalState = undefined
    state.historyLength = 0
    this.#states.push(state)
  }

  /** init_func_state: an empty frame with its frame pointer. */
  initFrame(frame: Frame, callsite: number, frameno: number, subprog: number): void {
    frame.callsite = callsite
    frame.frameno = frameno
    frame.subprog = subprog
    frame.slots = 0
    frame.inCallback = false
    frame.inAsyncCallback = false
    frame.inExceptionCallback = false
    frame.asyncEntries = 0
    frame.callbackDepth = 0
    frame.returnMin = 0
    frame.returnMax = 0
    const { i32 } = this.#heap
    this.#heap.fill(frame.address, FRAME_STACK)
    const first = frame.address
    this.#domain.setUnknown(first)
    i32[(first + REG_TYPE) >> 2] = NOT_INIT
    for (let r = 1; r < MAX_BPF_REG; r++) this.#heap.copyReg(frame.reg(r), first)
    const fp = frame.reg(BPF_REG_FP)
    this.#domain.setZero(fp)
    i32[(fp + REG_TYPE) >> 2] = PTR_TO_STACK
    i32[(fp + REG_AUX0) >> 2] = frameno
  }

  /** copy_func_state */
  copyFrame(to: Frame, from: Frame): void {
    to.slots = from.slots
    to.frameno = from.frameno
    to.subprog = from.subprog
    to.callsite = from.callsite
    to.inCallback = from.inCallback
    to.inAsyncCallback = from.inAsyncCallback
    to.inExceptionCallback = from.inExceptionCallback
    to.asyncEntries = from.asyncEntries
    to.callbackDepth = from.callbackDepth
    to.returnMin = from.returnMin
    to.returnMax = from.returnMax
    this.#domain.records.copyBytes(to.address, from.address, FRAME_STACK + from.slots * SLOT_SIZE)
  }

  /** copy_verifier_state; `full` gives every frame of `to` room for a whole stack. */
  copy(to: State, from: State, full: boolean): void {
    const words = from.historyLength * HISTORY_WORDS
    if (to.history.length < words) to.history = new Int32Array(words)
    if (words > 0) {
      const { history } = from
      const out = to.history
      // A call for a few words costs more than they do; a loop over many is slow until V8 has compiled it.
      if (words > MOST_LOOPED) out.set(history.subarray(0, words))
      else for (let i = 0; i < words; i++) out[i] = history[i]!
    }
    to.historyLength = from.historyLength
    for (let i = from.curframe + 1; i < to.frames.length; i++) {
      const extra = to.frames[i]
      if (extra) this.releaseFrame(extra)
      to.frames[i] = undefined
    }
    this.#copyReferences(to, from)
    to.speculative = from.speculative
    to.inSleepable = from.inSleepable
    to.cleaned = from.cleaned
    to.curframe = from.curframe
    to.branches = from.branches
    to.parent = from.parent
    to.firstInsn = from.firstInsn
    to.lastInsn = from.lastInsn
    to.insn = from.insn
    to.dfsDepth = from.dfsDepth
    to.callbackUnrollDepth = from.callbackUnrollDepth
    to.mayGotoDepth = from.mayGotoDepth
    to.equalState = from.equalState
    for (let i = 0; i <= from.curframe; i++) {
      const source = from.frames[i]!
      let frame = to.frames[i]
      if (!frame) {
        frame = full ? this.fullFrame() : this.frame(source.slots)
        to.frames[i] = frame
      }
      this.copyFrame(frame, source)
    }
  }

  #copyReferences(to: State, from: State): void {
    const n = from.refCount
    for (let i = 0; i < n; i++) {
      to.refId[i] = from.refId[i]!
      to.refInsn[i] = from.refInsn[i]!
      to.refType[i] = from.refType[i]!
      to.refOwner[i] = from.refOwner[i]!
    }
    to.refCount = n
    to.activeLocks = from.activeLocks
    to.activePreemptLocks = from.activePreemptLocks
    to.activeRcuLocks = from.activeRcuLocks
    to.activeIrqId = from.activeIrqId
    to.activeLockId = from.activeLockId
    to.activeLockOwner = from.activeLockOwner
  }
}

/** Does the slot hold a spilled register, whole or its low part? */
export const isSpilled = (heap: Heap, types: number): boolean => heap.u8[types + 7] === STACK_SPILL

export const isSpilledScalar = (heap: Heap, slot: number): boolean =>
  heap.u8[slot + SLOT_TYPES + 7] === STACK_SPILL && heap.i32[(slot + REG_TYPE) >> 2] === SCALAR_VALUE

/** __get_spi: the slot that holds the byte at a negative stack offset. C's division rounds to zero: offset 0 gives slot 0, too. */
export const slotOf = (offset: number): number => ((-offset - 1) / 8) | 0

/** The slot of the caller's instruction for a frame: where that frame is, or was when it called. */
export function frameInsn(state: State, frameno: number): number {
  return frameno === state.curframe ? state.insn : state.frames[frameno + 1]!.callsite
}

export function sameCallsites(a: State, b: State): boolean {
  if (a.curframe !== b.curframe) return false
  for (let i = a.curframe; i >= 0; i--) {
    if (a.frames[i]!.callsite !== b.frames[i]!.callsite) return false
  }
  return true
}
