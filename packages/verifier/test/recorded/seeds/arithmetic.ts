import type { Seed } from '../seed.ts'
import { end, found, lookup, packet, random } from './pieces.ts'

// Arithmetic: reserved fields, moves that keep a link, masks that fork, pointers of every kind on either side.

const programs = (prefix: string, list: readonly (readonly [string, string, Partial<Seed>?])[]): Seed[] =>
  list.map(([name, asm, more]) => ({ name: `${prefix}: ${name}`, asm, ...more }))

/** Fields of the first instruction that must be 0, in turn. */
const reserved: readonly Seed[] = (
  [
    ['r0 = -r0', { src: 1 }],
    ['r0 = -r0', { off: 1 }],
    ['r0 = -r0', { imm: 1 }],
    ['w0 = -w0', { off: 8 }],
    ['r0 = be16 r0', { src: 1 }],
    ['r0 = be16 r0', { off: 1 }],
    ['r0 = be16 r0', { imm: 8 }],
    ['r0 = le32 r0', { imm: 0 }],
    ['r0 = bswap64 r0', { off: 2 }],
    ['r0 = 1', { src: 1 }],
    ['r0 = 1', { off: 8 }],
    ['w0 = 1', { src: 2 }],
    ['r0 = r1', { imm: 1 }],
    ['r0 = r1', { off: 4 }],
    ['r0 = r1', { off: 32 }],
    ['w0 = w1', { off: 32 }],
    ['w0 = w1', { off: 16 }],
    ['w0 = w1', { imm: 3 }],
    ['r0 += r1', { imm: 1 }],
    ['r0 += r1', { off: 1 }],
    ['r0 += 1', { src: 1 }],
    ['r0 += 1', { off: 1 }],
    ['r0 /= 1', { off: 1 }],
    ['r0 /= 1', { off: 2 }],
    ['r0 %= r0', { off: 1 }],
    ['r0 %= r0', { off: 3 }],
    ['w0 /= 0', {}],
    ['r0 %= 0', {}],
    ['r0 <<= 1', { imm: 64 }],
    ['r0 <<= 1', { imm: -1 }],
    ['r0 <<= 1', { imm: 63 }],
    ['w0 <<= 1', { imm: 32 }],
    ['w0 >>= 1', { imm: 31 }],
    ['r0 >>= 1', { imm: 64 }],
    ['w0 >>= 1', { imm: 63 }],
    ['r0 s>>= 1', { imm: 64 }],
    ['w0 s>>= 1', { imm: 32 }],
    ['w0 s>>= 1', { imm: -5 }],
    ['r0 += 1', { dst: 10 }],
    ['r0 = 1', { dst: 10 }],
    ['r0 = r1', { dst: 10 }],
    ['w0 = w1', { dst: 10 }],
    ['r0 = -r0', { dst: 10 }],
    ['r0 = be16 r0', { dst: 10 }],
    ['r0 += 1', { dst: 11 }],
    ['r0 = r1', { src: 11 }],
    ['r0 += r1', { src: 12 }],
    ['r0 += 1', { dst: 2 }],
    ['r0 += r1', { src: 3 }],
    ['r0 = -r0', { dst: 4 }],
  ] as const
).flatMap(([insn, fields], i) =>
  [false, true].map((unprivileged) => ({
    name: `reserved field ${i} of ${insn}${unprivileged ? ', unprivileged' : ''}`,
    unprivileged,
    // The three before it: r0 is a number, r1 is one as well.
    asm: `call bpf_get_prandom_u32#7\nr1 = r0\nr6 = 1\n${insn}\n${end}`,
    patch: { 3: fields },
  })),
)

const limits = ['127', '128', '129', '32767', '32768', '65535', '255', '2147483647', '-2147483648', '-1']
const moves: readonly Seed[] = limits.flatMap((limit) =>
  ['r7 = (s8)r6', 'r7 = (s16)r6', 'r7 = (s32)r6', 'w7 = (s8)w6', 'w7 = (s16)w6', 'w7 = w6'].map((move) => ({
    name: `move ${move} up to ${limit}`,
    asm: `${random}\nr6 = r0\nw8 = ${limit}\nif r6 > r8 goto out\n${move}\nif r7 > 5 goto out\nr9 = r6\nout:\n${end}`,
  })),
)

