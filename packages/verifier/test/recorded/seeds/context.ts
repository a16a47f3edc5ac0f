import type { Seed } from '../seed.ts'
import { random } from './pieces.ts'

const returns = (type: string, attach: string | undefined, value: string): Seed => ({
  name: `returns ${value} from ${attach ?? type}`,
  type,
  ...(attach === undefined ? {} : { attach }),
  asm: `${value}\nexit`,
})

export const results: readonly Seed[] = (
  [
    ['cgroup_skb', 'cgroup_inet_egress'],
    ['cgroup_skb', 'cgroup_inet_ingress'],
    ['cgroup_sock', 'cgroup_inet_sock_create'],
    ['cgroup_sock_addr', 'cgroup_inet4_bind'],
    ['cgroup_sock_addr', 'cgroup_inet4_connect'],
    ['cgroup_sock_addr', 'cgroup_udp4_recvmsg'],
    ['cgroup_sock_addr', 'cgroup_inet6_getpeername'],
    ['cgroup_sockopt', 'cgroup_getsockopt'],
    ['cgroup_device', 'cgroup_device'],
    ['cgroup_sysctl', 'cgroup_sysctl'],
    ['sock_ops', 'cgroup_sock_ops'],
    ['sk_lookup', 'sk_lookup'],
    ['sk_skb', 'sk_skb_verdict'],
    ['sk_msg', 'sk_msg_verdict'],
    ['netfilter', 'netfilter'],
    ['flow_dissector', 'flow_dissector'],
    ['sk_reuseport', 'sk_reuseport_select'],
    ['perf_event', undefined],
    ['raw_tracepoint', undefined],
    ['xdp', undefined],
  ] as const
).flatMap(([type, attach]) =>
  [
    'r0 = 0',
    'r0 = 1',
    'r0 = 2',
    'r0 = 3',
    'r0 = 4',
    'r0 = -1',
    `${random}\nr0 &= 1`,
    `${random}\nr0 &= 3`,
    `${random}\nif r0 s> 1 goto +1\nr0 = 0`,
    'r0 = r10',
    'r1 = r1',
  ].map((value) => returns(type, attach, value)),
)

export const accesses: readonly Seed[] = [
  'xdp',
  'sched_cls',
  'cgroup_skb',
  'sock_ops',
  'sk_msg',
  'sk_lookup',
  'cgroup_sock_addr',
  'cgroup_sockopt',
  'cgroup_sysctl',
  'cgroup_device',
  'sk_reuseport',
  'flow_dissector',
  'perf_event',
  'raw_tracepoint',
  'tracepoint',
  'kprobe',
  'lwt_in',
  'sk_skb',
  'cgroup_sock',
  'raw_tracepoint_writable',
  'netfilter',
  'syscall',
].flatMap((type) => {
  const attach: Readonly<Record<string, string>> = {
    cgroup_skb: 'cgroup_inet_egress',
    sock_ops: 'cgroup_sock_ops',
    sk_msg: 'sk_msg_verdict',
    sk_lookup: 'sk_lookup',
    cgroup_sock_addr: 'cgroup_inet4_connect',
    cgroup_sockopt: 'cgroup_getsockopt',
    cgroup_sysctl: 'cgroup_sysctl',
    cgroup_device: 'cgroup_device',
    sk_reuseport: 'sk_reuseport_select',
    flow_dissector: 'flow_dissector',
    sk_skb: 'sk_skb_verdict',
    cgroup_sock: 'cgroup_inet_sock_create',
    netfilter: 'netfilter',
  }
  const base = {
    type,
    ...(attach[type] ? { attach: attach[type]! } : {}),
    ...(type === 'syscall' ? { flags: 16 } : {}),
  }
  return [
    ...[0, 4, 8, 16, 40, 64].flatMap((off) =>
      ['u8', 'u16', 'u32', 'u64'].map(
        (size): Seed => ({
          ...base,
          name: `${type} reads ${size} ${off}`,
          asm: `r0 = *(${size} *)(r1 + ${off})\nr0 = 1\nexit`,
        }),
      ),
    ),
    ...[0, 8, 24].map(
      (off): Seed => ({
        ...base,
        name: `${type} writes ${off}`,
        asm: `*(u32 *)(r1 + ${off}) = 1\nr0 = 1\nexit`,
      }),
    ),
    {
      ...base,
      name: `${type} at an unknown offset`,
      asm: `r6 = r1\n${random}\nr0 &= 4\nr6 += r0\nr0 = *(u32 *)(r6 + 0)\nr0 = 1\nexit`,
    },
    { ...base, name: `${type} at a fixed offset`, asm: 'r1 += 4\nr0 = *(u32 *)(r1 + 0)\nr0 = 1\nexit' },
    { ...base, name: `${type} before`, asm: 'r0 = *(u32 *)(r1 - 4)\nr0 = 1\nexit' },
    {
      ...base,
      name: `${type} to a function`,
      asm: 'call sub\nr0 = 1\nexit\nsub:\nr0 = *(u32 *)(r1 + 0)\nexit',
    },
  ]
})
