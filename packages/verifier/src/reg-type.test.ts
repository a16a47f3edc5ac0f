import { expect, it } from 'vitest'
import * as types from './reg-type.ts'

it('flags are bits of their own, above the kinds', () => {
  const flags = [
    types.PTR_MAYBE_NULL,
    types.MEM_RDONLY,
    types.MEM_RINGBUF,
    types.MEM_USER,
    types.MEM_PERCPU,
    types.PTR_UNTRUSTED,
    types.MEM_ALLOC,
    types.PTR_TRUSTED,
    types.MEM_RCU,
    types.NON_OWN_REF,
    types.DYNPTR_TYPE_LOCAL,
    types.DYNPTR_TYPE_RINGBUF,
    types.DYNPTR_TYPE_SKB,
    types.DYNPTR_TYPE_XDP,
    types.DYNPTR_TYPE_SKB_META,
  ]
  expect(flags).toEqual(flags.map((_, i) => 1 << (8 + i)))
  const dynptrs = flags.slice(10).reduce((mask, flag) => mask | flag, 0)
  expect(types.DYNPTR_TYPE_MASK).toBe(dynptrs)
  for (const flag of flags) {
    expect(types.baseType(types.PTR_TO_MEM | flag)).toBe(types.PTR_TO_MEM)
    expect(types.typeFlag(types.PTR_TO_MEM | flag)).toBe(flag)
    expect(types.mayBeNull(types.PTR_TO_MEM | flag)).toBe(flag === types.PTR_MAYBE_NULL)
    expect(types.isReadOnlyMem(types.PTR_TO_MEM | flag)).toBe(flag === types.MEM_RDONLY)
  }
})

it('objects of one’s own, and references that do not own them', () => {
  const { MEM_ALLOC, NON_OWN_REF, PTR_TO_BTF_ID, PTR_TO_MEM, PTR_TRUSTED } = types
  expect(
    [PTR_TO_BTF_ID | MEM_ALLOC, PTR_TO_BTF_ID, PTR_TO_MEM | MEM_ALLOC].map(types.isAllocatedObject),
  ).toEqual([true, false, false])
  expect(types.isAllocatedObject(PTR_TO_BTF_ID | PTR_TRUSTED)).toBe(false)
  const both = PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF
  expect([both, both & ~MEM_ALLOC, both & ~NON_OWN_REF, PTR_TO_BTF_ID].map(types.isNonOwningRef)).toEqual([
    true,
    false,
    false,
    false,
  ])
  expect(types.isAllocatedObject(both)).toBe(true)
})

it('packet pointers of all kinds', () => {
  const { PTR_TO_CTX, PTR_TO_MEM, PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META } = types
  const kinds = [PTR_TO_PACKET, PTR_TO_PACKET_META, PTR_TO_PACKET_END, PTR_TO_CTX, PTR_TO_MEM]
  expect(kinds.map(types.isPacketPointerAny)).toEqual([true, true, true, false, false])
  expect(kinds.map(types.isPacketPointer)).toEqual([true, true, false, false, false])
})
