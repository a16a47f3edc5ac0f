import { beforeEach, describe, expect, it } from 'vitest'
import type { Env } from './env.ts'
import {
  acquireIrq,
  acquireLock,
  acquireReference,
  findLock,
  hasReference,
  releaseIrq,
  releaseLock,
  releaseReferenceNoMark,
} from './refs.ts'
import {
  REF_TYPE_IRQ,
  REF_TYPE_LOCK,
  REF_TYPE_PTR,
  REF_TYPE_RES_LOCK,
  REF_TYPE_RES_LOCK_IRQ,
  State,
} from './state.ts'

let state: State
let env: Env

beforeEach(() => {
  state = new State()
  // Of the environment they use no more than this.
  env = { cur: state, insn: 40, idGen: 0 } as Env
})

/** Type, id, instruction and owner of what is held, in order. */
const held = () =>
  Array.from({ length: state.refCount }, (_, i) => [
    state.refType[i],
    state.refId[i],
    state.refInsn[i],
    state.refOwner[i],
  ])

const active = () => [state.activeLocks, state.activeLockId, state.activeLockOwner, state.activeIrqId]

describe('references', () => {
  it('are held from their instruction until they are released, in any order', () => {
    expect([3, 5, 7].map((insn) => acquireReference(env, insn))).toEqual([1, 2, 3])
    expect([1, 2, 3, 4].map((id) => hasReference(state, id))).toEqual([true, true, true, false])
    expect(releaseReferenceNoMark(state, 2)).toBe(true)
    expect(held()).toEqual([
      [REF_TYPE_PTR, 1, 3, 0],
      [REF_TYPE_PTR, 3, 7, 0],
    ])
    expect(releaseReferenceNoMark(state, 2)).toBe(false)
    expect(releaseReferenceNoMark(state, 3)).toBe(true)
    expect(hasReference(state, 3)).toBe(false)
    expect(releaseReferenceNoMark(state, 3)).toBe(false)
    expect(releaseReferenceNoMark(state, 1)).toBe(true)
    expect(held()).toEqual([])
    expect(releaseReferenceNoMark(state, 1)).toBe(false)
    expect(hasReference(state, 1)).toBe(false)
  })

  it('are no locks and no sections, whatever their number', () => {
    acquireReference(env, 1)
    acquireLock(env, REF_TYPE_LOCK, 9, 2)
    const irq = acquireIrq(env, 5)
    expect(releaseReferenceNoMark(state, 9)).toBe(false)
    expect(releaseReferenceNoMark(state, irq)).toBe(false)
    expect(held()).toEqual([
      [REF_TYPE_PTR, 1, 1, 0],
      [REF_TYPE_LOCK, 9, 40, 2],
      [REF_TYPE_IRQ, 2, 5, 0],
    ])
  })
})

describe('locks', () => {
  const [LOCK, RES, IRQ] = [REF_TYPE_LOCK, REF_TYPE_RES_LOCK, REF_TYPE_RES_LOCK_IRQ]

  it('are known by kind, id and owner', () => {
    acquireLock(env, RES, 4, 7)
    expect(findLock(state, RES, 4, 7)).toBe(true)
    expect(findLock(state, RES | IRQ, 4, 7)).toBe(true)
    expect(findLock(state, IRQ, 4, 7)).toBe(false)
    expect(findLock(state, LOCK, 4, 7)).toBe(false)
    expect(findLock(state, RES, 5, 7)).toBe(false)
    expect(findLock(state, RES, 4, 6)).toBe(false)
    expect(releaseLock(state, RES, 4, 7)).toBe(true)
    expect(findLock(state, RES, 4, 7)).toBe(false)
  })

  it.each([
    ['kind', IRQ, 4, 7],
    ['id', RES, 5, 7],
    ['owner', RES, 4, 6],
  ])('are not released by another %s', (_, type, id, owner) => {
    acquireLock(env, RES, 4, 7)
    expect(releaseLock(state, type, id, owner)).toBe(false)
    expect(held()).toEqual([[RES, 4, 40, 7]])
    expect(active()).toEqual([1, 4, 7, 0])
  })

  it('give way to the one before', () => {
    acquireLock(env, RES, 4, 7)
    acquireReference(env, 3)
    acquireLock(env, IRQ, 5, 8)
    acquireIrq(env, 6)
    acquireLock(env, RES, 6, 9)
    expect(active()).toEqual([3, 6, 9, 2])
    expect(releaseLock(state, RES, 6, 9)).toBe(true)
    expect(active()).toEqual([2, 5, 8, 2])
    expect(releaseLock(state, RES, 6, 9)).toBe(false)
    expect(releaseLock(state, IRQ, 5, 8)).toBe(true)
    expect(active()).toEqual([1, 4, 7, 2])
    expect(releaseLock(state, RES, 4, 7)).toBe(true)
    expect(active()).toEqual([0, 0, 0, 2])
    expect(held().map(([type]) => type)).toEqual([REF_TYPE_PTR, REF_TYPE_IRQ])
    expect(releaseLock(state, RES, 4, 7)).toBe(false)
  })

  it('leave the others as they were', () => {
    acquireLock(env, RES, 4, 7)
    env.insn = 50
    acquireLock(env, IRQ, 5, 8)
    expect(releaseLock(state, RES, 4, 7)).toBe(true)
    expect(held()).toEqual([[IRQ, 5, 50, 8]])
  })
})

describe('sections without interrupts', () => {
  it('end in the order in which they began', () => {
    const first = acquireIrq(env, 1)
    acquireReference(env, 2)
    const second = acquireIrq(env, 3)
    expect([first, second]).toEqual([1, 3])
    expect(releaseIrq(state, first)).toBe(false)
    expect(state.activeIrqId).toBe(second)
    expect(releaseIrq(state, second)).toBe(true)
    expect(state.activeIrqId).toBe(first)
    expect(releaseIrq(state, first)).toBe(true)
    expect(state.activeIrqId).toBe(0)
    expect(releaseIrq(state, first)).toBe(false)
    expect(held()).toEqual([[REF_TYPE_PTR, 2, 2, 0]])
  })
})
