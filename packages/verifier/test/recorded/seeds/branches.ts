import type { Seed } from '../seed.ts'
import { end, lookup, packet, random, socket } from './pieces.ts'

// Conditional jumps: reserved fields, pointers against zero and each other, checks for null and their copies.

const reserved: readonly Seed[] = (
  [
    ['if r0 == r1 goto +0', { imm: 1 }],
    ['if r0 == 1 goto +0', { src: 1 }],
    ['if w0 > w1 goto +0', { imm: 4 }],
    ['if w0 > 1 goto +0', { src: 4 }],
    ['if r0 == r1 goto +0', { src: 11 }],
    ['if r0 == r1 goto +0', { dst: 11 }],
    ['if r0 == r1 goto +0', { src: 3 }],
    ['if r0 == r1 goto +0', { dst: 3 }],
    ['may_goto +0', { src: 1 }],
    ['may_goto +0', { dst: 1 }],
    ['may_goto +0', { imm: 1 }],
    ['may_goto +0', {}],
  ] as const
).map(([insn, fields], i) => ({
  name: `reserved field ${i} of ${insn}`,
  asm: `call bpf_get_prandom_u32#7\nr1 = r0\nr6 = 1\n${insn}\n${end}`,
  patch: { 3: fields },
}))

/** A pointer in r6; the context is in r9. */
const kinds: readonly (readonly [string, string, Partial<Seed>?])[] = [
  ['context', 'r6 = r9'],
  ['stack', 'r6 = r10'],
  ['map', 'r6 = map hash'],
  ['value', 'r6 = value globals+16'],
  ['value or null', `${lookup('array')}\nr6 = r0`],
  ['looked-up value', `${lookup('array')}\nif r0 == 0 goto out\nr6 = r0`],
  ['memory or null', 'r1 = map ringbuf\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131\nr6 = r0'],
  ['memory', 'r1 = map ringbuf\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131\nr6 = r0\nif r0 == 0 goto out'],
  ['packet', 'r6 = *(u32 *)(r9 + 76)', { type: 'sched_cls' }],
  ['socket or null', 'r6 = *(u64 *)(r9 + 168)', { type: 'sched_cls' }],
  ['socket', 'r6 = *(u64 *)(r9 + 168)\nif r6 == 0 goto out', { type: 'sched_cls' }],
  ['inner map', `${lookup('outer')}\nr6 = r0\nif r6 == 0 goto out`],
  ['inner map or null', `${lookup('outer')}\nr6 = r0`],
  ['function', 'r6 = func fn'],
  ['arena', 'r1 = map arena\nr6 = 5\nr6 = addr_space_cast(r6, 0x0, 0x1)'],
  ['device or null', `${lookup('xskmap')}\nr6 = r0`, { type: 'xdp' }],
  [
    'socket of a map or null',
    `${lookup('sockmap')}\nr6 = r0`,
    { type: 'sk_skb', attach: 'sk_skb_stream_verdict' },
  ],
]
const tests = [
  ...['r6 == 0', 'r6 != 0', 'w6 == 0', 'w6 != 0', 'r6 > 0', 'r6 == 1', 'r6 != 1', 'r6 s> 0', 'r6 & 1'],
  ...[
    'r6 == r8',
    'r6 != r8',
    'r8 == r6',
    'r8 != r6',
    'w6 == w8',
    'w8 != w6',
    'r6 == r7',
    'r7 != r6',
    'r6 > r8',
  ],
  ...[
    'r6 == r6',
    'r6 == r10',
    'r10 != r6',
    'r6 == r5',
    'r5 != r6',
    'w6 == w5',
    'r6 >= r5',
    'r5 == r9',
    'r6 == r4',
    'r4 != r6',
  ],
]
const nulls: readonly Seed[] = kinds.flatMap(([kind, make, more]) =>
  tests.flatMap((test) =>
    [false, true].map((unprivileged) => ({
      name: `${kind}: if ${test}${unprivileged ? ', unprivileged' : ''}`,
      unprivileged,
      asm: `r9 = r1\n${random}\nr7 = r0\n${make}\nr4 = 1\nr5 = value globals+0\nr8 = 0\nif ${test} goto yes\nr1 = r6\nr0 = *(u8 *)(r6 + 0)\ngoto out\nyes:\nr1 = r6\nr0 = *(u8 *)(r6 + 0)\nout:\n${end}${kind === 'function' ? '\nfn:\nr0 = 0\nexit' : ''}`,
      ...more,
    })),
  ),
)

