import { cgroupArray, sockhash, sockmap } from '@skep/maps'
import { control, createSocket } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../../test/impl/world.ts'
import { helpersProvidedBy } from './provided.ts'

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.of(...words).buffer)

describe('helpers that choose a socket out of a map', () => {
  const world = createWorld()
  const { arena } = world
  const context = arena.alloc(control.RUN_HEADER_SIZE + 64) + control.RUN_HEADER_SIZE
  arena.view.setUint32(world.control + control.CTL_CTX, context, true)
  const chosen = (): number[] =>
    [control.RUN_REDIRECT, control.RUN_REDIRECT_KEY, control.RUN_REDIRECT_FLAGS].map((at) =>
      arena.view.getUint32(context + at, true),
    )
  const socket = createSocket(arena, {
    source: { address: Uint8Array.of(10, 0, 0, 1), port: 1 },
    protocol: 17,
  })
  const key = arena.alloc(8)

  it('by index', () => {
    using map = world.createMap(sockmap, { keySize: 4, valueSize: 4, maxEntries: 2 })
    map.update(u32(1), u32(socket))
    expect(map.lookup(u32(1))).toEqual(u32(socket))
    expect(world.call('bpf_sk_redirect_map', context, map.address, 1, 1)).toBe(1n)
    expect(chosen()).toEqual([3, socket, 1])
    expect(world.call('bpf_msg_redirect_map', context, map.address, 0, 0)).toBe(0n)
    expect(chosen()[0]).toBe(0)
    expect(world.call('bpf_sk_redirect_map', context, map.address, 1, 2)).toBe(0n)
    arena.view.setUint32(key, 1, true)
    expect(world.call('bpf_sk_select_reuseport', context, map.address, key, 0)).toBe(0n)
    expect(chosen()).toEqual([3, socket, 0])
    expect(BigInt.asIntN(64, world.call('bpf_sk_select_reuseport', context, map.address, key, 1))).toBe(-22n)
    arena.view.setUint32(key, 0, true)
    expect(BigInt.asIntN(64, world.call('bpf_sk_select_reuseport', context, map.address, key, 0))).toBe(-2n)
  })

  it('by key, put there by a program', () => {
    using map = world.createMap(sockhash, { keySize: 4, valueSize: 8, maxEntries: 2 })
    arena.view.setUint32(key, 77, true)
    // The program's value is the socket itself.
    expect(world.call('bpf_map_update_elem', map.address, key, socket, 0)).toBe(0n)
    expect(map.size).toBe(1)
    expect(world.call('bpf_map_lookup_elem', map.address, key)).toBe(BigInt(socket))
    expect(world.call('bpf_msg_redirect_hash', context, map.address, key, 0)).toBe(1n)
    expect(chosen()).toEqual([3, socket, 0])
    expect(world.call('bpf_map_delete_elem', map.address, key)).toBe(0n)
    expect(world.call('bpf_sk_redirect_hash', context, map.address, key, 0)).toBe(0n)
  })

  it('by the cgroups that a provider tells of', () => {
    using map = world.createMap(cgroupArray, { keySize: 4, valueSize: 4, maxEntries: 3 })
    map.update(u32(0), u32(5))
    map.update(u32(1), u32(6))
    const current = [1n, 5n, 9n]
    const { call } = helpersProvidedBy({ cgroups: { current: () => current } })[
      'bpf_current_task_under_cgroup'
    ] as { call: (...args: unknown[]) => number }
    expect([0, 1, 2, 3].map((n) => call(map, n))).toEqual([1, 0, -11, -7])
  })
})
