import { fill } from './args.ts'
import { type Callee, FP, NUMBER, type Scene, type Value } from './scene.ts'

const MAX_FUNCTIONS = 5

/** A call of a function of the program, new or known, with arguments of the kinds that it takes. */
export function callFunction(scene: Scene): void {
  const { random, w, frame } = scene
  if ((scene.quiet > 0 || scene.clobbers()) && !scene.oops(0.2)) return
  const known = scene.callees.filter((callee) => !callee.callback)
  const fresh = scene.callees.length < MAX_FUNCTIONS && (known.length === 0 || random.chance(0.6))
  // Only functions whose bodies are still to be written may be called from a body: no recursion, but for mistakes.
  const reachable = known.filter((callee) => callee.label.node === undefined || scene.oops())
  if (!fresh && reachable.length === 0) return
  const callee = fresh ? declare(scene) : random.pick(reachable)
  const unused = [1, 2, 3, 4, 5].filter((reg) => !frame.held.has(reg))
  if (unused.length < callee.params.length) return
  for (const [i, value] of callee.params.entries()) pass(scene, i + 1, value)
  w.call(callee.label)
  frame.clobber()
  scene.set(0, NUMBER)
}

function declare(scene: Scene): Callee {
  const { random } = scene
  const global = random.chance(0.4)
  if (global) scene.typed = true
  const params: Value[] = []
  for (let n = random.below(4); n > 0; n--) {
    const kind = random.weighted([
      [5, 'number'],
      [scene.having('ctx').some(({ reg }) => reg >= 6) ? 2 : 0, 'ctx'],
      [global ? 0 : 3, 'frame'],
      [global ? 3 : 0, 'mem'],
    ] as const)
    if (kind === 'ctx' && params.some((value) => value.kind === 'ctx')) continue
    if (kind === 'frame') params.push({ kind, off: 0, size: random.pick([8, 16]) })
    else if (kind === 'mem') params.push({ kind, size: 8 })
    else params.push({ kind })
  }
  const callee: Callee = {
    label: scene.w.label(),
    name: `sub_${scene.callees.length}`,
    params,
    linkage: global ? 'global' : 'static',
    callback: false,
  }
  scene.callees.push(callee)
  return callee
}

function pass(scene: Scene, reg: number, value: Value): void {
  const { random, w } = scene
  if (scene.oops()) {
    w.movReg(reg, random.pick([6, 7, 8, 9, 10]))
    return
  }
  if (value.kind === 'ctx') {
    w.movReg(reg, scene.having('ctx').find((one) => one.reg >= 6)?.reg ?? 6)
  } else if (value.kind === 'frame' || value.kind === 'mem') {
    if (value.kind === 'mem' && random.chance(0.1)) {
      w.mov(reg, 0)
      return
    }
    const off = scene.area(value.size)
    fill(scene, off, value.size)
    w.pointer(reg, FP, off)
  } else {
    const numbers = scene.having('number').filter((one) => one.reg >= 6)
    if (numbers.length > 0 && random.chance(0.6)) w.movReg(reg, random.pick(numbers).reg)
    else w.mov(reg, scene.constant())
  }
}

/** bpf_loop over a function of the program. */
export function callback(scene: Scene): void {
  const { random, w } = scene
  if ((scene.quiet > 0 || scene.clobbers()) && !scene.oops()) return
  if (scene.callees.length >= MAX_FUNCTIONS) return
  scene.typed = true
  const label = w.label()
  const size = random.pick([8, 16])
  const off = scene.area(size)
  fill(scene, off, size)
  scene.callees.push({
    label,
    name: `loop_${scene.callees.length}`,
    params: [NUMBER, { kind: 'frame', off: 0, size }],
    linkage: 'static',
    callback: true,
  })
  const numbers = scene.having('number').filter((one) => one.reg >= 6)
  if (numbers.length > 0 && random.chance(0.4)) w.movReg(1, random.pick(numbers).reg)
  else w.mov(1, random.pick([1, 4, 10, 100, 1 << 23]))
  w.function(2, label)
  if (random.chance(0.8)) w.pointer(3, FP, off)
  else w.mov(3, 0)
  w.mov(4, scene.oops() ? 1 : 0)
  scene.helperByName('bpf_loop')
  scene.set(0, NUMBER)
  scene.mark(off, size, NUMBER)
}

export function tailCall(scene: Scene): void {
  const { random, w } = scene
  if ((scene.quiet > 0 || scene.clobbers()) && !scene.oops()) return
  const context = scene.having('ctx').find(({ reg }) => reg >= 6)
  if (!context) return
  w.movReg(1, context.reg)
  w.map(2, scene.oops() ? 'array' : 'programs')
  const numbers = scene.having('number').filter((one) => one.reg >= 6)
  if (numbers.length > 0 && random.chance(0.4)) w.movReg(3, random.pick(numbers).reg)
  else w.mov(3, random.below(5))
  scene.helperByName('bpf_tail_call')
}
