import { fill } from './args.ts'
import { LOCK_OFFSET, TIMER_OFFSET } from './maps.ts'
import { access, offsetIn } from './pointers.ts'
import { FP, NUMBER, type Scene } from './scene.ts'
import { block } from './statements.ts'
import type { Label } from './writer.ts'

/** Can a statement that calls be written here? */
const free = (scene: Scene): boolean => (scene.quiet === 0 && !scene.clobbers()) || scene.oops()

/** Early exits go to a place that releases what is held, while `body` is written. */
function guarded(scene: Scene, release: Label, body: () => void): void {
  const outer = scene.skipTo
  if (!scene.oops(2)) scene.skipTo = release
  body()
  scene.skipTo = outer
}

/** A record reserved in a ring, written, and submitted or discarded on every way. */
export function ringbuf(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  const size = random.pick([8, 16, 24, 64])
  w.map(1, 'ringbuf')
  w.mov(2, size)
  w.mov(3, scene.oops() ? 1 : 0)
  scene.helperByName('bpf_ringbuf_reserve')
  const skip = w.label()
  const give = w.label()
  const saved = scene.scratch(true)
  if (!scene.oops()) w.jump('==', 0, 0, skip)
  w.movReg(saved, 0)
  scene.branch(() => {
    scene.set(saved, { kind: 'mem', size })
    scene.hold([saved], () => {
      guarded(scene, give, () => {
        access(scene, saved, offsetIn(scene, size, 8), 8)
        block(scene, random.between(0, 3))
      })
      w.place(give)
      if (scene.oops(2)) return
      w.movReg(1, saved)
      w.mov(2, 0)
      scene.helperByName(random.pick(['bpf_ringbuf_submit', 'bpf_ringbuf_discard']))
    })
    scene.set(saved, scene.oops() ? { kind: 'mem', size } : undefined)
    w.mov(0, 0)
  })
  w.place(skip)
}

/** A critical section in a map value. */
export function lock(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  if ((scene.type.tracing || scene.type.noSpinLock) && !scene.oops(2)) return
  const map = random.pick(['locked', 'locked_array'])
  const key = scene.area(8)
  fill(scene, key, 4)
  w.map(1, map)
  w.pointer(2, FP, key)
  scene.helperByName('bpf_map_lookup_elem')
  const skip = w.label()
  w.jump('==', 0, 0, skip)
  const saved = scene.scratch(true)
  const give = w.label()
  w.movReg(saved, 0)
  scene.branch(() => {
    scene.set(saved, { kind: 'value', map, off: 0, size: 24 })
    scene.hold([saved], () => {
      const pointer = (helper: string): void => {
        w.pointer(1, saved, scene.oops(0.5) ? 0 : LOCK_OFFSET)
        scene.helperByName(helper)
      }
      pointer('bpf_spin_lock')
      scene.quiet++
      guarded(scene, give, () => {
        access(scene, saved, scene.oops() ? LOCK_OFFSET : random.pick([8, 16]), 8)
        block(scene, random.between(0, 2))
      })
      scene.quiet--
      w.place(give)
      if (!scene.oops(2)) pointer('bpf_spin_unlock')
      else w.mov(0, 0)
    })
    scene.set(saved, undefined)
  })
  w.place(skip)
}

/** A timer in a map value; its callback is a function of the program. */
export function timer(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene) || (scene.type.tracing && !scene.oops(3))) return
  const map = random.pick(['timed', 'timed_hash'])
  const key = scene.area(8)
  fill(scene, key, 4)
  w.map(1, map)
  w.pointer(2, FP, key)
  scene.helperByName('bpf_map_lookup_elem')
  const skip = w.label()
  w.jump('==', 0, 0, skip)
  const saved = scene.scratch(true)
  w.movReg(saved, 0)
  scene.branch(() => {
    scene.set(saved, { kind: 'value', map, off: 0, size: 8 })
    scene.hold([saved], () => {
      for (let n = random.between(1, 3); n > 0; n--) {
        w.pointer(1, saved, scene.oops(0.5) ? 0 : TIMER_OFFSET)
        switch (random.below(4)) {
          case 0:
            w.map(2, scene.oops() ? 'timed' : map)
            w.mov(3, random.pick([0, 1, 7]))
            scene.helperByName('bpf_timer_init')
            break
          case 1: {
            scene.typed = true
            const label = w.label()
            scene.callees.push({
              label,
              name: `timer_${scene.callees.length}`,
              params: [
                { kind: 'map', map },
                { kind: 'mem', size: 4 },
                { kind: 'value', map, off: 0, size: 8 },
              ],
              linkage: 'static',
              callback: true,
            })
            w.function(2, label)
            scene.helperByName('bpf_timer_set_callback')
            break
          }
          case 2:
            w.mov(2, 1000)
            w.mov(3, 0)
            scene.helperByName('bpf_timer_start')
            break
          default:
            scene.helperByName('bpf_timer_cancel')
        }
        scene.set(0, NUMBER)
      }
      block(scene, 1)
    })
    scene.set(saved, undefined)
  })
  w.place(skip)
}

