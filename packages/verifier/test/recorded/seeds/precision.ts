import type { Seed } from '../seed.ts'
import { end, lookup, packet, random } from './pieces.ts'

// Which numbers must be known precisely, followed back over every kind of instruction, with a checkpoint at each
// (BPF_F_TEST_STATE_FREQ) and without.

const often = (seeds: readonly Seed[]): Seed[] =>
  seeds.flatMap((seed) => [seed, { ...seed, name: `${seed.name}, often`, flags: (seed.flags ?? 0) | 8 }])

const use = 'r1 = value globals+0\nr1 += r6\nr0 = *(u8 *)(r1 + 0)'
const start = `${random}\nr6 = r0\nr6 &= 15`

/** What is done with r6 before its value counts. */
const steps: readonly (readonly [string, string])[] = [
  ['a move', 'r7 = r6\nr6 = 3\nr6 = r7'],
  ['a sum', 'r7 = 3\nr6 += r7'],
  ['a sum with itself', 'r6 += r6\nr6 &= 31'],
  ['a negation', 'r7 = r6\nr6 = -r6\nr6 &= 15'],
  ['a swap of bytes', 'r6 = be16 r6\nr6 &= 15'],
  ['a frame pointer', 'r7 = r10\nr7 += r6\nr8 = r7'],
  ['a jump', 'r7 = 9\nif r6 > r7 goto out'],
  ['a jump with the frame pointer', 'if r6 == r10 goto out'],
  ['a jump from the frame pointer', 'if r10 == r6 goto out'],
  ['a jump over another', 'r7 = r0\nif r7 > 3 goto +1\nr8 = 1\nif r7 > r6 goto out'],
  ...[8, 16, 256, 264, 272, 504, 512].map(
    (at) => [`a slot at ${at}`, `*(u64 *)(r10 - ${at}) = r6\nr6 = 7\nr6 = *(u64 *)(r10 - ${at})`] as const,
  ),
  [
    'two slots',
    '*(u64 *)(r10 - 264) = r6\n*(u64 *)(r10 - 8) = r6\nr6 = *(u64 *)(r10 - 264)\nr7 = *(u64 *)(r10 - 8)',
  ],
  [
    'a slot that is linked',
    'r7 = r6\n*(u64 *)(r10 - 304) = r7\nif r6 > 9 goto out\nr6 = *(u64 *)(r10 - 304)',
  ],
  ['a half slot', '*(u32 *)(r10 - 8) = r6\nr6 = *(u32 *)(r10 - 8)'],
  ['a constant slot', '*(u64 *)(r10 - 16) = 5\nr6 = *(u64 *)(r10 - 16)'],
  ['a slot by a pointer', 'r7 = r10\nr7 += -24\n*(u64 *)(r7 + 0) = r6\nr6 = *(u64 *)(r10 - 24)'],
  ['a load', 'r7 = value globals+0\nr6 = *(u8 *)(r7 + 0)\nr6 &= 15'],
  ['a byte of a slot', '*(u64 *)(r10 - 8) = 0\n*(u8 *)(r10 - 8) = 5\nr6 = *(u8 *)(r10 - 8)'],
  [
    'an exchange',
    '*(u64 *)(r10 - 8) = 1\nr7 = r6\nr7 = xchg_64(r10 - 8, r7)\nr6 = *(u64 *)(r10 - 8)\nr6 &= 15',
  ],
  ['an atomic sum', '*(u64 *)(r10 - 8) = 1\nlock *(u64 *)(r10 - 8) += r6\nr6 = *(u64 *)(r10 - 8)\nr6 &= 15'],
  [
    'an atomic fetch',
    '*(u64 *)(r10 - 8) = 1\nr7 = 2\nr7 = atomic_fetch_add((u64 *)(r10 - 8), r7)\nr6 = r7\nr6 &= 15',
  ],
  ['an acquiring load', '*(u64 *)(r10 - 8) = r6\nr6 = 1\nr6 = load_acquire((u64 *)(r10 - 8))\nr6 &= 15'],
  ['an acquiring load of a constant', 'r7 = 5\n*(u64 *)(r10 - 8) = r7\nr6 = load_acquire((u64 *)(r10 - 8))'],
  [
    'a releasing store',
    '*(u64 *)(r10 - 8) = 0\nstore_release((u64 *)(r10 - 8), r6)\nr6 = *(u64 *)(r10 - 8)\nr6 &= 15',
  ],
  ['a 64-bit constant', 'r6 = 0x7 ll'],
  ['a helper', 'call bpf_get_prandom_u32#7\nr6 = r0\nr6 &= 15'],
  ['a helper that is not asked', 'call bpf_ktime_get_ns#5'],
  ['a function', 'r1 = r6\ncall sub\nr6 = r0\nr6 &= 15'],
  ['a function that is not asked', 'r1 = 4\ncall sub'],
  ['a function of a constant', 'r1 = 4\ncall same\nr6 = r0'],
  ['functions in functions', 'r1 = r6\ncall outer\nr6 = r0\nr6 &= 15'],
  ['a function that counts it', 'r1 = r6\ncall counts'],
  [
    'a function that counts a slot',
    '*(u64 *)(r10 - 8) = r6\nr1 = r10\nr1 += -8\ncall slot\nr6 = *(u64 *)(r10 - 8)\nr6 &= 15',
  ],
  [
    'a pointer that became a number',
    'r7 = r10\nr7 += -8\n*(u64 *)(r7 + 0) = 1\nr7 -= r10\nr6 = r7\nr6 &= 15',
  ],
  ['a store by what becomes a number', 'r6 = r10\n*(u64 *)(r6 - 8) = 0\nr6 -= r10\nr6 &= 15'],
  ['a store by what becomes a constant', 'r8 = r10\nr6 = r10\n*(u64 *)(r6 - 8) = 0\nr6 = 5'],
  ['a path more', 'r7 = r0\nif r7 > 100 goto +1\nr6 += 1\nr8 = r6'],
  ['three paths', 'r7 = r0\nr8 = 0\nif r7 > 100 goto +1\nr8 = 1\nif r7 > 200 goto +1\nr8 += 2\nr6 += r8'],
]
const functions = `sub:\nr0 = r1\nr0 += 1\nexit\nsame:\nr0 = r1\nexit\nouter:\nr6 = r1\ncall sub\nr0 += r6\nexit\ncounts:\nr1 &= 7\nr2 = value globals+0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit\nslot:\nr2 = *(u64 *)(r1 + 0)\nr2 &= 3\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit`
const needs = (step: string): string =>
  /call (?:sub|same|outer|counts|slot)\b/.test(step)
    ? `\n${functions
        .split(/(?<=exit)\n/)
        .filter((text) => {
          const name = /^\w+/.exec(text)![0]
          return new RegExp(`call ${name}\\b`).test(step) || (name === 'sub' && /call outer/.test(step))
        })
        .join('\n')}`
    : ''
