import type { Seed } from '../seed.ts'
import { end, lookup, random } from './pieces.ts'

// Programs whose loader may not see pointers: pointer arithmetic that masking must keep in bounds, the same on every path,
// and what a processor may run speculatively.

const program = (name: string, asm: string, more: Partial<Seed> = {}): Seed => ({
  name: `speculation: ${name}`,
  unprivileged: true,
  asm,
  ...more,
})

const bases = ['value globals+0', 'value globals+16', 'value globals+60', 'value constants+0', 'r10', 'r9']
const offsets = [
  ...[
    'r2 = 4',
    'r2 = -4',
    'r2 = 0',
    'r2 = 63',
    'r2 = 64',
    'r2 = 65',
    'r2 = -16',
    'r2 = -17',
    'r2 = -512',
    'r2 = -513',
  ],
  ...[
    'r2 = r6\nr2 &= 7',
    'r2 = r6\nr2 &= 63',
    'r2 = r6\nr2 &= 7\nr2 = -r2',
    'r2 = r6\nr2 &= 7\nr2 -= 4',
    'r2 = r6',
  ],
  ...[
    'r2 = r6\nr2 &= 3\nr2 += 60',
    'r2 = r6\nr2 s>>= 63\nr2 -= 1',
    'r2 = r6\nif r2 s> 5 goto out\nif r2 s< -5 goto out',
  ],
]
const moves = ['r1 += r2', 'r1 -= r2', 'r2 += r1\nr1 = r2', 'r1 += 8', 'r1 += -8', 'r2 -= r1']

const single: readonly Seed[] = bases.flatMap((base) =>
  offsets.flatMap((offset) =>
    moves.map((move) =>
      program(
        `${base}, ${offset}: ${move}`,
        `r9 = r1\n${random}\nr6 = r0\nr1 = ${base}\n${offset}\n${move}\n${base === 'r10' ? '*(u8 *)(r1 - 1) = 1\n' : ''}r0 = *(u8 *)(r1 + 0)\nout:\n${end}`,
      ),
    ),
  ),
)

/** Moved twice: from anywhere within. */
const twice: readonly Seed[] = ['globals+0', 'globals+16', 'globals+63'].flatMap((base) =>
  ['r2 &= 15', 'r2 &= 3', 'r2 &= 1\nr2 = -r2', 'r2 &= 31'].flatMap((first) =>
    ['r3 &= 15', 'r3 &= 31', 'r3 = 8', 'r3 = -8', 'r3 &= 7\nr3 = -r3', 'r3 = 48'].flatMap((second) =>
      ['r1 += r3', 'r1 -= r3', 'r3 += r1\nr1 = r3'].map((move) =>
        program(
          `twice ${base}, ${first}, ${second}: ${move}`,
          `${random}\nr2 = r0\nr3 = r0\nr1 = value ${base}\n${first}\n${second}\nr1 += r2\n${move}\nr0 = *(u8 *)(r1 + 0)\n${end}`,
        ),
      ),
    ),
  ),
)

/** Two paths meet at the arithmetic. */
const pathBases = ['value globals+0', 'value globals+16', 'value constants+0', '5', 'r10']
const pathOffsets = [
  'r2 = 4',
  'r2 = -4',
  'r2 = 8',
  'r2 = r7\nr2 &= 7',
  'r2 = r7\nr2 &= 3',
  'r2 = r7\nr2 &= 7\nr2 = -r2',
]
const meeting = (first: string, second: string, off: string, other: string, move: string): Seed =>
  program(
    `paths ${first} by ${off}, ${second} by ${other}: ${move}`,
    `${random}\nr7 = r0\n${random}\nr6 = r0\nif r6 > 5 goto a\nr1 = ${first}\n${off}\ngoto b\na:\nr1 = ${second}\n${other}\nb:\n${move}\n${end}`,
  )
const paths: readonly Seed[] = [
  'r1 += r2',
  'r1 -= r2',
  'r2 += r1',
  'r1 += 4',
  'r1 *= r2',
  'r1 |= r2',
].flatMap((move) => [
  ...pathBases.flatMap((first) =>
    pathBases.flatMap((second) =>
      ['r2 = 4', 'r2 = r7\nr2 &= 7'].map((off) => meeting(first, second, off, off, move)),
    ),
  ),
  ...pathOffsets.flatMap((off) =>
    pathOffsets.map((other) => meeting('value globals+16', 'value globals+16', off, other, move)),
  ),
])

