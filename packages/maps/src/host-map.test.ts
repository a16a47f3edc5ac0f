import { control, mapLayout as layout, type MapSpec, type MapTypeDef, programLayout } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { array } from './array.ts'
import { hash } from './hash.ts'
import { createHostMap } from './host-map.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { builtinMapTypes } from './map-types.ts'
import { percpuArray } from './percpu-array.ts'
import { percpuHash } from './percpu-hash.ts'
import { progArray } from './prog-array.ts'
import { queue } from './queue-stack.ts'

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)
const word = (bytes: Uint8Array | undefined): number | undefined =>
  bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)

describe('HostMap', () => {
  it('gives addresses and views of the values themselves', () => {
    const world = createWorld()
    const map = world.create(hash, { keySize: 4, valueSize: 8 })
    expect(map.lookupAddress(7)).toBe(0)
    expect(map.lookupView(7)).toBeUndefined()
    map.update(u32(7), u32(1, 2))
    const address = map.lookupAddress(7)
    expect(map.lookupAddress(u32(7))).toBe(address)
    world.arena.view.setUint32(address, 99, true)
    expect(map.lookup(u32(7))).toEqual(u32(99, 2))
    map.lookupView(7)![4] = 5
    expect(map.lookup(u32(7))).toEqual(u32(99, 5))
    expect(world.arena.contains(address, 8)).toBe(true)
  })

  it('keeps the bytes of a replaced and of a deleted element', () => {
    const world = createWorld()
    for (const flags of [0, layout.BPF_F_NO_PREALLOC]) {
      const map = world.create(hash, { valueSize: 4, flags })
      map.update(u32(1), u32(10))
      const first = map.lookupAddress(1)
      map.update(u32(1), u32(20))
      const second = map.lookupAddress(1)
      map.delete(u32(1))
      const at = (address: number): number => world.arena.view.getUint32(address, true)
      expect([at(first), at(second)]).toEqual([10, 20])
      expect(map.lookupAddress(1)).toBe(0)
    }
  })

  it('says the errno, the map and what to do', () => {
    const map = createWorld().create(hash, { name: 'blocked', maxEntries: 1 })
    map.update(u32(1), u32(1, 0))
    expect(() => map.update(u32(2), u32(1, 0))).toThrow(
      expect.objectContaining({ code: 'E2BIG', map: 'blocked', operation: 'update' }),
    )
    expect(() => map.update(u32(2), u32(1, 0))).toThrow(
      'map "blocked": update: E2BIG: the map is full, or the index is past max_entries; delete elements or raise max_entries',
    )
    expect(() => map.update(u32(2), u32(1))).toThrow('the value has 4 bytes, and the map takes 8')
    expect(() => map.lookup(u32(2, 3))).toThrow('the key has 8 bytes, and the map takes 4')
    expect(() => map.lookupAddress(3)).not.toThrow()
    expect(() => map.pop()).toThrow(expect.objectContaining({ code: 'ENOTSUPP' }))
    expect(() => createWorld().create(hash, { keySize: 8 }).lookupAddress(1)).toThrow('the key is a number')
  })

  it('refuses specs, types that are absent, and maps that do not fit', () => {
    const world = createWorld({ limit: 1 << 20 })
    expect(() => world.create(array, { keySize: 8 })).toThrow(
      'map "m": create: EINVAL: key_size is 8; it must be 4',
    )
    const structOps = builtinMapTypes.find((t) => t.name === 'struct_ops')!
    expect(() => world.create(structOps, { maxEntries: 1, btfValue: 1 })).toThrow(
      expect.objectContaining({ code: 'EOPNOTSUPP' }),
    )
    const before = world.arena.count
    for (const def of [array, percpuArray, hash, percpuHash, lruHash]) {
      expect(() => world.create(def, { maxEntries: 1 << 20 })).toThrow(
        expect.objectContaining({ code: 'ENOMEM', operation: 'create' }),
      )
    }
    expect(() => world.create(progArray, { valueSize: 4, maxEntries: 1 << 30 })).toThrow(/ENOMEM/)
    expect(() => world.create(queue, { keySize: 0, maxEntries: 0xffff_ffff })).toThrow(/ENOMEM/)
    expect(world.arena.count).toBe(before)
  })

  it('runs out of memory as an errno, and goes on when there is some again', () => {
    const world = createWorld({ limit: 1 << 20 })
    const map = world.create(hash, { valueSize: 4096, maxEntries: 100_000, flags: layout.BPF_F_NO_PREALLOC })
    const value = new Uint8Array(4096)
    let n = 0
    expect(() => {
      for (; ; n++) map.update(u32(n), value)
    }).toThrow(expect.objectContaining({ code: 'ENOMEM' }))
    expect(map.size).toBe(n)
    for (let key = 0; key < n; key++) map.delete(u32(key))
    map.update(u32(1), value)
    map.close()
    const trie = world.create(lpmTrie, { keySize: 8, valueSize: 8192, maxEntries: 100_000, flags: 1 })
    expect(() => {
      for (let k = 0; ; k++) trie.update(u32(32, k), new Uint8Array(8192))
    }).toThrow(expect.objectContaining({ code: 'ENOMEM' }))
    expect([...trie.keys()].length).toBe(trie.size)
  })

  it('gives memory of deleted elements back when it is told that nobody runs', () => {
    const world = createWorld()
    for (const [def, keySize] of [
      [hash, 4],
      [lpmTrie, 8],
    ] as const) {
      const map = world.create(def, { keySize, valueSize: 64, maxEntries: 10_000, flags: 1 })
      const key = (n: number): Uint8Array => (keySize === 4 ? u32(n) : u32(32, Math.imul(n, 0x9e3779b1)))
      const empty = world.arena.count
      for (let n = 0; n < 5000; n++) map.update(key(n), new Uint8Array(64))
      expect(world.arena.count).toBeGreaterThan(empty + 4999)
      for (let n = 0; n < 5000; n++) map.delete(key(n))
      expect(world.arena.count).toBeGreaterThan(empty + 4999)
      map.quiesce()
      expect(world.arena.count).toBeLessThanOrEqual(empty + 256)
      map.close()
    }
    expect(world.arena.exports.check()).toBe(0)
  })

  it('keeps the host out as flags and freezing say', () => {
    const world = createWorld()
    const readonly = world.create(array, { flags: layout.BPF_F_RDONLY })
    expect(readonly.lookup(u32(0))).toEqual(u32(0, 0))
    expect(() => readonly.update(u32(0), u32(1, 1))).toThrow(expect.objectContaining({ code: 'EPERM' }))
    const writeonly = world.create(hash, { flags: layout.BPF_F_WRONLY })
    writeonly.update(u32(0), u32(1, 1))
    for (const read of [
      () => writeonly.lookup(u32(0)),
      () => writeonly.nextKey(),
      () => [...writeonly.keys()],
    ])
      expect(read).toThrow(expect.objectContaining({ code: 'EPERM' }))

    const frozen = world.create(hash, {})
    frozen.update(u32(1), u32(2, 3))
    frozen.freeze()
    expect(frozen.frozen).toBe(true)
    expect(() => frozen.update(u32(1), u32(0, 0))).toThrow(/EPERM: the map is frozen/)
    expect(() => frozen.delete(u32(1))).toThrow(/EPERM/)
    expect(() => frozen.freeze()).toThrow(expect.objectContaining({ code: 'EPERM' }))
    expect(frozen.lookup(u32(1))).toEqual(u32(2, 3))
  })

  it('iterates every key once, also long chains, and while elements go', () => {
    const world = createWorld()
    const map = world.create(hash, { valueSize: 4, maxEntries: 5000 })
    for (let n = 0; n < 5000; n++) map.update(u32(n), u32(n + 1))
    const seen = [...map].map(([k, v]) => [word(k), word(v)] as const)
    expect(seen.length).toBe(5000)
    expect(new Set(seen.map(([k]) => k)).size).toBe(5000)
    expect(seen.every(([k, v]) => v === k! + 1)).toBe(true)
    let visited = 0
    for (const key of map.keys()) {
      map.delete(key)
      visited++
    }
    expect([visited, map.size]).toEqual([5000, 0])
    const blocks = world.arena.count
    for (const _ of map.keys()) break
    expect(world.arena.count).toBe(blocks)
  })

  it('writes and deletes many at once, and says where it stopped', () => {
    const map = createWorld().create(hash, { valueSize: 4, maxEntries: 3 })
    const all = map.updateBatch(u32(1, 2, 3, 4), u32(10, 20, 30, 40))
    expect(all.count).toBe(3)
    expect(all.error).toMatchObject({ code: 'E2BIG' })
    expect(map.updateBatch(u32(1, 2), u32(11, 21))).toEqual({ count: 2 })
    expect(() => map.updateBatch(u32(1), u32(1), layout.BPF_EXIST)).toThrow('a batch takes 0 or BPF_F_LOCK')
    expect(map.deleteBatch(u32(1, 9, 2))).toMatchObject({ count: 1, error: { code: 'ENOENT' } })
    expect(word(map.lookup(u32(2)))).toBe(21)
    expect(() => map.updateBatch(u32(1), u32(1, 2))).toThrow('8 bytes of values are not 1 of 4')
  })

  it('leaves special fields alone, and reads them as zero', () => {
    const world = createWorld()
    const fields = [
      { kind: 'bpf_spin_lock', offset: 8, size: 4 },
      { kind: 'bpf_timer', offset: 16, size: 16 },
    ]
    const spec = { name: 's', type: 'hash', keySize: 4, valueSize: 40, maxEntries: 4 }
    for (const def of [hash, array]) {
      const map = createHostMap({
        arena: world.arena,
        def,
        spec,
        id: 1,
        exports: world.exports[0]!,
        slot: world.slot,
        fields,
      })
      const value = Uint8Array.from({ length: 40 }, (_, n) => n + 1)
      map.update(u32(1), value)
      const address = map.lookupAddress(1)
      const expected = value.map((b, n) => ((n >= 8 && n < 12) || (n >= 16 && n < 32) ? 0 : b))
      expect(map.lookup(u32(1))).toEqual(expected)
      expect(world.arena.u8.slice(address, address + 40)).toEqual(expected)
      // As if a program held the lock and had started the timer.
      world.arena.u8.fill(0xee, address + 8, address + 12).fill(0xee, address + 16, address + 32)
      map.update(
        u32(1),
        value.map((b) => b + 100),
        def === hash ? layout.BPF_F_LOCK : 0,
      )
      const after = world.arena.u8.slice(map.lookupAddress(1), map.lookupAddress(1) + 40)
      expect([after[0], after[8], after[12], after[20], after[39]]).toEqual([101, 0xee, 113, 0xee, 140])
      expect(map.lookup(u32(1))![8]).toBe(0)
      expect(() => map.freeze()).toThrow(expect.objectContaining({ code: 'ENOTSUPP' }))
      map.close()
    }
    const plain = world.create(hash, {})
    expect(() => plain.update(u32(1), u32(1, 1), layout.BPF_F_LOCK)).toThrow(
      'BPF_F_LOCK needs a bpf_spin_lock',
    )
  })

  it('holds programs of one type by their records', () => {
    const world = createWorld()
    const map = world.create(progArray, { valueSize: 4, maxEntries: 3 })
    const record = (id: number, type: number): Uint8Array => {
      const at = world.arena.alloc(programLayout.PROG_RECORD_SIZE)
      world.arena.view.setUint32(at + programLayout.PROG_ID, id, true)
      world.arena.view.setUint32(at + programLayout.PROG_TYPE, type, true)
      return u32(at)
    }
    const first = record(42, 6)
    map.update(u32(1), first)
    expect(word(map.lookup(u32(1)))).toBe(42)
    expect(map.lookup(u32(0))).toBeUndefined()
    const slots = world.arena.view.getUint32(map.address + layout.MAP_DATA, true)
    const stride = world.arena.view.getUint32(map.address + layout.MAP_STRIDE, true)
    expect(world.arena.view.getUint32(slots + stride, true)).toBe(word(first))
    expect(() => map.update(u32(2), record(43, 3))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
    expect(() => map.update(u32(3), record(44, 6))).toThrow(expect.objectContaining({ code: 'E2BIG' }))
    expect(() => map.update(u32(2), u32(0x123450))).toThrow(expect.objectContaining({ code: 'EBADF' }))
    expect(() => map.update(u32(2), first, layout.BPF_NOEXIST)).toThrow(/EINVAL/)
    expect([...map.entries()].length).toBe(1)
    expect(map.delete(u32(1))).toBe(true)
    expect(map.delete(u32(1))).toBe(false)
    expect(() => map.delete(u32(9))).toThrow(expect.objectContaining({ code: 'E2BIG' }))
  })

  it('frees everything, once', () => {
    const inner: MapSpec = { name: 'i', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1 }
    const specs: Record<string, Partial<MapSpec>> = {
      ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
      user_ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
      arena: { keySize: 0, valueSize: 0, maxEntries: 4, flags: 0x400 },
      stack_trace: { valueSize: 8 },
      cgroup_storage: { keySize: 16, maxEntries: 0 },
      percpu_cgroup_storage: { keySize: 8, maxEntries: 0 },
      ...Object.fromEntries(
        ['sk', 'task', 'cgrp', 'inode'].map((owner) => [
          `${owner}_storage`,
          { maxEntries: 0, flags: 1, btfKey: 1, btfValue: 1 },
        ]),
      ),
      array_of_maps: { inner },
      hash_of_maps: { inner },
      rhash: { flags: 1 },
    }
    const world = createWorld({ cpus: 3 })
    const before = world.arena.count
    for (const def of builtinMapTypes) {
      if (def.absent) continue
      const keySize = def.verify?.noKey ? 0 : def.name === 'lpm_trie' ? 8 : 4
      const special: Partial<MapSpec> | undefined = specs[def.name]
      const spec = { keySize, valueSize: 4, flags: def.name === 'lpm_trie' ? 1 : 0, ...special }
      const map = world.create(def, spec)
      map.close()
      map.close()
      expect(world.arena.count, def.name).toBe(before)
      expect(() => map.lookup(new Uint8Array(spec.keySize))).toThrow(
        expect.objectContaining({ code: 'EBADF' }),
      )
    }
  })
})

describe('what programs see', () => {
  it('is the value of their own CPU', () => {
    const world = createWorld({ cpus: 3 })
    for (const def of [percpuArray, percpuHash]) {
      const map = world.create(def, { valueSize: 4 })
      map.update(u32(1), u32(10, 0, 20, 0, 30, 0))
      const key = world.arena.alloc(4)
      world.arena.u8.set(u32(1), key)
      const name = def.name === 'percpu_array' ? 'percpu_array_lookup' : 'percpu_hash_lookup4'
      const values = world.exports.map((e) => world.arena.view.getUint32(e[name]!(map.address, key), true))
      expect(values).toEqual([10, 20, 30])
      // A program's insert of a new key zeroes the others.
      const value = world.arena.alloc(4)
      world.arena.u8.set(u32(5), value)
      world.arena.u8.set(u32(def === percpuArray ? 1 : 2), key)
      const update = def === percpuArray ? 'percpu_array_update' : 'hash_update4'
      expect(world.exports[1]![update]!(map.address, key, value, 0n)).toBe(0)
      const expected = def === percpuArray ? u32(10, 0, 5, 0, 30, 0) : u32(0, 0, 5, 0, 0, 0)
      expect(map.lookup(u32(def === percpuArray ? 1 : 2))).toEqual(expected)
    }
  })

  it('is reached through the slots of the header', () => {
    const world = createWorld()
    const map = world.create(hash, {})
    map.update(u32(5), u32(6, 7))
    const key = world.arena.alloc(4)
    world.arena.u8.set(u32(5), key)
    const slot = world.arena.view.getUint32(map.address + layout.MAP_OP_LOOKUP, true)
    const lookup = world.table.get(slot) as (map: number, key: number) => number
    expect(lookup(map.address, key)).toBe(map.lookupAddress(5))
    expect(map.link()).toMatchObject({ name: 'm', address: map.address })
    expect(Object.keys(map.link().ops).sort()).toEqual(['delete', 'for_each', 'lookup', 'update'])
    expect(map.link().array).toBeUndefined()
    expect(world.create(array, { valueSize: 5, maxEntries: 9 }).link().array).toMatchObject({
      stride: 8,
      maxEntries: 9,
    })
  })

  it('is the values, not the links between elements', () => {
    const world = createWorld()
    const { arena } = world
    for (const flags of [0, 1]) {
      const map = world.create(hash, { valueSize: 5, flags })
      map.update(u32(1), new Uint8Array(5))
      const value = map.lookupAddress(1)
      expect(arena.contains(value, 5)).toBe(true)
      expect(arena.contains(value - 8, 4)).toBe(true)
      expect(arena.contains(value - 12, 4)).toBe(false)
      expect(arena.contains(map.address, 4)).toBe(false)
      expect(arena.contains(arena.view.getUint32(map.address + layout.MAP_DATA, true), 4)).toBe(false)
    }
    const cells = world.create(array, { valueSize: 5 })
    expect(arena.contains(cells.lookupAddress(1), 5)).toBe(true)
    expect(arena.contains(cells.lookupAddress(1), 6)).toBe(false)
  })

  it('calls back for every element until told to stop', () => {
    const world = createWorld()
    const { arena } = world
    // A program's callback: (map, key, value, context) adds the key to *context and stops at key 3.
    const calls: number[] = []
    const sp = (): number => arena.view.getUint32(world.controls[0]! + control.CTL_SP, true)
    const top = sp()
    const callback = (_map: bigint, key: bigint, value: bigint, context: bigint): bigint => {
      calls.push(arena.view.getUint32(Number(key), true), arena.view.getUint32(Number(value), true))
      expect(context).toBe(77n)
      expect(sp() <= top).toBe(true)
      return calls.length >= 6 ? 1n : 0n
    }
    const slot = world.slot(uniform(callback))
    for (const [def, name] of [
      [array, 'array_for_each'],
      [percpuArray, 'percpu_array_for_each'],
      [hash, 'hash_for_each'],
    ] as const) {
      calls.length = 0
      const map = world.create(def, { valueSize: 4, maxEntries: 4 })
      for (let n = 0; n < 4; n++) map.update(u32(n), new Uint8Array(map.hostValueSize).fill(n))
      const each = world.exports[0]![name]!
      expect(each(map.address, slot, 77n, 1n)).toBe(-22)
      expect(each(map.address, slot, 77n, 0n)).toBe(3)
      expect(calls.length).toBe(6)
      for (let n = 0; n < 6; n += 2) expect(calls[n + 1]).toBe(calls[n]! * 0x01010101)
      expect(sp()).toBe(top)
    }
  })
})

/** A JS function as a wasm one of the uniform signature. */
function uniform(fn: (...args: bigint[]) => bigint): unknown {
  const bytes = Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 10, 1, 0x60, 5, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 1, 0x7e, 2, 7, 1, 1,
    0x6a, 1, 0x66, 0, 0, 7, 5, 1, 1, 0x66, 0, 0,
  ])
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { j: { f: fn } }).exports['f']
}

