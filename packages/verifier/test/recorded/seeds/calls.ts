import type { Seed } from '../seed.ts'
import { end, found, lookup, random, socket } from './pieces.ts'

export const callbacks: readonly Seed[] = [
  {
    name: 'bpf_loop',
    type: 'xdp',
    asm: `r6 = r1\n*(u64 *)(r10 - 8) = 0\nr1 = 10\nr2 = func cb\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_loop#181\nr0 = *(u64 *)(r10 - 8)\nr0 = 2\nexit\ncb:\nr0 = *(u64 *)(r2 + 0)\nr0 += 1\n*(u64 *)(r2 + 0) = r0\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop stops',
    type: 'xdp',
    asm: `${random}\nr1 = r0\nr1 &= 255\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 2\nexit\ncb:\nr0 = 0\nif r1 > 7 goto one\nexit\none:\nr0 = 1\nexit`,
  },
  {
    name: 'bpf_loop returns 2',
    type: 'xdp',
    asm: `r1 = 4\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 2\nexit\ncb:\nr0 = 2\nexit`,
  },
  {
    name: 'bpf_loop never',
    type: 'xdp',
    asm: `r1 = 0\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 2\nexit\ncb:\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop with flags',
    type: 'xdp',
    asm: `r1 = 3\nr2 = func cb\nr3 = 0\nr4 = 1\ncall bpf_loop#181\nr0 = 2\nexit\ncb:\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop with an index',
    type: 'xdp',
    asm: `r6 = r1\nr1 = 8\nr2 = func cb\nr3 = value globals+0\nr4 = 0\ncall bpf_loop#181\nr0 = 2\nexit\ncb:\nif r1 > 7 goto bad\nr1 <<= 3\nr2 += r1\n*(u64 *)(r2 + 0) = 1\nbad:\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop over the frame',
    type: 'xdp',
    asm: `r7 = 0\n*(u64 *)(r10 - 8) = r7\n*(u64 *)(r10 - 16) = r7\nr1 = 5\nr2 = func cb\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_loop#181\nr1 = *(u64 *)(r10 - 16)\nif r1 > 15 goto out\nr2 = value globals+0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nout:\nr0 = 2\nexit\ncb:\nr3 = *(u64 *)(r2 + 0)\nr3 += 3\nif r3 < 16 goto ok\nr3 = 0\nok:\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop in bpf_loop',
    type: 'xdp',
    asm: `r1 = 3\nr2 = func a\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 2\nexit\na:\nr1 = 3\nr2 = func b\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 0\nexit\nb:\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop with a reference',
    type: 'sched_cls',
    asm: `${socket('bpf_sk_lookup_tcp#84')}\nif r0 == 0 goto out\n*(u64 *)(r10 - 48) = r0\nr1 = 3\nr2 = func cb\nr3 = r10\nr3 += -48\nr4 = 0\ncall bpf_loop#181\nr1 = *(u64 *)(r10 - 48)\ncall bpf_sk_release#86\nout:\n${end}\ncb:\nr1 = *(u64 *)(r2 + 0)\nr0 = *(u32 *)(r1 + 4)\nr0 = 0\nexit`,
  },
  {
    name: 'bpf_loop releases',
    type: 'sched_cls',
    asm: `${socket('bpf_sk_lookup_tcp#84')}\nif r0 == 0 goto out\n*(u64 *)(r10 - 48) = r0\nr1 = 3\nr2 = func cb\nr3 = r10\nr3 += -48\nr4 = 0\ncall bpf_loop#181\nout:\n${end}\ncb:\nr1 = *(u64 *)(r2 + 0)\ncall bpf_sk_release#86\nr0 = 0\nexit`,
  },
  {
    name: 'for each element',
    type: 'sched_cls',
    asm: `r1 = map hash\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164\n${end}\ncb:\nr5 = *(u64 *)(r2 + 0)\nr0 = *(u64 *)(r3 + 40)\nr0 = 0\nexit`,
  },
  {
    name: 'for each element, writing',
    type: 'sched_cls',
    asm: `*(u64 *)(r10 - 8) = 0\nr1 = map array\nr2 = func cb\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_for_each_map_elem#164\n${end}\ncb:\n*(u64 *)(r3 + 8) = 1\nr5 = *(u32 *)(r2 + 0)\n*(u64 *)(r4 + 0) = r5\nr0 = 1\nexit`,
  },
  {
    name: 'for each element, key written',
    type: 'sched_cls',
    asm: `r1 = map array\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164\n${end}\ncb:\n*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit`,
  },
  {
    name: 'for each element, deleting',
    type: 'sched_cls',
    asm: `r1 = map hash\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164\n${end}\ncb:\ncall bpf_map_delete_elem#3\nr0 = 0\nexit`,
  },
  {
    name: 'for each element, of no such map',
    type: 'sched_cls',
    asm: `r1 = map queue\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_for_each_map_elem#164\n${end}\ncb:\nr0 = 0\nexit`,
  },
  {
    name: 'a number for a callback',
    type: 'xdp',
    asm: `r1 = 3\nr2 = 5\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 2\nexit`,
  },
  {
    name: 'user ring drained',
    type: 'kprobe',
    asm: `r1 = map ringbuf\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_user_ringbuf_drain#209\n${end}\ncb:\nr0 = 0\nexit`,
  },
]

