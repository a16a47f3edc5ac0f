import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../test/availability.ts'
import { lockBtf } from '../test/btf.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import { type Kernel, openKernel } from './kernel.ts'

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)

describe.skipIf(missing)(named('KernelMap'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it('looks up, updates, deletes and walks a hash', () => {
    using map = kernel.createMap({ name: 'h', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 3 })
    expect(map.lookup(u32(7))).toBeUndefined()
    map.update(u32(7), u32(1, 2), 'noexist')
    map.update(u32(9), u32(3, 4))
    expect(map.lookup(u32(7))).toEqual(u32(1, 2))
    const keys = [...map.entries()].map(([key]) => key[0])
    expect(keys.sort()).toEqual([7, 9])
    expect(map.delete(u32(7))).toBe(true)
    expect(map.delete(u32(7))).toBe(false)
    expect(map.getNextKey()).toEqual(u32(9))
    expect(map.getNextKey(u32(9))).toBeUndefined()
  })

  it('says errno, command and mend when the kernel refuses', () => {
    using map = kernel.createMap({ name: 'full', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1 })
    map.update(u32(1), u32(1))
    const second = (): void => map.update(u32(2), u32(2))
    expect(second).toThrow(KernelError)
    expect(second).toThrow(/^BPF_MAP_UPDATE_ELEM: E2BIG: map 'full' .*; the map is full/)
    expect(() => map.update(u32(1), u32(2), 'noexist')).toThrow(expect.objectContaining({ errno: 'EEXIST' }))
    const bad = (): void =>
      kernel.createMap({ type: 'array', keySize: 8, valueSize: 4, maxEntries: 1 }).close()
    expect(bad).toThrow(
      expect.objectContaining({ code: 'KERNEL_ERROR', errno: 'EINVAL', command: 'BPF_MAP_CREATE' }),
    )
  })

  it('refuses arguments of the wrong size before any call', () => {
    using map = kernel.createMap({ name: 'a', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 })
    expect(() => map.lookup(new Uint8Array(3))).toThrow(KernelArgumentError)
    expect(() => map.update(u32(0), u32(1))).toThrow(/map.value: has 4 bytes, and map 'a' takes 8/)
    expect(() => kernel.createMap({ type: 'no_such', valueSize: 1 })).toThrow(
      /map.type: no map type is called 'no_such'/,
    )
    expect(() => kernel.createMap({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 2 ** 32 })).toThrow(
      expect.objectContaining({ code: 'KERNEL_ARGUMENT', argument: 'max_entries' }),
    )
  })

  it('passes all values of a per-CPU element, each padded to 8 bytes', () => {
    using map = kernel.createMap({ type: 'percpu_array', keySize: 4, valueSize: 4, maxEntries: 1 })
    expect(map.valueBytes).toBe(8 * kernel.possibleCpus)
    const value = new Uint8Array(map.valueBytes)
    for (let cpu = 0; cpu < kernel.possibleCpus; cpu++) value[8 * cpu] = cpu + 1
    map.update(u32(0), value)
    expect(map.lookup(u32(0))).toEqual(value)
  })

  it('peeks and pops a queue, which has no keys', () => {
    using queue = kernel.createMap({ type: 'queue', valueSize: 4, maxEntries: 2 })
    const none = new Uint8Array(0)
    queue.update(none, u32(5))
    queue.update(none, u32(6))
    expect(queue.lookup(none)).toEqual(u32(5))
    expect(queue.lookupAndDelete(none)).toEqual(u32(5))
    expect(queue.lookupAndDelete(none)).toEqual(u32(6))
    expect(queue.lookupAndDelete(none)).toBeUndefined()
  })

  it('reads and writes in batches', () => {
    using map = kernel.createMap({ type: 'hash', keySize: 4, valueSize: 4, maxEntries: 64 })
    const keys = u32(...Array.from({ length: 50 }, (_, i) => i))
    const values = u32(...Array.from({ length: 50 }, (_, i) => i * i))
    expect(map.updateBatch(keys, values)).toBe(50)
    const seen = new Map<number, number>()
    let next: Uint8Array | undefined
    do {
      const batch = map.lookupBatch(32, next)
      for (let i = 0; i < batch.count; i++) {
        const at = (bytes: Uint8Array): number =>
          new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * i, true)
        seen.set(at(batch.keys), at(batch.values))
      }
      next = batch.next
    } while (next)
    expect(seen.size).toBe(50)
    expect(seen.get(7)).toBe(49)
    expect(map.deleteBatch(u32(1, 2, 999, 3))).toBe(2)
    expect(map.lookup(u32(2))).toBeUndefined()
    expect(map.lookup(u32(3))).toEqual(u32(9))
    expect(() => map.updateBatch(u32(1), u32(1, 2))).toThrow(KernelArgumentError)
  })

  it('takes no writes from user space once frozen', () => {
    using map = kernel.createMap({ type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
    map.update(u32(0), u32(1))
    map.freeze()
    expect(() => map.update(u32(0), u32(2))).toThrow(expect.objectContaining({ errno: 'EPERM' }))
    expect(map.lookup(u32(0))).toEqual(u32(1))
  })

  it('makes maps of maps from a template', () => {
    using innerMap = kernel.createMap({ type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
    using outer = kernel.createMap({
      type: 'array_of_maps',
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
      innerMap,
    })
    outer.update(u32(0), u32(innerMap.fd))
    expect(outer.lookup(u32(0))).toBeDefined()
  })

  it('makes maps whose values have a BTF type', () => {
    using btf = kernel.loadBtf(lockBtf())
    const types = { btf, btfKeyTypeId: 1, btfValueTypeId: 3 }
    const sizes = { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 1 }
    kernel.createMap({ ...sizes, ...types }).close()
    expect(() => kernel.createMap({ ...sizes, ...types, valueSize: 16 })).toThrow(KernelError)
  })

  it('says what is wrong with BTF', () => {
    const bytes = lockBtf()
    new DataView(bytes.buffer).setUint32(24 + 8, 3, true)
    expect(() => kernel.loadBtf(bytes)).toThrow(
      expect.objectContaining({ command: 'BPF_BTF_LOAD', errno: 'EINVAL' }),
    )
    expect(() => kernel.loadBtf(bytes)).toThrow(/\bint\b/)
    expect(() => kernel.loadBtf(new Uint8Array(3))).toThrow(KernelError)
  })

  it('is closed once, and says so afterwards', () => {
    const map = kernel.createMap({ name: 'gone', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
    map.close()
    map.close()
    expect(map.closed).toBe(true)
    expect(() => map.lookup(u32(0))).toThrow("map 'gone': is closed")
  })
})