/** Copies of what may be null, and what another check tells about them. */
const copies: readonly Seed[] = [
  ['a copy', `${lookup('array')}\nr6 = r0\nif r0 == 0 goto out\nr1 = *(u64 *)(r6 + 0)`],
  ['the original', `${lookup('array')}\nr6 = r0\nif r6 == 0 goto out\nr1 = *(u64 *)(r0 + 0)`],
  ['another', `${lookup('array')}\nr6 = r0\n${lookup('array')}\nif r0 == 0 goto out\nr1 = *(u64 *)(r6 + 0)`],
  [
    'another, not null',
    `${lookup('array')}\nr6 = r0\n${lookup('array')}\nif r6 != 0 goto +1\ngoto out\nr1 = *(u64 *)(r0 + 0)`,
  ],
  [
    'spilled',
    `${lookup('array')}\n*(u64 *)(r10 - 16) = r0\nif r0 == 0 goto out\nr6 = *(u64 *)(r10 - 16)\nr1 = *(u64 *)(r6 + 8)`,
  ],
  [
    'spilled, checked there',
    `${lookup('array')}\n*(u64 *)(r10 - 16) = r0\nr6 = *(u64 *)(r10 - 16)\nif r6 == 0 goto out\nr1 = *(u64 *)(r0 + 8)`,
  ],
  [
    'equal to one that is not',
    `${lookup('array')}\nr6 = r0\n${lookup('array')}\nif r0 == 0 goto out\nif r6 != r0 goto out\nr1 = *(u64 *)(r6 + 0)`,
  ],
  [
    'equal, the other way',
    `${lookup('array')}\nr6 = r0\n${lookup('array')}\nif r0 == 0 goto out\nif r0 == r6 goto +1\ngoto out\nr1 = *(u64 *)(r6 + 0)`,
  ],
  [
    'null is a number',
    `${lookup('array')}\nr6 = r0\nif r0 != 0 goto out\nr6 += 5\nr7 = r10\nr7 -= r6\nr0 += 3`,
  ],
  [
    'with a lock',
    `${lookup('locked')}\nr6 = r0\n${lookup('locked')}\nif r0 == 0 goto out\nr7 = r0\nif r6 == 0 goto out\nr1 = r7\nr1 += 4\ncall bpf_spin_lock#93\nr1 = r6\nr1 += 4\ncall bpf_spin_unlock#94`,
  ],
].map(([name, asm]) => ({ name: `null check: ${name}`, type: 'sched_cls', asm: `${asm}\nout:\n${end}` }))

/** A reference, and pointers that came from it. */
const references: readonly Seed[] = [
  'if r0 == 0 goto out',
  'if r6 == 0 goto out',
  'if r0 != 0 goto free\ngoto out',
  'r7 = 0\nif r0 == r7 goto out',
  'if w0 == 0 goto out',
  'if r0 == 1 goto out',
  'if r0 == 0 goto out\nr1 = r6\ncall bpf_tcp_sock#96\nif r0 == 0 goto out',
  'if r0 == 0 goto out\nr1 = r6\ncall bpf_tcp_sock#96\nif r0 == 0 goto free\nr7 = *(u32 *)(r0 + 0)',
  'if r0 == 0 goto out\nr1 = r6\ncall bpf_tcp_sock#96\nr7 = r0\nr1 = r6\ncall bpf_sk_fullsock#95\nif r7 == 0 goto free\nr7 = *(u32 *)(r7 + 0)',
  'if r0 == 0 goto out\nr1 = r6\ncall bpf_get_listener_sock#98\nif r0 == 0 goto free\nr7 = *(u32 *)(r0 + 4)',
  'r7 = value globals+0\nif r0 == r7 goto free\ngoto out',
].flatMap((body) =>
  [0, 8].map((flags) => ({
    name: `reference: ${body}${flags ? ', with many checkpoints' : ''}`,
    type: 'sched_cls',
    flags,
    asm: `${socket('bpf_sk_lookup_tcp#84')}\nr6 = r0\n${body}\nfree:\nr1 = r6\ncall bpf_sk_release#86\nout:\n${end}`,
  })),
)