const global = (
  name: string,
  caller: string,
  callee: string,
  proto: string,
  more: Partial<Seed> = {},
): Seed => ({
  name: `global ${name}`,
  type: 'sched_cls',
  asm: `${caller}\n${end}\nsub:\n${callee}`,
  functions: ['global int main(ctx)', proto],
  ...more,
})

export const globals: readonly Seed[] = [
  global('of a number', 'r1 = 5\ncall sub', 'r0 = r1\nexit', 'global int sub(int)'),
  global('of a pointer where a number goes', 'call sub', 'r0 = r1\nr0 = 0\nexit', 'global int sub(u64)'),
  global('of the context', 'call sub', 'r0 = *(u32 *)(r1 + 0)\nexit', 'global int sub(ctx)'),
  global('of no context', 'r1 = 0\ncall sub', 'r0 = *(u32 *)(r1 + 0)\nexit', 'global int sub(ctx)'),
  global('of tagged context', 'call sub', 'r0 = *(u32 *)(r1 + 0)\nexit', 'global int sub(void * ctx)'),
  global(
    'of memory',
    '*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -16\ncall sub',
    'if r1 == 0 goto no\nr0 = *(u64 *)(r1 + 8)\n*(u32 *)(r1 + 0) = 1\nno:\nr0 = 0\nexit',
    'global int sub(mem 16)',
  ),
  global('of memory, unchecked', 'r1 = 0\ncall sub', 'r0 = *(u64 *)(r1 + 0)\nexit', 'global int sub(mem 16)'),
  global(
    'of memory, not null',
    '*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -16\ncall sub',
    'r0 = *(u64 *)(r1 + 8)\nexit',
    'global int sub(mem 16 nonnull)',
  ),
  global(
    'of null, not null',
    'r1 = 0\ncall sub',
    'r0 = *(u64 *)(r1 + 8)\nexit',
    'global int sub(mem 16 nonnull)',
  ),
  global(
    'of a value that may be null',
    `${lookup('array')}\nr1 = r0\ncall sub`,
    'if r1 == 0 goto no\nr0 = *(u64 *)(r1 + 8)\nno:\nr0 = 0\nexit',
    'global int sub(mem 16)',
  ),
  global(
    'of a value that may be null, not null',
    `${lookup('array')}\nr1 = r0\ncall sub`,
    'r0 = *(u64 *)(r1 + 8)\nexit',
    'global int sub(mem 16 nonnull)',
  ),
  global(
    'beyond memory',
    '*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\ncall sub',
    'if r1 == 0 goto no\nr0 = *(u64 *)(r1 + 8)\nno:\nr0 = 0\nexit',
    'global int sub(mem 16)',
  ),
  global(
    'of a number by reference',
    '*(u32 *)(r10 - 4) = 0\nr1 = r10\nr1 += -4\ncall sub',
    'if r1 == 0 goto no\nr0 = *(u32 *)(r1 + 0)\nno:\nr0 = 0\nexit',
    'global int sub(mem 4)',
  ),
  global(
    'of five',
    'r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\ncall sub',
    'r0 = r1\nr0 += r5\nexit',
    'global int sub(int, u64, int, enum, int)',
  ),
  global('of six', 'r1 = 1\ncall sub', 'r0 = 0\nexit', 'global int sub(int, int, int, int, int, int)'),
  global('that returns nothing', 'r1 = 1\ncall sub', 'r0 = 0\nexit', 'global void sub(int)'),
  global('of a float', 'r1 = 1\ncall sub', 'r0 = 0\nexit', 'global int sub(float)'),
  global('of a struct', 'r1 = 1\ncall sub', 'r0 = 0\nexit', 'global int sub(struct)'),
  global('of something unknown', 'r1 = 0\ncall sub', 'r0 = 0\nexit', 'global int sub(fwd)'),
  global('of void', 'r1 = 0\ncall sub', 'r0 = 0\nexit', 'global int sub(void *)'),
  global(
    'of untrusted memory',
    'r1 = 0\ncall sub',
    'r0 = *(u64 *)(r1 + 8)\nexit',
    'global int sub(void * untrusted)',
  ),
  global(
    'of untrusted memory, written',
    'r1 = 0\ncall sub',
    '*(u64 *)(r1 + 8) = 0\nr0 = 0\nexit',
    'global int sub(void * untrusted)',
  ),
  global('of a tag that is unknown', 'r1 = 0\ncall sub', 'r0 = 0\nexit', 'global int sub(mem 16 strange)'),
  global('of two tags', 'r1 = 0\ncall sub', 'r0 = 0\nexit', 'global int sub(void * ctx nonnull)'),
  global(
    'of untrusted and more',
    'r1 = 0\ncall sub',
    'r0 = 0\nexit',
    'global int sub(mem 16 untrusted nonnull)',
  ),
  global('of nullable memory', 'r1 = 0\ncall sub', 'r0 = 0\nexit', 'global int sub(mem 16 nullable)'),
  global('of a tagged number', 'r1 = 0\ncall sub', 'r0 = 0\nexit', 'global int sub(int nonnull)'),
  global(
    'of a dynptr',
    'r6 = r1\n*(u64 *)(r10 - 32) = 0\n*(u64 *)(r10 - 24) = 0\nr1 = value globals+0\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -16\ncall sub',
    '*(u64 *)(r10 - 8) = 0\nr2 = 8\nr3 = r1\nr1 = r10\nr1 += -8\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read#201\nr0 = 0\nexit',
    'global int sub(dynptr)',
  ),
  global('of no dynptr', 'r1 = r10\nr1 += -16\ncall sub', 'r0 = 0\nexit', 'global int sub(dynptr)'),
  global(
    'static',
    'r1 = r10\nr1 += -8\n*(u64 *)(r1 + 0) = 3\ncall sub',
    'r0 = *(u64 *)(r1 + 0)\nexit',
    'static int sub(mem 8)',
  ),
  global(
    'that changes packets',
    'r6 = r1\ncall sub\nr2 = *(u32 *)(r6 + 76)\nr3 = *(u32 *)(r6 + 80)',
    'r2 = 100\nr3 = 0\ncall bpf_skb_change_tail#38\nr0 = 0\nexit',
    'global int sub(ctx)',
  ),
  global(
    'of packets that it changes',
    'r6 = r1\nr7 = *(u32 *)(r6 + 76)\nr3 = *(u32 *)(r6 + 80)\nr4 = r7\nr4 += 8\nif r4 > r3 goto no\ncall sub\nr0 = *(u8 *)(r7 + 0)\nno:',
    'r2 = 100\nr3 = 0\ncall bpf_skb_change_tail#38\nr0 = 0\nexit',
    'global int sub(ctx)',
  ),
  global(
    'under a lock',
    found(
      'locked',
      'r6 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nr1 = 0\ncall sub\nr1 = r6\nr1 += 4\ncall bpf_spin_unlock#94',
    ),
    'r0 = 0\nexit',
    'global int sub(int)',
  ),
  global('that is wrong itself', 'r1 = 5\ncall sub', 'r0 = *(u64 *)(r1 + 0)\nexit', 'global int sub(int)'),
  global(
    'never called',
    'r1 = 5\nif r1 == 5 goto skip\ncall sub\nskip:',
    'r0 = *(u64 *)(r1 + 0)\nexit',
    'global int sub(int)',
  ),
  global(
    'with a packet load',
    'r6 = r1\ncall sub',
    'r6 = r1\nr0 = *(u32 *)skb[4]\nexit',
    'global int sub(ctx)',
  ),
  global('of too few functions', 'r1 = 5\ncall sub', 'r0 = r1\nexit', 'global int sub(int)', {
    functions: ['global int main(ctx)'],
  }),
  global('with a main of two', 'r1 = 5\ncall sub', 'r0 = r1\nexit', 'global int sub(int)', {
    functions: ['global int main(ctx, int)', 'global int sub(int)'],
  }),
  global(
    'that calls main',
    'r1 = 5\ncall sub',
    'r6 = r1\nr1 = 7\ncall sub\nr0 = 0\nexit',
    'global int sub(int)',
  ),
]

