import { allDefs, type Insn, insn, type OpDef, targetField } from '@skep/isa'
import { Random } from './random-numbers.ts'

/** What a program may find interesting. */
export interface HostileWorld {
  /** Addresses of all kinds of things. */
  readonly addresses: readonly number[]
  /** Addresses of maps that the program may use, and of values in them. */
  readonly maps: readonly number[]
  readonly values: readonly number[]
  /** Helpers, linked or not, and what they take. */
  readonly helpers: readonly { readonly id: number; readonly args: readonly HostileArg[] }[]
}

type HostileArg = 'context' | 'pointer' | 'size' | 'map' | 'number' | 'callback'

const small = [0, 1, -1, 2, 4, 8, 16, 64, 255, 511, 512, 513, 4096, 0x7fffffff, -0x80000000, -8, -16, -512]

const byKind = (...kinds: readonly OpDef['kind'][]): readonly OpDef[] =>
  allDefs.filter((def) => kinds.includes(def.kind) && def.name !== 'ld_imm64_hi')

const accessing = byKind('ldx', 'ldxsx', 'st', 'stx', 'load_acq', 'store_rel', 'atomic')
const computing = byKind('alu', 'mov', 'movsx', 'neg', 'endian')
const jumping = byKind('jump')
const anything = allDefs.filter((def) => def.name !== 'ld_imm64_hi')

const uses = (def: OpDef, field: string): boolean => def.fields.some((used) => used === field)
const readsMemory = (def: OpDef): boolean => ['ldx', 'ldxsx', 'load_acq'].includes(def.kind)

interface Operands {
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
}

/** An instruction with these operands where it has any, and what its row fixes elsewhere. */
function make(def: OpDef, operands: Operands): Insn {
  const fixed = def as { readonly src?: number; readonly off?: number; readonly imm?: number }
  return {
    def,
    dst: uses(def, 'dst') ? operands.dst : 0,
    src: uses(def, 'src') ? operands.src : (fixed.src ?? 0),
    off: uses(def, 'off') ? operands.off : (fixed.off ?? 0),
    imm: uses(def, 'imm') ? operands.imm : (fixed.imm ?? 0),
  }
}

/**
 * Instructions at random that mostly make sense: r6 to r9 begin as the context, the packet, a map's values and the frame,
 * and are used as such, until something else is written to them. Jumps may go into the middle of an ld_imm64.
 */
export function hostileProgram(seed: number, world: HostileWorld): Insn[] {
  const random = new Random(seed)
  const rarely = (): boolean => random.below(16) === 0
  const length = 12 + random.below(40)
  const code: Insn[] = [insn.mov64_reg(6, 1), insn.mov64_reg(9, 10), insn.add64_imm(9, -64)]
  if (random.below(2) === 0) code.push(insn.ldx_w(7, 1, 0))
  code.push(...insn.ld_imm64(8, BigInt(rarely() ? random.pick(world.addresses) : random.pick(world.values))))
  const value = (): number => (rarely() ? 7 + random.below(4) : random.below(6))
  const base = (): number => (rarely() ? random.below(11) : 6 + random.below(5))
  const constant = (): number =>
    random.below(3) === 0 ? random.pick(world.addresses) | 0 : random.pick(small)
  const target = (): number => random.below(12) - (random.below(3) === 0 ? 10 : 0)
  const pointer = (reg: number): Insn[] => {
    if (rarely()) return insn.ld_imm64(reg, BigInt(random.pick(world.addresses)))
    if (rarely()) return [insn.mov64_reg(reg, random.below(11))]
    if (rarely()) return [insn.mov64_imm(reg, random.pick(small))]
    return [
      insn.mov64_reg(reg, random.pick([7, 8, 9, 9])),
      insn.add64_imm(reg, random.pick([0, 0, 4, 8, 16, -8, 60])),
    ]
  }
  const callback = (reg: number): Insn[] => {
    const [low, high] = insn.ld_imm64(reg, BigInt(random.below(length)))
    return [rarely() ? low! : { ...low!, src: 4, imm64: BigInt(low!.imm) }, high!]
  }
  const argument: Record<HostileArg, (reg: number) => readonly Insn[]> = {
    context: (reg) => [insn.mov64_reg(reg, rarely() ? random.below(11) : 6)],
    pointer,
    size: (reg) => [insn.mov64_imm(reg, random.pick([1, 2, 4, 8, 12, rarely() ? random.pick(small) : 16]))],
    map: (reg) => insn.ld_imm64(reg, BigInt(random.pick(rarely() ? world.addresses : world.maps))),
    number: (reg) => [insn.mov64_imm(reg, random.pick([0, 1, 2, 3, random.pick(small)]))],
    callback,
  }
  while (code.length < length) {
    const choice = random.below(20)
    if (choice < 6) {
      const def = random.pick(accessing)
      const at = base()
      const size = 'size' in def ? def.size : 8
      const off = rarely() ? random.below(0x10000) - 0x8000 : random.below(3) * size * (at === 10 ? -1 : 1)
      const other = value()
      const reads = readsMemory(def)
      const operands = { dst: reads ? other : at, src: reads ? at : other, off, imm: constant() }
      code.push(make(def, operands))
    } else if (choice < 11) {
      const operands = { dst: value(), src: random.below(11), off: 0, imm: constant() }
      code.push(make(random.pick(computing), operands))
    } else if (choice < 14) {
      const operands = { dst: random.below(11), src: random.below(11), off: target(), imm: constant() }
      code.push(make(random.pick(jumping), operands))
    } else if (choice < 18) {
      const helper = random.pick(world.helpers)
      for (const [n, kind] of helper.args.entries()) {
        const wanted = rarely() ? random.pick(Object.keys(argument) as HostileArg[]) : kind
        code.push(...argument[wanted](n + 1))
      }
      code.push(insn.call_helper(helper.id))
    } else if (choice < 19) {
      code.push(...insn.ld_imm64(random.below(6), BigInt(random.pick(world.addresses))))
    } else if (random.below(3) > 0) {
      code.push(insn.call_local(target()))
    } else if (rarely()) {
      const operands = { dst: random.below(11), src: random.below(11), off: target(), imm: target() }
      const def = random.pick(anything.filter((one) => one.name !== 'ld_imm64'))
      code.push(make(def, operands))
    }
  }
  code.push(insn.mov64_imm(0, 0))
  if (!rarely()) code.push(insn.exit())
  return code.map((one, slot) => {
    // Most that go nowhere go to the end instead.
    if (one.def.kind === 'ld_imm64' && one.src === 4) {
      const begins = code[Number(one.imm64)]?.def.name !== 'ld_imm64_hi'
      return begins || random.below(100) === 0 ? one : { ...one, imm64: BigInt(code.length - 1) }
    }
    const field = targetField(one)
    if (!field) return one
    const landed = code[slot + 1 + one[field]]
    if ((landed && landed.def.name !== 'ld_imm64_hi') || random.below(100) === 0) return one
    return { ...one, [field]: code.length - slot - 2 }
  })
}

