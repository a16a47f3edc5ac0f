import {
  type ClassicInsn,
  type ClassicOpDef,
  classicDefs,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from '@skep/isa'

/** Numbers from a seed (mulberry32): the same everywhere. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }

  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit)
  }

  chance(part: number): boolean {
    return this.u32() / 2 ** 32 < part
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }
}

export interface RandomProgramOptions {
  /** Extensions (SKF_AD_*) that loads may name. */
  readonly extensions?: readonly number[]
  /** Loads may be relative to SKF_NET_OFF and SKF_LL_OFF. */
  readonly headers?: boolean
  /** Offsets and values may be anything, so that most loads are outside the packet. */
  readonly wild?: boolean
  /** Little that ends the program early: no loads at X, no divisions by X, few returns, low offsets. */
  readonly steady?: boolean
  /** Returns of A may stand anywhere, not only at the end. */
  readonly returnsA?: boolean
  /** `ret a` goes to one last instruction that follows the rest, where a test can put more. */
  readonly exits?: readonly ClassicInsn[]
}

const DEFS: readonly ClassicOpDef[] = Object.values(classicDefs)
const LOADS = DEFS.filter((def) => 'mode' in def && ['abs', 'ind', 'msh'].includes(def.mode))
const PLAIN = DEFS.filter((def) => !LOADS.includes(def) && !['ret', 'jump', 'ja'].includes(def.kind))
const STEADY_LOADS = LOADS.filter((def) => 'mode' in def && def.mode !== 'ind')
/** What never ends a program. */
const STEADY = PLAIN.filter(
  (def) => !(def.kind === 'alu' && def.source === 'x' && ['div', 'mod'].includes(def.aluOp)),
)
const JUMPS = DEFS.filter((def) => def.kind === 'jump')

/** A program that `checkClassic` takes, with values at which things happen. */
export function randomClassic(
  random: Random,
  count: number,
  options: RandomProgramOptions = {},
): ClassicInsn[] {
  const exits = options.exits ?? [{ code: classicDefs.ret_a.code, jt: 0, jf: 0, k: 0 }]
  const total = count + exits.length
  const program: ClassicInsn[] = []
  // Words that every path to an instruction has written.
  const written = new Int32Array(total + 1).fill(-1)
  written[0] = 0
  for (let index = 0; index < count; index++) {
    const words = written[index]!
    const insn = randomInsn(random, index, count, words, options)
    program.push(insn)
    const def = DEFS.find((one) => one.code === insn.code)!
    const after = def.kind === 'st' || def.kind === 'stx' ? words | (1 << insn.k) : words
    for (const to of targets(def, insn, index)) written[to]! &= after
  }
  return [...program, ...exits]
}

function targets(def: ClassicOpDef, insn: ClassicInsn, index: number): number[] {
  // The kernel's check of memory words does not see that nothing follows a return.
  if (def.kind === 'ja') return [index + 1 + insn.k]
  return def.kind === 'jump' ? [index + 1 + insn.jt, index + 1 + insn.jf] : [index + 1]
}

function randomInsn(
  random: Random,
  index: number,
  count: number,
  words: number,
  options: RandomProgramOptions,
): ClassicInsn {
  const ahead = count - index - 1
  const kind = random.below(100)
  const insn = (def: ClassicOpDef, k = 0, jt = 0, jf = 0): ClassicInsn => ({ code: def.code, jt, jf, k })
  if (kind < 40) return packetLoad(random, options)
  if (kind < 62 && ahead > 0) {
    const near = Math.min(ahead, random.chance(0.7) ? 6 : 255)
    const def = random.pick(JUMPS)
    return insn(def, constant(random), random.below(near + 1), random.below(near + 1))
  }
  if (kind < 64) return insn(classicDefs.ja, random.below(Math.min(ahead, 4) + 1))
  if (kind < 67 && !(options.steady && random.chance(0.98))) {
    const returnsA = options.returnsA && random.chance(0.5)
    return returnsA ? insn(classicDefs.ret_a) : insn(classicDefs.ret_k, constant(random))
  }
  if (kind < 70 && options.extensions?.length) {
    return insn(
      random.pick([classicDefs.ld_w_abs, classicDefs.ld_h_abs, classicDefs.ld_b_abs]),
      SKF_AD_OFF + random.pick(options.extensions),
    )
  }
  const def = random.pick(options.steady ? STEADY : PLAIN)
  if (def.kind === 'st' || def.kind === 'stx') return insn(def, random.below(16))
  if ((def.kind === 'ld' || def.kind === 'ldx') && def.mode === 'mem') {
    const known = Array.from({ length: 16 }, (_, word) => word).filter((word) => (words & (1 << word)) !== 0)
    return known.length > 0 ? insn(def, random.pick(known)) : insn(classicDefs.st, random.below(16))
  }
  if (def.kind === 'alu') {
    if (def.aluOp === 'lsh' || def.aluOp === 'rsh') return insn(def, random.below(32))
    if (def.aluOp === 'and' && random.chance(0.7)) return insn(def, random.pick([0xf, 0x3f, 0xff, 0x1fff]))
    return insn(def, Math.max(1, constant(random)))
  }
  if (def.kind === 'ld' || def.kind === 'ldx')
    return insn(def, random.chance(0.7) ? random.below(64) : constant(random))
  return insn(def)
}

function packetLoad(random: Random, options: RandomProgramOptions): ClassicInsn {
  const def = random.pick(options.steady ? STEADY_LOADS : LOADS)
  let k = random.below(options.steady ? 12 : random.chance(0.8) ? 60 : 200)
  if (options.headers && random.chance(0.2)) k += random.pick([SKF_NET_OFF, SKF_LL_OFF])
  // What lies past the headers would name extensions.
  else if (options.wild && random.chance(0.1))
    k = random.chance(0.5) ? random.below(2 ** 17) : random.below(SKF_LL_OFF)
  return { code: def.code, jt: 0, jf: 0, k: k >>> 0 }
}

function constant(random: Random): number {
  const kind = random.below(10)
  if (kind < 4) return random.below(256)
  if (kind < 6) return random.pick([0x800, 0x86dd, 0x8100, 0x0008, 0xdd86, 6, 17, 0x1fff, 80, 443])
  if (kind < 8) return random.below(0x10000)
  return random.pick([
    0,
    1,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    random.u32(),
    SKF_NET_OFF,
    SKF_LL_OFF,
  ])
}

/** A packet of any length, often with headers of IPv4 or IPv6 and TCP or UDP. */
export function randomPacket(random: Random, longest = 120): Uint8Array {
  const packet = Uint8Array.from({ length: random.below(longest + 1) }, () =>
    random.chance(0.5) ? random.below(256) : random.pick([0, 1, 4, 6, 8, 17, 0x45, 0x46, 0x50, 80, 0xff]),
  )
  const set = (at: number, ...bytes: number[]): void => {
    for (const [n, byte] of bytes.entries()) if (at + n < packet.length) packet[at + n] = byte
  }
  const kind = random.below(4)
  if (kind === 1) set(12, 8, 0, 0x45 + random.below(2))
  if (kind === 1) set(23, random.pick([6, 17, 1]))
  if (kind === 2) set(12, 0x86, 0xdd, 0x60)
  if (kind === 3) set(12, 0x81, 0, 0, random.below(8), 8, 0, 0x45)
  return packet
}
