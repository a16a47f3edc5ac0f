import { MAPS } from './maps.ts'
import { FP, NUMBER, type Scene } from './scene.ts'
import { block } from './statements.ts'
import type { Width } from './writer.ts'

const ATOMICS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]
const LOAD_ACQ = 0x100
const STORE_REL = 0x110

/** One access of some kind at base+off. */
export function access(scene: Scene, base: number, off: number, width: Width, writes = true): void {
  const { random, w } = scene
  const to = (): number => {
    const reg = scene.hold([base], () => scene.scratch())
    scene.set(reg, undefined)
    return reg
  }
  const kind = random.weighted([
    [6, 'load'],
    [1, 'load signed'],
    [writes ? 4 : 0, 'store'],
    [writes ? 3 : 0, 'store imm'],
    [writes && width >= 4 ? 2 : 0, 'atomic'],
    [1, 'acquire'],
    [writes ? 1 : 0, 'release'],
  ] as const)
  if (kind === 'load' || kind === 'load signed') {
    const reg = to()
    w.load(width, reg, base, off, kind === 'load signed' && width < 8)
    scene.set(reg, width === 1 && kind === 'load' ? { kind: 'number', max: 255 } : NUMBER)
  } else if (kind === 'store')
    w.store(
      width,
      base,
      off,
      scene.hold([base], () => scene.number()),
    )
  else if (kind === 'store imm') w.storeImm(width, base, off, scene.constant())
  else if (kind === 'acquire') {
    const reg = to()
    w.atomic(width, reg, off, base, LOAD_ACQ)
    scene.set(reg, NUMBER)
  } else {
    const src = scene.hold([base], () => scene.number())
    if (kind === 'release') w.atomic(width, base, off, src, STORE_REL)
    else {
      const op = random.pick(ATOMICS)
      const exchange = op === 0xf1
      if (exchange && !scene.frame.held.has(0) && base !== 0) {
        if (random.chance(0.7)) w.mov(0, 0)
        scene.set(0, NUMBER)
      } else if (exchange) return
      w.atomic(width, base, off, src, op)
      if (op & 1) scene.set(exchange ? 0 : src, NUMBER)
    }
  }
}

const width = (scene: Scene): Width => scene.random.pick([1, 2, 4, 4, 8, 8] as const)

/** An offset for an access inside `size` bytes; a mistake puts it outside. */
export function offsetIn(scene: Scene, size: number, bytes: Width): number {
  if (scene.oops()) return scene.random.pick([size, size - 1, size + 8, -1, -8, size - bytes + 1])
  if (size < bytes) return 0
  const off = scene.random.below(size - bytes + 1)
  return scene.random.chance(0.9) ? off - (off % bytes) : off
}

/** Stores to and loads from the stack in all widths, spills of any register. */
export function stackAccess(scene: Scene): void {
  const { random, w } = scene
  const off = scene.area(8)
  const bytes = width(scene)
  const inner = off + (random.chance(0.7) ? 0 : random.below(8 / bytes) * bytes)
  switch (random.below(5)) {
    case 0: {
      // A spill of whatever a register holds.
      const full = scene.frame.regs.flatMap((value, reg) => (value ? [{ reg, value }] : []))
      const { reg, value } = full.length > 0 ? random.pick(full) : { reg: FP, value: undefined }
      w.store(8, FP, off, reg)
      scene.mark(off, 8, value)
      return
    }
    case 1: {
      // A fill.
      const slots = scene.frame.slots.flatMap((value, slot) => (value ? [{ slot, value }] : []))
      if (slots.length === 0) return
      const { slot, value } = random.pick(slots)
      const reg = scene.scratch()
      if (value.kind === 'number') {
        const part = width(scene)
        w.load(
          part,
          reg,
          FP,
          -8 * (slot + 1) + (random.chance(0.8) ? 0 : 8 - part),
          part < 8 && random.chance(0.2),
        )
        scene.set(reg, NUMBER)
      } else {
        w.load(8, reg, FP, -8 * (slot + 1))
        scene.set(reg, value)
      }
      return
    }
    case 2:
      w.store(bytes, FP, inner, scene.number())
      scene.mark(off, 8, NUMBER)
      return
    case 3:
      w.storeImm(bytes, FP, inner, scene.constant())
      scene.mark(off, 8, NUMBER)
      return
    default:
      if (scene.frame.slots[scene.slotOf(off)]?.kind !== 'number') {
        w.storeImm(8, FP, off, scene.constant())
        scene.mark(off, 8, NUMBER)
      }
      access(scene, FP, inner, bytes)
  }
}

