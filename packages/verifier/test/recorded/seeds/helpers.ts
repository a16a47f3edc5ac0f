import type { Seed } from '../seed.ts'
import { end, lookup, random } from './pieces.ts'

export const helpers: readonly Seed[] = [
  [
    'queue pushed',
    'sched_cls',
    '*(u64 *)(r10 - 8) = 1\nr1 = map queue\nr2 = r10\nr2 += -8\nr3 = 0\ncall bpf_map_push_elem#87',
  ],
  [
    'stack peeked',
    'sched_cls',
    'r1 = map stackmap\nr2 = r10\nr2 += -8\ncall bpf_map_peek_elem#89\nr1 = *(u64 *)(r10 - 8)',
  ],
  [
    'bloom peeked',
    'sched_cls',
    '*(u64 *)(r10 - 8) = 1\nr1 = map bloom\nr2 = r10\nr2 += -8\ncall bpf_map_peek_elem#89',
  ],
  [
    'bloom peeked, uninitialised',
    'sched_cls',
    'r1 = map bloom\nr2 = r10\nr2 += -8\ncall bpf_map_peek_elem#89',
  ],
  [
    'bloom pushed',
    'sched_cls',
    '*(u64 *)(r10 - 8) = 1\nr1 = map bloom\nr2 = r10\nr2 += -8\nr3 = 0\ncall bpf_map_push_elem#87',
  ],
  [
    'a read-only map updated',
    'sched_cls',
    '*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 16) = 0\nr1 = map readonly\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -24\nr4 = 0\ncall bpf_map_update_elem#2',
  ],
  [
    'a read-only map read',
    'sched_cls',
    `${lookup('readonly')}\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n*(u64 *)(r0 + 0) = 1\nout:`,
  ],
  [
    'a write-only map read',
    'sched_cls',
    `${lookup('writeonly')}\nif r0 == 0 goto out\n*(u64 *)(r0 + 0) = 1\nr1 = *(u64 *)(r0 + 0)\nout:`,
  ],
  [
    'per CPU',
    'sched_cls',
    '*(u32 *)(r10 - 4) = 0\nr1 = map percpu\nr2 = r10\nr2 += -4\nr3 = 0\ncall bpf_map_lookup_percpu_elem#195\nif r0 == 0 goto out\n*(u64 *)(r0 + 8) = 1\nout:',
  ],
  ['sockmap', 'sk_skb', 'r6 = r1\nr1 = r6\nr2 = map sockmap\nr3 = 0\nr4 = 0\ncall bpf_sk_redirect_map#52'],
  [
    'sockmap looked up',
    'sched_cls',
    `${lookup('sockmap')}\nif r0 == 0 goto out\nr6 = r0\nr1 = *(u32 *)(r0 + 4)\nr1 = r6\ncall bpf_sk_release#86\nout:`,
  ],
  [
    'sockmap updated',
    'sched_cls',
    '*(u32 *)(r10 - 4) = 0\nr3 = *(u64 *)(r1 + 168)\nif r3 == 0 goto out\nr1 = map sockmap\nr2 = r10\nr2 += -4\nr4 = 0\ncall bpf_map_update_elem#2\nout:',
  ],
  ['xskmap looked up', 'xdp', `${lookup('xskmap')}\nif r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nout:`],
  [
    'redirects',
    'xdp',
    'r1 = map xskmap\nr2 = 0\nr3 = 0\ncall bpf_redirect_map#51\nr1 = map cpumap\nr2 = 0\nr3 = 0\ncall bpf_redirect_map#51',
  ],
  [
    'inner maps',
    'sched_cls',
    `${lookup('outerhash')}\nif r0 == 0 goto out\nr6 = r0\n*(u32 *)(r10 - 4) = 0\nr1 = r6\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\n*(u64 *)(r0 + 0) = 1\nout:`,
  ],
  [
    'perf output',
    'sched_cls',
    'r6 = r1\n*(u64 *)(r10 - 8) = 1\nr1 = r6\nr2 = map perf\nr3 = 0\nr4 = r10\nr4 += -8\nr5 = 8\ncall bpf_perf_event_output#25',
  ],
  [
    'perf read',
    'kprobe',
    'r1 = map perf\nr2 = 0\nr3 = r10\nr3 += -24\nr4 = 24\ncall bpf_perf_event_read_value#55\nr1 = *(u64 *)(r10 - 24)',
  ],
  [
    'stack traces',
    'kprobe',
    'r6 = r1\nr2 = map traces\nr3 = 0\ncall bpf_get_stackid#27\nr1 = r6\nr2 = value globals+0\nr3 = 64\nr4 = 0\ncall bpf_get_stack#67\nif r0 s< 0 goto out\nr1 = value globals+0\nr1 += r0\nr2 = *(u8 *)(r1 - 1)\nout:',
  ],
  [
    'stack traces into an unknown size',
    'kprobe',
    `r6 = r1\n${random}\nr7 = r0\nr7 &= 63\nr1 = r6\nr2 = value globals+0\nr3 = r7\nr4 = 0\ncall bpf_get_stack#67\nr8 = r0\nr8 <<= 32\nr8 s>>= 32\nif r8 s< 0 goto out\nr3 = 63\nr3 -= r8\nr2 = value globals+0\nr2 += r8\nr1 = r6\nr4 = 256\ncall bpf_get_stack#67\nout:`,
  ],
  [
    'probe reads',
    'kprobe',
    'r6 = r1\nr1 = r10\nr1 += -64\nr2 = 64\nr3 = 0\ncall bpf_probe_read_kernel#113\nr2 = *(u64 *)(r10 - 8)\nr1 = r10\nr1 += -64\nr2 = 64\nr3 = 0\ncall bpf_probe_read_user_str#114\nif r0 s> 64 goto out\nif r0 s< 1 goto out\nr1 = r10\nr1 += -64\nr1 += r0\nr2 = *(u8 *)(r1 - 1)\nout:',
  ],
  [
    'fib lookup',
    'xdp',
    'r6 = r1\n*(u64 *)(r10 - 64) = 0\n*(u64 *)(r10 - 56) = 0\n*(u64 *)(r10 - 48) = 0\n*(u64 *)(r10 - 40) = 0\n*(u64 *)(r10 - 32) = 0\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 = r6\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 0\ncall bpf_fib_lookup#69',
  ],
  [
    'cgroup storage',
    'cgroup_skb',
    'r1 = map local\nr2 = 0\ncall bpf_get_local_storage#81\n*(u64 *)(r0 + 8) = 1\nr0 = 1\nexit',
  ],
  [
    'socket options',
    'sock_ops',
    '*(u32 *)(r10 - 4) = 1\nr2 = 1\nr3 = 2\nr4 = r10\nr4 += -4\nr5 = 4\ncall bpf_setsockopt#49\nr0 = 1\nexit',
  ],
  [
    'message data',
    'sk_msg',
    'r6 = r1\nr2 = *(u64 *)(r6 + 0)\nr3 = *(u64 *)(r6 + 8)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\n*(u8 *)(r2 + 7) = 1\nout:\nr1 = r6\nr2 = 0\nr3 = 8\nr4 = 0\ncall bpf_msg_pull_data#58\nr0 = 1\nexit',
  ],
  [
    'reuseport',
    'sk_reuseport',
    'r6 = r1\n*(u32 *)(r10 - 4) = 0\nr1 = r6\nr2 = map reuseport\nr3 = r10\nr3 += -4\nr4 = 0\ncall bpf_sk_select_reuseport#82\nr0 = 1\nexit',
  ],
  ['under a cgroup', 'sched_cls', 'r2 = map cgroups\nr3 = 0\ncall bpf_skb_under_cgroup#33'],
  [
    'tunnel keys',
    'sched_cls',
    'r6 = r1\nr2 = r10\nr2 += -48\nr3 = 44\nr4 = 0\ncall bpf_skb_get_tunnel_key#20\nr1 = *(u64 *)(r10 - 48)',
  ],
  [
    'longest prefix',
    'sched_cls',
    '*(u32 *)(r10 - 8) = 32\n*(u32 *)(r10 - 4) = 0\nr1 = map lpm\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 0)\nout:',
  ],
  [
    'ring output',
    'sched_cls',
    '*(u64 *)(r10 - 8) = 0\nr1 = map ringbuf\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\ncall bpf_ringbuf_output#130',
  ],
  ['ring query', 'sched_cls', 'r1 = map ringbuf\nr2 = 0\ncall bpf_ringbuf_query#134'],
  [
    'ring reserve by an unknown size',
    'sched_cls',
    `${random}\nr1 = map ringbuf\nr2 = r0\nr3 = 0\ncall bpf_ringbuf_reserve#131\nif r0 == 0 goto out\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_discard#133\nout:`,
  ],
].map(([name, type, asm]) => ({
  name: `helper: ${name}`,
  type: type!,
  asm: asm!.endsWith('exit') ? asm! : `${asm}\n${end}`,
}))