export const linked: readonly Seed[] = [
  [
    'a copy',
    `${random}\nr6 = r0\nr7 = r6\nr7 += 3\nif r6 > 7 goto out\nr8 = value globals+0\nr8 += r7\nr0 = *(u8 *)(r8 + 0)\nout:\n${end}`,
  ],
  [
    'a 32-bit copy',
    `${random}\nw0 = w0\nr6 = r0\nw7 = w6\nw7 += 3\nif w6 > 7 goto out\nr8 = value globals+0\nr8 += r7\nr0 = *(u8 *)(r8 + 0)\nout:\n${end}`,
  ],
  [
    'back',
    `${random}\nr6 = r0\nr7 = r6\nr7 += 5\nif r7 > 20 goto out\nif r6 > 60 goto out\nr8 = value globals+0\nr8 += r6\nr0 = *(u8 *)(r8 + 0)\nout:\n${end}`,
  ],
  [
    'many',
    `${random}\nr1 = r0\nr2 = r0\nr3 = r0\nr4 = r0\nr5 = r0\nr6 = r0\nr7 = r0\nr8 = r0\n*(u64 *)(r10 - 8) = r0\n*(u64 *)(r10 - 16) = r0\nif r0 > 30 goto out\nr9 = value globals+0\nr9 += r8\nr0 = *(u8 *)(r9 + 0)\nout:\n${end}`,
  ],
  [
    'across a call',
    `${random}\nr6 = r0\nr1 = r6\ncall sub\nif r6 > 8 goto out\nr9 = value globals+0\nr9 += r6\nr0 = *(u8 *)(r9 + 0)\nout:\n${end}\nsub:\nr6 = r1\nif r1 > 8 goto big\nr0 = r6\nexit\nbig:\nr0 = 8\nexit`,
  ],
  [
    'subtracted',
    `${random}\nr6 = r0\nr7 = r0\nr7 -= r6\nr8 = value globals+0\nr8 += r7\nr0 = *(u8 *)(r8 + 0)\n${end}`,
  ],
  [
    'compared',
    `${random}\nr6 = r0\n${random}\nr7 = r0\nif r6 > 10 goto out\nif r7 != r6 goto out\nr8 = value globals+0\nr8 += r7\nr0 = *(u8 *)(r8 + 0)\nout:\n${end}`,
  ],
  [
    'precise through the stack',
    `${random}\nr0 &= 7\n*(u64 *)(r10 - 8) = r0\n${random}\nif r0 > 5 goto skip\nr1 = 1\nskip:\nr6 = *(u64 *)(r10 - 8)\nr8 = value globals+0\nr8 += r6\nr0 = *(u8 *)(r8 + 0)\n${end}`,
  ],
  [
    'precise through a function',
    `r1 = 4\ncall sub\nr8 = value globals+0\nr8 += r0\nr0 = *(u8 *)(r8 + 0)\n${end}\nsub:\nr6 = r1\n${random}\nif r0 > 5 goto skip\nr6 = 8\nskip:\nr0 = r6\nexit`,
  ],
  [
    'precise through arguments',
    `${random}\nr6 = 3\nif r0 > 5 goto skip\nr6 = 5\nskip:\nr1 = r6\nr2 = 1\ncall sub\n${end}\nsub:\nr1 += r2\nr3 = value globals+0\nr3 += r1\nr0 = *(u8 *)(r3 + 0)\nr0 = 0\nexit`,
  ],
  [
    'precise through a frame’s stack',
    `${random}\nr6 = 3\nif r0 > 5 goto skip\nr6 = 5\nskip:\n*(u64 *)(r10 - 8) = r6\nr1 = r10\nr1 += -8\ncall sub\n${end}\nsub:\nr1 = *(u64 *)(r1 + 0)\nr3 = value globals+0\nr3 += r1\nr0 = *(u8 *)(r3 + 0)\nr0 = 0\nexit`,
  ],
  [
    'precise sizes',
    `${random}\nr6 = 8\nif r0 > 5 goto skip\nr6 = 16\nskip:\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr7 = r10\nr7 += -16\nr1 = 0\nr2 = 0\nr3 = r7\nr4 = r6\nr5 = 0\ncall bpf_csum_diff#28\n${end}`,
  ],
].map(([name, asm]) => ({ name: `scalars: ${name}`, type: 'sched_cls', asm: asm! }))

