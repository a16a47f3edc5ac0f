import { describe, expect, it } from 'vitest'
import { createThunks, type Thunk } from './thunks.ts'

describe('createThunks', () => {
  const r = [0x1_2345_6789n, -2n, 0x8000_0000_0000_0001n, 4n, 5n].map((n) => BigInt.asIntN(64, n)) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ]

  it('passes numbers only: low halves, pairs of halves, or nothing', () => {
    let seen: unknown[] = []
    const thunk = (...params: Thunk['params']): Thunk => ({
      params,
      result: 'void',
      call: (...args) => {
        seen = args
      },
    })
    const [narrow, pairs, some] = createThunks([
      thunk('i32', 'i32', 'i32', 'i32', 'i32'),
      thunk('i64', 'i64', 'i64', 'i64', 'i64'),
      thunk('skip', 'i32', 'i64'),
    ])
    expect(narrow!(...r)).toBe(0n)
    expect(seen).toEqual([0x2345_6789, -2, 1, 4, 5])
    pairs!(...r)
    expect(seen).toEqual([0x2345_6789, 1, -2, -1, 1, -0x8000_0000, 4, 0, 5, 0])
    some!(...r)
    expect(seen).toEqual([-2, 1, -0x8000_0000])
  })

  it('widens results: signed, unsigned, and with a high half from memory or a global', () => {
    const answer = (result: Thunk['result'], value: number): Thunk => ({
      params: [],
      result,
      call: () => value,
    })
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true })
    const words = new Int32Array(memory.buffer)
    const type = { initial: 1, maximum: 2, shared: true }
    const fromMemory = createThunks(
      [
        answer('i32', -22),
        answer('u32', -22),
        {
          params: [],
          result: 'i64',
          call: () => {
            words[25] = -1
            return -2
          },
        },
      ],
      { high: { memory, type, address: 100 } },
    )
    expect(fromMemory.map((f) => f(...r))).toEqual([-22n, 0xffff_ffean, -2n])

    const global = new WebAssembly.Global({ value: 'i32', mutable: true }, 3)
    const [wide] = createThunks([answer('i64', 0x8000_0001)], { high: { global } })
    expect(wide!(...r)).toBe(0x3_8000_0001n)
  })

  it('lets errors of the host through', () => {
    const [thrower] = createThunks([
      {
        name: 'bpf_boom',
        params: [],
        result: 'i32',
        call: () => {
          throw new RangeError('boom')
        },
      },
    ])
    expect(() => thrower!(...r)).toThrow(RangeError)
  })

  it('refuses a sixth parameter and an i64 result without a place for its high half', () => {
    const call = (): number => 0
    expect(() => createThunks([{ params: Array(6).fill('i32'), result: 'i32', call }])).toThrow(
      expect.objectContaining({ code: 'WASM_THUNK' }),
    )
    expect(() => createThunks([{ params: [], result: 'i64', call }])).toThrow(
      expect.objectContaining({ code: 'WASM_THUNK' }),
    )
    expect(createThunks([])).toEqual([])
  })
})
