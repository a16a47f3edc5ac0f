import type { Seed } from '../seed.ts'
import { end, lookup, random, socket } from './pieces.ts'

// Paths that meet with something different: what is held, where they came from, what is on the stack. And callbacks that
// begin from nothing after paths that held something.

interface Held {
  readonly name: string
  readonly take: string
  readonly drop: string
}

const save = (at: number): string => `r1 = r10\nr1 += ${at}\nkcall bpf_local_irq_save`
const restore = (at: number): string => `r1 = r10\nr1 += ${at}\nkcall bpf_local_irq_restore`
const lock = (reg: string): string => `r1 = ${reg}\nr1 += 4\ncall bpf_spin_lock#93`
const unlock = (reg: string): string => `r1 = ${reg}\nr1 += 4\ncall bpf_spin_unlock#94`

/** r6 and r7 are values with locks, r9 a number; fp-100 on is free. */
const held: readonly Held[] = [
  { name: 'nothing', take: 'r1 = 0', drop: 'r1 = 0' },
  { name: 'a lock', take: lock('r6'), drop: unlock('r6') },
  { name: 'another lock', take: lock('r7'), drop: unlock('r7') },
  { name: 'RCU', take: 'kcall bpf_rcu_read_lock', drop: 'kcall bpf_rcu_read_unlock' },
  {
    name: 'RCU twice',
    take: 'kcall bpf_rcu_read_lock\nkcall bpf_rcu_read_lock',
    drop: 'kcall bpf_rcu_read_unlock\nkcall bpf_rcu_read_unlock',
  },
  { name: 'preemption', take: 'kcall bpf_preempt_disable', drop: 'kcall bpf_preempt_enable' },
  {
    name: 'preemption twice',
    take: 'kcall bpf_preempt_disable\nkcall bpf_preempt_disable',
    drop: 'kcall bpf_preempt_enable\nkcall bpf_preempt_enable',
  },
  { name: 'interrupts', take: save(-104), drop: restore(-104) },
  { name: 'interrupts elsewhere', take: save(-112), drop: restore(-112) },
  {
    name: 'interrupts twice',
    take: `${save(-104)}\n${save(-112)}`,
    drop: `${restore(-112)}\n${restore(-104)}`,
  },
]
const values = `${lookup('locked')}\nif r0 == 0 goto out\nr6 = r0\n${lookup('locked')}\nif r0 == 0 goto out\nr7 = r0\n${random}\nr9 = r0`

/** One thing on one path, another on the other; then what one of them drops, or nothing. */
const meetings: readonly Seed[] = held.flatMap((one) =>
  held.flatMap((other) =>
    [one.drop, 'r1 = 0'].flatMap((drop) =>
      [0, 8].map((flags) => ({
        name: `${one.name} or ${other.name}, ${drop === one.drop ? 'dropped' : 'kept'}${flags ? ', often' : ''}`,
        type: 'sched_cls',
        flags,
        asm: `${values}\nif r9 > 5 goto a\n${one.take}\nr8 = 1\ngoto b\na:\n${other.take}\nr8 = 1\nb:\nr3 = r8\nr3 += 1\n${drop}\nout:\n${end}`,
      })),
    ),
  ),
)

/** References: none, one, two, released in either order. */
const sk = (reg: string): string =>
  `r1 = r9\n${socket('bpf_sk_lookup_tcp#84').replace('r6 = r1\n', '')}\n${reg} = r0`
const references: readonly Seed[] = [
  ['one or none', sk('r7'), 'r7 = 0', 'if r7 == 0 goto out\nr1 = r7\ncall bpf_sk_release#86'],
  ['none or one', 'r7 = 0', sk('r7'), 'if r7 == 0 goto out\nr1 = r7\ncall bpf_sk_release#86'],
  ['one or none, kept', 'r7 = 0', sk('r7'), 'r1 = 0'],
  ['one on each', sk('r7'), sk('r7'), 'if r7 == 0 goto out\nr1 = r7\ncall bpf_sk_release#86'],
  [
    'two on each',
    `${sk('r7')}\n${sk('r6')}`,
    `${sk('r7')}\n${sk('r6')}`,
    'if r7 == 0 goto +2\nr1 = r7\ncall bpf_sk_release#86\nif r6 == 0 goto out\nr1 = r6\ncall bpf_sk_release#86',
  ],
  [
    'two, the other way round',
    `${sk('r7')}\n${sk('r6')}`,
    `${sk('r6')}\n${sk('r7')}`,
    'if r7 == 0 goto +2\nr1 = r7\ncall bpf_sk_release#86\nif r6 == 0 goto out\nr1 = r6\ncall bpf_sk_release#86',
  ],
  [
    'a socket or a record',
    sk('r7'),
    'r1 = map ringbuf\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131\nr7 = r0',
    'if r7 == 0 goto out\nr1 = r7\ncall bpf_sk_release#86',
  ],
  [
    'a socket or interrupts off',
    sk('r7'),
    `${save(-104)}\nr7 = 0`,
    'if r7 == 0 goto out\nr1 = r7\ncall bpf_sk_release#86',
  ],
].flatMap(([name, one, other, after]) =>
  [0, 8].map((flags) => ({
    name: `references: ${name}${flags ? ', often' : ''}`,
    type: 'sched_cls',
    flags,
    asm: `r9 = r1\nr6 = 0\n${random}\nr8 = r0\nif r8 > 5 goto a\n${one}\nr8 = 1\ngoto b\na:\n${other}\nr8 = 1\nb:\nr3 = r8\n${after}\nout:\n${end}`,
  })),
)

