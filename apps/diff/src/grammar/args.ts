import type { ArgDesc, HelperDef } from '@skep/registry'
import { MAPS } from './maps.ts'
import { FP, NUMBER, type Scene } from './scene.ts'
import type { Width } from './writer.ts'

/** What the arguments of one call have to agree on. */
interface Plan {
  map?: string
  size?: number
}

/** Fills a stack area, now and then not all of it. */
export function fill(scene: Scene, off: number, size: number): void {
  const { random, w } = scene
  if (scene.oops()) return
  const numbers = scene.having('number')
  for (let at = 0; at < size; ) {
    const left = size - at
    const width = ([8, 4, 2, 1] as const).find((one) => one <= left && (off + at) % one === 0) as Width
    const number = numbers.length > 0 && random.chance(0.3) ? random.pick(numbers).reg : undefined
    if (number === undefined) w.storeImm(width, FP, off + at, scene.constant())
    else w.store(width, FP, off + at, number)
    at += width
  }
  scene.mark(off, size, NUMBER)
}

/** Maps of the catalogue that a helper takes. */
export function mapsFor(scene: Scene, helper: HelperDef, desc?: ArgDesc): readonly string[] {
  return Object.values(MAPS).flatMap((map) => {
    const { name, type } = map
    if (desc?.mapTypes && !desc.mapTypes.includes(String(type))) return []
    if (map.btf && (scene.type.tracing || scene.type.noSpinLock)) return []
    const allowed = scene.platform.mapTypes.get(type)?.helpers
    return !allowed || allowed.includes(helper.name) ? [name!] : []
  })
}

const READABLE = ['mem', 'value', 'packet', 'frame'] as const

/** A pointer to at least `size` bytes in `reg`. */
export function memory(scene: Scene, reg: number, size: number, writes: boolean, uninit: boolean): void {
  const { random, w } = scene
  const pointers = READABLE.flatMap((kind) =>
    scene
      .having(kind)
      .filter(
        ({ reg: from, value }) =>
          from >= 6 &&
          (value.kind === 'packet' ? value.range : value.size) >= size &&
          !(writes && value.kind === 'mem' && value.readonly),
      ),
  )
  if (pointers.length > 0 && random.chance(0.35)) {
    w.movReg(reg, random.pick(pointers).reg)
    return
  }
  if (size <= 16 && random.chance(0.15)) {
    w.map(reg, writes ? 'array1' : 'constants', 0)
    return
  }
  const off = scene.area(size)
  if (!uninit || random.chance(0.3)) fill(scene, off, size)
  else scene.mark(off, size, NUMBER)
  w.pointer(reg, FP, off)
}

/** The kinds of arguments that any call can have. */
const ORDINARY: ReadonlySet<string> = new Set([
  'anything',
  'const_map_ptr',
  'map_key',
  'map_value',
  'mem',
  'const_size',
  'const_size_or_zero',
  'const_alloc_size_or_zero',
  'ctx',
  'const_str',
  'stack',
])
const SOCKETS: ReadonlySet<string> = new Set(['sock_common', 'socket', 'btf_id_sock_common'])

/** Can the scene make all arguments of a helper? */
export function callable(scene: Scene, helper: HelperDef): boolean {
  if (helper.verify?.callback || helper.verify?.dynptr || helper.verify?.lock) return false
  if (helper.returns.acquire) return false
  const hasContext = scene.having('ctx').some(({ reg }) => reg >= 6)
  const hasSocket = scene.having('sock').some(({ reg }) => reg >= 6)
  return helper.args.every(
    ({ kind, release, mapTypes }) =>
      !release &&
      (kind !== 'ctx' || hasContext) &&
      (ORDINARY.has(kind) || (hasSocket && SOCKETS.has(kind))) &&
      (!mapTypes || Object.values(MAPS).some(({ type }) => mapTypes.includes(String(type)))),
  )
}

