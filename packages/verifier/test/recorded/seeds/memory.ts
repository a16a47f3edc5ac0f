import type { Seed } from '../seed.ts'
import { end, found, packet, random, socket } from './pieces.ts'

export const packets: readonly Seed[] = (
  [
    'if r4 > r3 goto out',
    'if r3 < r4 goto out',
    'if r4 >= r3 goto out',
    'if r3 <= r4 goto out',
    'if r4 < r3 goto +1\ngoto out',
    'if r3 > r4 goto +1\ngoto out',
    'if r4 <= r3 goto +1\ngoto out',
    'if r3 >= r4 goto +1\ngoto out',
    'if r4 == r3 goto out',
    'if r4 != r3 goto out',
    'if w4 > w3 goto out',
  ] as const
).flatMap((check) => [
  ...[0, 7, 8].map(
    (off): Seed => ({
      name: `packet ${check} ${off}`,
      type: 'xdp',
      asm: packet(`r4 = r2\nr4 += 8\n${check}\nr0 = *(u8 *)(r2 + ${off})`),
    }),
  ),
  {
    name: `packet ${check} at an unknown offset`,
    type: 'xdp',
    asm: packet(
      `r7 = *(u32 *)(r1 + 12)\nr7 &= 63\nr2 += r7\nr4 = r2\nr4 += 14\n${check}\nr0 = *(u16 *)(r2 + 12)\n*(u8 *)(r2 + 13) = 1`,
    ),
  },
  {
    name: `packet ${check} metadata`,
    type: 'xdp',
    asm: `r6 = r1\nr2 = *(u32 *)(r1 + 8)\nr3 = *(u32 *)(r1 + 0)\nr4 = r2\nr4 += 8\n${check}\nr0 = *(u64 *)(r2 + 0)\nout:\nr0 = 2\nexit`,
  },
])

export const morePackets: readonly Seed[] = [
  {
    name: 'packet twice',
    type: 'xdp',
    asm: packet(
      'r4 = r2\nr4 += 14\nif r4 > r3 goto out\nr5 = *(u8 *)(r2 + 13)\nr5 &= 15\nr5 <<= 2\nr4 += r5\nr7 = r4\nr7 += 8\nif r7 > r3 goto out\nr0 = *(u64 *)(r4 + 0)',
    ),
  },
  {
    name: 'packet moved',
    type: 'xdp',
    asm: packet(
      'r4 = r2\nr4 += 14\nif r4 > r3 goto out\nr7 = r2\nr1 = r6\nr2 = -4\ncall bpf_xdp_adjust_head#44\nr0 = *(u8 *)(r7 + 0)',
    ),
  },
  { name: 'packet end changed', type: 'xdp', asm: packet('r3 += 1') },
  {
    name: 'packet far',
    type: 'xdp',
    asm: packet(
      'r7 = *(u32 *)(r1 + 12)\nr7 &= 65535\nr2 += r7\nr2 += 65535\nr4 = r2\nr4 += 2\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 0)',
    ),
  },
  {
    name: 'packet farther',
    type: 'xdp',
    asm: packet(
      'r7 = *(u32 *)(r1 + 12)\nr2 += r7\nr4 = r2\nr4 += 2\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 0)',
    ),
  },
  { name: 'packet subtracted', type: 'xdp', asm: packet('r4 = r3\nr4 -= r2\nr5 = r2\nr5 += r4') },
  {
    name: 'packet in classifier, written',
    type: 'sched_cls',
    asm: 'r6 = r1\nr2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 34\nif r4 > r3 goto out\n*(u8 *)(r2 + 3) = 1\nr1 = r6\nr2 = 1\nr3 = 0\nr4 = 6\nr5 = 0\ncall bpf_skb_store_bytes#9\nout:\nr0 = 0\nexit',
  },
  {
    name: 'packet written by a reader',
    type: 'cgroup_skb',
    attach: 'cgroup_inet_ingress',
    asm: 'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 34\nif r4 > r3 goto out\n*(u8 *)(r2 + 3) = 1\nout:\nr0 = 1\nexit',
  },
  {
    name: 'packet to a helper',
    type: 'xdp',
    asm: packet(
      'r4 = r2\nr4 += 8\nif r4 > r3 goto out\nr1 = map hash\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 0)',
    ),
  },
  {
    name: 'packet checksum',
    type: 'xdp',
    asm: packet(
      'r4 = r2\nr4 += 16\nif r4 > r3 goto out\nr1 = 0\nr3 = r2\nr2 = 0\nr4 = 16\nr5 = 0\ncall bpf_csum_diff#28',
    ),
  },
  {
    name: 'packet over a call',
    type: 'xdp',
    asm: 'r6 = r1\nr2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr1 = r2\nr2 = r3\ncall sub\nr0 = 2\nexit\nsub:\nr4 = r1\nr4 += 8\nif r4 > r2 goto no\nr0 = *(u64 *)(r1 + 0)\nno:\nr0 = 0\nexit',
  },
  {
    name: 'absolute loads',
    asm: 'r6 = r1\nr0 = *(u32 *)skb[12]\nr1 = 4\nr0 = *(u16 *)skb[r1 + 2]\nr0 = *(u8 *)skb[0]\nexit',
  },
  { name: 'absolute loads without context', asm: 'r0 = *(u32 *)skb[12]\nexit' },
  {
    name: 'absolute loads under a reference',
    type: 'sched_cls',
    asm: `${socket('bpf_sk_lookup_tcp#84')}\nr7 = r0\nr0 = *(u32 *)skb[12]\nif r7 == 0 goto out\nr1 = r7\ncall bpf_sk_release#86\nout:\n${end}`,
  },
  { name: 'absolute loads elsewhere', type: 'xdp', asm: 'r6 = r1\nr0 = *(u32 *)skb[12]\nexit' },
]

