import { control, skbLayout as skb } from '@skep/registry'
import { expect } from 'vitest'
import type { World } from './world.ts'

export const ETH_HLEN = 14
const ROOM = 20_000

/** A packet's context in the arena. */
export interface TestSkb {
  readonly context: number
  /** The packet as it is now. */
  readonly read: () => Uint8Array
  readonly release: () => void
}

/** eth_type_trans: a length is no protocol. */
function protocolOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const type = view.getUint16(12)
  if (type >= 1536) return type
  return bytes.length >= 16 && view.getUint16(14) === 0xffff ? 1 : 4
}

/** __sk_buff over a packet with much head and tail room, as tc sees it. */
export function createSkb({ arena }: World, bytes: Uint8Array): TestSkb {
  const block = arena.alloc(control.RUN_HEADER_SIZE + skb.SKB_CONTEXT_SIZE + 2 * ROOM + bytes.length)
  const context = block + control.RUN_HEADER_SIZE
  const start = context + skb.SKB_CONTEXT_SIZE
  const data = start + ROOM
  arena.u8.fill(0, block, start)
  arena.u8.set(bytes, data)
  const put = (offset: number, value: number): void => arena.view.setUint32(context + offset, value, true)
  const get = (offset: number): number => arena.view.getUint32(context + offset, true)
  put(skb.SKB_LEN, bytes.length)
  arena.view.setUint16(context + skb.SKB_PROTOCOL, protocolOf(bytes))
  put(skb.SKB_DATA, data)
  put(skb.SKB_DATA_META, data)
  put(skb.SKB_DATA_END, data + bytes.length)
  put(skb.SKB_FRAME_START, start)
  put(skb.SKB_FRAME_END, data + bytes.length + ROOM)
  put(skb.SKB_MAC_HEADER, data)
  put(skb.SKB_NETWORK_HEADER, data + ETH_HLEN)
  return {
    context,
    read: () => {
      expect(get(skb.SKB_LEN)).toBe(get(skb.SKB_DATA_END) - get(skb.SKB_DATA))
      return arena.u8.slice(get(skb.SKB_DATA), get(skb.SKB_DATA_END))
    },
    release: () => arena.free(block),
  }
}