/** A range of 64 or 32 bits that a mask by a constant may fork. */
const ranges: readonly (readonly [string, string])[] = [
  ['a sign', 'r6 s>>= 63'],
  ['a sign of 32 bits', 'w6 s>>= 31'],
  ['a sign of 32 bits, extended', 'w6 s>>= 31\nr6 = (s32)r6'],
  ['-1 to 1', 'r6 s>>= 63\nif r7 > 5 goto +1\nr6 += 1'],
  ['-1 to 1 by bounds', 'if r6 s< -1 goto out\nif r6 s> 1 goto out'],
  ['-2 to 0', 'if r6 s< -2 goto out\nif r6 s> 0 goto out'],
  ['-1 to 0 by bounds', 'if r6 s< -1 goto out\nif r6 s> 0 goto out'],
  ['-1 to 2**32', 'r8 = 0x100000000 ll\nif r6 s< -1 goto out\nif r6 s> r8 goto out'],
  ['-2**32-1 to 0', 'r8 = 0xfffffffeffffffff ll\nif r6 s< r8 goto out\nif r6 s> 0 goto out'],
  ['-1 to 0 in 32 bits by bounds', 'if w6 s< -1 goto out\nif w6 s> 0 goto out'],
  ['-1 to 1 in 32 bits', 'if w6 s< -1 goto out\nif w6 s> 1 goto out'],
  ['-2 to 0 in 32 bits', 'if w6 s< -2 goto out\nif w6 s> 0 goto out'],
  ['0 to 1', 'r6 &= 1'],
]
const forks: readonly Seed[] = ranges.flatMap(([name, narrow]) =>
  ['r6 &= 5', 'r6 |= 8', 'w6 &= 5', 'w6 |= 9', 'r6 ^= 5', 'r6 += 5', 'r6 &= r9', 'r6 &= r7', 'r6 |= r7'].map(
    (mask) => ({
      name: `fork ${name}: ${mask}`,
      asm: `${random}\nr7 = r0\n${random}\nr6 = r0\nr6 <<= 32\nr6 |= r7\nr9 = 12\n${narrow}\nr5 = r6\n${mask}\nif r6 == 0 goto out\nr4 = r6\nout:\n${end}`,
    }),
  ),
)

/** Constants that a linked copy is apart by. */
const distances: readonly Seed[] = [
  ...[
    'r7 += 5',
    'r7 -= 5',
    'w7 += 5',
    'w7 -= 7',
    'r7 += -2147483648',
    'r7 -= -2147483648',
    'r7 += 2147483647',
  ],
  ...[
    'r8 = 0x100000001 ll\nr7 += r8',
    'r8 = 0x7fffffffffffffff ll\nr7 += r8',
    'r8 = -3\nr7 += r8',
    'r8 = -3\nw7 += w8',
  ],
  ...[
    'r8 = 0xfffffffffffffffb ll\nr7 -= r8',
    'r8 = 0xffffffff00000001 ll\nw7 += w8',
    'r7 += r7',
    'r7 += r6',
    'w7 += w7',
  ],
  ...[
    'r7 += 5\nr7 += 6',
    'r7 += 5\nr8 = r7',
    'r7 *= 3',
    'r7 += 0',
    'r7 = -r7',
    'r7 = be32 r7',
    'r7 += 5\nr8 = r7\nr8 += 7',
  ],
  ...[
    'r7 += 5\nr8 = r6\nr8 += 5',
    'r7 += 5\nr8 = r6\nw8 += 5',
    'w7 += 5\nr8 = r6\nr8 += 6',
    'w7 += 5\nr8 = r6\nw8 += 5',
  ],
].flatMap((change) =>
  ['r6 > 9', 'r7 > 9', 'w6 > 9', 'r7 s< 20', 'r6 == 4', 'r8 < 30', 'r6 > r9', 'r9 > r7'].flatMap((test) => [
    ...['', 'r6 &= 1023\n'].map((narrow) => ({
      name: `linked after ${change}${narrow && ', narrow'}: ${test}`,
      asm: `${random}\nr9 = r0\nr9 &= 63\n${random}\nr6 = r0\n${narrow}r8 = 0\nr7 = r6\n${change}\nif ${test} goto out\nr1 = r6\nr2 = r7\nr3 = r8\nif r2 > 50 goto out\nr4 = r10\nr4 += -64\nout:\n${end}`,
    })),
  ]),
)