describe('map types in JavaScript', () => {
  const ttl: MapTypeDef = {
    name: 'ttl_hash',
    id: 0x1_0000,
    check: () => undefined,
    value: 'plain',
    create: (env, map) => {
      const values = new Map<number, number>()
      const flagsSeen: number[] = []
      const view = (): DataView => new DataView(env.memory.buffer)
      const buffer = map.address + layout.MAP_HEADER_SIZE - 8
      return {
        lookup: (key) => {
          const value = values.get(view().getUint32(key, true))
          if (value === undefined) return 0
          view().setUint32(buffer, value, true)
          return buffer
        },
        update: (key, value, flags) => {
          flagsSeen.push(flags)
          if (flags > 2) return -22
          values.set(view().getUint32(key, true), view().getUint32(value, true))
          return 0
        },
        delete: (key) => (values.delete(view().getUint32(key, true)) ? 0 : -2),
        nextKey: (key, out) => {
          const keys = [...values.keys()]
          const next = keys[key === 0 ? 0 : keys.indexOf(view().getUint32(key, true)) + 1]
          if (next === undefined) return -2
          view().setUint32(out, next, true)
          return 0
        },
      }
    },
  }

  it('serve the host and programs alike', () => {
    const world = createWorld()
    const map = world.create(ttl, { keySize: 4, valueSize: 4 })
    map.update(u32(1), u32(100))
    map.update(u32(2), u32(200))
    expect([...map.entries()].map(([k, v]) => [word(k), word(v)])).toEqual([
      [1, 100],
      [2, 200],
    ])
    expect(map.delete(u32(1))).toBe(true)
    expect(map.delete(u32(1))).toBe(false)
    const [key, value] = [world.arena.alloc(4), world.arena.alloc(4)]
    world.arena.u8.set(u32(9), key)
    world.arena.u8.set(u32(900), value)
    const slotAt = (op: number): number => world.arena.view.getUint32(map.address + op, true)
    const update = world.table.get(slotAt(layout.MAP_OP_UPDATE)) as (...a: (number | bigint)[]) => number
    expect(update(map.address, key, value, 1n << 40n)).toBe(-22)
    expect(update(map.address, key, value, 0n)).toBe(0)
    expect(word(map.lookup(u32(9)))).toBe(900)
    const lookup = world.table.get(slotAt(layout.MAP_OP_LOOKUP)) as (...a: number[]) => number
    expect(world.arena.view.getUint32(lookup(map.address, key), true)).toBe(900)
  })
})