export const flow: readonly Seed[] = [
  ['a jump out', 'goto +5\nexit'],
  ['no exit', 'r0 = 0'],
  ['unreachable', 'r0 = 0\nexit\nr0 = 1\nexit'],
  ['a call into another function', 'call sub\nexit\nsub:\nif r1 == 0 goto -3\nr0 = 0\nexit'],
  ['recursion', 'call sub\nexit\nsub:\ncall sub\nr0 = 0\nexit'],
  ['mutual recursion', 'call a\nexit\na:\ncall b\nexit\nb:\ncall a\nexit'],
  ['a function falls into the next', 'call a\nexit\na:\nr0 = 0\nb:\nr0 = 1\nexit\ncall b\nexit'],
  ['long jumps', 'gotol +1\nexit\nr0 = 0\nexit'],
  ['a call by register', 'r2 = func sub\ncallx r2\nexit\nsub:\nr0 = 0\nexit'],
  ['reserved fields', 'r0 = 0\nexit'],
  ['a store into r10', 'r10 = 5\nr0 = 0\nexit'],
  ['r11', 'r0 = 0\nexit'],
  ['division by zero', 'r0 = 5\nr0 /= 0\nexit'],
  ['a shift too far', 'r0 = 5\nr0 <<= 64\nexit'],
  ['signed division', 'r0 = 5\nr1 = 2\nr0 s/= r1\nr0 s%= 3\nw0 s/= w1\nexit'],
  ['byte swaps', 'r0 = 5\nr0 = be16 r0\nr0 = le32 r0\nr0 = bswap64 r0\nr0 = be64 r0\nexit'],
  ['sign extension', 'r1 = -5\nr0 = (s8)r1\nr0 = (s16)r1\nr0 = (s32)r1\nw0 = (s8)w1\nw0 = (s16)w1\nexit'],
].map(([name, asm]) => ({ name: `flow: ${name}`, asm: asm! }))
