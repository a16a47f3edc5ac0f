import { copyDraft, type Draft, LD_IMM64, type Node, removeNodes } from './draft.ts'
import type { Random } from './random.ts'

const IMMEDIATES = [
  0,
  1,
  -1,
  2,
  3,
  4,
  7,
  8,
  15,
  16,
  24,
  31,
  32,
  33,
  47,
  63,
  64,
  65,
  127,
  128,
  255,
  256,
  511,
  512,
  4095,
  4096,
  0xffff,
  0x1_0000,
  0x7fff_ffff,
  -0x8000_0000,
  -2,
  -4,
  -8,
  -16,
  -512,
  1 << 29,
  (1 << 29) - 1,
]
const OFFSETS = [
  0, 1, 2, 3, 4, 6, 7, 8, 12, 16, 24, 32, 48, -1, -2, -4, -8, -12, -16, -24, -32, -64, -512, -520, 0x7fff,
]
const isAlu = (node: Node): boolean => (node.code & 7) === 7 || (node.code & 7) === 4
const isJump = (node: Node): boolean => (node.code & 7) === 5 || (node.code & 7) === 6
const isAccess = (node: Node): boolean =>
  (node.code & 7) >= 1 && (node.code & 7) <= 3 && node.code !== LD_IMM64
const isCallOrExit = (node: Node): boolean => isJump(node) && [0x80, 0x90].includes(node.code & 0xf0)

/** Conditions of jumps, without ja, call and exit. */
const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]
const ALU_OPS = [0, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0]
const ATOMIC_OPS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110]

type Change = (draft: Draft, at: number, random: Random, other: Draft) => void

const opcode: Change = ({ nodes }, at, random) => {
  const node = nodes[at]!
  if (node.code === LD_IMM64) return
  if (isAlu(node)) {
    node.code = random.weighted([
      [3, node.code ^ 3],
      [2, node.code ^ 8],
      [5, (node.code & 0x0f) | random.pick(ALU_OPS)],
    ])
  } else if (isCallOrExit(node)) node.code ^= random.pick([0x10, 8, 3])
  else if (isJump(node)) {
    if (random.chance(0.3)) node.code ^= 3
    else if (random.chance(0.2)) node.code ^= 8
    else node.code = (node.code & 0x0f) | random.pick(CONDITIONS)
  } else if (isAccess(node)) {
    if (random.chance(0.6)) node.code = (node.code & ~0x18) | random.pick([0, 8, 0x10, 0x18])
    else if (random.chance(0.4)) node.code = (node.code & 0x1f) | random.pick([0x60, 0x80, 0xc0, 0x20, 0x40])
    else node.code = (node.code & ~7) | random.pick([1, 2, 3])
    if ((node.code & 0xe7) === 0xc3) node.imm = random.pick(ATOMIC_OPS)
  } else node.code ^= 1 << random.below(8)
}

const changes: readonly (readonly [number, Change])[] = [
  [
    10,
    ({ nodes }, at, random) => {
      nodes[at]!.dst = random.chance(0.02) ? random.between(11, 15) : random.below(11)
    },
  ],
  [
    10,
    ({ nodes }, at, random) => {
      const node = nodes[at]!
      if (node.code !== LD_IMM64 && !isCallOrExit(node))
        node.src = random.chance(0.02) ? random.between(11, 15) : random.below(11)
      else if (random.chance(0.2)) node.src = random.below(8)
    },
  ],
  [
    14,
    ({ nodes }, at, random) => {
      const node = nodes[at]!
      if (node.code === LD_IMM64 && node.map !== undefined && !random.chance(0.1)) return
      node.imm = random.chance(0.6)
        ? random.pick(IMMEDIATES)
        : random.chance(0.5)
          ? node.imm + random.between(-9, 9)
          : random.u32() | 0
    },
  ],
  [
    8,
    ({ nodes }, at, random) => {
      const node = nodes[at]!
      if (node.target) return
      node.off = random.chance(0.5) ? random.pick(OFFSETS) : node.off + random.between(-9, 9)
    },
  ],
  [14, opcode],
  [10, (draft, at) => removeNodes(draft, at, 1)],
  [
    5,
    ({ nodes }, at, random) => {
      nodes.splice(random.below(nodes.length), 0, { ...nodes[at]! })
    },
  ],
  [
    6,
    ({ nodes }, at) => {
      const [a, b] = [nodes[at], nodes[at + 1]]
      if (a && b) [nodes[at], nodes[at + 1]] = [b, a]
    },
  ],
  [
    6,
    ({ nodes }, _, random) => {
      const jumps = nodes.filter((node) => node.target)
      if (jumps.length > 0) random.pick(jumps).target = random.pick(nodes)
    },
  ],
  [
    3,
    ({ nodes }, at, random) => {
      // A new jump over some instructions, or back.
      const node: Node = { code: 0, dst: random.below(10), src: 0, off: 0, imm: random.pick(IMMEDIATES) }
      node.code = random.pick(CONDITIONS) | random.pick([5, 6])
      node.target = random.pick(nodes)
      nodes.splice(at, 0, node)
    },
  ],
  [
    4,
    (draft, at, random, other) => {
      // A piece of another program; what it jumps to outside the piece is chosen anew.
      const donor = copyDraft(other)
      const from = random.below(donor.nodes.length)
      const piece = donor.nodes.slice(from, from + random.between(1, 12))
      for (const node of piece) {
        delete node.type
        delete node.kfunc
        if (node.map !== undefined) {
          const maps = draft.row.maps?.length ?? 0
          if (maps > 0) node.map = random.below(maps)
          else delete node.map
        }
        if (node.target && !piece.includes(node.target)) node.target = random.pick(draft.nodes)
      }
      draft.nodes.splice(at, 0, ...piece)
    },
  ],
  [
    2,
    ({ nodes }, _, random) => {
      const calls = nodes.filter((node) => node.code === 0x85 && node.src === 0)
      if (calls.length > 0)
        random.pick(calls).imm = random.chance(0.8) ? random.between(1, 211) : random.below(300)
    },
  ],
  [
    2,
    ({ nodes, row }, _, random) => {
      const loads = nodes.filter((node) => node.map !== undefined)
      if (loads.length > 0) random.pick(loads).map = random.below(row.maps?.length ?? 1)
    },
  ],
]

/** Load flags: strict or any alignment, a state at every instruction, checks of register bounds, sleepable. */
const FLAGS = [1, 2, 8, 8, 8, 16, 128, 8 | 128, 1 | 8]

/** The program with one to four changes; `other` lends pieces. */
export function mutate(source: Draft, other: Draft, random: Random): Draft {
  const draft = copyDraft(source)
  const times = random.weighted([
    [5, 1],
    [3, 2],
    [2, 3],
    [1, 4],
  ] as const)
  for (let n = 0; n < times && draft.nodes.length > 0; n++)
    random.weighted(changes)(draft, random.below(draft.nodes.length), random, other)
  const row = { ...draft.row }
  if (random.chance(0.08)) Object.assign(row, { flags: (row.flags ?? 0) ^ random.pick(FLAGS) })
  if (random.chance(0.08)) Object.assign(row, { unprivileged: true })
  return { row, nodes: draft.nodes }
}
