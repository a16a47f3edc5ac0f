import { skbLayout as skb } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createSkb } from '../../test/impl/skb.ts'
import { createWorld } from '../../test/impl/world.ts'

// Packets as the kernel: packages/runtime/test/packet-programs.test.ts.

describe('a packet’s hash', () => {
  const world = createWorld()
  const udp = (change: (view: DataView) => void = () => {}): Uint8Array => {
    const bytes = new Uint8Array(60)
    const view = new DataView(bytes.buffer)
    view.setUint16(12, 0x0800)
    view.setUint8(14, 0x45)
    view.setUint8(23, 17)
    view.setUint32(26, 0x0a000001)
    view.setUint32(30, 0x0a000002)
    view.setUint32(34, 0x1234_0035)
    change(view)
    return bytes
  }
  const hashOf = (bytes: Uint8Array): bigint => {
    const { context, release } = createSkb(world, bytes)
    const hash = world.call('bpf_get_hash_recalc', context)
    expect(world.arena.view.getUint32(context + skb.SKB_HASH, true)).toBe(Number(hash))
    release()
    return hash
  }

  it('is that of its flow', () => {
    const hash = hashOf(udp())
    expect(hash).not.toBe(0n)
    expect(hashOf(udp())).toBe(hash)
    expect(hashOf(udp((view) => view.setUint8(50, 9)))).toBe(hash)
    expect(hashOf(udp((view) => view.setUint16(36, 54)))).not.toBe(hash)
    expect(hashOf(udp((view) => view.setUint32(30, 1)))).not.toBe(hash)
    expect(hashOf(udp((view) => view.setUint8(23, 6)))).not.toBe(hash)
  })

  it('stays what it was set to', () => {
    const { context, release } = createSkb(world, udp())
    world.call('bpf_set_hash', context, 7)
    expect(world.call('bpf_get_hash_recalc', context)).toBe(7n)
    world.call('bpf_set_hash_invalid', context)
    expect(world.call('bpf_get_hash_recalc', context)).toBe(hashOf(udp()))
    release()
  })
})
