import { FP, NUMBER, type Scene } from './scene.ts'
import { ALU_SIGNS, JUMP_SIGNS } from './writer.ts'

/** A register that holds a number and may be overwritten. */
function own(scene: Scene): number {
  const reg = scene.number()
  if (!scene.frame.held.has(reg) && reg < FP) return reg
  const copy = scene.scratch()
  if (scene.frame.regs[copy] !== undefined || copy !== reg) scene.w.movReg(copy, reg)
  scene.set(copy, NUMBER)
  return copy
}

/** One operation on a number. */
export function arithmetic(scene: Scene): void {
  const { random, w } = scene
  const dst = own(scene)
  const wide = random.chance(0.6)
  let max: number | undefined
  switch (random.below(12)) {
    case 0:
      w.emit(wide ? 0x87 : 0x84, dst)
      break
    case 1:
      w.emit(random.pick([0xd4, 0xdc, 0xd7]), dst, 0, 0, random.pick([16, 32, 64]))
      break
    case 2: {
      // movsx
      const bits = random.pick(wide ? [8, 16, 32] : [8, 16])
      w.emit(wide ? 0xbf : 0xbc, dst, scene.number(), bits)
      break
    }
    case 3: {
      // Signed division and remainder.
      w.emit((random.chance(0.5) ? 0x30 : 0x90) | (wide ? 7 : 4), dst, 0, 1, scene.constant() || 3)
      break
    }
    case 4:
    case 5: {
      const sign = random.pick(ALU_SIGNS)
      const src = scene.number()
      w.aluReg(sign, dst, src, wide)
      break
    }
    case 6:
      max = random.pick([1, 3, 7, 15, 31, 63, 255])
      scene.bound(dst, max)
      break
    default: {
      const sign = random.pick(ALU_SIGNS)
      const shift = sign === '<<=' || sign === '>>=' || sign === 's>>='
      const divides = sign === '/=' || sign === '%='
      const imm = shift && !scene.oops() ? random.below(wide ? 64 : 32) : scene.constant()
      w.alu(sign, dst, divides && !scene.oops() ? imm || 3 : imm, wide)
      if (sign === '&=' && imm >= 0) max = imm
    }
  }
  scene.set(dst, max === undefined ? NUMBER : { kind: 'number', max })
}

/** Copies of one number that know of each other: a comparison of one bounds the others. */
export function aliases(scene: Scene): void {
  const { random, w } = scene
  const from = scene.number()
  const copy = scene.hold([from], () => scene.scratch())
  const wide = random.chance(0.7)
  w.aluReg('=', copy, from, wide)
  scene.set(copy, NUMBER)
  scene.hold([from, copy], () => {
    if (random.chance(0.4))
      w.alu(random.pick(['+=', '-=']), copy, random.pick([1, 2, 4, 8, 100, -1, 1 << 30]), wide)
    if (random.chance(0.3)) {
      // Through the stack.
      const off = scene.area(8)
      w.store(8, FP, off, copy)
      scene.mark(off, 8, NUMBER)
      if (random.chance(0.6)) {
        const other = scene.scratch()
        w.load(random.pick([8, 8, 4, 2, 1]), other, FP, off)
        scene.set(other, NUMBER)
      }
    }
    const test = random.pick([from, copy])
    const limit = random.pick([1, 7, 8, 15, 31, 63, 100, 255])
    if (random.chance(0.7)) {
      const signed = random.chance(0.3)
      if (signed) scene.exitIf('s<', test, 0, wide)
      scene.exitIf(signed ? 's>' : '>', test, limit, wide)
    } else {
      const skip = w.label()
      w.jump(random.pick(JUMP_SIGNS), test, limit, skip, wide)
      scene.branch(() => w.alu('+=', test, 1))
      w.place(skip)
    }
  })
}

/** Arithmetic on a pointer, most of which the verifier allows; now and then the result is used. */
export function pointerArithmetic(scene: Scene): void {
  const { random, w } = scene
  const pointers = scene.frame.regs.flatMap((value, reg) =>
    value && ['value', 'packet', 'frame', 'mem', 'ctx'].includes(value.kind) ? [{ reg, value }] : [],
  )
  const base = pointers.length > 0 && random.chance(0.7) ? random.pick(pointers).reg : FP
  const size = base === FP ? 64 : 8
  const reg = scene.hold([base], () => scene.scratch())
  w.movReg(reg, base)
  scene.set(reg, undefined)
  scene.hold([base, reg], () => {
    if (base === FP && !scene.oops()) {
      const index = scene.number(random.pick([7, 15, 31]))
      w.alu('+=', reg, -size)
      if (index !== reg) w.aluReg('+=', reg, index)
      const width = random.pick([1, 1, 1, 2, 4, 8] as const)
      if (random.chance(0.5)) w.storeImm(width, reg, 0, scene.constant())
      else {
        const to = scene.scratch()
        w.load(width, to, reg, 0, width < 8 && random.chance(0.2))
        scene.set(to, NUMBER)
      }
      return
    }
    const sign = random.weighted([
      [5, '+='],
      [3, '-='],
      [1, '&='],
      [1, '*='],
      [1, '<<='],
    ] as const)
    if (sign === '+=' || sign === '-=' || scene.oops(4)) {
      if (random.chance(0.5)) w.alu(sign, reg, random.pick([0, 1, 4, 8, 16, -8, 1 << 29]), !scene.oops())
      else w.aluReg(sign, reg, random.chance(0.85) ? scene.number(random.pick([1, 7, 15])) : base)
    }
  })
}
