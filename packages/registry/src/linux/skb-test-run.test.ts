import { createArena } from '@skep/memory'
import { describe, expect, it } from 'vitest'
import {
  SK_BUFF_SIZE,
  SKB_DATA,
  SKB_DATA_END,
  SKB_LEN,
  SKB_MAC_HEADER,
  SKB_MARK,
  SKB_PROTOCOL,
} from '../layout/skb.ts'
import { TestRunError } from '../test-run-error.ts'
import { etherProtocol, packetType } from './ethernet.ts'
import { skbTestRun } from './skb-test-run.ts'

const arp = new Uint8Array(42)
arp.set([2, 0, 0, 0, 0, 9], 0)
arp.set([8, 6, 1, 2, 3], 12)

describe('skbTestRun', () => {
  it.each([
    [true, 0],
    [false, 14],
  ])('begins at the Ethernet header, or behind it (l2: %s)', (l2, skipped) => {
    const arena = createArena()
    const run = skbTestRun(l2)(arena, { data: arp })
    const word = (offset: number): number => arena.view.getUint32(run.address + offset, true)
    expect(word(SKB_DATA) - word(SKB_MAC_HEADER)).toBe(skipped)
    expect(word(SKB_DATA_END) - word(SKB_DATA)).toBe(42 - skipped)
    expect(word(SKB_LEN)).toBe(42 - skipped)
    expect(word(SKB_PROTOCOL)).toBe(0x0608)
    const { data } = run.finish()
    expect(data?.subarray(14)).toEqual(arp.subarray(14))
    expect(data?.subarray(0, 14)).toEqual(l2 ? arp.subarray(0, 14) : new Uint8Array(14))
    run.release()
    expect(arena.count).toBe(0)
  })

  it('gives back what the program wrote to a given context', () => {
    const arena = createArena()
    const ctx = new Uint8Array(SK_BUFF_SIZE)
    ctx[SKB_MARK] = 5
    const run = skbTestRun(true)(arena, { data: arp, ctx })
    expect(arena.view.getUint32(run.address + SKB_MARK, true)).toBe(5)
    arena.view.setUint32(run.address + SKB_MARK, 6, true)
    const out = run.finish().ctx!
    expect([out.length, out[SKB_MARK], out[SKB_DATA]]).toEqual([SK_BUFF_SIZE, 6, 0])
  })

  it('refuses what the kernel refuses, with the field', () => {
    const arena = createArena()
    const refused = (data: Uint8Array, ctx?: Uint8Array): unknown => {
      try {
        return skbTestRun(true)(arena, { data, ...(ctx ? { ctx } : {}) })
      } catch (error) {
        return error instanceof TestRunError ? [error.errno, error.field] : error
      }
    }
    const ctx = (offset: number, size = SK_BUFF_SIZE): Uint8Array => {
      const bytes = new Uint8Array(size)
      bytes[offset] = 1
      return bytes
    }
    expect(refused(arp.subarray(0, 13))).toEqual(['EINVAL', 'data'])
    expect(refused(Uint8Array.of(...new Array(12).fill(0), 8, 0, 0x45))).toEqual(['EINVAL', 'data'])
    expect(refused(arp, ctx(0))).toEqual(['EINVAL', 'ctx'])
    expect(refused(arp, ctx(160))).toEqual(['EINVAL', 'ctx.wire_len'])
    expect(refused(arp, ctx(166))).toEqual(['EINVAL', 'ctx.gso_segs'])
    expect(refused(arp, ctx(195, 200))).toEqual(['E2BIG', 'ctx'])
    expect(arena.count).toBe(0)
  })
})

describe('etherProtocol and packetType', () => {
  const frame = (...tail: number[]): Uint8Array => Uint8Array.of(...new Array(12).fill(0), ...tail)

  it('tell EtherTypes from lengths', () => {
    expect(
      [frame(0x86, 0xdd), frame(0, 40, 0xaa, 0xaa), frame(0, 40, 0xff, 0xff), frame(0, 0)].map(etherProtocol),
    ).toEqual([0x86dd, 4, 1, 4])
  })

  it('tell whom a frame is for', () => {
    expect([[0], [1], [2]].map((first) => packetType(Uint8Array.of(...first, 0, 0, 0, 0, 0)))).toEqual([
      0, 2, 3,
    ])
  })
})
