import type { Seed } from '../seed.ts'
import { end, random } from './pieces.ts'

// Stack slots: kinds of bytes in them, partial and misaligned stores, variable offsets, other frames, by privileged and
// unprivileged loaders.

/** A number of a few values in r7: 0 or `mask`. */
const some = (mask: number): string => `${random}\nr7 = r0\nr7 &= ${mask}`

/** What slots may hold, from -8 to -32. */
const CONTENTS: Readonly<Record<string, string>> = {
  nothing: '',
  numbers: `${random}\n*(u64 *)(r10 - 8) = r0\n*(u64 *)(r10 - 16) = r0\n*(u64 *)(r10 - 24) = r0\n*(u64 *)(r10 - 32) = r0`,
  zeros: '*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 32) = 0',
  'zero bytes':
    '*(u8 *)(r10 - 1) = 0\n*(u8 *)(r10 - 2) = 0\n*(u16 *)(r10 - 4) = 0\n*(u32 *)(r10 - 8) = 0\n*(u32 *)(r10 - 12) = 0\n*(u32 *)(r10 - 16) = 0\n*(u32 *)(r10 - 20) = 0\n*(u16 *)(r10 - 22) = 0\n*(u16 *)(r10 - 24) = 0\n*(u32 *)(r10 - 28) = 0\n*(u32 *)(r10 - 32) = 0',
  'other bytes':
    '*(u8 *)(r10 - 1) = 5\n*(u8 *)(r10 - 2) = 5\n*(u16 *)(r10 - 4) = 5\n*(u32 *)(r10 - 8) = 5\n*(u32 *)(r10 - 12) = 5\n*(u32 *)(r10 - 16) = 5\n*(u64 *)(r10 - 24) = 5\n*(u32 *)(r10 - 28) = 5\n*(u32 *)(r10 - 32) = 5',
  pointers:
    '*(u64 *)(r10 - 8) = r6\n*(u64 *)(r10 - 16) = r10\n*(u64 *)(r10 - 24) = r6\n*(u64 *)(r10 - 32) = r6',
  'halves of numbers': `${random}\n*(u32 *)(r10 - 8) = r0\n*(u32 *)(r10 - 16) = r0\n*(u32 *)(r10 - 24) = 7\n*(u32 *)(r10 - 32) = 0`,
  'halves of numbers and zeros': `${random}\n*(u32 *)(r10 - 4) = 0\n*(u32 *)(r10 - 8) = r0\n*(u32 *)(r10 - 12) = 0\n*(u32 *)(r10 - 16) = 3\n*(u16 *)(r10 - 24) = r0\n*(u8 *)(r10 - 32) = r0`,
  'an iterator': 'r1 = r10\nr1 += -16\nr2 = 0\nr3 = 3\nkcall bpf_iter_num_new',
  'interrupt flags': 'r1 = r10\nr1 += -16\nkcall bpf_local_irq_save',
  'a dynptr': 'r1 = value globals+0\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197',
}

