import { BtfBuilder } from '@skep/btf'
import type { Platform, ProgramTypeDef, ReturnRange, Row } from '@skep/registry'
import type { Draft } from '../draft.ts'
import type { Random } from '../random.ts'
import { type Callee, Frame, NUMBER, Scene } from './scene.ts'
import { block, prologue } from './statements.ts'

/** Program types, as often as they are tried. */
const TYPES: readonly (readonly [number, string])[] = [
  [14, 'xdp'],
  [12, 'socket_filter'],
  [14, 'sched_cls'],
  [4, 'sched_act'],
  [8, 'cgroup_skb'],
  [8, 'kprobe'],
  [4, 'tracepoint'],
  [4, 'raw_tracepoint'],
  [2, 'raw_tracepoint_writable'],
  [3, 'perf_event'],
  [4, 'sk_skb'],
  [3, 'sk_msg'],
  [4, 'sock_ops'],
  [3, 'cgroup_sock'],
  [4, 'cgroup_sock_addr'],
  [3, 'cgroup_sockopt'],
  [2, 'cgroup_device'],
  [2, 'cgroup_sysctl'],
  [3, 'sk_lookup'],
  [2, 'sk_reuseport'],
  [2, 'flow_dissector'],
  [2, 'lwt_in'],
  [2, 'lwt_xmit'],
  [1, 'lwt_seg6local'],
  [3, 'syscall'],
  [6, 'tracing'],
]

interface Target {
  readonly attach: string
  readonly to: string
  readonly args: readonly ('number' | 'object')[]
}

/** Tracepoints and iterators of the kernel: what needs a trampoline is not loaded by every kernel that has BPF. */
const TARGETS: Readonly<Record<string, readonly Target[]>> = {
  tracing: [
    { attach: 'trace_raw_tp', to: 'sched_switch', args: ['number', 'object', 'object', 'number'] },
    { attach: 'trace_raw_tp', to: 'sched_wakeup', args: ['object'] },
    { attach: 'trace_raw_tp', to: 'netif_receive_skb', args: ['object'] },
    { attach: 'trace_raw_tp', to: 'sys_enter', args: ['object', 'number'] },
    { attach: 'trace_raw_tp', to: 'task_newtask', args: ['object', 'number'] },
    { attach: 'trace_iter', to: 'task', args: ['object', 'object'] },
    { attach: 'trace_iter', to: 'bpf_map', args: ['object', 'object'] },
    { attach: 'trace_iter', to: 'task_file', args: ['object', 'object', 'number', 'object'] },
    { attach: 'trace_iter', to: 'bpf_map_elem', args: ['object', 'object', 'object', 'object'] },
  ],
}

const BPF_F_STRICT_ALIGNMENT = 1
const BPF_F_ANY_ALIGNMENT = 2
const BPF_F_TEST_STATE_FREQ = 8
const BPF_F_SLEEPABLE = 16
const BPF_F_TEST_REG_INVARIANTS = 128

function flagsOf(random: Random, type: ProgramTypeDef): number {
  let flags =
    type.sleepable === true || (type.sleepable === 'optional' && random.chance(0.1)) ? BPF_F_SLEEPABLE : 0
  if (random.chance(0.15)) flags |= BPF_F_TEST_STATE_FREQ
  if (random.chance(0.08)) flags |= BPF_F_STRICT_ALIGNMENT
  if (random.chance(0.02)) flags |= BPF_F_ANY_ALIGNMENT
  if (random.chance(0.04)) flags |= BPF_F_TEST_REG_INVARIANTS
  if (random.chance(0.01)) flags ^= BPF_F_SLEEPABLE
  return flags
}

/** A program made by grammar: most of it right, so that what follows a statement is reached. */
export function grammarProgram(platform: Platform, random: Random): Draft {
  const type = platform.programTypes.get(random.weighted(TYPES))!
  const attachTypes = Object.keys(type.attachTypes ?? {}).filter((name) => !name.startsWith('trace'))
  const targets = TARGETS[type.name]
  const target = targets && random.pick(targets)
  const attachType =
    target?.attach ??
    (attachTypes.length > 0 && (type.strictAttachType === true || random.chance(0.3))
      ? random.pick(attachTypes)
      : undefined)
  const scene = new Scene({
    random,
    platform,
    type,
    attachType,
    budget: random.pick([8, 15, 25, 40, 60, 90, 140]),
    wrong: random.weighted([
      [5, 0],
      [3, 0.01],
      [2, 0.03],
      [1, 0.1],
    ] as const),
  })
  if (target) scene.args = target.args
  const rules = attachType === undefined ? undefined : type.attachTypes?.[attachType]
  const functions: { label: { node?: Draft['nodes'][number] }; callee?: Callee }[] = []
  const main = scene.w.label()
  scene.w.place(main)
  functions.push({ label: main })
  mainFunction(scene, rules?.returns ?? type.returns)
  for (let i = 0; i < scene.callees.length; i++) {
    const callee = scene.callees[i]!
    scene.budget = scene.w.nodes.length + random.pick([4, 8, 15, 30])
    scene.w.place(callee.label)
    functions.push({ label: callee.label, callee })
    subFunction(scene, callee)
  }
  scene.w.finish()
  const btf = scene.typed || random.chance(0.1) ? describe(type, functions) : undefined
  const flags = flagsOf(random, type)
  const row: Draft['row'] = {
    type: type.name,
    license: random.chance(0.95) ? 'GPL' : 'Proprietary',
    ...(attachType === undefined ? {} : { attach_type: attachType }),
    ...(target ? { attach_to: target.to } : {}),
    ...(flags ? { flags } : {}),
    ...(!type.perfmon && random.chance(0.12) ? { unprivileged: true } : {}),
    maps: scene.w.maps,
    ...(btf ? { btf } : {}),
  } satisfies Partial<Row> as Draft['row']
  return { row, nodes: scene.w.nodes }
}

