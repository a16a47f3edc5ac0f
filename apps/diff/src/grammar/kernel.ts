import { access } from './pointers.ts'
import { FP, NUMBER, type Scene } from './scene.ts'
import { block } from './statements.ts'

const free = (scene: Scene): boolean => (scene.quiet === 0 && !scene.clobbers()) || scene.oops()

function call(scene: Scene, name: string): void {
  scene.w.kfunc(name)
  scene.frame.clobber()
}

/** A loop over an iterator of numbers. */
export function iterator(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  const at = scene.area(8)
  const slot = scene.slotOf(at)
  const numbers = scene.having('number').filter(({ reg }) => reg >= 6)
  w.pointer(1, FP, at)
  w.mov(2, 0)
  if (numbers.length > 0 && random.chance(0.4)) w.movReg(3, random.pick(numbers).reg)
  else w.mov(3, random.pick([1, 3, 10, 1000]))
  call(scene, 'bpf_iter_num_new')
  scene.frame.slots[slot] = undefined
  scene.frame.heldSlots.add(slot)
  const top = w.label()
  const end = w.label()
  const outer = scene.skipTo
  if (!scene.oops(2)) scene.skipTo = end
  for (let reg = 0; reg < FP; reg++) if (scene.frame.regs[reg]?.kind === 'number') scene.set(reg, NUMBER)
  w.place(top)
  w.pointer(1, FP, at)
  call(scene, 'bpf_iter_num_next')
  if (!scene.oops()) w.jump('==', 0, 0, end)
  const before = scene.frame.snapshot()
  scene.branch(() => {
    if (random.chance(0.7)) {
      const reg = scene.scratch()
      w.load(random.chance(0.9) ? 4 : 8, reg, 0, 0)
      scene.set(reg, NUMBER)
    }
    block(scene, random.between(0, 3))
  })
  scene.frame.join(before)
  w.goto(top)
  w.place(end)
  scene.skipTo = outer
  scene.frame.heldSlots.delete(slot)
  if (scene.oops(2)) return
  w.pointer(1, FP, at)
  call(scene, 'bpf_iter_num_destroy')
  w.mov(0, 0)
  scene.set(0, NUMBER)
}

const SECTIONS = [
  ['bpf_rcu_read_lock', 'bpf_rcu_read_unlock'],
  ['bpf_preempt_disable', 'bpf_preempt_enable'],
  ['bpf_local_irq_save', 'bpf_local_irq_restore'],
] as const

/** What must be left before the program ends: RCU, preemption, interrupts. */
export function section(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  const [enter, leave] = random.pick(SECTIONS)
  const irq = enter === 'bpf_local_irq_save'
  const at = scene.area(8)
  const slot = scene.slotOf(at)
  const end = w.label()
  if (irq) w.pointer(1, FP, at)
  call(scene, enter)
  if (irq) {
    scene.frame.slots[slot] = undefined
    scene.frame.heldSlots.add(slot)
  }
  const outer = scene.skipTo
  if (!scene.oops(2)) scene.skipTo = end
  scene.branch(() => block(scene, random.between(0, 3)))
  scene.skipTo = outer
  w.place(end)
  scene.frame.heldSlots.delete(slot)
  if (scene.oops(2)) return
  if (irq) w.pointer(1, FP, at)
  call(scene, leave)
  w.mov(0, 0)
  scene.set(0, NUMBER)
}

interface Owned {
  readonly make: string
  readonly release: string
  readonly uses: readonly string[]
  readonly number: boolean
}

const OWNED: readonly Owned[] = [
  {
    make: 'bpf_cpumask_create',
    release: 'bpf_cpumask_release',
    uses: [
      'bpf_cpumask_empty',
      'bpf_cpumask_first',
      'bpf_cpumask_full',
      'bpf_cpumask_setall',
      'bpf_cpumask_clear',
    ],
    number: false,
  },
  { make: 'bpf_task_from_pid', release: 'bpf_task_release', uses: [], number: true },
  { make: 'bpf_cgroup_from_id', release: 'bpf_cgroup_release', uses: [], number: true },
]