/** A program that ends by itself and touches its frame and its context of 64 bytes alone. */
export function tameProgram(seed: number): Insn[] {
  const random = new Random(seed)
  const code: Insn[] = []
  const value = (): bigint =>
    random.below(2) === 0
      ? BigInt(random.pick(small))
      : (BigInt(random.next()) << 32n) | BigInt(random.next())
  code.push(insn.mov64_reg(9, 1))
  for (let reg = 0; reg < 8; reg++) code.push(...insn.ld_imm64(reg, value()))
  for (let off = -64; off < 0; off += 8) code.push(insn.stx_dw(10, random.below(8), off))
  code.push(insn.mov64_imm(8, 30))
  const start = code.length
  const body = 12 + random.below(30)
  const operation = (def: OpDef, jump = 0): Insn => {
    const accesses = accessing.includes(def)
    const base = random.below(2) === 0 ? 10 : 9
    const size = 'size' in def ? def.size : 8
    const place = random.below(64 / size) * size - (base === 10 ? 64 : 0)
    const [one, other] = [random.below(8), random.below(8)]
    return make(def, {
      dst: accesses && !readsMemory(def) ? base : one,
      src: accesses && readsMemory(def) ? base : other,
      off: accesses ? place : jump,
      imm: Number(BigInt.asIntN(32, value())),
    })
  }
  // Pairs that are done in one go come up often, so that they are tested with all kinds of neighbours.
  for (let n = 0; n < body; n++) {
    const choice = random.below(10)
    if (choice < 4) code.push(operation(random.pick(computing)))
    else if (choice < 6) code.push(operation(random.pick(accessing)))
    else if (choice < 7) {
      const [dst, src] = [random.below(8), random.below(8)]
      const other = random.below(8)
      code.push(insn.mov64_reg(dst, src))
      code.push(random.below(2) === 0 ? insn.add64_imm(dst, random.pick(small)) : insn.sub64_reg(dst, other))
      code.push(insn.jgt64_reg(dst, other, random.below(3)))
    } else if (choice < 8) {
      const dst = random.below(8)
      const off = -8 * (1 + random.below(8))
      code.push(random.pick([insn.ldx_b, insn.ldx_h, insn.ldx_w, insn.ldx_dw])(dst, 10, off))
      const jump = random.pick([insn.jeq32_imm, insn.jne32_imm, insn.jeq64_imm, insn.jne64_imm])
      code.push(jump(dst, random.pick(small), random.below(3)))
    } else if (choice < 9) {
      const store = random.pick([insn.stx_b, insn.stx_h, insn.stx_w, insn.stx_dw])
      for (let k = 0; k < 2; k++) code.push(store(10, random.below(8), -8 * (1 + random.below(8))))
    } else code.push(operation(random.pick(jumping), random.below(4)))
  }
  // Forward jumps may go past the body; the loop goes on until its counter says so.
  code.push(insn.mov64_imm(7, 0), insn.mov64_imm(7, 1), insn.mov64_imm(7, 2), insn.add64_imm(8, -1))
  code.push(insn.jne64_imm(8, 0, start - code.length - 1), insn.exit())
  return code
}