function mainFunction(scene: Scene, range: ReturnRange | undefined): void {
  const { random, w } = scene
  const frame = new Frame(random.pick([8, 16, 64]))
  scene.enter(frame)
  scene.set(1, { kind: 'ctx' })
  if (random.chance(0.9)) {
    const saved = random.pick([6, 6, 6, 7, 8, 9])
    w.movReg(saved, 1)
    scene.set(saved, { kind: 'ctx' })
    frame.held.add(saved)
  }
  prologue(scene)
  block(scene, random.between(2, 12))
  finish(scene, range)
}

function subFunction(scene: Scene, callee: Callee): void {
  const { random, w } = scene
  const frame = new Frame(random.pick([2, 4, 8, 16]), callee.callback)
  scene.enter(frame)
  callee.params.forEach((value, i) => {
    const reg = i + 1
    scene.set(reg, value)
    if ((value.kind === 'mem' && callee.linkage === 'global') || random.chance(0.7)) {
      const saved = 6 + (i % 4)
      w.movReg(saved, reg)
      scene.set(saved, value)
      frame.held.add(saved)
      if (value.kind === 'mem' && callee.linkage === 'global') {
        // The pointer may be null.
        scene.set(reg, undefined)
        if (!scene.oops(3)) w.jump('==', saved, 0, scene.out)
      }
    }
  })
  block(scene, random.between(1, 5))
  finish(scene, callee.callback ? { min: 0, max: 1 } : undefined)
}

/** r0 in its range, and the end; early exits meet here. */
function finish(scene: Scene, range: ReturnRange | undefined): void {
  const { random, w } = scene
  const numbers = scene.having('number')
  if (scene.hasOut || numbers.length === 0 || range || random.chance(0.6)) {
    const value = range ? random.between(Math.max(range.min, -8), Math.min(range.max, 8)) : random.below(4)
    if (scene.hasOut) w.place(scene.out)
    if (range && numbers.length > 0 && !scene.hasOut && random.chance(0.4)) {
      const from = random.pick(numbers).reg
      w.movReg(0, from)
      w.alu('&=', 0, range.max >= 1 && range.min <= 0 ? 1 : 0)
    } else if (!scene.oops()) w.mov(0, scene.oops() ? 77 : value)
  } else if (!scene.oops()) w.movReg(0, random.pick(numbers).reg)
  scene.set(0, NUMBER)
  w.exit()
}

/** BTF for every function, and the id of its type at its first instruction. */
function describe(
  type: ProgramTypeDef,
  functions: readonly { label: { node?: Draft['nodes'][number] }; callee?: Callee }[],
): string {
  const btf = new BtfBuilder()
  const int = btf.int('int', 4, { signed: true })
  const u64 = btf.int('unsigned long long', 8)
  const context = btf.pointer(btf.struct(contextName(type), [{ name: 'first', type: int }]))
  const memory = btf.pointer(u64)
  for (const { label, callee } of functions) {
    const params: (readonly [string, number])[] = callee
      ? callee.params.map((value, i) => [
          `a${i}`,
          value.kind === 'ctx' ? context : value.kind === 'number' ? u64 : memory,
        ])
      : [['ctx', context]]
    const proto = btf.funcProto(int, params)
    const id = btf.func(callee?.name ?? 'main', proto, callee?.linkage ?? 'global')
    if (label.node) label.node.type = id
  }
  return Buffer.from(btf.build()).toString('base64')
}

/** The struct by whose name the kernel knows a context argument (bpf_ctx_convert). */
const contextName = (type: ProgramTypeDef): string =>
  type.context.kind === 'struct' ? type.context.name : type.name === 'kprobe' ? 'bpf_user_pt_regs_t' : 'ctx'
