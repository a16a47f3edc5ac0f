import { describe, expect, it } from 'vitest'
import type { Env } from './env.ts'
import { Heap, SLOT_SIZE } from './heap.ts'
import {
  NOT_EXACT,
  REG_AUX2,
  REG_ID,
  REG_TYPE,
  SCALAR_VALUE,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STATES_EXACT,
} from './layout.ts'
import { createScalarDomainSync, type ScalarDomain } from './scalar/index.ts'
import { SCRATCH_BYTES, UNBOUND_REG } from './scratch.ts'
import { BPF_MAIN_FUNC, REF_TYPE_LOCK, REF_TYPE_PTR, State, StatePool } from './state.ts'
import {
  ITER_STATE_ACTIVE,
  ITER_STATE_DRAINED,
  iterDepthsDiffer,
  maybeLooping,
  statesEqual,
} from './states-equal.ts'

interface Setting {
  readonly env: Env
  readonly domain: ScalarDomain
  readonly heap: Heap
  readonly old: State
  readonly current: State
}

/** Two equal states of two frames, each with two slots. */
function setting(): Setting {
  const heap = new Heap(SCRATCH_BYTES, 1 << 21)
  const domain = createScalarDomainSync(heap.memory)
  const pool = new StatePool(heap, domain)
  domain.records.markUnknown(UNBOUND_REG)
  const env = {
    heap,
    domain,
    idGen: 50,
    exploreAluLimits: false,
    allowUninitStack: false,
    liveRegs: Uint16Array.from({ length: 20 }, () => 0x7ff),
  } as unknown as Env
  const old = new State()
  for (const [i, callsite] of [BPF_MAIN_FUNC, 7].entries()) {
    const frame = pool.fullFrame()
    pool.initFrame(frame, callsite, i, i)
    frame.slots = 2
    heap.fill(frame.slot(0), 2 * SLOT_SIZE)
    old.frames[i] = frame
  }
  old.curframe = 1
  old.insn = 12
  old.refCount = 2
  for (let i = 0; i < 2; i++) {
    old.refId[i] = 3 + i
    old.refType[i] = i ? REF_TYPE_LOCK : REF_TYPE_PTR
    old.refInsn[i] = 4
    old.refOwner[i] = 5
  }
  const current = new State()
  pool.copy(current, old, true)
  return { env, domain, heap, old, current }
}

