import { call, callable, fill } from './args.ts'
import { aliases, arithmetic, pointerArithmetic } from './arithmetic.ts'
import { witness } from './bounds.ts'
import { callback, callFunction, tailCall } from './calls.ts'
import { iterator, object, packetDynptr, section, walk } from './kernel.ts'
import { dynptr, forEach, lock, ringbuf, socket, timer } from './objects.ts'
import { contextAccess, directValue, mapValue, memoryAccess, packet, stackAccess } from './pointers.ts'
import { FP, NUMBER, type Scene } from './scene.ts'
import { JUMP_SIGNS } from './writer.ts'

type Statement = (scene: Scene) => void

/** if, with or without else. */
function condition(scene: Scene): void {
  const { random, w } = scene
  const reg = scene.number()
  const skip = w.label()
  const wide = random.chance(0.6)
  const numbers = scene.having('number')
  if (numbers.length > 1 && random.chance(0.3))
    w.jumpReg(random.pick(JUMP_SIGNS), reg, random.pick(numbers).reg, skip, wide)
  else w.jump(random.pick(JUMP_SIGNS), reg, scene.constant(), skip, wide)
  if (random.chance(0.4)) {
    const end = w.label()
    const before = scene.frame.snapshot()
    scene.depth++
    block(scene, random.between(1, 3))
    w.goto(end, random.chance(0.1))
    w.place(skip)
    const after = scene.frame.snapshot()
    scene.frame.restore(before)
    block(scene, random.between(0, 2))
    scene.depth--
    scene.frame.join(after)
    w.place(end)
  } else {
    scene.branch(() => block(scene, random.between(1, 3)))
    w.place(skip)
  }
}

/** A loop that ends: counted in a register or on the stack, up or down, or by may_goto. */
function loop(scene: Scene): void {
  const { random, w } = scene
  if (scene.depth > 1 && !random.chance(0.1)) return
  const counter = scene.scratch(true)
  const times = random.pick([1, 2, 2, 3, 3, 4, 5, 8, 10, 17, 40])
  const top = w.label()
  const end = w.label()
  const kind = random.weighted([
    [5, 'up'],
    [3, 'down'],
    [3, 'may_goto'],
    [2, 'stack'],
    [scene.oops(4) ? 2 : 0, 'unknown'],
  ] as const)
  const body = (): void => {
    const before = scene.frame.snapshot()
    scene.hold([counter], () => scene.branch(() => block(scene, random.between(1, 3))))
    scene.frame.join(before)
  }
  // What the body changes is unknown at its start.
  for (let reg = 0; reg < FP; reg++) {
    if (reg !== counter && scene.frame.regs[reg]?.kind === 'number') scene.set(reg, NUMBER)
  }
  if (kind === 'may_goto') {
    w.place(top)
    w.mayGoto(end)
    if (random.chance(0.3)) scene.exitIf('==', scene.number(), scene.constant())
    body()
    w.goto(top, random.chance(0.1))
    w.place(end)
    return
  }
  if (kind === 'stack') {
    const off = scene.area(8)
    const slot = scene.slotOf(off)
    w.storeImm(8, FP, off, 0)
    w.place(top)
    scene.frame.heldSlots.add(slot)
    scene.branch(() => block(scene, random.between(1, 2)))
    scene.frame.heldSlots.delete(slot)
    w.load(8, counter, FP, off)
    w.alu('+=', counter, 1)
    w.store(8, FP, off, counter)
    w.jump('<', counter, times, top)
    scene.set(counter, { kind: 'number', max: times })
    return
  }
  const wide = random.chance(0.7)
  if (kind === 'unknown') scene.makeNumber(counter)
  else w.alu('=', counter, kind === 'down' ? times : 0, wide)
  scene.set(counter, NUMBER)
  w.place(top)
  if (random.chance(0.5))
    w.jump(
      kind === 'down' ? '==' : random.pick(['>=', 's>=', '==']),
      counter,
      kind === 'down' ? 0 : times,
      end,
      wide,
    )
  body()
  if (kind === 'down') {
    w.alu('-=', counter, 1, wide)
    w.jump(random.pick(['!=', 's>', '>']), counter, 0, top, wide)
  } else {
    w.alu('+=', counter, scene.oops() ? 0 : random.pick([1, 1, 1, 2]), wide)
    w.jump(random.pick(['<', 's<', '<=', '!=']), counter, times, top, wide)
  }
  w.place(end)
  scene.set(counter, NUMBER)
}

