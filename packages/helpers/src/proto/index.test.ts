import { describe, expect, it } from 'vitest'
import { helpers } from '../index.ts'
import { prototypes } from './index.ts'

describe('prototypes', () => {
  it('covers enum bpf_func_id without a gap', () => {
    expect(prototypes.map((p) => p.id)).toEqual(Array.from({ length: 211 }, (_, i) => i + 1))
    expect(new Set(prototypes.map((p) => p.name)).size).toBe(211)
  })

  it('follows every memory argument by its size', () => {
    for (const { name, args } of prototypes) {
      args.forEach((arg, i) => {
        if (arg.kind !== 'mem') return
        const next = args[i + 1]?.kind
        const sized = next === 'const_size' || next === 'const_size_or_zero'
        expect(sized || arg.size !== undefined, `${name}: ${arg.name}`).toBe(true)
      })
    }
  })

  it('says of each helper how it runs or what is lacking', () => {
    for (const h of helpers) {
      expect(Boolean(h.wasm || h.call || h.mapOp || h.tailCall || h.absent), h.name).toBe(true)
    }
  })
})