describe('statesEqual', () => {
  it('of equal states', () => {
    const { env, old, current } = setting()
    for (const exact of [NOT_EXACT, STATES_EXACT]) expect(statesEqual(env, old, current, exact)).toBe(true)
  })

  const changes: readonly (readonly [string, (state: State) => void])[] = [
    ['the depth of calls', (state) => void (state.curframe = 0)],
    ['that it may sleep', (state) => void (state.inSleepable = true)],
    ['the number of references', (state) => void state.refCount--],
    ['locks', (state) => void state.activeLocks++],
    ['preemption', (state) => void state.activePreemptLocks++],
    ['RCU', (state) => void state.activeRcuLocks++],
    ['interrupts', (state) => void (state.activeIrqId = 9)],
    ['which lock', (state) => void (state.activeLockId = 9)],
    ['whose lock', (state) => void (state.activeLockOwner = 9)],
    ['a reference that is none', (state) => void (state.refId[0] = 0)],
    ['one reference twice', (state) => void (state.refId[1] = state.refId[0]!)],
    ['the kind of a reference', (state) => void (state.refType[0] = REF_TYPE_LOCK)],
    ['the kind of the last', (state) => void (state.refType[1] = REF_TYPE_PTR)],
    ['the owner of a lock', (state) => void (state.refOwner[1] = 6)],
    ['where a function was called', (state) => void state.frames[1]!.callsite++],
    ['where the first was', (state) => void state.frames[0]!.callsite++],
  ]
  it.each(changes)('not if %s differs', (_, change) => {
    const one = setting()
    change(one.current)
    expect(statesEqual(one.env, one.old, one.current, NOT_EXACT)).toBe(false)
    const other = setting()
    change(other.old)
    expect(statesEqual(other.env, other.old, other.current, NOT_EXACT)).toBe(false)
  })

  it('whatever the owner of what is no lock, and where things were acquired', () => {
    const { env, old, current } = setting()
    current.refOwner[0] = 77
    current.refInsn[0] = 78
    current.refId[0] = 30
    current.refId[1] = 31
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
  })

  it('a speculative one stands for no other', () => {
    const { env, old, current } = setting()
    current.speculative = true
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
    expect(statesEqual(env, current, old, NOT_EXACT)).toBe(false)
    old.speculative = true
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
  })

  it('a round of a callback stands for those after it', () => {
    const { env, old, current } = setting()
    current.frames[1]!.callbackDepth = 1
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
    expect(statesEqual(env, current, old, NOT_EXACT)).toBe(false)
  })

  it('registers count where they are read: by each frame’s own instruction', () => {
    for (const [f, insn] of [
      [0, 7],
      [1, 12],
    ] as const) {
      const { env, domain, old, current } = setting()
      for (const state of [old, current]) domain.setConst(state.frames[f]!.reg(3), 1, 0)
      for (const state of [old, current]) domain.records.markKind(state.frames[f]!.reg(3), 2)
      domain.setConst(current.frames[f]!.reg(3), 2, 0)
      expect(statesEqual(env, old, current, NOT_EXACT)).toBe(false)
      env.liveRegs[insn] = 0x7ff & ~8
      expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
    }
  })

  it('identities correspond over references and frames, from the start each time', () => {
    const { env, heap, domain, old, current } = setting()
    for (const [state, id] of [
      [old, 3],
      [current, 3],
    ] as const) {
      domain.records.markKind(state.frames[0]!.reg(6), 2)
      heap.i32[(state.frames[0]!.reg(6) + REG_ID) >> 2] = id
    }
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
    current.refId[0] = 30
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(false)
    heap.i32[(current.frames[0]!.reg(6) + REG_ID) >> 2] = 30
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
  })

  it('the loader’s rights and the limits of arithmetic decide', () => {
    const { env, heap, domain, old, current } = setting()
    heap.u8.fill(STACK_MISC, old.frames[0]!.types(1), old.frames[0]!.types(1) + 8)
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(false)
    Object.assign(env, { allowUninitStack: true })
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
    for (const [state, value] of [
      [old, 1],
      [current, 2],
    ] as const) {
      domain.records.markKind(state.frames[0]!.reg(7), SCALAR_VALUE)
      domain.setConst(state.frames[0]!.reg(7), value, 0)
    }
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(true)
    env.exploreAluLimits = true
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(false)
    Object.assign(env, { allowUninitStack: false })
    heap.u8.fill(0, old.frames[0]!.types(1), old.frames[0]!.types(1) + 8)
    expect(statesEqual(env, old, current, NOT_EXACT)).toBe(false)
  })
})

describe('a quick look', () => {
  it('compares the registers of the last frame', () => {
    const { env, domain, old, current } = setting()
    expect(maybeLooping(env, old, current)).toBe(true)
    domain.setConst(current.frames[0]!.reg(2), 5, 0)
    expect(maybeLooping(env, old, current)).toBe(true)
    for (const r of [0, 4, 9]) {
      domain.setConst(current.frames[1]!.reg(r), 5, 0)
      expect(maybeLooping(env, old, current)).toBe(false)
      domain.setConst(old.frames[1]!.reg(r), 5, 0)
      expect(maybeLooping(env, old, current)).toBe(true)
    }
    current.curframe = 0
    expect(maybeLooping(env, old, current)).toBe(false)
  })
})

describe('rounds of iterators', () => {
  it('differ where an active one is at another depth', () => {
    for (const f of [0, 1]) {
      for (const spi of [0, 1]) {
        const { env, heap, old, current } = setting()
        const at = (state: State, field: number): number => (state.frames[f]!.slot(spi) + field) >> 2
        for (const state of [old, current]) {
          heap.u8.fill(STACK_ITER, state.frames[f]!.types(spi), state.frames[f]!.types(spi) + 8)
          heap.i32[at(state, REG_AUX2)] = ITER_STATE_ACTIVE
          heap.i32[at(state, REG_AUX2 + 4)] = 3
        }
        expect(iterDepthsDiffer(env, old, current)).toBe(false)
        heap.i32[at(current, REG_AUX2 + 4)] = 4
        expect(iterDepthsDiffer(env, old, current)).toBe(true)
        heap.i32[at(old, REG_AUX2)] = ITER_STATE_DRAINED
        expect(iterDepthsDiffer(env, old, current)).toBe(false)
        heap.i32[at(old, REG_AUX2)] = ITER_STATE_ACTIVE
        heap.u8.fill(STACK_SPILL, old.frames[f]!.types(spi), old.frames[f]!.types(spi) + 8)
        heap.i32[at(old, REG_TYPE)] = SCALAR_VALUE
        expect(iterDepthsDiffer(env, old, current)).toBe(false)
      }
    }
  })
})
