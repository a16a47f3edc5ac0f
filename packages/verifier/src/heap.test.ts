import { describe, expect, it } from 'vitest'
import { Reject } from './errors.ts'
import { classFor, FRAME_STACK, FULL_CLASS, Heap, SLOT_SIZE } from './heap.ts'
import { MAX_STACK_SLOTS } from './limits.ts'

const MIB = 2 ** 20
/** Bytes of a block with room for so many slots. */
const bytes = (slots: number): number => Math.ceil((FRAME_STACK + slots * SLOT_SIZE) / 16) * 16

describe('classes of blocks', () => {
  it('have room for the slots, and no more than needed', () => {
    expect([0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, MAX_STACK_SLOTS].map(classFor)).toEqual([
      0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5,
    ])
    expect(classFor(MAX_STACK_SLOTS)).toBe(FULL_CLASS)
  })
})

describe('the heap', () => {
  it('leaves what the caller reserves alone', () => {
    expect(new Heap(0, MIB).allocate(0)).toBe(16)
    expect(new Heap(1, MIB).allocate(0)).toBe(32)
    expect(new Heap(16, MIB).allocate(0)).toBe(32)
    expect(new Heap(17, MIB).allocate(0)).toBe(48)
    expect(new Heap(1000, MIB).allocate(0)).toBe(1024)
  })

  it('gives blocks that do not overlap, one after the other', () => {
    const heap = new Heap(0, MIB)
    const slots = [2, 4, 8, 16, 32, MAX_STACK_SLOTS]
    let next = 16
    for (const [sizeClass, n] of slots.entries()) {
      expect(heap.allocate(sizeClass)).toBe(next)
      next += bytes(n)
      expect(heap.peak).toBe(next - 16)
    }
  })

  it('gives released blocks again, to the same class', () => {
    const heap = new Heap(0, MIB)
    const [a, b] = [heap.allocate(1), heap.allocate(1)]
    heap.release(a, 1)
    heap.release(b, 1)
    const other = heap.allocate(2)
    expect([a, b]).not.toContain(other)
    expect(heap.allocate(1)).toBe(b)
    expect(heap.allocate(1)).toBe(a)
    expect(heap.allocate(1)).toBe(other + bytes(8))
  })

  it('remembers the most bytes that blocks took, for one program', () => {
    const heap = new Heap(100, MIB)
    expect(heap.peak).toBe(0)
    heap.allocate(5)
    const freed = heap.allocate(5)
    heap.release(freed, 5)
    expect(heap.peak).toBe(2 * bytes(MAX_STACK_SLOTS))
    heap.reset()
    expect(heap.peak).toBe(2 * bytes(MAX_STACK_SLOTS))
    expect(heap.allocate(0)).toBe(128)
    expect(heap.peak).toBe(2 * bytes(MAX_STACK_SLOTS))
    heap.begin()
    expect(heap.peak).toBe(0)
    // What was released before is forgotten.
    expect(heap.allocate(5)).toBe(128)
    expect(heap.peak).toBe(bytes(MAX_STACK_SLOTS))
  })

  it('fills with zeros what it is told to, and no more', () => {
    const heap = new Heap(0, MIB)
    heap.u8.fill(7, 0, 256)
    heap.fill(32, 64)
    expect([31, 32, 95, 96].map((at) => heap.u8[at])).toEqual([7, 0, 0, 7])
  })

  it('grows by doubling up to the limit, keeps what is there, and says when that is not enough', () => {
    const heap = new Heap(0, 40 * 65536)
    const block = bytes(MAX_STACK_SLOTS)
    expect(heap.memory.buffer.byteLength).toBe(MIB)
    const first = heap.allocate(FULL_CLASS)
    heap.i32[first >> 2] = 42
    let top = first + block
    const sizes = new Set([heap.u8.length])
    while (top + block <= 40 * 65536) {
      expect(heap.allocate(FULL_CLASS)).toBe(top)
      top += block
      expect(heap.u8.length).toBe(heap.memory.buffer.byteLength)
      expect(heap.i32.length * 4).toBe(heap.u8.length)
      sizes.add(heap.u8.length)
    }
    expect([...sizes]).toEqual([16 * 65536, 32 * 65536, 40 * 65536])
    expect(heap.i32[first >> 2]).toBe(42)
    const refused = (): unknown => {
      try {
        return heap.allocate(FULL_CLASS)
      } catch (error) {
        return error
      }
    }
    const error = refused()
    expect(error).toBeInstanceOf(Reject)
    expect((error as Reject).errno).toBe('ENOMEM')
    expect((error as Reject).lines).toEqual([
      `out of memory: the states of this program need more than ${40 * 65536} bytes`,
    ])
    // It stays as it was.
    expect(heap.peak).toBe(top - 16)
  })

  it('has a megabyte, whatever the limit', () => {
    const heap = new Heap(0, 5)
    expect(heap.u8.length).toBe(MIB)
    expect(heap.memory.buffer.byteLength).toBe(MIB)
    while (heap.peak + 16 + bytes(MAX_STACK_SLOTS) <= MIB) heap.allocate(FULL_CLASS)
    expect(() => heap.allocate(FULL_CLASS)).toThrow(Reject)
  })

  it('does not grow for what fits to the byte', () => {
    const block = bytes(2)
    const reserved = (MIB % block) + block * 3 - 16
    const heap = new Heap(reserved, 64 * MIB)
    const room = (MIB - 16 - reserved) / block
    expect(Number.isInteger(room)).toBe(true)
    for (let i = 0; i < room; i++) heap.allocate(0)
    expect(heap.u8.length).toBe(MIB)
    heap.allocate(0)
    expect(heap.u8.length).toBe(2 * MIB)
  })
})