const ways = (step: string): string => `${start}\n${step}\n${use}\nout:\n${end}${needs(step)}`
const single: readonly Seed[] = steps.map(([name, step]) => ({
  name: `precision over ${name}`,
  asm: ways(step),
}))
const pairs: readonly Seed[] = steps.flatMap(([name, step], i) =>
  [1, 7, 13, 19].map((by) => {
    const [other, next] = steps[(i + by) % steps.length]!
    return {
      name: `precision over ${name}, ${other}`,
      asm: `${start}\n${step}\n${next}\n${use}\nout:\n${end}${needs(`${step}\n${next}`)}`,
    }
  }),
)

/** Numbers that count for a helper, a return, a size, a jump that is decided. */
const uses: readonly Seed[] = (
  [
    [
      'a size',
      `r1 = r10\nr1 += -16\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r6\nr2 += 1\nr3 = value globals+0\ncall bpf_probe_read_kernel#113`,
      { type: 'kprobe' },
    ],
    ['a decided jump', 'if r6 < 16 goto +1\nr9 = r8'],
    ['a decided jump with a register', 'r7 = 20\nif r6 < r7 goto +1\nr9 = r8'],
    ['a decided jump of 32 bits', 'r7 = 20\nif w7 > w6 goto +1\nr9 = r8'],
    ['an offset first', 'r7 = r6\nr1 = value globals+0\nr7 += r1\nr0 = *(u8 *)(r7 + 0)'],
    [
      'an offset from the stack',
      'r6 &= 7\nr1 = r10\nr1 += -16\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 += r6\nr0 = *(u8 *)(r1 + 0)',
    ],
    ['a return', 'r0 = r6\nr0 &= 1\nexit', { type: 'cgroup_skb', attach: 'cgroup_inet_ingress' }],
    ['a key', `*(u64 *)(r10 - 8) = r6\nr2 = r10\nr2 += -8\nr1 = map array\ncall bpf_map_lookup_elem#1`],
    [
      'a known key',
      `*(u32 *)(r10 - 8) = 1\nr2 = r10\nr2 += -8\nr1 = map array\ncall bpf_map_lookup_elem#1\nr1 = *(u64 *)(r0 + 0)`,
    ],
    [
      'a key of a slot',
      `r7 = 2\n*(u32 *)(r10 - 264) = r7\nr2 = r10\nr2 += -264\nr1 = map array\ncall bpf_map_lookup_elem#1\nr1 = *(u64 *)(r0 + 0)`,
    ],
    ['a tail call', 'r1 = r9\nr2 = map programs\nr3 = r6\ncall bpf_tail_call#12'],
    ['a known tail call', 'r1 = r9\nr2 = map programs\nr3 = 1\ncall bpf_tail_call#12'],
    ['rounds', 'r7 = 0\nl:\nr7 += 1\nif r7 < r6 goto l'],
    [
      'rounds that count',
      `r7 = 0\nl:\nr7 += 1\nr1 = value globals+0\nr1 += r7\nr0 = *(u8 *)(r1 + 0)\nif r7 < 6 goto l`,
    ],
    [
      'rounds of may_goto',
      `r7 = 0\nl:\nmay_goto out\nr7 += 1\nif r7 > 15 goto out\nr1 = value globals+0\nr1 += r7\nr0 = *(u8 *)(r1 + 0)\ngoto l`,
    ],
  ] as const
).map(([name, body, more]) => ({
  name: `precise for ${name}`,
  asm: `r9 = r1\nr8 = 1\n${start}\n${body}\nout:\n${end}`,
  ...more,
}))

