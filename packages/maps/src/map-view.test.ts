import { mapLayout as layout } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { array } from './array.ts'
import { hash } from './hash.ts'
import type { HostChange } from './map-base.ts'
import { queue } from './queue-stack.ts'

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)

describe('HostMap.view', () => {
  const mapped = { keySize: 4, valueSize: 8, maxEntries: 3, flags: layout.BPF_F_MMAPABLE }

  it('is the values themselves', () => {
    const map = createWorld().create(array, mapped)
    const view = map.view(BigUint64Array)
    expect(view.length).toBe(3)
    map.update(u32(1), u32(7, 0))
    expect([...view]).toEqual([0n, 7n, 0n])
    view[2] = 9n
    expect(map.lookup(u32(2))).toEqual(u32(9, 0))
    expect(map.view().length).toBe(24)
  })

  it('has values of other sizes at multiples of 8 bytes', () => {
    const map = createWorld().create(array, { ...mapped, valueSize: 4 })
    map.update(u32(1), u32(5))
    expect([...map.view(Uint32Array)]).toEqual([0, 0, 5, 0, 0, 0])
  })

  it('is refused as mmap(2) is', () => {
    const world = createWorld()
    const refusal = (code: string): object => expect.objectContaining({ code, operation: 'view' })
    expect(() => world.create(array, { ...mapped, flags: 0 }).view()).toThrow(refusal('EINVAL'))
    expect(() => world.create(hash, { keySize: 4, valueSize: 8 }).view()).toThrow(refusal('ENOTSUPP'))
    const frozen = world.create(array, mapped)
    frozen.freeze()
    expect(() => frozen.view()).toThrow(refusal('EPERM'))
    frozen.close()
    expect(() => frozen.view()).toThrow(refusal('EBADF'))
  })
})

describe('HostMap.onChange', () => {
  it('tells what the handle changed, and not what it failed to', () => {
    const world = createWorld()
    const map = world.create(hash, { keySize: 4, valueSize: 4, maxEntries: 1 })
    const changes: HostChange[] = []
    const forget = map.onChange((change) => changes.push(change))
    map.update(u32(1), u32(1))
    expect(() => map.update(u32(2), u32(1))).toThrow('E2BIG')
    expect(map.delete(u32(2))).toBe(false)
    map.delete(u32(1))
    forget()
    map.update(u32(3), u32(1))
    expect(changes).toEqual([
      { operation: 'update', key: u32(1) },
      { operation: 'delete', key: u32(1) },
    ])
    const values = world.create(queue, { keySize: 0, valueSize: 4 })
    values.onChange((change) => changes.push(change))
    values.push(u32(1))
    values.pop()
    values.pop()
    expect(changes.slice(2)).toEqual([{ operation: 'push' }, { operation: 'pop' }])
  })
})