/** Any helper that the program may call, by its prototype. */
function helper(scene: Scene): void {
  const { random, w } = scene
  if (scene.quiet > 0 && !scene.oops()) return
  if (scene.clobbers() && !scene.oops()) return
  const candidates = scene.oops(0.5)
    ? [...scene.platform.helpers]
    : scene.helpers.filter((one) => callable(scene, one))
  if (candidates.length === 0) return
  const chosen = random.pick(candidates)
  const map = call(scene, chosen)
  if (chosen.changesPacketData)
    for (let reg = 0; reg < FP; reg++)
      if (['packet', 'end'].includes(scene.frame.regs[reg]?.kind ?? '')) scene.set(reg, undefined)
  const { kind, nullable } = chosen.returns
  if (kind === 'integer') scene.set(0, NUMBER)
  else if (kind === 'map_value' && map !== undefined) mapValue(scene, map)
  else if (nullable && random.chance(0.5)) {
    const skip = w.label()
    w.jump('==', 0, 0, skip)
    scene.branch(() => {
      if (kind === 'socket' || kind === 'tcp_sock' || kind === 'sock_common') useSocket(scene, kind)
      else block(scene, 1)
    })
    w.place(skip)
  }
}

function useSocket(scene: Scene, kind: string): void {
  const saved = scene.scratch(true)
  scene.w.movReg(saved, 0)
  scene.set(saved, { kind: 'sock', type: kind })
  scene.hold([saved], () => {
    scene.w.load(4, scene.scratch(), saved, scene.random.pick([0, 4, 8, 12, 16, 20, 24, 28]))
    block(scene, 1)
  })
  scene.set(saved, undefined)
}

/** Leaves here and now on a condition. */
function leave(scene: Scene): void {
  const { random } = scene
  scene.exitIf(random.pick(JUMP_SIGNS), scene.number(), scene.constant(), random.chance(0.6))
}

/** Classic loads from the packet. */
function legacyLoad(scene: Scene): void {
  const { random, w } = scene
  if ((!scene.type.legacyLoads || scene.quiet > 0) && !scene.oops()) return
  const context = scene.having('ctx').find(({ reg }) => reg >= 6)
  if (!context) return
  if (scene.clobbers() || (scene.frame.held.has(6) && context.reg !== 6)) return
  w.movReg(6, context.reg)
  const size = random.pick([0x00, 0x08, 0x10])
  const off = random.pick([0, 12, 14, 23, 34, 0x1000, -4096])
  if (random.chance(0.6)) w.emit(0x20 | size, 0, 0, 0, off)
  else {
    const index = scene.number(undefined, true)
    w.emit(0x40 | size, 0, index, 0, off)
  }
  scene.frame.clobber()
  scene.set(6, { kind: 'ctx' })
  scene.set(0, NUMBER)
}

/** Something that is not in the grammar. */
function noise(scene: Scene): void {
  const { random, w } = scene
  if (!scene.oops(2)) return
  w.emit(random.below(256), random.below(11), random.below(11), random.between(-16, 16), scene.constant())
}

const STATEMENTS: readonly (readonly [number, Statement])[] = [
  [18, arithmetic],
  [4, aliases],
  [10, condition],
  [4, loop],
  [10, stackAccess],
  [6, memoryAccess],
  [4, pointerArithmetic],
  [6, contextAccess],
  [5, packet],
  [8, lookup],
  [3, directValue],
  [9, helper],
  [3, leave],
  [3, callFunction],
  [2, callback],
  [1, tailCall],
  [2, ringbuf],
  [2, lock],
  [1, timer],
  [2, socket],
  [2, dynptr],
  [1, forEach],
  [1, legacyLoad],
  [1, noise],
  [3, witness],
  [2, iterator],
  [2, section],
  [2, object],
  [3, walk],
  [1, packetDynptr],
]

/** A lookup whose result is used. */
function lookup(scene: Scene): void {
  const { random } = scene
  if ((scene.quiet > 0 || scene.clobbers()) && !scene.oops()) return
  const found = scene.platform.helpers.byName(
    random.weighted([
      [20, 'bpf_map_lookup_elem'],
      [1, 'bpf_map_lookup_percpu_elem'],
    ] as const),
  )
  if (!found) return
  const map = call(scene, found)
  if (map !== undefined) mapValue(scene, map)
}

/** So many statements, fewer when the program is long enough. */
export function block(scene: Scene, count: number): void {
  if (scene.depth > 5) {
    arithmetic(scene)
    return
  }
  for (let n = 0; n < count; n++) {
    if (scene.w.nodes.length > scene.budget) return
    scene.random.weighted(STATEMENTS)(scene)
  }
}

/** Fills some of the stack and registers, so that there is something to work with. */
export function prologue(scene: Scene): void {
  const { random } = scene
  for (let n = random.below(3); n > 0; n--) fill(scene, scene.area(8), 8)
  for (let n = random.between(0, 2); n > 0; n--) {
    const reg = scene.scratch(true)
    scene.makeNumber(reg)
    if (random.chance(0.4)) scene.bound(reg, random.pick([1, 3, 7, 15, 31, 63, 255]))
  }
}