/** Functions that are verified by themselves: their arguments. */
const globals: readonly Seed[] = [
  [
    'r1 &= 15\nr2 = value globals+0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit',
    'static int main(ctx)',
    'global int sub(int)',
  ],
  [
    'if r1 > 7 goto no\nr2 = value globals+0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit\nno:\nr0 = 0\nexit',
    'static int main(ctx)',
    'global int sub(u64)',
  ],
  [
    'r6 = r1\nr7 = r2\nif r6 > r7 goto no\nr2 = value globals+0\nr6 &= 3\nr2 += r6\nr0 = *(u8 *)(r2 + 0)\nexit\nno:\nr0 = 0\nexit',
    'static int main(ctx)',
    'global int sub(u64, u64)',
  ],
  [
    '*(u64 *)(r10 - 8) = r1\nr3 = *(u64 *)(r10 - 8)\nr3 &= 15\nr2 = value globals+0\nr2 += r3\nr0 = *(u8 *)(r2 + 0)\nexit',
    'static int main(ctx)',
    'global int sub(u64, u64)',
  ],
  [
    'r0 = r1\nif r0 == 5 goto yes\nr0 = 1\nyes:\nr0 &= 1\nexit',
    'static int main(ctx)',
    'global int sub(u64)',
  ],
].flatMap(([body, ...list]) =>
  [
    'r1 = 3\nr2 = 4\ncall sub\nr6 = r0',
    'r1 = r6\nr2 = r6\ncall sub\nr6 = r0',
    'r1 = r6\nr2 = 1\ncall sub',
  ].map((call, i) => ({
    name: `precise arguments ${i} of ${list[1]} ${body!.length}`,
    asm: `${start}\n${call}\nr6 &= 15\n${use}\n${end}\nsub:\n${body}`,
    functions: list,
  })),
)

