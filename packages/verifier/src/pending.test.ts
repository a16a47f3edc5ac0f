import { describe, expect, it } from 'vitest'
import type { Env } from './env.ts'
import { Heap } from './heap.ts'
import { BPF_COMPLEXITY_LIMIT_JMP_SEQ } from './limits.ts'
import { pushAsyncCallback, pushState } from './pending.ts'
import { createScalarDomainSync } from './scalar/index.ts'
import { SCRATCH_BYTES } from './scratch.ts'
import { BPF_MAIN_FUNC, State, StatePool } from './state.ts'
import { checkTime } from './time-limit.ts'

/** An environment with a current state, and a state to be reused in which every field is set. */
function setting(): { env: Env; stale: State } {
  const heap = new Heap(SCRATCH_BYTES, 1 << 25)
  const pool = new StatePool(heap, createScalarDomainSync(heap.memory))
  const cur = new State()
  cur.frames[0] = pool.fullFrame()
  pool.initFrame(cur.frames[0], BPF_MAIN_FUNC, 0, 0)
  cur.insn = 3
  cur.parent = new State()
  cur.parent.branches = 1
  const stale = new State()
  pool.release(stale)
  for (const [key, value] of Object.entries(stale)) {
    if (typeof value === 'number') Object.assign(stale, { [key]: 5 })
    if (typeof value === 'boolean') Object.assign(stale, { [key]: true })
  }
  stale.parent = new State()
  const log = { level: 0, position: 44 }
  return { env: { heap, pool, cur, pending: [], log } as unknown as Env, stale }
}

describe('a state to go on from later', () => {
  it('is a copy of the current one, elsewhere', () => {
    const { env } = setting()
    const state = pushState(env, 8, 7, false)
    expect(state).toMatchObject({ insn: 8, speculative: false, curframe: 0, parent: env.cur.parent })
    expect(env.cur.insn).toBe(3)
    expect(env.cur.parent!.branches).toBe(2)
    expect(env.pending).toEqual([{ state, insn: 8, prevInsn: 7, logPosition: 44 }])
    expect(pushState(env, 9, 7, true).speculative).toBe(true)
    env.cur.parent = undefined
    expect(pushState(env, 9, 7, false).parent).toBeUndefined()
  })

  it('has a limit', () => {
    const { env } = setting()
    env.pending.length = BPF_COMPLEXITY_LIMIT_JMP_SEQ - 1
    pushState(env, 8, 7, false)
    expect(() => pushState(env, 8, 7, false)).toThrow(
      expect.objectContaining({
        errno: 'EFAULT',
        lines: [`The sequence of ${BPF_COMPLEXITY_LIMIT_JMP_SEQ + 1} jumps is too complex.`],
      }),
    )
    expect(() => pushState(env, 8, 7, false, 'ENOMEM')).toThrow(expect.objectContaining({ errno: 'ENOMEM' }))
  })
})

describe('a callback that runs later', () => {
  it('begins with nothing, whatever the state held before', () => {
    const { env, stale } = setting()
    const state = pushAsyncCallback(env, 20, 19, 2, true)
    expect(state).toBe(stale)
    const fields = Object.entries(state).filter(([, value]) => /^(number|boolean)$/.test(typeof value))
    for (const [key, value] of fields) {
      const want = { insn: 20, branches: 1, inSleepable: true }[key] ?? 0
      expect(Number(value), key).toBe(Number(want))
    }
    expect(state.parent).toBeUndefined()
    expect(state.frame).toMatchObject({ callsite: BPF_MAIN_FUNC, frameno: 0, subprog: 2, slots: 0 })
    expect(env.pending).toEqual([{ state, insn: 20, prevInsn: 19, logPosition: 44 }])
    expect(pushAsyncCallback(env, 20, 19, 2, false).inSleepable).toBe(false)
  })

  it('has a limit', () => {
    const { env } = setting()
    env.pending.length = BPF_COMPLEXITY_LIMIT_JMP_SEQ - 1
    pushAsyncCallback(env, 8, 7, 1, false)
    expect(() => pushAsyncCallback(env, 8, 7, 1, false)).toThrow(
      expect.objectContaining({
        errno: 'EFAULT',
        lines: [`The sequence of ${BPF_COMPLEXITY_LIMIT_JMP_SEQ + 1} jumps is too complex for async cb.`],
      }),
    )
  })
})

describe('the limit on time', () => {
  const check = (deadline: number): void =>
    checkTime({ privileges: { deadline, timeLimit: 12 } } as unknown as Env)

  it('ends what is late, and nothing else', () => {
    check(Number.POSITIVE_INFINITY)
    check(performance.now() + 60_000)
    expect(() => check(performance.now() - 1)).toThrow(
      expect.objectContaining({
        errno: 'EAGAIN',
        lines: ['out of time: verification took more than 12 ms (limit)'],
      }),
    )
  })
})
