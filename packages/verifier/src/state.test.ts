import { describe, expect, it } from 'vitest'
import { FRAME_STACK, Heap, SLOT_SIZE, SLOT_TYPES } from './heap.ts'
import { PTR_TO_STACK, REG_AUX0, REG_SIZE, REG_SUBREG_DEF, REG_TYPE, SCALAR_VALUE } from './layout.ts'
import { createScalarDomainSync } from './scalar/index.ts'
import {
  BPF_MAIN_FUNC,
  type Frame,
  frameInsn,
  HISTORY_WORDS,
  isSpilled,
  isSpilledScalar,
  REF_TYPE_LOCK_MASK,
  STACK_MISC,
  STACK_SPILL,
  State,
  StatePool,
  sameCallsites,
  slotOf,
} from './state.ts'

function make(): { heap: Heap; pool: StatePool } {
  const heap = new Heap(256, 1 << 21)
  return { heap, pool: new StatePool(heap, createScalarDomainSync(heap.memory)) }
}

/** Gives every field another value than a new one has, and each its own. */
function scramble(target: object, from: number): void {
  let next = from
  for (const [key, value] of Object.entries(target)) {
    if (typeof value === 'number' && key !== 'address' && key !== 'sizeClass') {
      Object.assign(target, { [key]: ++next })
    }
    if (typeof value === 'boolean') Object.assign(target, { [key]: true })
  }
}

const fieldsOf = (target: object): Record<string, unknown> => {
  const all: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(target)) {
    if (typeof value === 'number' || typeof value === 'boolean') all[key] = value
  }
  return all
}

function withoutPlace(frame: Frame): Record<string, unknown> {
  const { address: _, sizeClass: __, ...rest } = fieldsOf(frame)
  return rest
}

const bytesOf = (heap: Heap, frame: Frame): number[] => [
  ...heap.u8.subarray(frame.address, frame.address + FRAME_STACK + frame.slots * SLOT_SIZE),
]

/** A state of two frames, with references and a history. */
function fullState(heap: Heap, pool: StatePool): State {
  const state = pool.state()
  scramble(state, 100)
  state.curframe = 1
  for (const [i, slots] of [3, 1].entries()) {
    const frame = pool.frame(slots)
    pool.initFrame(frame, 20 + i, i, i)
    scramble(frame, 200 + 20 * i)
    frame.slots = slots
    for (let at = 0; at < FRAME_STACK + slots * SLOT_SIZE; at++) heap.u8[frame.address + at] = at * 7 + i
    state.frames[i] = frame
  }
  state.refCount = 2
  for (let i = 0; i < 2; i++) {
    state.refId[i] = 40 + i
    state.refInsn[i] = 50 + i
    state.refType[i] = 60 + i
    state.refOwner[i] = 70 + i
  }
  state.parent = new State()
  state.equalState = new State()
  state.historyLength = 3
  state.history = Int32Array.from({ length: 4 * HISTORY_WORDS }, (_, i) => i + 1)
  return state
}

describe('a frame', () => {
  it('begins empty, with its frame pointer, whatever was in its memory', () => {
    const { heap, pool } = make()
    const frame = pool.fullFrame()
    scramble(frame, 5)
    heap.u8.fill(0xee, frame.address, frame.address + FRAME_STACK)
    pool.initFrame(frame, 17, 2, 3)
    expect(withoutPlace(frame)).toEqual({
      slots: 0,
      frameno: 2,
      subprog: 3,
      callsite: 17,
      inCallback: false,
      inAsyncCallback: false,
      inExceptionCallback: false,
      asyncEntries: 0,
      callbackDepth: 0,
      returnMin: 0,
      returnMax: 0,
    })
    const domain = createScalarDomainSync(heap.memory)
    const other = heap.allocate(0)
    for (let r = 0; r < 10; r++) {
      domain.records.markNotInit(other)
      heap.i32[(other + REG_SUBREG_DEF) >> 2] = 0
      expect([...heap.u8.subarray(frame.reg(r), frame.reg(r) + REG_SIZE)], `r${r}`).toEqual([
        ...heap.u8.subarray(other, other + REG_SIZE),
      ])
    }
    const fp = frame.reg(10)
    expect(heap.i32[(fp + REG_TYPE) >> 2]).toBe(PTR_TO_STACK)
    expect(heap.i32[(fp + REG_AUX0) >> 2]).toBe(2)
    expect(domain.isZero(fp)).toBe(1)
  })

  it('has its registers and slots where the layout says', () => {
    const { pool } = make()
    const frame = pool.frame(4)
    expect(frame.reg(3) - frame.address).toBe(3 * REG_SIZE)
    expect(frame.slot(2) - frame.address).toBe(FRAME_STACK + 2 * SLOT_SIZE)
    expect(frame.types(2) - frame.slot(2)).toBe(SLOT_TYPES)
  })

  it('new: of no function, with nothing set', () => {
    const { pool } = make()
    const { frameno, ...rest } = withoutPlace(pool.frame(1))
    expect(frameno).toBe(0)
    expect(rest).toMatchObject({ callsite: BPF_MAIN_FUNC, inCallback: false, inAsyncCallback: false })
    expect(rest).toMatchObject({ inExceptionCallback: false, callbackDepth: 0, returnMin: 0 })
    expect(BPF_MAIN_FUNC).toBe(-1)
  })
})