/** Callbacks, tail calls in functions and loads of packets in between. */
const between: readonly Seed[] = (
  [
    [
      'a callback',
      `r1 = 3\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${use}\n${end}\ncb:\nr0 = 0\nexit`,
    ],
    [
      'a callback that changes a slot',
      `*(u64 *)(r10 - 8) = 3\nr1 = 3\nr2 = func cb\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_loop#181\nr6 = *(u64 *)(r10 - 8)\nr6 &= 15\n${use}\n${end}\ncb:\nr3 = *(u64 *)(r2 + 0)\nr3 &= 7\nr1 = value globals+0\nr1 += r3\nr0 = *(u8 *)(r1 + 0)\nr3 += 1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit`,
    ],
    [
      'a callback’s index',
      `r1 = 5\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${end}\ncb:\nif r1 > 9 goto no\nr3 = value globals+0\nr3 += r1\nr0 = *(u8 *)(r3 + 0)\nno:\nr0 = 0\nexit`,
    ],
    [
      'a callback’s result',
      `r1 = r6\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr6 = r0\nr6 &= 15\n${use}\n${end}\ncb:\nr0 = r1\nr0 &= 1\nexit`,
    ],
    [
      'rounds of a callback',
      `r1 = r6\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${use}\n${end}\ncb:\nr0 = 0\nexit`,
    ],
    [
      'a callback in a function',
      `r1 = r6\ncall sub\n${use}\n${end}\nsub:\nr6 = r1\nr1 = r6\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr1 = value globals+0\nr1 += r6\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit\ncb:\nr0 = 0\nexit`,
    ],
    [
      'a callback over elements',
      `r1 = map array\nr2 = func cb\nr3 = r10\nr3 += -8\n*(u64 *)(r10 - 8) = r6\nr4 = 0\ncall bpf_for_each_map_elem#164\nr6 = *(u64 *)(r10 - 8)\nr6 &= 15\n${use}\n${end}\ncb:\nr5 = *(u64 *)(r4 + 0)\nr5 &= 7\nr3 += r5\nr0 = *(u8 *)(r3 + 0)\nr0 = 0\nexit`,
    ],
    [
      'a tail call in a function',
      `r1 = r9\ncall sub\n${use}\n${end}\nsub:\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 3\nexit`,
    ],
    [
      'a tail call in a function, its result',
      `r1 = r9\ncall sub\nr6 = r0\nr6 &= 15\n${use}\n${end}\nsub:\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 3\nexit`,
    ],
    [
      'a tail call in a function, a jump on its result',
      `r1 = r9\ncall sub\nif r0 > 2 goto out\n${use}\nout:\n${end}\nsub:\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 1\nexit`,
    ],
    ['a load of the packet', `r8 = r6\nr6 = r9\nr0 = *(u32 *)skb[12]\nr6 = r8\n${use}\n${end}`],
    ['a load of the packet, its value', `r6 = r9\nr0 = *(u8 *)skb[12]\nr6 = r0\nr6 &= 15\n${use}\n${end}`],
    [
      'a load of the packet at its value',
      `r8 = r6\nr6 = r9\nr0 = *(u8 *)skb[r8 + 2]\nr6 = r0\nr6 &= 15\n${use}\n${end}`,
    ],
    [
      'a load of the packet in a function',
      `r1 = r9\ncall sub\nr6 = r0\nr6 &= 15\n${use}\n${end}\nsub:\nr6 = r1\nr0 = *(u8 *)skb[12]\nr0 = 3\nexit`,
    ],
    [
      'a load of the packet in a function, beside',
      `r1 = r9\ncall sub\n${use}\n${end}\nsub:\nr6 = r1\nr0 = *(u8 *)skb[12]\nexit`,
    ],
    [
      'eight functions',
      `r1 = r6\ncall a\nr6 = r0\nr6 &= 15\n${use}\n${end}\na:\ncall b\nexit\nb:\ncall c\nexit\nc:\ncall d\nexit\nd:\ncall e\nexit\ne:\ncall f\nexit\nf:\ncall g\nexit\ng:\nr0 = r1\nexit`,
    ],
    [
      'eight functions, at the deepest',
      `r1 = r6\ncall a\n${end}\na:\ncall b\nexit\nb:\ncall c\nexit\nc:\ncall d\nexit\nd:\ncall e\nexit\ne:\ncall f\nexit\nf:\ncall g\nexit\ng:\nr1 &= 15\nr2 = value globals+0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit`,
    ],
    [
      'a slot of the caller',
      `*(u64 *)(r10 - 8) = r6\nr1 = r10\nr1 += -8\ncall sub\n${end}\nsub:\nr3 = *(u64 *)(r1 + 0)\nif r3 > 15 goto no\nr2 = value globals+0\nr2 += r3\nr0 = *(u8 *)(r2 + 0)\nno:\nr0 = 0\nexit`,
    ],
    [
      'a slot that the function wrote',
      `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = r6\ncall sub\nr6 = *(u64 *)(r10 - 8)\nif r6 > 15 goto out\n${use}\nout:\n${end}\nsub:\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit`,
    ],
    [
      'a slot of the function itself',
      `r1 = r6\ncall sub\nr6 = r0\nif r6 > 15 goto out\n${use}\nout:\n${end}\nsub:\n*(u64 *)(r10 - 8) = r1\nr0 = *(u64 *)(r10 - 8)\nexit`,
    ],
    [
      'the look-up of a value',
      `${lookup('array')}\nif r0 == 0 goto out\nr6 = *(u32 *)(r0 + 0)\nif r6 > 15 goto out\n${use}\nout:\n${end}`,
    ],
  ] as const
).map(([name, body]) => ({ name: `precision around ${name}`, asm: `r9 = r1\n${start}\n${body}` }))

const packets: readonly Seed[] = [
  'r7 = r3\nr7 -= r2\nr7 &= 15\nr4 = r2\nr4 += r7\nr5 = r4\nr5 += 8\nif r5 > r3 goto out\nr0 = *(u8 *)(r4 + 0)',
  '*(u64 *)(r10 - 8) = r2\nr4 = *(u64 *)(r10 - 8)\nr5 = r4\nr5 += 8\nif r5 > r3 goto out\nr0 = *(u8 *)(r4 + 0)',
  'r5 = r2\nr5 += 8\nif r5 > r3 goto out\n*(u64 *)(r2 + 0) = 7\nr7 = r2\nr7 -= r3\nr7 &= 7\nr1 = value globals+0\nr1 += r7\nr0 = *(u8 *)(r1 + 0)',
].map((body, i) => ({ name: `precision in a packet ${i}`, type: 'xdp', asm: packet(body) }))

export const precision: readonly Seed[] = often([
  ...single,
  ...pairs,
  ...uses,
  ...globals,
  ...between,
  ...packets,
])