const arenas: readonly Seed[] = programs('arena', [
  ['a cast without one', 'r2 = 5\nr2 = addr_space_cast(r2, 0x0, 0x1)\nr0 = 0\nexit'],
  ['a cast back without one', 'r2 = 5\nr2 = addr_space_cast(r2, 0x1, 0x0)\nr0 = 0\nexit'],
  ...[1, 0x10000, 2, 0, 0x10001, -1].map(
    (imm) =>
      [
        `a cast by ${imm}`,
        `r1 = map arena\nr2 = 5\nr2 = addr_space_cast(r2, 0x0, 0x1)\nr3 = *(u64 *)(r2 + 0)\n*(u32 *)(r2 + 4) = 1\n${end}`,
        { patch: { 3: { imm } } },
      ] as const,
  ),
  ...[
    'r2 += 8',
    'r2 += r3',
    'r3 += r2',
    'r2 -= r3',
    'r3 -= r2',
    'w2 += 8',
    'w3 += w2',
    'r2 <<= 3',
    'r2 &= 7',
    'r2 *= r2',
    'r2 = -r2',
    'r2 = be32 r2',
    'r2 += r10',
    'r4 = r10\nr4 += r2',
    'r4 = r10\nr2 += r4',
    'r4 = r2\nr2 -= r4',
    'w2 = w2',
    'r2 = (s8)r2',
    'if r2 == 0 goto out',
    'if r2 > r3 goto out',
    'r3 = 5\nr3 += r2\nr4 = *(u64 *)(r3 + 0)',
  ].map(
    (op) =>
      [
        op,
        `r1 = map arena\n${random}\nr3 = r0\nr1 = map arena\nr2 = 5\nr2 = addr_space_cast(r2, 0x0, 0x1)\n${op}\nr4 = *(u64 *)(r2 + 0)\nout:\n${end}`,
      ] as const,
  ),
  [
    'states that differ in it',
    `r1 = map arena\n${random}\nr3 = r0\nr2 = 5\nif r3 > 9 goto a\nr2 = 6\na:\nr2 = addr_space_cast(r2, 0x0, 0x1)\nif r3 > 30 goto b\nr2 += 64\nb:\nr4 = *(u64 *)(r2 + 0)\n${end}`,
    { flags: 8 },
  ],
])