/** An access through a pointer that is there. */
export function memoryAccess(scene: Scene): void {
  const { random } = scene
  const pointers = [
    ...scene.having('value').map(({ reg, value }) => ({ reg, size: value.size, writes: true })),
    ...scene.having('mem').map(({ reg, value }) => ({ reg, size: value.size, writes: !value.readonly })),
    ...scene.having('packet').map(({ reg, value }) => ({
      reg,
      size: value.range,
      writes: scene.type.packetAccess === 'write',
    })),
  ]
  if (pointers.length === 0) return
  const { reg, size, writes } = random.pick(pointers)
  const bytes = width(scene)
  access(scene, reg, offsetIn(scene, size, bytes), bytes, writes || scene.oops())
}

/** Loads of context fields, and stores where they are allowed. */
export function contextAccess(scene: Scene): void {
  const { random, w } = scene
  const context = scene.having('ctx')
  if (context.length === 0) return
  const { reg } = random.pick(context)
  const objects = scene.args.flatMap((kind, i) => (kind === 'object' ? [8 * i] : []))
  if (objects.length > 0 && random.chance(0.6)) {
    const pointer = scene.hold([reg], () => scene.scratch(random.chance(0.6)))
    w.load(8, pointer, reg, random.pick(objects))
    scene.set(pointer, { kind: 'object' })
    return
  }
  const store = random.chance(0.25)
  const field = scene.scalarField(store)
  if (!field) return
  if (store || scene.oops(0.3)) {
    if (random.chance(0.5))
      w.store(
        field.width,
        reg,
        field.off,
        scene.hold([reg], () => scene.number()),
      )
    else w.storeImm(field.width, reg, field.off, scene.constant())
    return
  }
  const to = scene.hold([reg], () => scene.scratch())
  w.load(field.width, to, reg, field.off)
  scene.set(to, NUMBER)
}

/** Data and its end from the context, the comparison of the two, and accesses within. */
export function packet(scene: Scene): void {
  const { random, w } = scene
  const { context } = scene.type
  if (context.kind !== 'struct') return
  const at = (pointer: string): number | undefined =>
    context.fields.find((field) => field.pointer === pointer)?.offset
  const meta = random.chance(0.1) ? at('packet_meta') : undefined
  const start = meta ?? at('packet')
  const stop = meta === undefined ? at('packet_end') : at('packet')
  const contexts = scene.having('ctx')
  if (start === undefined || stop === undefined || contexts.length === 0) return
  const bytes = context.fields.find((field) => field.offset === start)!.size as Width
  const from = random.pick(contexts).reg
  const data = scene.hold([from], () => scene.scratch(random.chance(0.5)))
  const end = scene.hold([from, data], () => scene.scratch())
  w.load(bytes, data, from, start)
  w.load(bytes, end, from, stop)
  scene.set(data, { kind: 'packet', range: 0 })
  scene.set(end, { kind: 'end' })
  const range = random.pick([1, 2, 8, 14, 14, 20, 34, 40, 54, 64, 100, 1000])
  scene.hold([data, end], () => {
    if (random.chance(0.35)) {
      // A variable part, as after a header of variable length.
      const index = scene.number(random.pick([15, 60, 255, 1023, 0xffff]))
      w.aluReg('+=', data, index)
    }
    const limit = scene.scratch()
    scene.set(limit, undefined)
    w.pointer(limit, data, range)
    const skip = w.label()
    const right = !scene.oops()
    switch (random.below(4)) {
      case 0:
        w.jumpReg(right ? '>' : '<', limit, end, skip)
        break
      case 1:
        w.jumpReg(right ? '<' : '>', end, limit, skip)
        break
      case 2:
        w.jumpReg(right ? '>=' : '<=', limit, end, skip)
        break
      default:
        w.jumpReg(right ? '<=' : '>=', end, limit, skip)
    }
    scene.set(data, { kind: 'packet', range })
    scene.branch(() => {
      const size = width(scene)
      access(scene, data, offsetIn(scene, range, size), size, scene.type.packetAccess === 'write')
      block(scene, random.between(0, 2))
    })
    w.place(skip)
  })
  scene.set(data, { kind: 'packet', range: 0 })
}

