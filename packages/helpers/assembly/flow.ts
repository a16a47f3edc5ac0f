/** The hash of a packet's flow: addresses, protocol and ports, as the flow dissector finds them. */
import { ETH_P_IP, ETH_P_IPV6, IPV4_HLEN, IPV6_HLEN } from './skb-state'
import { add, begin, end } from './siphash'

const IPPROTO_TCP: u32 = 6
const IPPROTO_UDP: u32 = 17
const IPPROTO_DCCP: u32 = 33
const IPPROTO_SCTP: u32 = 132
const IPPROTO_UDPLITE: u32 = 136
/** MF and the offset, of which fragments have either. */
const FRAGMENT: u32 = 0xff3f

@inline
function hasPorts(protocol: u32): bool {
  return (
    protocol == IPPROTO_TCP ||
    protocol == IPPROTO_UDP ||
    protocol == IPPROTO_DCCP ||
    protocol == IPPROTO_SCTP ||
    protocol == IPPROTO_UDPLITE
  )
}

/** Not 0, which stands for no hash. `protocol` is the big-endian EtherType. */
export function flowHash(network: usize, limit: usize, protocol: u32): u32 {
  let transport: usize = 0
  let inner: u32 = 0
  begin()
  add(protocol)
  if (protocol == ETH_P_IP && network + IPV4_HLEN <= limit) {
    inner = load<u8>(network, 9)
    add(load<u64>(network, 12))
    add(0)
    add(0)
    add(0)
    if ((load<u16>(network, 6) & FRAGMENT) == 0) transport = network + ((<usize>load<u8>(network) & 15) << 2)
  } else if (protocol == ETH_P_IPV6 && network + IPV6_HLEN <= limit) {
    inner = load<u8>(network, 6)
    for (let at: usize = 8; at < IPV6_HLEN; at += 8) add(load<u64>(network + at))
    transport = network + IPV6_HLEN
  }
  const ports = transport != 0 && hasPorts(inner) && transport + 4 <= limit ? load<u32>(transport) : 0
  add(((<u64>inner) << 32) | ports)
  const hash = <u32>end(48)
  return hash == 0 ? 1 : hash
}