/** The same function from several places, with what its callers go on to do. */
const callers: readonly Seed[] = [
  `${random}\nr6 = r0\nr1 = r6\ncall sub\nr1 = r6\ncall sub\nr0 = 0\nexit\nsub:\nr2 = r1\nif r2 > 5 goto no\nr3 = r2\nno:\nr0 = 0\nexit`,
  `${random}\nr6 = r0\nr1 = r6\ncall a\nr7 = 1\nr1 = r6\ncall a\nr7 += 1\nr0 = 0\nexit\na:\nr6 = r1\ncall sub\nr1 = r6\ncall sub\nr0 = 0\nexit\nsub:\nr2 = r1\nif r2 > 5 goto no\nr3 = r2\nno:\nr0 = 0\nexit`,
  `${random}\nr6 = r0\nif r6 > 9 goto b\nr1 = r6\ncall sub\nr0 = 0\nexit\nb:\nr1 = r6\ncall sub\nr0 = *(u64 *)(r10 - 600)\nexit\nsub:\nr2 = r1\nif r2 > 5 goto no\nr3 = r2\nno:\nr0 = 0\nexit`,
  `${random}\nr6 = r0\nif r6 > 9 goto b\nr1 = r6\ncall sub\nr0 = 0\nexit\nb:\nr1 = r6\ncall sub\nr1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit\nsub:\nr2 = r1\nr0 = 0\nexit`,
  `${random}\nr6 = r0\nif r6 > 9 goto b\nr1 = r6\ncall a\nr0 = 0\nexit\nb:\nr1 = r6\ncall a\nr1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit\na:\ncall sub\nr0 = 0\nexit\nsub:\nr2 = r1\nif r2 > 5 goto no\nr3 = r2\nno:\nr0 = 0\nexit`,
].flatMap((asm, i) => [0, 8].map((flags) => ({ name: `callers ${i} ${flags}`, flags, asm })))

/** What differs between two paths: registers and slots of all kinds. */
const set = [
  ...[
    'r7 = 1',
    'r7 = 2',
    'r7 = r8',
    'r7 = r10',
    'r7 = r9',
    'r7 = value globals+0',
    'r7 = value globals+8',
    'r7 = map array',
  ],
  ...[
    'r7 = map hash',
    'r7 = r8\nr7 &= 7',
    'r7 = r8\nr7 &= 15',
    'r7 = value globals+0\nr1 = r8\nr1 &= 7\nr7 += r1',
  ],
  ...[
    '*(u64 *)(r10 - 8) = 1',
    '*(u64 *)(r10 - 8) = 0',
    '*(u64 *)(r10 - 8) = r8',
    '*(u64 *)(r10 - 8) = r10',
    '*(u64 *)(r10 - 8) = r9',
  ],
  ...[
    '*(u32 *)(r10 - 8) = 0',
    '*(u32 *)(r10 - 8) = r8',
    '*(u8 *)(r10 - 8) = r8',
    '*(u8 *)(r10 - 1) = 0',
    '*(u32 *)(r10 - 4) = r8',
  ],
  ...[
    'r7 = r8\n*(u64 *)(r10 - 8) = r8',
    'r1 = r8\nr1 &= 7\n*(u64 *)(r10 - 8) = r1',
    '*(u64 *)(r10 - 16) = 0',
  ],
]
const differences: readonly Seed[] = set.flatMap((one, i) =>
  [1, 2, 3, 5, 7, 11].flatMap((by) => {
    const other = set[(i + by) % set.length]!
    return [
      'r0 = 0',
      'r0 = r7',
      'r0 = *(u64 *)(r10 - 8)',
      'r1 = *(u64 *)(r10 - 8)\nif r1 > 7 goto out\nr2 = value globals+0\nr2 += r1\nr3 = *(u8 *)(r2 + 0)',
      'if r7 == 1 goto out\nr3 = 5',
    ].map((after, n) => ({
      name: `paths with ${one} or ${other}, then ${n}`,
      flags: (i + by + n) % 3 === 0 ? 0 : 8,
      unprivileged: n === 0 && i % 4 === 0,
      asm: `r9 = r1\n${random}\nr8 = r0\nr7 = 0\nif r8 > 5 goto a\n${one}\nr8 = 1\ngoto b\na:\n${other}\nr8 = 1\nb:\nr3 = r8\nr4 = 1\n${after}\nr0 = 0\nout:\nr0 = 0\nexit`,
    }))
  }),
)