export const loops: readonly Seed[] = [
  [
    'over an array',
    'r6 = 0\ntop:\nr7 = value globals+0\nr7 += r6\nr1 = *(u8 *)(r7 + 0)\nr6 += 1\nif r6 < 60 goto top\nr0 = 0\nexit',
  ],
  [
    'with a bound unknown',
    `${random}\nr8 = r0\nif r8 > 16 goto out\nr6 = 0\ntop:\nif r6 >= r8 goto out\nr7 = value globals+0\nr7 += r6\n*(u8 *)(r7 + 0) = 1\nr6 += 1\ngoto top\nout:\n${end}`,
  ],
  [
    'with two ways',
    `r6 = 0\nr7 = 0\ntop:\n${random}\nif r0 > 3 goto even\nr7 = 1\ngoto next\neven:\nr7 = 2\nnext:\nr6 += 1\nif r6 != 6 goto top\nr8 = value globals+0\nr8 += r7\nr0 = *(u8 *)(r8 + 0)\n${end}`,
  ],
  [
    'may_goto with a counter',
    `r6 = 0\ntop:\nmay_goto out\nr7 = value globals+0\nif r6 > 63 goto out\nr7 += r6\n*(u8 *)(r7 + 0) = 1\nr6 += 1\ngoto top\nout:\n${end}`,
  ],
  [
    'may_goto nested',
    `r6 = 0\ntop:\nmay_goto out\nr7 = 0\ninner:\nmay_goto next\nr7 += 1\nif r7 < 4 goto inner\nnext:\nr6 += 1\ngoto top\nout:\n${end}`,
  ],
  [
    'may_goto in a function',
    `r6 = 0\ncall sub\n${end}\nsub:\nr6 = 3\ntop:\nmay_goto out\nr6 += 1\ngoto top\nout:\nr0 = r6\nexit`,
  ],
  [
    'with a pointer kept',
    `${lookup('array')}\nif r0 == 0 goto out\nr6 = r0\nr7 = 0\ntop:\nr1 = *(u64 *)(r6 + 8)\nr7 += 1\nif r7 < 5 goto top\nout:\n${end}`,
  ],
  [
    'with a lookup each time',
    `r6 = 0\ntop:\n*(u32 *)(r10 - 4) = r6\nr2 = r10\nr2 += -4\nr1 = map array\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto next\n*(u64 *)(r0 + 0) = 1\nnext:\nr6 += 1\nif r6 < 5 goto top\n${end}`,
  ],
  [
    'in the stack',
    `*(u64 *)(r10 - 8) = 0\ntop:\nr1 = *(u64 *)(r10 - 8)\nr1 += 1\n*(u64 *)(r10 - 8) = r1\nif r1 < 7 goto top\nr2 = r10\nr2 += -16\n*(u64 *)(r2 + 0) = 0\nr2 += r1\n*(u8 *)(r2 + 0) = 0\n${end}`,
  ],
  ['without end', 'top:\ngoto top'],
  ['without end, with work', 'r6 = 0\ntop:\nr6 ^= 1\ngoto top'],
  [
    'of functions',
    `r6 = 0\ntop:\nr1 = r6\ncall sub\nr6 = r0\nif r6 < 5 goto top\n${end}\nsub:\nr0 = r1\nr0 += 1\nexit`,
  ],
].map(([name, asm]) => ({ name: `loop ${name}`, type: 'sched_cls', asm: asm! }))
