/** ld_abs and ld_ind (net/core/filter.c, bpf_skb_load_helper_*). */
import { CTL_CTX } from '../../registry/src/layout/control'
import { LD_ABS_B, LD_IND_B } from '../src/layout/handlers'
import { ACT_CODE, CODE_DATA, CODE_DATA_END, REC_IMM, REC_SRC } from '../src/layout/structures'
import { control } from './activation'

/** include/uapi/linux/filter.h: offsets from these count from the network and the link-layer header. */
const SKF_NET_OFF = -0x10_0000
const SKF_LL_OFF = -0x20_0000
/** Where the network header begins: behind an Ethernet header, as in packets that BPF_PROG_TEST_RUN makes. */
const ETH_HLEN = 14

@inline
function fromHeaders(offset: i32): i64 {
  if (offset >= 0) return offset
  if (offset >= SKF_NET_OFF) return <i64>offset - SKF_NET_OFF + ETH_HLEN
  return <i64>offset - SKF_LL_OFF
}

/** Loads from the packet into r0, in network byte order; false when it is not all there. */
export function loadPacket(act: usize, at: usize, handler: i32): bool {
  const code: usize = load<u32>(act, ACT_CODE)
  const indirect = handler >= LD_IND_B
  const imm = load<i32>(at, REC_IMM)
  const offset = fromHeaders(indirect ? <i32>load<u64>(act + load<u8>(at, REC_SRC)) + imm : imm)
  const size = 1 << (indirect ? handler - LD_IND_B : handler - LD_ABS_B)
  const context: usize = load<u32>(control, CTL_CTX)
  const data = <i64>load<u32>(context + load<u32>(code, CODE_DATA))
  const end = <i64>load<u32>(context + load<u32>(code, CODE_DATA_END))
  if (offset < 0 || data + offset + size > end) return false
  const from = <usize>(data + offset)
  let value: u32
  if (size == 1) value = load<u8>(from)
  else if (size == 2) value = bswap<u16>(load<u16>(from))
  else value = bswap<u32>(load<u32>(from))
  store<u64>(act, value)
  return true
}