/** A referenced object of the kernel: tested, used, released. */
export function object(scene: Scene): void {
  const { random, w } = scene
  if (!free(scene)) return
  const owned = random.pick(OWNED)
  if (owned.number) w.mov(1, random.below(100))
  call(scene, owned.make)
  const saved = scene.scratch(true)
  const skip = w.label()
  const give = w.label()
  w.movReg(saved, 0)
  if (!scene.oops()) w.jump('==', random.chance(0.8) ? saved : 0, 0, skip)
  const outer = scene.skipTo
  scene.branch(() => {
    scene.set(saved, { kind: 'object' })
    scene.hold([saved], () => {
      if (!scene.oops(2)) scene.skipTo = give
      if (random.chance(0.4)) w.load(random.pick([4, 8]), scene.scratch(), saved, random.below(16) * 8)
      for (const use of owned.uses) {
        if (!random.chance(0.25)) continue
        w.movReg(1, saved)
        call(scene, use)
        scene.set(0, NUMBER)
      }
      block(scene, random.between(0, 2))
      w.place(give)
      if (scene.oops(2)) return
      w.movReg(1, saved)
      call(scene, owned.release)
    })
    scene.set(saved, undefined)
    w.mov(0, 0)
  })
  scene.skipTo = outer
  w.place(skip)
}

/** Steps through structs of the kernel. */
export function walk(scene: Scene): void {
  const { random, w } = scene
  const objects = scene.having('object')
  let base = objects.length > 0 ? random.pick(objects).reg : -1
  if (base < 0) {
    const helper = scene.helpers.find(({ name }) => name === 'bpf_get_current_task_btf')
    if (!helper || !free(scene)) return
    w.helper(helper.id)
    scene.frame.clobber()
    base = scene.scratch(true)
    w.movReg(base, 0)
    scene.set(base, { kind: 'object' })
  }
  let from = base
  for (let n = random.between(1, 2); n > 0; n--) {
    const to = scene.hold([base], () => scene.scratch())
    w.load(random.pick([8, 8, 8, 4]), to, from, random.below(random.pick([4, 16, 64, 300])) * 8)
    scene.set(to, undefined)
    from = to
  }
  if (scene.oops(2)) access(scene, from, 0, 8)
}

/** A dynptr of the packet, and a slice of it. */
export function packetDynptr(scene: Scene): void {
  const { random, w } = scene
  const context = scene.having('ctx').find(({ reg }) => reg >= 6)
  if (!context || !free(scene)) return
  const at = scene.area(16)
  const buffer = scene.area(8)
  if (buffer > at - 8 && buffer < at + 16) return
  w.movReg(1, context.reg)
  w.mov(2, 0)
  w.pointer(3, FP, at)
  call(scene, scene.type.name === 'xdp' ? 'bpf_dynptr_from_xdp' : 'bpf_dynptr_from_skb')
  scene.mark(at, 16, undefined)
  w.pointer(1, FP, at)
  w.mov(2, random.pick([0, 14]))
  w.pointer(3, FP, buffer)
  w.mov(4, scene.oops() ? 16 : 8)
  call(scene, random.pick(['bpf_dynptr_slice', 'bpf_dynptr_slice', 'bpf_dynptr_slice_rdwr']))
  const skip = w.label()
  if (!scene.oops()) w.jump('==', 0, 0, skip)
  scene.branch(() => {
    scene.set(0, { kind: 'mem', size: 8, readonly: true })
    w.load(
      random.pick([1, 2, 4, 8]),
      scene.hold([0], () => scene.scratch()),
      0,
      random.below(2) * 4,
    )
    if (scene.oops()) w.storeImm(4, 0, 0, 1)
  })
  scene.set(0, undefined)
  w.place(skip)
}
