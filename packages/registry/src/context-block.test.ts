import { createArena } from '@skep/memory'
import { describe, expect, it } from 'vitest'
import { field, type StructContext, struct } from './context.ts'
import { type ContextBlock, ContextError, createContext } from './context-block.ts'
import { control } from './contract.ts'

const event = struct(
  'event',
  {
    kind: field.u8(),
    port: field.u16(),
    size: field.u32({ write: true }),
    time: field.u64(),
    name: field.bytes(6),
    words: field.array(field.u32(), 3),
    data: field.pointer('packet'),
    data_end: field.pointer('packet_end'),
    reserved: field.padding(8),
  },
  { packet: { data: 'data', end: 'data_end' } },
)
const arena = createArena({ limit: 2 ** 20 })

const refusal = (act: () => unknown): readonly string[] => {
  try {
    act()
  } catch (error) {
    if (error instanceof ContextError) return [error.code, error.message]
    throw error
  }
  return []
}

describe('createContext', () => {
  it('writes and reads what programs see, and infers its types', () => {
    const before = arena.used
    const context = createContext(arena, event, { packet: 100 })
    context.set({ kind: 200, port: 65_535, size: 2 ** 32 - 1, time: 2n ** 64n - 1n, words: [1, 2, 3] })
    context.set({ name: Uint8Array.of(7, 8) })
    const read: readonly [number, number, bigint, Uint8Array, readonly number[]] = [
      context.get('kind'),
      context.get('size'),
      context.get('time'),
      context.get('name'),
      context.get('words'),
    ]
    expect(read).toEqual([200, 2 ** 32 - 1, 2n ** 64n - 1n, Uint8Array.of(7, 8, 0, 0, 0, 0), [1, 2, 3]])
    const at = context.address
    expect(at % 16).toBe(0)
    expect(arena.view.getUint16(at + 2, true)).toBe(65_535)
    // The run header lies below.
    expect(arena.contains(at - control.RUN_HEADER_SIZE, control.RUN_HEADER_SIZE + event.size + 100)).toBe(
      true,
    )
    context.set({ name: Uint8Array.of(9) })
    expect([...context.get('name')]).toEqual([9, 0, 0, 0, 0, 0])
    context.release()
    context.release()
    expect(arena.used).toBe(before)
  })

  it('puts bytes between the packet pointers', () => {
    const context = createContext(arena, event, { packet: 8 })
    expect(context.get('data')).toBe(context.get('data_end'))
    context.setPacket(Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4, 5))
    const [start, end] = [context.get('data'), context.get('data_end')].map(Number)
    expect([...arena.u8.subarray(start, end)]).toEqual([1, 2, 3, 4, 5])
    context.setPacket(new Uint8Array(8))
    expect(refusal(() => context.setPacket(new Uint8Array(8), Uint8Array.of(1)))).toEqual([
      'TOO_LONG',
      'event.data: 9 bytes, and room for 8; give createContext a larger `packet`',
    ])
    context.release()
  })

  it('says what is wrong', () => {
    const context = createContext(arena, event)
    const untyped = context as unknown as ContextBlock<Record<string, unknown>>
    const known = 'kind, port, size, time, name, words, data, data_end'
    expect(refusal(() => untyped.set({ colour: 1 }))).toEqual([
      'NO_FIELD',
      `event.colour: no such field; there are: ${known}`,
    ])
    expect(refusal(() => untyped.get('toString'))[0]).toBe('NO_FIELD')
    expect(refusal(() => untyped.set({ size: 1.5 }))).toEqual([
      'BAD_VALUE',
      'event.size: 1.5 was given; give an integer',
    ])
    expect(refusal(() => untyped.set({ time: 'soon' }))[1]).toBe(
      'event.time: string was given; give a bigint',
    )
    expect(refusal(() => untyped.set({ words: [1, 2] }))[1]).toBe(
      'event.words: object was given; give an array of 3',
    )
    expect(refusal(() => untyped.set({ name: 'abc' }))[1]).toBe(
      'event.name: string was given; give a Uint8Array',
    )
    expect(refusal(() => context.set({ name: new Uint8Array(7) }))).toEqual([
      'TOO_LONG',
      'event.name: 7 bytes, and the field has 6; cut them',
    ])
    context.release()
    expect(refusal(() => context.get('kind'))[0]).toBe('RELEASED')
    expect(refusal(() => context.setPacket())[0]).toBe('RELEASED')
  })

  it('has the types of the struct', () => {
    const context = createContext(arena, event)
    // @ts-expect-error a u64 is a bigint
    expect(refusal(() => context.set({ time: '1' }))[0]).toBe('BAD_VALUE')
    // @ts-expect-error there is no such field
    expect(refusal(() => context.get('colour'))[0]).toBe('NO_FIELD')
    // @ts-expect-error padding is nobody's
    expect(refusal(() => context.get('reserved'))[0]).toBe('NO_FIELD')
    const any: StructContext = event
    expect(any.name).toBe('event')
    context.release()
  })
})