/** A callback that runs later begins with nothing, although the path before held something when it ended or branched. */
const timer = `r1 = r7\nr1 += 8\nr2 = func later\ncall bpf_timer_set_callback#170`
const contexts: readonly (readonly [string, string, string?])[] = [
  ['a branch', 'if r9 > 50 goto +1\nr3 = 1\nr0 = 0\nexit'],
  ['a function', `r1 = r9\ncall sub\nr0 = 0\nexit`, `sub:\nif r1 > 9 goto no\nr2 = 1\nno:\nr0 = 0\nexit`],
  [
    'functions',
    `r1 = r9\ncall outer\nr0 = 0\nexit`,
    `outer:\ncall sub\nr0 = 0\nexit\nsub:\nif r1 > 9 goto no\nr2 = 1\nno:\nr0 = 0\nexit`,
  ],
  ['RCU', 'kcall bpf_rcu_read_lock\nif r9 > 50 goto +1\nr3 = 1\nkcall bpf_rcu_read_unlock\nr0 = 0\nexit'],
  [
    'preemption',
    'kcall bpf_preempt_disable\nif r9 > 50 goto +1\nr3 = 1\nkcall bpf_preempt_enable\nr0 = 0\nexit',
  ],
  ['interrupts', `${save(-104)}\nif r9 > 50 goto +1\nr3 = 1\n${restore(-104)}\nr0 = 0\nexit`],
  ['a lock', `${lock('r6')}\nif r9 > 50 goto +1\nr3 = 1\n${unlock('r6')}\nr0 = 0\nexit`],
  ['may_goto', 'l:\nmay_goto done\nif r9 > 50 goto +1\nr3 = 1\ngoto l\ndone:\nr0 = 0\nexit'],
  [
    'a callback',
    `r1 = 4\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 0\nexit`,
    `cb:\nif r1 > 2 goto no\nr3 = 1\nno:\nr0 = 0\nexit`,
  ],
  [
    'a reference',
    `r1 = r8\n${socket('bpf_sk_lookup_tcp#84').replace('r6 = r1\n', '').replaceAll('r10 - 8)', 'r10 - 48)')}\nif r0 == 0 goto over\nr7 = r0\nif r9 > 50 goto +1\nr3 = 1\nr1 = r7\ncall bpf_sk_release#86\nover:\nr0 = 0\nexit`,
  ],
]
const bodies = [
  'r0 = 0\nexit',
  'r4 = *(u64 *)(r3 + 0)\nif r4 > 7 goto cno\nr3 += r4\nr0 = *(u8 *)(r3 + 0)\ncno:\nr0 = 0\nexit',
  `call bpf_get_prandom_u32#7\nif r0 > 5 goto cno\nr1 = 1\ncno:\nr0 = 0\nexit`,
  'r1 = r6\nr0 = 0\nexit',
  'cl:\nr9 = 1\nr9 += 1\nif r9 < 5 goto cl\nr0 = 0\nexit',
  'r0 = *(u64 *)(r10 - 8)\nexit',
  'r1 = 0\ncl:\nmay_goto cdone\nr1 += 1\ngoto cl\ncdone:\nr0 = 0\nexit',
  'call bpf_get_current_task_btf#158\nr0 = 0\nexit',
]
const later: readonly Seed[] = contexts.flatMap(([name, body, functions]) =>
  bodies.flatMap((callback, i) =>
    [0, 8].map((flags) => ({
      name: `later after ${name}: ${i}${flags ? ', often' : ''}`,
      type: 'sched_cls',
      flags,
      asm: `r8 = r1\n${lookup('locked')}\nif r0 == 0 goto out\nr6 = r0\n${lookup('timed')}\nif r0 == 0 goto out\nr7 = r0\n${random}\nr9 = r0\nif r9 > 7 goto set\n${body}\nset:\n${timer}\nout:\n${end}${functions ? `\n${functions}` : ''}\nlater:\n${callback}`,
    })),
  ),
)

export const joins: readonly Seed[] = [...meetings, ...references, ...callers, ...differences, ...later]