function argument(scene: Scene, helper: HelperDef, index: number, plan: Plan): void {
  const { random, w } = scene
  const desc = helper.args[index]!
  const reg = index + 1
  if (scene.oops()) {
    // Something else altogether.
    if (random.chance(0.5)) w.movReg(reg, random.pick([0, 6, 7, 8, 9, 10]))
    else w.mov(reg, scene.constant())
    return
  }
  if (desc.nullable && random.chance(0.15)) {
    w.mov(reg, 0)
    if (helper.args[index + 1]?.kind === 'const_size_or_zero' && random.chance(0.8)) plan.size = 0
    return
  }
  const map = plan.map === undefined ? undefined : MAPS[plan.map]
  const numbers = scene.having('number').filter((one) => one.reg >= 6)
  switch (desc.kind) {
    case 'const_map_ptr': {
      const names = mapsFor(scene, helper, desc)
      plan.map = scene.oops() || names.length === 0 ? random.pick(Object.keys(MAPS)) : random.pick(names)
      w.map(reg, plan.map)
      return
    }
    case 'map_key':
      memory(scene, reg, map?.key_size ?? 4, false, false)
      return
    case 'map_value':
      memory(scene, reg, map?.value_size ?? 8, desc.uninit === true, desc.uninit === true)
      return
    case 'mem': {
      const follows = helper.args[index + 1]?.kind ?? ''
      const size = desc.size ?? random.pick([1, 2, 4, 8, 8, 12, 16, 16, 20, 24, 32, 40, 64])
      if (follows.startsWith('const_size')) plan.size = size
      memory(scene, reg, size, desc.access !== 'read', desc.uninit === true)
      return
    }
    case 'const_size':
    case 'const_size_or_zero': {
      const size = plan.size ?? 8
      if (size > 1 && random.chance(0.25)) {
        // A number that is only bounded: from 1, or 0 where that is allowed.
        const least = desc.kind === 'const_size' ? 1 : 0
        if (numbers.length > 0) w.movReg(reg, random.pick(numbers).reg)
        else if (random.chance(0.5)) w.load(random.pick([1, 2, 4, 8]), reg, FP, -8)
        else w.mov(reg, scene.constant())
        scene.bound(reg, Math.max(1, size - least))
        if (least > 0 && !scene.oops(3)) w.alu('+=', reg, least)
      } else w.mov(reg, scene.oops() ? size + random.pick([1, 8, -1, 4096]) : size)
      return
    }
    case 'const_alloc_size_or_zero':
      w.mov(reg, random.pick([8, 16, 24, 32]))
      return
    case 'ctx': {
      const context = scene.having('ctx').filter((one) => one.reg >= 6)
      w.movReg(reg, context[0]?.reg ?? 6)
      return
    }
    case 'const_str':
      w.map(reg, 'constants', 16)
      return
    case 'stack':
      w.pointer(reg, FP, scene.area(8))
      return
    case 'sock_common':
    case 'socket':
    case 'btf_id_sock_common':
      w.movReg(reg, scene.having('sock').find((one) => one.reg >= 6)?.reg ?? 6)
      return
    case 'anything':
      if (numbers.length > 0 && random.chance(0.5) && !desc.zero) w.movReg(reg, random.pick(numbers).reg)
      else w.mov(reg, desc.zero || random.chance(0.6) ? 0 : scene.constant())
      return
    default:
      w.mov(reg, 0)
  }
}

/** Sets up a call and makes it: r0 is what the helper returns. The map that it was given, by name. */
export function call(scene: Scene, helper: HelperDef, map?: string): string | undefined {
  const plan: Plan = map === undefined ? {} : { map }
  for (let i = 0; i < helper.args.length; i++) {
    if (i === 0 && map !== undefined && helper.args[0]?.kind === 'const_map_ptr') scene.w.map(1, map)
    else argument(scene, helper, i, plan)
    if (i < 5) scene.set(i + 1, undefined)
  }
  scene.w.helper(helper.id)
  scene.frame.clobber()
  return plan.map
}