/** What only a mispredicted jump reaches. */
const mispredicted: readonly Seed[] = [
  ['a load', 'r1 = 0', 'r2 = *(u8 *)(r1 + 0)'],
  ['a store beyond the stack', 'r1 = r10', '*(u8 *)(r1 + 8) = 1'],
  ['a pointer leaked', 'r1 = value globals+0', '*(u64 *)(r1 + 0) = r10'],
  ['arithmetic', 'r1 = value globals+0', 'r1 += r3\nr2 = *(u8 *)(r1 + 0)'],
  ['arithmetic on a pointer', 'r1 = r10', 'r1 += r3\nr2 = *(u8 *)(r1 + 0)'],
  ['a comparison', 'r1 = r10', 'if r1 > r3 goto out'],
  ['a call', 'r1 = r10', 'call bpf_get_prandom_u32#7'],
  ['an end', 'r1 = r10', 'r0 = r10\nexit'],
  ['nothing known', 'r1 = 4', 'r5 = r6\nr5 += r3\nr1 = value globals+0\nr1 += r6\nr2 = *(u8 *)(r1 + 0)'],
  ['the stack', '*(u64 *)(r10 - 8) = 0', 'r2 = *(u64 *)(r10 - 16)'],
  ['a loop', 'r1 = 1', 'r1 += 1\nif r1 < 5 goto -2'],
].flatMap(([name, before, body]) =>
  [
    ...[
      'r6 = 5\nif r6 == 5 goto out',
      'r6 = 5\nif r6 != 5 goto +1\ngoto out',
      'r6 = 5\nr7 = 5\nif r6 == r7 goto out',
    ],
    ...[
      'r6 = 5\nif r6 > 9 goto bad\ngoto out\nbad:',
      'r6 = 5\nif w6 < 9 goto out',
      'r6 = r0\nr6 &= 7\nif r6 < 8 goto out',
    ],
    ...[
      'r6 = r0\nr6 &= 7\nr7 = 8\nif r6 >= r7 goto bad\ngoto out\nbad:',
      'r6 = value globals+0\nif r6 != 0 goto out',
    ],
  ].map((jump) =>
    program(`${name} after ${jump}`, `${random}\nr3 = 1\n${before}\n${jump}\n${body}\nout:\n${end}`),
  ),
)

/** The same arithmetic in a loop, and in a function called twice. */
const repeated: readonly Seed[] = [
  program(
    'in a loop',
    `r6 = 0\nr1 = value globals+0\nl:\nr2 = 4\nr1 += r2\nr6 += 1\nif r6 < 4 goto l\nr0 = *(u8 *)(r1 + 0)\n${end}`,
  ),
  program(
    'in a loop, by a variable',
    `${random}\nr7 = r0\nr7 &= 1\nr6 = 0\nl:\nr1 = value globals+0\nr1 += r7\nr0 = *(u8 *)(r1 + 0)\nr6 += 1\nif r6 < 4 goto l\n${end}`,
  ),
  ...['r2 = r7\nr2 &= 7', 'r2 = r7\nr2 &= 15', 'r2 = 8', 'r2 = r7\nr2 &= 7\nr2 = -r2'].map((other) =>
    program(
      `in a function, ${other}`,
      `${random}\nr7 = r0\nr1 = value globals+16\nr2 = r7\nr2 &= 7\ncall sub\nr1 = value globals+16\n${other}\ncall sub\n${end}\nsub:\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
    ),
  ),
  ...[8, 0].map((flags) =>
    program(
      `by numbers that differ ${flags}`,
      `${random}\nr7 = r0\nr8 = 4\nif r7 > 5 goto a\nr8 = 6\na:\nr2 = r7\nr2 &= 7\nr1 = value globals+0\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nif r7 > 9 goto b\nr8 += 1\nb:\nr3 = r8\n${end}`,
      { flags },
    ),
  ),
  program(
    'a looked-up value',
    `${lookup('array')}\nif r0 == 0 goto out\nr6 = *(u32 *)(r0 + 0)\nr6 &= 7\nr0 += r6\nr1 = *(u8 *)(r0 + 8)\nout:\n${end}`,
  ),
  program(
    'a packet',
    'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr6 = *(u32 *)(r1 + 12)\nr6 &= 7\nr2 += r6\nr0 = 2\nexit',
    {
      type: 'xdp',
    },
  ),
  program(
    'a packet, the other way',
    'r2 = *(u32 *)(r1 + 0)\nr6 = *(u32 *)(r1 + 12)\nr6 &= 7\nr6 += r2\nr0 = 2\nexit',
    {
      type: 'xdp',
    },
  ),
  program(
    'a variable stack access',
    `${random}\nr6 = r0\nr6 &= 7\nr1 = r10\nr1 += -16\nr1 += r6\nr0 = 0\nexit`,
  ),
]

export const speculation: readonly Seed[] = [...single, ...twice, ...paths, ...mispredicted, ...repeated]
