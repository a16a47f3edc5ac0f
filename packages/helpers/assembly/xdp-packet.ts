/** Where the packet of an XDP program lies, and how long it is with its fragments, which lie behind it. */
import { XDP_DATA, XDP_DATA_END, XDP_FRAGS_END } from '../../registry/src/layout/xdp'

export function xdpPacket(context: usize): u32 {
  return load<u32>(context, XDP_DATA)
}

export function xdpPacketLength(context: usize): u32 {
  const end = load<u32>(context, XDP_FRAGS_END)
  return (end != 0 ? end : load<u32>(context, XDP_DATA_END)) - load<u32>(context, XDP_DATA)
}