/** r0 is what a lookup in `map` gave: tested, kept, and used with constant and variable offsets. */
export function mapValue(scene: Scene, map: string): void {
  const { random, w } = scene
  const { value_size: size = 0, type } = MAPS[map]!
  const saved = random.chance(0.6) ? scene.scratch(true) : 0
  if (saved !== 0) w.movReg(saved, 0)
  const skip = w.label()
  if (!scene.oops(2)) {
    if (random.chance(0.85)) w.jump('==', random.pick([0, saved]), 0, skip)
    else {
      // The long way round.
      const go = w.label()
      w.jump('!=', saved, 0, go)
      w.goto(skip)
      w.place(go)
    }
  }
  if (String(type).includes('of_maps')) {
    scene.branch(() => {
      // The inner map, looked into.
      fillKey(scene)
      w.movReg(1, saved)
      w.helper(1)
      scene.frame.clobber()
      scene.set(saved, undefined)
      mapValue(scene, type === 'array_of_maps' ? 'hash4' : 'hash_noprealloc')
    })
    w.place(skip)
    return
  }
  scene.branch(() => {
    scene.set(saved, { kind: 'value', map, off: 0, size })
    scene.hold([saved], () => {
      const bytes = width(scene)
      access(scene, saved, offsetIn(scene, size, bytes), bytes)
      if (random.chance(0.4)) variableValue(scene, saved, size)
      block(scene, random.between(0, 3))
    })
    scene.set(saved, undefined)
  })
  scene.set(saved, undefined)
  w.place(skip)
}

function fillKey(scene: Scene): void {
  scene.w.storeImm(4, FP, -8, 0)
  scene.w.pointer(2, FP, -8)
  scene.mark(-8, 8, NUMBER)
}

function variableValue(scene: Scene, value: number, size: number): void {
  const { random, w } = scene
  const bytes = width(scene)
  if (size < bytes + 1) return
  const most = scene.oops(2) ? size : size - bytes
  const index = scene.number(
    1 << Math.floor(Math.log2(most)) > 1 ? (1 << Math.floor(Math.log2(most))) - 1 : most,
  )
  scene.hold([value, index], () => {
    const pointer = scene.scratch()
    scene.set(pointer, undefined)
    w.movReg(pointer, value)
    w.aluReg('+=', pointer, index)
    if (random.chance(0.2)) w.alu('+=', pointer, random.pick([0, 1, -1, 4]))
    scene.hold([pointer], () => access(scene, pointer, 0, bytes))
  })
}

/** An address in a global: an array's first value. */
export function directValue(scene: Scene): void {
  const { random, w } = scene
  const map = scene.oops()
    ? 'array'
    : random.pick(['globals', 'globals', 'array1', 'constants', 'wide', 'readonly', 'writeonly'])
  const size = MAPS[map]!.value_size!
  const reg = scene.scratch(random.chance(0.4))
  const off = scene.oops() ? size : random.below(size >> 3) * 8
  w.map(reg, map, off)
  const left = Math.max(0, size - off)
  scene.set(reg, { kind: 'value', map, off: 0, size: left })
  const bytes = width(scene)
  access(
    scene,
    reg,
    offsetIn(scene, left, bytes),
    bytes,
    !['constants', 'readonly'].includes(map) || scene.oops(3),
  )
}