/** A socket that is looked up, used and released. */
export function socket(scene: Scene): void {
  const { random, w } = scene
  const name = random.pick(['bpf_sk_lookup_tcp', 'bpf_sk_lookup_udp', 'bpf_skc_lookup_tcp'])
  const found = scene.helpers.find((helper) => helper.name === name)
  const context = scene.having('ctx').find(({ reg }) => reg >= 6)
  if (!found || !context || !free(scene)) return
  const tuple = scene.area(16)
  fill(scene, tuple, 12)
  w.movReg(1, context.reg)
  w.pointer(2, FP, tuple)
  w.mov(3, 12)
  w.mov(4, random.chance(0.5) ? -1 : 0)
  w.mov(5, 0)
  scene.helperByName(name)
  const skip = w.label()
  const give = w.label()
  const saved = scene.scratch(true)
  w.movReg(saved, 0)
  if (!scene.oops()) w.jump('==', random.chance(0.8) ? saved : 0, 0, skip)
  scene.branch(() => {
    scene.set(saved, { kind: 'sock', type: found.returns.kind })
    scene.hold([saved], () => {
      guarded(scene, give, () => {
        w.load(4, scene.scratch(), saved, random.pick([0, 4, 8, 12, 16, 24, 28]))
        block(scene, random.between(0, 2))
      })
      w.place(give)
      if (!scene.oops(2)) {
        w.movReg(1, saved)
        scene.helperByName('bpf_sk_release')
      }
    })
    scene.set(saved, undefined)
    w.mov(0, 0)
  })
  w.place(skip)
}

/** A dynptr over a map value or a ring's record, read, written and sliced. */
export function dynptr(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  const at = scene.area(16)
  const buffer = scene.area(8)
  if (buffer > at - 8 && buffer < at + 16) return
  const slots = [scene.slotOf(at), scene.slotOf(at + 8)]
  const ring = random.chance(0.5)
  if (ring) {
    w.map(1, 'ringbuf')
    w.mov(2, random.pick([16, 32]))
    w.mov(3, 0)
    w.pointer(4, FP, at)
    scene.helperByName('bpf_ringbuf_reserve_dynptr')
  } else {
    w.map(1, 'wide', 0)
    w.mov(2, random.pick([16, 64, 256]))
    w.mov(3, 0)
    w.pointer(4, FP, at)
    scene.helperByName('bpf_dynptr_from_mem')
  }
  scene.set(0, NUMBER)
  scene.mark(at, 16, undefined)
  for (const slot of slots) scene.frame.heldSlots.add(slot)
  const give = w.label()
  guarded(scene, give, () => {
    for (let n = random.between(0, 3); n > 0; n--) use(scene, at, buffer)
    if (random.chance(0.4)) block(scene, 1)
  })
  w.place(give)
  if (ring && !scene.oops(2)) {
    w.pointer(1, FP, at)
    w.mov(2, 0)
    scene.helperByName(random.pick(['bpf_ringbuf_submit_dynptr', 'bpf_ringbuf_discard_dynptr']))
  }
  w.mov(0, 0)
  scene.set(0, NUMBER)
  for (const slot of slots) scene.frame.heldSlots.delete(slot)
  if (scene.oops()) use(scene, at, buffer)
}

function use(scene: Scene, at: number, buffer: number): void {
  const { random, w } = scene
  switch (random.below(4)) {
    case 0:
      w.pointer(1, FP, buffer)
      w.mov(2, 8)
      w.pointer(3, FP, at)
      w.mov(4, 0)
      w.mov(5, 0)
      scene.helperByName('bpf_dynptr_read')
      scene.set(0, NUMBER)
      scene.mark(buffer, 8, NUMBER)
      return
    case 1:
      fill(scene, buffer, 8)
      w.pointer(1, FP, at)
      w.mov(2, 0)
      w.pointer(3, FP, buffer)
      w.mov(4, 8)
      w.mov(5, 0)
      scene.helperByName('bpf_dynptr_write')
      scene.set(0, NUMBER)
      return
    case 2: {
      w.pointer(1, FP, at)
      w.mov(2, 0)
      w.mov(3, 8)
      scene.helperByName('bpf_dynptr_data')
      const skip = w.label()
      if (!scene.oops()) w.jump('==', 0, 0, skip)
      scene.branch(() => {
        scene.set(0, { kind: 'mem', size: 8 })
        access(scene, 0, offsetIn(scene, 8, 4), 4)
      })
      scene.set(0, undefined)
      w.place(skip)
      return
    }
    default:
      // What is no business of the program.
      if (scene.oops(3)) access(scene, FP, at + random.pick([0, 8]), 8)
  }
}

/** A callback for every element of a map. */
export function forEach(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  const map = random.pick(['hash', 'array', 'percpu_array', 'lru_hash', 'hash4'])
  scene.typed = true
  const label = w.label()
  const off = scene.area(8)
  fill(scene, off, 8)
  scene.callees.push({
    label,
    name: `each_${scene.callees.length}`,
    params: [
      { kind: 'map', map },
      { kind: 'mem', size: 4, readonly: true },
      { kind: 'value', map, off: 0, size: 8 },
      { kind: 'frame', off: 0, size: 8 },
    ],
    linkage: 'static',
    callback: true,
  })
  w.map(1, map)
  w.function(2, label)
  w.pointer(3, FP, off)
  w.mov(4, scene.oops() ? 1 : 0)
  scene.helperByName('bpf_for_each_map_elem')
  scene.set(0, NUMBER)
}