/** Registers and slots that hold the same value, over frames. */
const linked: readonly Seed[] = [
  ...[
    'r6 > 5',
    'w6 > 5',
    'r7 == 3',
    'r6 > r5',
    'r5 < r7',
    'r5 == r6',
    'w5 == w7',
    'r6 == r7',
    'r6 & 3',
    'r6 s< r5',
  ],
].flatMap((test) =>
  [
    ['two registers', 'r7 = r6'],
    ['a slot', '*(u64 *)(r10 - 8) = r6\nr7 = *(u64 *)(r10 - 8)'],
    ['many', 'r1 = r6\nr2 = r6\nr3 = r6\nr4 = r6\nr7 = r6\nr8 = r6\n*(u64 *)(r10 - 8) = r6'],
    ['apart', 'r7 = r6\nr7 += 4\nr8 = r6\nr8 += 4\nr1 = r6\nw1 += 4'],
    ['apart by 32 bits', 'r6 &= 255\nr7 = r6\nw7 += 4\nr8 = r6\nr8 += 4'],
    ['both operands', 'r7 = r6\nr5 = r9\nr4 = r5'],
    ['dead', 'r7 = r6\nr8 = r6\nr8 = 0'],
  ].flatMap(([name, make]) =>
    [0, 8].map((flags) => ({
      name: `linked, ${name}: ${test}${flags ? ', with many checkpoints' : ''}`,
      flags,
      asm: `r8 = 0\nr1 = 0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0\n${random}\nr9 = r0\n${random}\nr6 = r0\nr5 = r9\nr7 = 0\n${make}\nif ${test} goto out\nr1 = value globals+0\nif r7 > 40 goto out\nr1 += r7\nr2 = *(u8 *)(r1 + 0)\nif r6 > 50 goto out\nr1 += r6\nif r8 > 7 goto out\nr3 = r8\nout:\n${end}`,
    })),
  ),
)

/** Over calls, and more copies than the history holds. */
const over: readonly Seed[] = [
  `${random}\nr6 = r0\nr1 = r6\ncall sub\nif r6 > 10 goto out\nr1 = value globals+0\nr1 += r6\nr0 = *(u8 *)(r1 + 0)\nout:\n${end}\nsub:\nr6 = r1\nif r6 > 20 goto no\nr7 = r1\nno:\nr0 = 0\nexit`,
  `${random}\nr6 = r0\n*(u64 *)(r10 - 8) = r6\nr1 = r10\nr1 += -8\ncall sub\nif r6 > 10 goto out\nr1 = value globals+0\nr1 += r6\nr0 = *(u8 *)(r1 + 0)\nout:\n${end}\nsub:\nr6 = *(u64 *)(r1 + 0)\nif r6 > 20 goto no\nr7 = r6\nno:\nr0 = 0\nexit`,
  `${random}\nr6 = r0\n${Array.from({ length: 12 }, (_, i) => `*(u64 *)(r10 - ${8 * (i + 1)}) = r6`).join('\n')}\nif r6 > 10 goto out\nr7 = *(u64 *)(r10 - 96)\nr1 = value globals+0\nr1 += r7\nr0 = *(u8 *)(r1 + 0)\nout:\n${end}`,
  `${random}\nr6 = r0\nr1 = r6\nr2 = r6\nr3 = r6\nr4 = r6\nr5 = r6\nr7 = r6\nr8 = r6\nr9 = r6\nif r6 > 10 goto out\nr0 = r1\nr0 = r2\nr0 = r3\nr0 = r4\nr0 = r5\nr0 = r7\nr0 = r8\nr1 = value globals+0\nr1 += r9\nr0 = *(u8 *)(r1 + 0)\nout:\n${end}`,
].flatMap((asm, i) => [0, 8].map((flags) => ({ name: `linked over calls ${i} ${flags}`, flags, asm })))

const stack: readonly Seed[] = [
  'r10 == r6',
  'r6 == r10',
  'r10 != r6',
  'r10 > r6',
  'r6 < r10',
  'r10 == 0',
  'w10 == 5',
  'r10 == r7',
].flatMap((test) =>
  [0, 8].map((flags) => ({
    name: `the frame pointer: ${test} ${flags}`,
    flags,
    asm: `${random}\nr6 = r0\nr6 &= 15\nr7 = r10\nr7 += -8\nif ${test} goto a\nr1 = 1\na:\nr1 = value globals+0\nr1 += r6\nr0 = *(u8 *)(r1 + 0)\n${end}`,
  })),
)

const packets: readonly Seed[] = [
  'r4 > r3',
  'r3 > r4',
  'r4 == r3',
  'r2 > r4',
  'w4 > w3',
  'r4 > r2',
  'r4 > r6',
  'r6 > r4',
].flatMap((test) =>
  [false, true].map((unprivileged) => ({
    name: `packet pointers: ${test}${unprivileged ? ', unprivileged' : ''}`,
    type: 'xdp',
    unprivileged,
    asm: packet(`r4 = r2\nr4 += 8\nr6 = 7\nif ${test} goto out\nr0 = *(u8 *)(r2 + 0)`),
  })),
)

export const branches: readonly Seed[] = [
  ...reserved,
  ...nulls,
  ...copies,
  ...references,
  ...linked,
  ...over,
  ...stack,
  ...packets,
]