/** What is done with them. */
const ACTS: readonly (readonly [name: string, act: string])[] = [
  ['a byte over', '*(u8 *)(r10 - 16) = 1\nr3 = *(u64 *)(r10 - 16)\nr4 = *(u8 *)(r10 - 15)'],
  ['a high byte over', '*(u8 *)(r10 - 9) = 1\nr3 = *(u64 *)(r10 - 16)\nr4 = *(u8 *)(r10 - 16)'],
  ['a zero byte over', 'r2 = 0\n*(u8 *)(r10 - 13) = r2\nr3 = *(u8 *)(r10 - 13)\nr4 = *(u32 *)(r10 - 16)'],
  ['half over', '*(u32 *)(r10 - 12) = 0\nr3 = *(u32 *)(r10 - 12)\nr4 = *(u64 *)(r10 - 16)'],
  ['a pointer over', '*(u64 *)(r10 - 16) = r6\nr3 = *(u64 *)(r10 - 16)\nr4 = *(u32 *)(r10 - 16)'],
  ['half a pointer over', '*(u32 *)(r10 - 16) = r6'],
  ['a misaligned pointer', '*(u64 *)(r10 - 12) = r6'],
  ['a misaligned number', 'r2 = 9\n*(u64 *)(r10 - 12) = r2'],
  [
    'a number over',
    'r2 = 9\n*(u64 *)(r10 - 16) = r2\nr3 = *(u32 *)(r10 - 16)\nr4 = *(u8 *)(r10 - 16)\nr5 = *(u8 *)(r10 - 9)',
  ],
  ['zero over', '*(u64 *)(r10 - 16) = 0\nr3 = *(u32 *)(r10 - 12)\nr4 = *(u8 *)(r10 - 9)'],
  ['read whole', 'r3 = *(u64 *)(r10 - 8)\nr4 = *(u64 *)(r10 - 16)\nr5 = *(u64 *)(r10 - 24)'],
  ['read in halves', 'r3 = *(u32 *)(r10 - 8)\nr4 = *(u32 *)(r10 - 12)\nr5 = *(u32 *)(r10 - 16)'],
  [
    'read in bytes',
    'r3 = *(u8 *)(r10 - 8)\nr4 = *(u8 *)(r10 - 9)\nr5 = *(u8 *)(r10 - 12)\nr5 = *(u8 *)(r10 - 1)',
  ],
  [
    'read in shorts',
    'r3 = *(u16 *)(r10 - 8)\nr4 = *(u16 *)(r10 - 10)\nr5 = *(u16 *)(r10 - 24)\nr5 = *(u16 *)(r10 - 14)',
  ],
  ['read signed', 'r3 = *(s32 *)(r10 - 8)\nr4 = *(s8 *)(r10 - 16)\nr5 = *(s16 *)(r10 - 24)'],
  [
    'written somewhere',
    `${some(8)}\nr2 = r10\nr2 += -16\nr2 += r7\n*(u64 *)(r2 + 0) = 0\nr3 = *(u64 *)(r10 - 8)\nr4 = *(u64 *)(r10 - 16)`,
  ],
  [
    'a number written somewhere',
    `${some(24)}\nr3 = 3\nr2 = r10\nr2 += -32\nr2 += r7\n*(u64 *)(r2 + 0) = r3\nr3 = *(u64 *)(r10 - 8)`,
  ],
  [
    'a zero written somewhere',
    `${some(24)}\nr3 = 0\nr2 = r10\nr2 += -32\nr2 += r7\n*(u64 *)(r2 + 0) = r3\nr3 = *(u64 *)(r10 - 8)\nr4 = *(u8 *)(r10 - 31)`,
  ],
  [
    'a zero byte written somewhere',
    `${some(3)}\nr3 = 0\nr2 = r10\nr2 += -16\nr2 += r7\n*(u8 *)(r2 + 0) = r3\nr3 = *(u8 *)(r10 - 16)\nr4 = *(u64 *)(r10 - 16)`,
  ],
  [
    'a constant byte written somewhere',
    `${some(3)}\nr2 = r10\nr2 += -16\nr2 += r7\n*(u8 *)(r2 + 0) = 3\nr3 = *(u8 *)(r10 - 16)`,
  ],
  [
    'a zero constant byte written somewhere',
    `${some(3)}\nr2 = r10\nr2 += -16\nr2 += r7\n*(u8 *)(r2 + 0) = 0\nr3 = *(u8 *)(r10 - 16)\nr4 = *(u32 *)(r10 - 16)`,
  ],
  [
    'a pointer written somewhere',
    `${some(8)}\nr2 = r10\nr2 += -16\nr2 += r7\n*(u64 *)(r2 + 0) = r6\nr3 = *(u64 *)(r10 - 8)`,
  ],
  ['read somewhere', `${some(8)}\nr2 = r10\nr2 += -16\nr2 += r7\nr3 = *(u64 *)(r2 + 0)`],
  [
    'a byte read somewhere',
    `${some(15)}\nr2 = r10\nr2 += -16\nr2 += r7\nr3 = *(u8 *)(r2 + 0)\nr4 = *(u8 *)(r2 - 8)`,
  ],
  [
    'an unused byte read somewhere',
    `${some(3)}\nr2 = r10\nr2 += -8\nr2 += r7\nr3 = *(u8 *)(r2 + 0)\nr0 = r3\nr0 <<= 63\nr0 >>= 63`,
  ],
  ['written past the frame somewhere', `${some(8)}\nr2 = r10\nr2 += -8\nr2 += r7\n*(u64 *)(r2 + 0) = 0`],
  ['read past the frame somewhere', `${some(8)}\nr2 = r10\nr2 += -8\nr2 += r7\nr3 = *(u64 *)(r2 + 0)`],
  ['written below the frame somewhere', `${some(8)}\nr2 = r10\nr2 += -520\nr2 += r7\n*(u64 *)(r2 + 0) = 0`],
  [
    'written at the very bottom somewhere',
    `${some(8)}\nr2 = r10\nr2 += -512\nr2 += r7\n*(u64 *)(r2 + 0) = 0\nr3 = *(u64 *)(r10 - 512)`,
  ],
  ['read below what is there', `${some(8)}\nr2 = r10\nr2 += -48\nr2 += r7\nr3 = *(u64 *)(r2 + 0)`],
  ['written nowhere known', `${random}\nr2 = r10\nr2 += r0\n*(u8 *)(r2 + 0) = 0`],
  ['written far away', `${some(0x20000000)}\nr2 = r10\nr2 += -8\nr2 += r7\n*(u8 *)(r2 + 0) = 0`],
  ['written less far away', `${some(0x10000000)}\nr2 = r10\nr2 += -8\nr2 += r7\n*(u8 *)(r2 + 0) = 0`],
  [
    'handed to a helper',
    'r1 = r10\nr1 += -16\nr2 = 16\nr3 = r10\nr3 += -32\nr4 = 16\nr5 = 0\ncall bpf_csum_diff#28',
  ],
  [
    'handed to a helper in part',
    'r1 = r10\nr1 += -14\nr2 = 4\nr3 = r10\nr3 += -28\nr4 = 12\nr5 = 0\ncall bpf_csum_diff#28',
  ],
  [
    'handed to a helper somewhere',
    `${some(8)}\nr1 = r10\nr1 += -16\nr1 += r7\nr2 = 8\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff#28`,
  ],
  [
    'handed to a helper that writes',
    `r1 = r6\nr2 = 0\nr3 = r10\nr3 += -16\nr4 = 16\ncall bpf_skb_load_bytes#26\nr3 = *(u64 *)(r10 - 16)\nr4 = *(u8 *)(r10 - 9)`,
  ],
  [
    'handed to a helper that writes part',
    `r1 = r6\nr2 = 0\nr3 = r10\nr3 += -12\nr4 = 6\ncall bpf_skb_load_bytes#26\nr3 = *(u64 *)(r10 - 16)\nr4 = *(u8 *)(r10 - 8)`,
  ],
  [
    'handed to a helper that writes somewhere',
    `${some(8)}\nr1 = r6\nr2 = 0\nr3 = r10\nr3 += -16\nr3 += r7\nr4 = 8\ncall bpf_skb_load_bytes#26\nr3 = *(u64 *)(r10 - 16)`,
  ],
  [
    'handed to a helper that writes new bytes',
    'r1 = r6\nr2 = 0\nr3 = r10\nr3 += -64\nr4 = 16\ncall bpf_skb_load_bytes#26\nr3 = *(u64 *)(r10 - 64)',
  ],
  ['as a key', 'r2 = r10\nr2 += -16\nr1 = map hash\ncall bpf_map_lookup_elem#1'],
  [
    'as a value',
    'r2 = r10\nr2 += -8\nr3 = r10\nr3 += -32\nr1 = map array\nr4 = 0\ncall bpf_map_update_elem#2',
  ],
  [
    'as a queue’s value',
    'r2 = r10\nr2 += -16\nr1 = map queue\ncall bpf_map_pop_elem#88\nr3 = *(u64 *)(r10 - 16)',
  ],
  ['added to somewhere', `${some(8)}\nr2 = r10\nr2 += -16\nr2 += r7\nr3 = 1\nlock *(u64 *)(r2 + 0) += r3`],
  ['swapped', 'r2 = 5\nr2 = xchg_64(r10 - 16, r2)\nr3 = *(u64 *)(r10 - 16)'],
  ['added to', 'r2 = 5\nlock *(u64 *)(r10 - 16) += r2\nr3 = *(u64 *)(r10 - 16)'],
  ['half added to', 'r2 = 5\nlock *(u32 *)(r10 - 12) += r2\nr3 = *(u64 *)(r10 - 16)'],
  [
    'to a function that reads',
    `r1 = r10\nr1 += -16\ncall sub\n${end}\nsub:\nr2 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 12)\nr0 = 0\nexit`,
  ],
  [
    'to a function that writes',
    `r1 = r10\nr1 += -16\ncall sub\nr3 = *(u64 *)(r10 - 16)\nr4 = *(u64 *)(r10 - 8)\n${end}\nsub:\n*(u64 *)(r1 + 0) = 0\n*(u8 *)(r1 + 8) = 3\nr0 = 0\nexit`,
  ],
  [
    'to a function that writes pointers',
    `r1 = r10\nr1 += -16\nr2 = r6\ncall sub\nr3 = *(u64 *)(r10 - 16)\n${end}\nsub:\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit`,
  ],
  [
    'to a function that writes its frame',
    `r1 = r10\nr1 += -16\ncall sub\nr3 = *(u64 *)(r10 - 16)\n${end}\nsub:\n*(u64 *)(r1 + 0) = r10\nr0 = 0\nexit`,
  ],
  [
    'to a function that writes somewhere',
    `${some(8)}\nr1 = r10\nr1 += -16\nr2 = r7\ncall sub\nr3 = *(u64 *)(r10 - 16)\n${end}\nsub:\nr1 += r2\n*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit`,
  ],
]

export const slots: readonly Seed[] = Object.entries(CONTENTS).flatMap(([contents, setup]) =>
  ACTS.flatMap(([act, body]): Seed[] => {
    const asm = `r6 = r1\n${setup}\n${body}\n${end}`
    const kept = /irq_save/.test(setup)
      ? `r6 = r1\n${setup}\n${body}\nr1 = r10\nr1 += -16\nkcall bpf_local_irq_restore\n${end}`
      : undefined
    return [
      { name: `${contents}: ${act}`, type: 'sched_cls', asm },
      ...(kept ? [{ name: `${contents}, kept: ${act}`, type: 'sched_cls', asm: kept }] : []),
      ...(/kcall|dynptr/.test(asm)
        ? []
        : [{ name: `${contents}: ${act}, unprivileged`, unprivileged: true, asm }]),
    ]
  }),
)