export const atomics: readonly Seed[] = (
  [
    'lock *(u64 *)(B) += r1',
    'lock *(u32 *)(B) |= r1',
    'lock *(u64 *)(B) &= r1',
    'lock *(u64 *)(B) ^= r1',
    'r1 = atomic_fetch_add((u64 *)(B), r1)',
    'r1 = atomic_fetch_or((u64 *)(B), r1)',
    'w1 = atomic_fetch_xor((u32 *)(B), w1)',
    'r1 = xchg_64(B, r1)',
    'w1 = xchg32_32(B, w1)',
    'r0 = cmpxchg_64(B, r0, r1)',
    'w0 = cmpxchg32_32(B, w0, w1)',
    'r1 = load_acquire((u64 *)(B))',
    'w1 = load_acquire((u8 *)(B))',
    'store_release((u32 *)(B), w1)',
  ] as const
).flatMap((op) => [
  {
    name: `${op} on the stack`,
    asm: `r0 = 1\nr1 = 1\n*(u64 *)(r10 - 8) = r1\n${op.replace('B', 'r10 - 8')}\nr2 = *(u64 *)(r10 - 8)\n${end}`,
  },
  {
    name: `${op} on a spilled pointer`,
    asm: `r0 = 1\nr2 = r1\nr1 = 1\n*(u64 *)(r10 - 8) = r2\n${op.replace('B', 'r10 - 8')}\nr2 = *(u64 *)(r10 - 8)\n${end}`,
  },
  {
    name: `${op} on a value`,
    asm: found('hash', `r6 = r0\nr0 = 1\nr1 = 1\n${op.replace('B', 'r6 + 8')}`, 8),
  },
  {
    name: `${op} on the context`,
    type: 'sched_cls',
    asm: `r6 = r1\nr0 = 1\nr1 = 1\n${op.replace('B', 'r6 + 8')}\n${end}`,
  },
  {
    name: `${op} on a packet`,
    type: 'xdp',
    asm: packet(
      `r6 = r2\nr4 = r2\nr4 += 16\nif r4 > r3 goto out\nr0 = 1\nr1 = 1\n${op.replace('B', 'r6 + 8')}`,
    ),
  },
  { name: `${op} of a pointer`, asm: found('hash', `r6 = r0\nr1 = r10\n${op.replace('B', 'r6 + 8')}`, 8) },
  {
    name: `${op} beyond a value`,
    asm: found('hash', `r6 = r0\nr0 = 1\nr1 = 1\n${op.replace('B', 'r6 + 44')}`, 8),
  },
])