describe('a copy of a state', () => {
  it('is equal in every field, frame, reference and entry of its history', () => {
    const { heap, pool } = make()
    const from = fullState(heap, pool)
    for (const full of [false, true]) {
      const to = new State()
      pool.copy(to, from, full)
      const { hits: _, misses: __, inFreeList: ___, ...own } = fieldsOf(from)
      const { hits, misses, inFreeList, ...copied } = fieldsOf(to)
      expect(copied).toEqual(own)
      expect([hits, misses, inFreeList]).toEqual([0, 0, false])
      expect(to.parent).toBe(from.parent)
      expect(to.equalState).toBe(from.equalState)
      expect([to.refId, to.refInsn, to.refType, to.refOwner]).toEqual([
        [40, 41],
        [50, 51],
        [60, 61],
        [70, 71],
      ])
      expect([...to.history.subarray(0, 3 * HISTORY_WORDS)]).toEqual([
        ...from.history.subarray(0, 3 * HISTORY_WORDS),
      ])
      for (const i of [0, 1]) {
        expect(to.frames[i]).not.toBe(from.frames[i])
        expect(withoutPlace(to.frames[i]!)).toEqual(withoutPlace(from.frames[i]!))
        expect(bytesOf(heap, to.frames[i]!)).toEqual(bytesOf(heap, from.frames[i]!))
      }
      // With room for a whole stack, a frame can grow without running into the next.
      if (full) {
        const [first, second] = to.frames as [Frame, Frame]
        expect(second.address - first.address).toBeGreaterThanOrEqual(FRAME_STACK + 64 * SLOT_SIZE)
      }
    }
  })

  it('reuses the frames that it has, and gives back those that it has too many', () => {
    const { heap, pool } = make()
    const from = fullState(heap, pool)
    const to = pool.state()
    pool.copy(to, from, true)
    const [first, second] = to.frames as [Frame, Frame]
    const { history } = to
    from.curframe = 0
    from.historyLength = 2
    pool.copy(to, from, true)
    expect(to.frames).toEqual([first, undefined])
    expect(to.history).toBe(history)
    expect(to.historyLength).toBe(2)
    const next = pool.fullFrame()
    expect(next).toBe(second)
    expect(next.address).toBe(second.address)
  })
})

describe('the pool', () => {
  it('gives released states and frames again, as new', () => {
    const { heap, pool } = make()
    const state = fullState(heap, pool)
    const frames = [...state.frames] as [Frame, Frame]
    const addresses = frames.map(({ address }) => address)
    pool.release(state)
    expect(state.frames).toEqual([undefined, undefined])
    expect([state.parent, state.equalState, state.historyLength]).toEqual([undefined, undefined, 0])
    state.equalState = new State()
    const again = pool.state()
    expect(again).toBe(state)
    expect(fieldsOf(again)).toMatchObject({ hits: 0, misses: 0, inFreeList: false, cleaned: false })
    expect(again.equalState).toBeUndefined()
    // The last in is the first out; each keeps a block of its own class.
    const next = [pool.frame(1), pool.frame(3)]
    expect(next).toEqual([frames[1], frames[0]])
    expect(next.map(({ address }) => address)).toEqual([addresses[1], addresses[0]])
    const other = pool.frame(1)
    expect(frames).not.toContain(other)
    expect(addresses).not.toContain(other.address)
  })

  it('forgets everything', () => {
    const { heap, pool } = make()
    const state = fullState(heap, pool)
    const frames = [...state.frames]
    pool.release(state)
    heap.reset()
    pool.reset()
    expect(pool.state()).not.toBe(state)
    expect(frames).not.toContain(pool.frame(1))
  })

  it('new states have nothing', () => {
    const { pool } = make()
    for (const [key, value] of Object.entries(fieldsOf(pool.state()))) expect(value, key).toBeFalsy()
  })
})

describe('questions', () => {
  it('what a slot holds', () => {
    const { heap, pool } = make()
    const frame = pool.frame(1)
    const slot = frame.slot(0)
    for (const [type, kind, spilled, scalar] of [
      [STACK_SPILL, SCALAR_VALUE, true, true],
      [STACK_SPILL, PTR_TO_STACK, true, false],
      [STACK_MISC, SCALAR_VALUE, false, false],
    ] as const) {
      // A narrow spill fills the upper bytes alone.
      heap.u8.fill(STACK_MISC, slot + SLOT_TYPES, slot + SLOT_SIZE)
      heap.u8.fill(type, slot + SLOT_TYPES + 4, slot + SLOT_SIZE)
      heap.i32[(slot + REG_TYPE) >> 2] = kind
      expect(isSpilled(heap, frame.types(0))).toBe(spilled)
      expect(isSpilledScalar(heap, slot)).toBe(scalar)
    }
    expect([-1, -8, -9, -16, -17, -512].map(slotOf)).toEqual([0, 0, 1, 1, 2, 63])
    expect(REF_TYPE_LOCK_MASK).toBe(56)
  })

  it('where each frame is', () => {
    const { heap, pool } = make()
    const state = fullState(heap, pool)
    state.frames[1]!.callsite = 9
    expect([frameInsn(state, 0), frameInsn(state, 1)]).toEqual([9, state.insn])
    const other = new State()
    pool.copy(other, state, false)
    expect(sameCallsites(state, other)).toBe(true)
    for (const i of [0, 1]) {
      other.frames[i]!.callsite++
      expect(sameCallsites(state, other)).toBe(false)
      other.frames[i]!.callsite--
    }
    other.curframe = 0
    expect(sameCallsites(state, other)).toBe(false)
    expect(sameCallsites(other, state)).toBe(false)
  })
})
