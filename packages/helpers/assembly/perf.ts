/** bpf_perf_event_output (kernel/trace/bpf_trace.c, net/core/filter.c for packets): samples to the host's readers. */
import { CTL_CPU, CTL_PROG } from '../../registry/src/layout/control'
import { E2BIG, EFAULT, EINVAL, ENOENT, EOPNOTSUPP } from '../../registry/src/layout/errno'
import { MAP_DATA, MAP_MAX_ENTRIES } from '../../registry/src/layout/map'
import { PROG_TYPE } from '../../registry/src/layout/program'
import { RING_CPU } from '../../registry/src/layout/ring'
import { SKB_DATA, SKB_DATA_END } from '../../registry/src/layout/skb'
import { control, pointer, result } from './env'
import { outputSample } from './ring'
import { xdpPacket, xdpPacketLength } from './xdp-packet'

const BPF_F_INDEX_MASK: u64 = 0xffff_ffff
const BPF_F_CURRENT_CPU: u32 = 0xffff_ffff
/** How many of the packet's bytes follow the sample. */
const BPF_F_CTXLEN_MASK: u64 = 0xf_ffff << 32
/** enum bpf_prog_type. */
const XDP: u32 = 6
/** Bits of the program types on __sk_buff: socket_filter, sched_cls, sched_act, cgroup_skb, lwt_*, sk_skb. */
const ON_SKB: u32 = (1 << 1) | (1 << 3) | (1 << 4) | (1 << 8) | (7 << 10) | (1 << 14) | (1 << 19)

export function perf_event_output(context: u64, map: u64, flags: u64, data: u64, size: u64): u64 {
  const type = load<u32>(load<u32>(control, CTL_PROG), PROG_TYPE)
  const isXdp = type == XDP
  const onPacket = isXdp || (type < 32 && (ON_SKB >> type) & 1)
  if ((flags & ~(onPacket ? BPF_F_INDEX_MASK | BPF_F_CTXLEN_MASK : BPF_F_INDEX_MASK)) != 0) return result(-EINVAL)
  const extra = <u32>(flags >> 32)
  let packet: u32 = 0
  if (extra != 0) {
    const at = pointer(context)
    packet = isXdp ? xdpPacket(at) : load<u32>(at + SKB_DATA)
    const length = isXdp ? xdpPacketLength(at) : load<u32>(at + SKB_DATA_END) - packet
    if (extra > length) return result(-EFAULT)
  }
  const cpu = load<u32>(control, CTL_CPU)
  const asked = <u32>flags
  const index = asked == BPF_F_CURRENT_CPU ? cpu : asked
  if (index >= load<u32>(pointer(map) + MAP_MAX_ENTRIES)) return result(-E2BIG)
  const ring = load<u32>(load<u32>(pointer(map) + MAP_DATA) + (index << 2))
  if (ring == 0) return result(-ENOENT)
  if (load<u32>(ring, RING_CPU) != cpu) return result(-EOPNOTSUPP)
  return result(outputSample(ring, pointer(data), <usize>size, packet, extra))
}