export const stack: readonly Seed[] = [
  [
    'a frame above',
    'r6 = 7\n*(u64 *)(r10 - 8) = r6\n*(u64 *)(r10 - 16) = r10\nr1 = r10\nr1 += -16\ncall sub\nr0 = *(u64 *)(r10 - 8)\nexit\nsub:\nr2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr2 += -8\nr3 += 1\n*(u64 *)(r2 + 0) = r3\n*(u64 *)(r10 - 8) = r1\nr0 = 0\nexit',
  ],
  [
    'a pointer to a frame that ended',
    'r1 = r10\nr1 += -8\ncall sub\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u64 *)(r2 + 0)\nexit\nsub:\n*(u64 *)(r1 + 0) = r10\nr0 = 0\nexit',
  ],
  [
    'a pointer to a frame that ended, returned',
    'call sub\nr0 = *(u64 *)(r0 - 8)\nexit\nsub:\n*(u64 *)(r10 - 8) = 0\nr0 = r10\nexit',
  ],
  [
    'deep frames',
    '*(u64 *)(r10 - 200) = 0\ncall a\nr0 = 0\nexit\na:\n*(u64 *)(r10 - 200) = 0\ncall b\nr0 = 0\nexit\nb:\n*(u64 *)(r10 - 200) = 0\nr0 = 0\nexit',
  ],
  [
    'nine frames',
    'call a\nexit\na:\ncall b\nexit\nb:\ncall c\nexit\nc:\ncall d\nexit\nd:\ncall e\nexit\ne:\ncall f\nexit\nf:\ncall g\nexit\ng:\ncall h\nexit\nh:\nr0 = 0\nexit',
  ],
  [
    'eight frames',
    'call a\nexit\na:\ncall b\nexit\nb:\ncall c\nexit\nc:\ncall d\nexit\nd:\ncall e\nexit\ne:\ncall f\nexit\nf:\ncall g\nexit\ng:\nr0 = 0\nexit',
  ],
  [
    'tail call below',
    'r6 = r1\n*(u64 *)(r10 - 300) = 0\ncall sub\nr0 = 0\nexit\nsub:\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 0\nexit',
  ],
  [
    'unknown offset',
    `${random}\nr0 &= 24\nr2 = r10\nr2 += -32\nr2 += r0\n*(u64 *)(r10 - 32) = 1\n*(u64 *)(r10 - 24) = 2\n*(u64 *)(r10 - 16) = 3\n*(u64 *)(r10 - 8) = 4\nr3 = *(u64 *)(r2 + 0)\n*(u8 *)(r2 + 0) = 0\nr4 = *(u64 *)(r10 - 16)\n${end}`,
  ],
  [
    'unknown offset over a pointer',
    `r6 = r1\n${random}\nr0 &= 8\n*(u64 *)(r10 - 16) = r6\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -16\nr2 += r0\n*(u8 *)(r2 + 0) = 0\nr1 = *(u64 *)(r10 - 16)\nr0 = *(u32 *)(r1 + 0)\n${end}`,
  ],
  [
    'unknown offset to a helper',
    `r6 = r1\n${random}\nr0 &= 8\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -24\nr2 += r0\nr1 = map hash\ncall bpf_map_lookup_elem#1\n${end}`,
  ],
  [
    'halves',
    'r1 = 5\nr2 = 6\n*(u32 *)(r10 - 8) = r1\n*(u32 *)(r10 - 4) = r2\nr3 = *(u64 *)(r10 - 8)\nr4 = *(u32 *)(r10 - 4)\nr5 = *(u16 *)(r10 - 8)\nr5 = *(u8 *)(r10 - 7)\nr0 = r4\nexit',
  ],
  [
    'narrowed',
    `${random}\nr0 &= 255\n*(u64 *)(r10 - 8) = r0\nr1 = *(u8 *)(r10 - 8)\nr2 = *(u32 *)(r10 - 8)\nif r2 > 100 goto out\nr3 = *(u64 *)(r10 - 8)\nr4 = value globals+0\nif r1 > 50 goto out\nr4 += r1\nr0 = *(u8 *)(r4 + 0)\nout:\n${end}`,
  ],
  [
    'zeros',
    '*(u32 *)(r10 - 8) = 0\n*(u8 *)(r10 - 4) = 0\n*(u8 *)(r10 - 3) = 0\n*(u16 *)(r10 - 2) = 0\nr0 = *(u64 *)(r10 - 8)\nr2 = r10\nr2 += r0\nr1 = *(u16 *)(r10 - 6)\nr2 += r1\nr0 = 0\nexit',
  ],
  [
    'signed loads',
    '*(u64 *)(r10 - 8) = -1\nr0 = *(s8 *)(r10 - 8)\nr1 = *(s32 *)(r10 - 8)\nr2 = *(s16 *)(r10 - 2)\nr0 += r1\nexit',
  ],
  [
    'a spill of what is linked',
    `${random}\nr6 = r0\n*(u64 *)(r10 - 8) = r6\nif r6 > 7 goto out\nr7 = *(u64 *)(r10 - 8)\nr8 = r10\nr8 += -16\nr8 += r7\n*(u8 *)(r8 + 0) = 0\nout:\n${end}`,
  ],
  [
    'a 32-bit spill of what is linked',
    `${random}\nr6 = r0\nw6 = w6\n*(u32 *)(r10 - 8) = r6\nif w6 > 7 goto out\nr7 = *(u32 *)(r10 - 8)\nr8 = r10\nr8 += -16\nr8 += r7\n*(u8 *)(r8 + 0) = 0\nout:\n${end}`,
  ],
].map(([name, asm]) => ({ name: `stack: ${name}`, asm: asm! }))

export const pointers: readonly Seed[] = ['r1', 'r10', 'r2', 'r3'].flatMap((reg) =>
  [
    '+= 8',
    '+= -8',
    '-= 8',
    '+= r7',
    '-= r7',
    '&= 8',
    '*= 2',
    '<<= 1',
    '= -R',
    '^= r7',
    '+= 536870911',
    '-= R',
    '+= r10',
  ].flatMap((op) =>
    [false, true].map(
      (unprivileged): Seed => ({
        name: `pointer ${reg} ${op}${unprivileged ? ', unprivileged' : ''}`,
        unprivileged,
        asm: `r6 = r1\n${random}\nr7 = r0\nr7 &= 15\nr1 = r6\nr2 = map hash\nr3 = value globals+16\nr4 = ${reg}\nr4 ${op.replace('R', 'r4').replace('= -r4', '= -r4')}\nr0 = *(u8 *)(r4 + 0)\nr0 = 0\nexit`,
      }),
    ),
  ),
)