/** How to have a pointer of each kind in r6; r7 is any number, r9 the context. */
const kinds: readonly (readonly [string, string, Partial<Seed>?])[] = [
  ['context', 'r6 = r9'],
  ['stack', 'r6 = r10'],
  ['map', 'r6 = map hash'],
  ['value', 'r6 = value globals+16'],
  ['value or null', `${lookup('array')}\nr6 = r0`],
  ['looked-up value', `${lookup('array')}\nif r0 == 0 goto out\nr6 = r0`],
  [
    'ring buffer',
    'r1 = map ringbuf\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131\nif r0 == 0 goto out\nr6 = r0',
  ],
  ['packet', 'r6 = *(u32 *)(r9 + 76)', { type: 'sched_cls' }],
  ['packet end', 'r6 = *(u32 *)(r9 + 80)', { type: 'sched_cls' }],
  ['socket', 'r6 = *(u64 *)(r9 + 168)\nif r6 == 0 goto out', { type: 'sched_cls' }],
  ['flow keys', 'r6 = *(u64 *)(r9 + 144)', { type: 'flow_dissector' }],
  ['function', 'r6 = func fn'],
  ['buffer', 'r6 = *(u64 *)(r9 + 0)', { type: 'raw_tracepoint_writable' }],
]
const both: readonly Seed[] = kinds.flatMap(([kind, make, more]) =>
  [
    ...[
      'r6 += 8',
      'r6 += 0',
      'r6 -= 0',
      'r6 += r8',
      'r6 -= r8',
      'r6 += r7',
      'r6 -= r7',
      'r7 += r6',
      'r7 -= r6',
    ],
    ...[
      'r7 = 0\nr6 += r7',
      'r7 = 0\nr6 -= r7',
      'r7 = 0\nr7 += r6\nr6 = r7',
      'r7 = 8\nr7 += r6\nr6 = r7',
      'r7 += r6\nr6 = r7',
    ],
    ...[
      'w6 += 8',
      'w6 -= 8',
      'w7 -= w6',
      'w6 -= w7',
      'r6 &= 0',
      'r6 |= r8',
      'r6 ^= r8',
      'r8 ^= r6',
      'r6 *= 1',
      'r8 <<= r6',
    ],
    ...[
      'r6 -= r6',
      'r8 -= r6',
      'r1 = r6\nr6 += r1',
      'r6 = -r6',
      'w6 = w6',
      'r6 = (s8)r6',
      'w6 = (s16)w6',
      'r6 = be64 r6',
    ],
    ...[
      'r6 += 536870911',
      'r6 += 536870912',
      'r6 += -536870912',
      'r6 += 536870911\nr6 += 1',
      'r8 += 536870910\nr6 += r8',
    ],
    ...[
      'r8 += 536870900\nr6 += r8',
      'r8 = 0x100000000 ll\nr6 += r8',
      'r8 = 0x100000000 ll\nr8 += r6',
      'r8 <<= 28\nr6 += r8',
    ],
    ...[
      'r8 <<= 27\nr6 += r8\nr8 = 536870910\nr6 += r8\nr6 += r8',
      'r8 = -r8\nr6 += r8',
      'r8 = -r8\nr6 -= r8',
      'r8 -= 4\nr6 -= r8',
    ],
  ].map((op) => ({
    name: `${kind}: ${op}`,
    asm: `r9 = r1\n${random}\nr7 = r0\nr8 = r0\nr8 &= 7\n${make}\n${op}\nr0 = *(u8 *)(r6 + 0)\nout:\n${end}${kind === 'function' ? '\nfn:\nr0 = 0\nexit' : ''}`,
    ...more,
  })),
)

/** What a packet's range becomes. */
const moved: readonly Seed[] = [
  ...[
    'r5 -= r8',
    'r8 = -r8\nr5 -= r8',
    'r8 -= 3\nr5 -= r8',
    'r5 += r8',
    'r8 -= 3\nr5 += r8',
    'r8 += r5\nr5 = r8',
    'r5 -= 4',
    'r5 += 4',
  ],
  ...['r8 = 4\nr8 += r5\nr5 = r8', 'r8 = 4\nr5 -= r8', 'r5 += r8\nr5 -= r8'],
].flatMap((op) =>
  ['', 'if r5 > r3 goto out\n'].map((again) => ({
    name: `packet: ${op}${again && ', checked again'}`,
    type: 'xdp',
    asm: packet(
      `r7 = *(u32 *)(r1 + 12)\nr8 = r7\nr8 &= 7\nr4 = r2\nr4 += 16\nif r4 > r3 goto out\nr5 = r2\nr5 += 8\n${op}\n${again}r0 = *(u8 *)(r5 + 0)\nr0 = *(u8 *)(r5 + 7)\nr0 = *(u8 *)(r2 + 15)`,
    ),
  })),
)

export const arithmetic: readonly Seed[] = [
  ...reserved,
  ...moves,
  ...forks,
  ...distances,
  ...arenas,
  ...both,
  ...moved,
  ...programs('values', [
    ['a value twice', found('array', 'r6 = r0\nr6 += 8\nr7 = r6\nr7 -= 8\nr1 = *(u64 *)(r7 + 0)')],
    ['a difference', 'r6 = r1\nr6 -= r1\nr7 = r10\nr7 -= r1\nr7 += 5\nr0 = 0\nexit'],
    ['a difference, unprivileged', 'r6 = r1\nr6 -= r1\nr0 = 0\nexit', { unprivileged: true }],
  ]),
]
