import { FP, NUMBER, type Scene } from './scene.ts'
import type { AluSign, JumpSign } from './writer.ts'

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value)

/** What an operation with a constant makes of a 64-bit number. */
function compute(sign: AluSign, value: bigint, imm: number, wide: boolean): bigint {
  const bits = wide ? 64 : 32
  const wrap = (n: bigint): bigint => BigInt.asUintN(bits, n)
  const a = wrap(value)
  const b = wrap(BigInt(imm))
  const shift = b & BigInt(bits - 1)
  switch (sign) {
    case '+=':
      return wrap(a + b)
    case '-=':
      return wrap(a - b)
    case '*=':
      return wrap(a * b)
    case '/=':
      return b === 0n ? 0n : a / b
    case '%=':
      return b === 0n ? a : a % b
    case '|=':
      return a | b
    case '&=':
      return a & b
    case '^=':
      return a ^ b
    case '<<=':
      return wrap(a << shift)
    case '>>=':
      return a >> shift
    case 's>>=':
      return wrap(BigInt.asIntN(bits, a) >> shift)
    default:
      return b
  }
}

const SIGNS: readonly AluSign[] = ['+=', '-=', '*=', '/=', '%=', '|=', '&=', '^=', '<<=', '>>=', 's>>=']

/**
 * A bounded number through some operations, and a comparison that always goes one way: behind the other is what no verifier
 * accepts. So the verdict tells how exactly it follows bounds.
 */
export function witness(scene: Scene): void {
  const { random, w } = scene
  const max = random.pick([1, 3, 7, 15, 31, 63, 100, 255])
  const from = scene.number(max)
  if (from >= FP) return
  const reg = scene.hold([from], () => scene.scratch())
  w.movReg(reg, from)
  let values = Array.from({ length: max + 1 }, (_, n) => BigInt(n))
  for (let n = random.between(1, 4); n > 0; n--) {
    const sign = random.pick(SIGNS)
    const wide = random.chance(0.6)
    const shifts = sign.includes('<') || sign.includes('>')
    const imm = shifts
      ? random.below(wide ? 64 : 32)
      : random.chance(0.8)
        ? random.between(-16, 300)
        : scene.constant()
    if ((sign === '/=' || sign === '%=') && imm === 0) continue
    w.alu(sign, reg, imm, wide)
    values = values.map((value) => compute(sign, value, imm, wide))
  }
  if (random.chance(0.3)) {
    // Through a slot, and back in the same or a smaller width.
    const off = scene.area(8)
    const width = random.pick([8, 8, 4, 2] as const)
    w.store(8, FP, off, reg)
    scene.mark(off, 8, NUMBER)
    w.load(width, reg, FP, off)
    values = values.map((value) => BigInt.asUintN(width * 8, value))
  }
  const wide = random.chance(0.6)
  const view = wide ? u64 : (value: bigint): bigint => BigInt.asUintN(32, value)
  const signedView = wide ? s64 : (value: bigint): bigint => BigInt.asIntN(32, value)
  const shown = values.map(view).sort((a, b) => (a < b ? -1 : 1))
  const signed = values.map(signedView).sort((a, b) => (a < b ? -1 : 1))
  const slack = BigInt(random.pick([0, 0, 0, 1, 3, 8, 64]))
  const [sign, limit] = random.pick<readonly [JumpSign, bigint]>([
    ['<=', shown.at(-1)! + slack],
    ['>=', shown[0]! - slack],
    ['s<=', signed.at(-1)! + slack],
    ['s>=', signed[0]! - slack],
    ['!=', shown.at(-1)! + 1n + slack],
  ])
  const imm = Number(limit)
  if (imm < -0x8000_0000 || imm > 0x7fff_ffff) return
  const fine = w.label()
  w.jump(sign, reg, imm, fine, wide)
  w.load(8, reg, reg, 0)
  w.place(fine)
  scene.set(reg, NUMBER)
}
