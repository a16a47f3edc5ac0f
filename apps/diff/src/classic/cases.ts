import { ANCILLARY, type ClassicInsn, checkClassic, classicDef, classicDefs, SKF_AD_OFF } from '@skep/isa'
import { leastFrame } from '../../../../packages/loader-cbpf/test/loopback.ts'
import { Random, randomClassic, randomPacket } from '../../../../packages/loader-cbpf/test/random-program.ts'
import type { Venue } from '../../../../packages/loader-cbpf/test/socket-filters.ts'
import { seedOf } from '../random.ts'

/** A program and the packets that it is run over. */
export interface Case {
  readonly index: number
  readonly insns: readonly ClassicInsn[]
  readonly venue: Venue
  readonly mark: number
  readonly packets: readonly Uint8Array[]
}

const PACKETS = 3
const OFFSETS = Object.values(ANCILLARY).map(({ offset }) => offset)
const RANDOM = SKF_AD_OFF + ANCILLARY.random.offset
/** Room for what a comparison adds at the end: 4,096 is the most. */
const LONGEST = 4090

const readsRandom = ({ code, k }: ClassicInsn): boolean => {
  const def = classicDef(code)!
  return k === RANDOM && def.kind === 'ld' && def.mode === 'abs'
}

/** Nobody knows what `ld rand` gives: what follows it makes 0 of it. */
function withoutChance(insns: readonly ClassicInsn[]): ClassicInsn[] {
  return insns.map((insn, index) =>
    index > 0 && index < insns.length - 1 && readsRandom(insns[index - 1]!)
      ? { code: classicDefs.and_k.code, jt: 0, jf: 0, k: 0 }
      : insn,
  )
}

function isUsable(insns: readonly ClassicInsn[]): boolean {
  if (readsRandom(insns.at(-2) ?? insns[0]!)) return false
  try {
    checkClassic(insns)
    return true
  } catch {
    // What was replaced was the store that a later load of M[] needs.
    return false
  }
}

function program(random: Random): ClassicInsn[] {
  const kind = random.below(100)
  const common = { extensions: OFFSETS, headers: true, returnsA: true }
  for (;;) {
    const insns = withoutChance(
      kind < 90
        ? randomClassic(random, 1 + random.below(40), { ...common, wild: random.chance(0.15) })
        : kind < 97
          ? randomClassic(random, 40 + random.below(360), { ...common, steady: true })
          : randomClassic(random, 400 + random.below(LONGEST - 400), { ...common, steady: true }),
    )
    if (isUsable(insns)) return insns
  }
}

/** An Ethernet header and a byte. */
const SHORTEST_FRAME = 15

function packet(random: Random, venue: Venue): Uint8Array {
  for (;;) {
    const bytes = randomPacket(random, random.chance(0.05) ? 1500 : 140)
    if (bytes.length < 60 && random.chance(0.6)) continue
    if (venue === 'unix') return bytes
    if (bytes.length < SHORTEST_FRAME) continue
    // To the device itself, to all, to a group, to another.
    const to = random.below(4)
    if (to < 2) bytes.subarray(0, 6).fill(to === 0 ? 0 : 0xff)
    if (to === 2) bytes[0]! |= 1
    if (random.chance(0.1)) bytes.set([random.below(6), random.below(256)], 12)
    if (random.chance(0.1) && bytes.length > 40) bytes.set([0x88, 0xa8], 12)
    const type = (bytes[12]! << 8) | bytes[13]!
    if (bytes.length >= leastFrame(type)) return bytes
  }
}

/** The run's case number `index`, which no other case has a part in. */
export function makeCase(seed: number, index: number): Case {
  const random = new Random(seedOf(seed, index))
  const venue = random.pick(['unix', 'raw', 'raw', 'dgram'] as const)
  const mark = venue === 'unix' ? 0 : random.u32()
  const insns = program(random)
  return { index, insns, venue, mark, packets: Array.from({ length: PACKETS }, () => packet(random, venue)) }
}

/** A program with an instruction left out or fields changed, or of a length that none may have: half are invalid. */
export function makeBroken(seed: number, index: number): ClassicInsn[] {
  const random = new Random(seedOf(seed ^ 0x5bd1e995, index))
  const insns = randomClassic(random, 1 + random.below(24), { extensions: OFFSETS, returnsA: true })
  const kind = random.below(50)
  if (kind === 0) return []
  if (kind === 1)
    return Array.from({ length: 4095 + random.below(3) }, () => ({ code: 6, jt: 0, jf: 0, k: 0 }))
  return change(random, insns)
}

function change(random: Random, insns: readonly ClassicInsn[]): ClassicInsn[] {
  const changed = [...insns]
  if (changed.length > 1 && random.chance(0.3)) changed.splice(random.below(changed.length), 1)
  for (let times = 1 + random.below(2); times > 0; times--) {
    const at = random.below(changed.length)
    const field = random.pick(['code', 'jt', 'jf', 'k', 'k', 'k'] as const)
    const limit = { code: random.chance(0.1) ? 0x10000 : 256, jt: 20, jf: 20, k: 70 }[field]
    const value =
      field === 'k' && random.chance(0.3)
        ? random.pick([random.u32(), SKF_AD_OFF + random.below(80), 0xffff_ffff, 0xffff_fffe])
        : random.below(limit)
    changed[at] = { ...changed[at]!, [field]: value }
  }
  return changed
}

const DATA_SIZE = 64
const SECCOMP_DEFS = Object.values(classicDefs).filter(
  (def) =>
    !('mode' in def && ['abs', 'ind', 'msh'].includes(def.mode)) && !('aluOp' in def && def.aluOp === 'mod'),
)

/** A program as seccomp takes them, or with a change: half of them are refused. */
export function makeSeccomp(seed: number, index: number): ClassicInsn[] {
  const random = new Random(seedOf(seed ^ 0x27d4eb2f, index))
  const plain = new Set<number>(SECCOMP_DEFS.map(({ code }) => code))
  const insns = randomClassic(random, 1 + random.below(20)).map((insn) =>
    plain.has(insn.code)
      ? insn
      : { code: classicDefs.ld_w_abs.code, jt: 0, jf: 0, k: random.below(DATA_SIZE / 4) * 4 },
  )
  return random.chance(0.6) ? change(random, insns) : insns
}
