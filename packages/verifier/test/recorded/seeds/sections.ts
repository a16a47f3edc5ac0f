import type { Seed } from '../seed.ts'
import { end, lookup, socket } from './pieces.ts'

// Sections without interrupts, of RCU and without preemption, nested and left open, with what they forbid.

const FLAGS = '*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 24) = 0'
const save = (at: number): string => `r1 = r10\nr1 += ${at}\nkcall bpf_local_irq_save`
const restore = (at: number): string => `r1 = r10\nr1 += ${at}\nkcall bpf_local_irq_restore`
const rcu = 'kcall bpf_rcu_read_lock'
const rcuEnd = 'kcall bpf_rcu_read_unlock'
const still = 'kcall bpf_preempt_disable'
const stillEnd = 'kcall bpf_preempt_enable'

const bodies: readonly (readonly [name: string, body: string, more?: Partial<Seed>])[] = [
  ['interrupts off and on', `${save(-8)}\n${restore(-8)}`],
  ['interrupts left off', save(-8)],
  ['interrupts off twice', `${save(-8)}\n${save(-16)}\n${restore(-16)}\n${restore(-8)}`],
  ['interrupts on in the wrong order', `${save(-8)}\n${save(-16)}\n${restore(-8)}\n${restore(-16)}`],
  [
    'interrupts off three times',
    `${save(-8)}\n${save(-16)}\n${save(-24)}\n${restore(-24)}\n${restore(-16)}\n${restore(-8)}`,
  ],
  ['interrupts on too few times', `${save(-8)}\n${save(-16)}\n${restore(-16)}`],
  ['interrupts on without flags', `${FLAGS}\n${restore(-8)}`],
  ['interrupts on twice', `${save(-8)}\n${restore(-8)}\n${restore(-8)}`],
  ['interrupts off into the same flags', `${save(-8)}\n${save(-8)}\n${restore(-8)}`],
  ['interrupt flags overwritten', `${save(-8)}\n*(u64 *)(r10 - 8) = 0`],
  ['interrupt flags read', `${save(-8)}\nr3 = *(u64 *)(r10 - 8)\n${restore(-8)}`],
  ['interrupt flags misaligned', `${save(-12)}\n${restore(-12)}`],
  [
    'interrupts off on one path',
    `call bpf_get_prandom_u32#7\nif r0 == 0 goto out\n${save(-8)}\n${restore(-8)}\nout:`,
  ],
  [
    'interrupts off on one path, on in none',
    `call bpf_get_prandom_u32#7\nif r0 == 0 goto out\n${save(-8)}\nout:`,
  ],
  ['a call that sleeps without interrupts', `${save(-8)}\n${restore(-8)}`, { flags: 16, type: 'kprobe' }],
  ['interrupts in a function', `call sub\nr0 = 0\nexit\nsub:\n${save(-8)}\n${restore(-8)}`],
  ['interrupts off in a function', `call sub\nr0 = 0\nexit\nsub:\n${save(-8)}`],
  [
    'interrupts off by a function for its caller',
    `r1 = r10\nr1 += -8\ncall sub\n${restore(-8)}\nr0 = 0\nexit\nsub:\nkcall bpf_local_irq_save`,
  ],
  [
    'interrupts on by a function for its caller',
    `${save(-8)}\nr1 = r10\nr1 += -8\ncall sub\nr0 = 0\nexit\nsub:\nkcall bpf_local_irq_restore`,
  ],
  [
    'interrupts off between a socket and its release',
    `r7 = r0\n${save(-48)}\nr1 = r7\ncall bpf_sk_release#86\n${restore(-48)}`,
    { name: 'socket' },
  ],
  [
    'a socket between',
    `r7 = r0\n${save(-48)}\n${restore(-48)}\nr1 = r7\ncall bpf_sk_release#86`,
    { name: 'socket' },
  ],
  ['RCU', `${rcu}\n${rcuEnd}`],
  ['RCU left open', rcu],
  ['RCU closed unopened', rcuEnd],
  ['RCU in RCU', `${rcu}\n${rcu}\n${rcuEnd}\n${rcuEnd}`],
  ['RCU in RCU closed once', `${rcu}\n${rcu}\n${rcuEnd}`],
  ['RCU on one path', `call bpf_get_prandom_u32#7\nif r0 == 0 goto out\n${rcu}\n${rcuEnd}\nout:`],
  ['RCU opened on one path', `call bpf_get_prandom_u32#7\nif r0 == 0 goto out\n${rcu}\nout:`],
  ['RCU opened in a function', `call sub\n${rcuEnd}\nr0 = 0\nexit\nsub:\n${rcu}`],
  ['RCU around a function', `${rcu}\ncall sub\n${rcuEnd}\nr0 = 0\nexit\nsub:\nr0 = 5`],
  ['no preemption', `${still}\n${stillEnd}`],
  ['no preemption, left so', still],
  ['preemption unasked', stillEnd],
  ['no preemption twice', `${still}\n${still}\n${stillEnd}\n${stillEnd}`],
  ['no preemption twice, left once', `${still}\n${still}\n${stillEnd}`],
  ['no preemption around a function', `${still}\ncall sub\n${stillEnd}\nr0 = 0\nexit\nsub:\nr0 = 5`],
  ['no preemption from a function', `call sub\n${stillEnd}\nr0 = 0\nexit\nsub:\n${still}`],
  ['all of them', `${rcu}\n${still}\n${save(-8)}\n${restore(-8)}\n${stillEnd}\n${rcuEnd}`],
  ['all of them, RCU left', `${rcu}\n${still}\n${save(-8)}\n${restore(-8)}\n${stillEnd}`],
  [
    'tail call without interrupts',
    `r6 = r1\n${save(-8)}\nr1 = r6\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\n${restore(-8)}`,
  ],
  ['tail call under RCU', `${rcu}\nr1 = r6\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\n${rcuEnd}`],
  [
    'tail call without preemption',
    `${still}\nr1 = r6\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\n${stillEnd}`,
  ],
  ['packet load without interrupts', `${save(-8)}\nr0 = *(u32 *)skb[4]\n${restore(-8)}`],
  ['packet load under RCU', `${rcu}\nr0 = *(u32 *)skb[4]\n${rcuEnd}`],
  ['packet load without preemption', `${still}\nr0 = *(u32 *)skb[4]\n${stillEnd}`],
  ['exception under RCU', `${rcu}\nr1 = 0\nkcall bpf_throw\n${rcuEnd}`],
  ['exception without preemption', `${still}\nr1 = 0\nkcall bpf_throw\n${stillEnd}`],
  ['exception without interrupts', `${save(-8)}\nr1 = 0\nkcall bpf_throw\n${restore(-8)}`],
  ['exception', 'r1 = 0\nkcall bpf_throw'],
  ['exception of 5', 'r1 = 5\nkcall bpf_throw'],
  ['exception on one path', 'call bpf_get_prandom_u32#7\nif r0 == 0 goto out\nr1 = 0\nkcall bpf_throw\nout:'],
  ['exception in a function', 'call sub\nr0 = 0\nexit\nsub:\nr1 = 3\nkcall bpf_throw'],
  ['exception in a function, not called', 'r0 = 0\nexit\nsub:\nr1 = 3\nkcall bpf_throw'],
  ['exception of a pointer', 'r1 = r10\nkcall bpf_throw'],
]

const wrap = (name: string, body: string, type: string, flags?: number): Seed => ({
  name,
  type,
  asm: `r6 = r1\n${body}\n${end}`,
  ...(flags === undefined ? {} : { flags }),
})

export const sections: readonly Seed[] = [
  ...bodies.flatMap(([name, body, more]): Seed[] =>
    more?.name === 'socket'
      ? [
          {
            name,
            type: 'sched_cls',
            asm: `${socket('bpf_sk_lookup_tcp#84')}\nif r0 == 0 goto out\n${body}\nout:\n${end}`,
          },
        ]
      : [wrap(name, body, 'sched_cls'), wrap(`${name}, tracing`, body, 'tracepoint')],
  ),
  // Under a spin lock.
  ...[
    ['RCU', `${rcu}\n${rcuEnd}`],
    ['no interrupts', `${save(-48)}\n${restore(-48)}`],
    ['no preemption', `${still}\n${stillEnd}`],
    ['an exception', 'r1 = 0\nkcall bpf_throw'],
    ['a function', 'call sub'],
    ['a function that unlocks', 'r1 = r7\nr1 += 4\ncall unlock\ngoto out'],
  ].map(
    ([name, body]): Seed => ({
      name: `${name} under a lock`,
      type: 'sched_cls',
      asm: `${lookup('locked')}\nif r0 == 0 goto out\nr7 = r0\nr1 = r0\nr1 += 4\ncall bpf_spin_lock#93\n${body}\nr1 = r7\nr1 += 4\ncall bpf_spin_unlock#94\nout:\n${end}${/call sub/.test(body!) ? '\nsub:\nr0 = 1\nexit' : ''}${/call unlock/.test(body!) ? '\nunlock:\ncall bpf_spin_unlock#94\nr0 = 1\nexit' : ''}`,
    }),
  ),
]

/** Two resilient locks, in r7 and r8, of two maps or of one. */
const LOCK = (reg: string, off = 8): string =>
  `r1 = ${reg}\nr1 += ${off}\nkcall bpf_res_spin_lock\nif r0 != 0 goto `
const unlock = (reg: string): string => `r1 = ${reg}\nr1 += 8\nkcall bpf_res_spin_unlock`
const lockIrq = (reg: string, flags: number): string =>
  `r1 = ${reg}\nr1 += 8\nr2 = r10\nr2 += ${flags}\nkcall bpf_res_spin_lock_irqsave\nif r0 != 0 goto `
const unlockIrq = (reg: string, flags: number): string =>
  `r1 = ${reg}\nr1 += 8\nr2 = r10\nr2 += ${flags}\nkcall bpf_res_spin_unlock_irqrestore`

const orders: readonly (readonly [name: string, body: string])[] = [
  ['taken and released', `${LOCK('r7')}out\n${unlock('r7')}`],
  ['taken and kept', `${LOCK('r7')}out`],
  ['taken unchecked', 'r1 = r7\nr1 += 8\nkcall bpf_res_spin_lock'],
  ['released untaken', unlock('r7')],
  ['taken twice', `${LOCK('r7')}out\n${LOCK('r7')}undo\n${unlock('r7')}\nundo:\n${unlock('r7')}`],
  ['at the wrong place', `${LOCK('r7', 0)}out\n${unlock('r7')}`],
  ['two, nested', `${LOCK('r7')}out\n${LOCK('r8')}undo\n${unlock('r8')}\nundo:\n${unlock('r7')}`],
  [
    'two, crossed',
    `${LOCK('r7')}out\n${LOCK('r8')}undo\n${unlock('r7')}\n${unlock('r8')}\ngoto out\nundo:\n${unlock('r7')}`,
  ],
  ['another one released', `${LOCK('r7')}out\n${unlock('r8')}`],
  ['two, one kept', `${LOCK('r7')}out\n${LOCK('r8')}undo\n${unlock('r8')}\ngoto out\nundo:\n${unlock('r7')}`],
  ['with interrupts off', `${lockIrq('r7', -32)}out\n${unlockIrq('r7', -32)}`],
  ['with interrupts off, kept', `${lockIrq('r7', -32)}out`],
  ['with interrupts off, released without', `${lockIrq('r7', -32)}out\n${unlock('r7')}`],
  [
    'without, released with',
    `${save(-32)}\n${LOCK('r7')}on\n${unlockIrq('r7', -32)}\ngoto out\non:\n${restore(-32)}`,
  ],
  [
    'two with interrupts off',
    `${lockIrq('r7', -32)}out\n${lockIrq('r8', -40)}undo\n${unlockIrq('r8', -40)}\nundo:\n${unlockIrq('r7', -32)}`,
  ],
  [
    'two with interrupts off, crossed',
    `${lockIrq('r7', -32)}out\n${lockIrq('r8', -40)}undo\n${unlockIrq('r7', -32)}\n${unlockIrq('r8', -40)}\ngoto out\nundo:\n${unlockIrq('r7', -32)}`,
  ],
  [
    'taken twice with interrupts off',
    `${lockIrq('r7', -32)}out\n${lockIrq('r7', -40)}undo\n${unlockIrq('r7', -40)}\nundo:\n${unlockIrq('r7', -32)}`,
  ],
  [
    'plainly, then with interrupts off',
    `${LOCK('r7')}out\n${lockIrq('r7', -40)}undo\n${unlockIrq('r7', -40)}\nundo:\n${unlock('r7')}`,
  ],
  [
    'with interrupts off, flags of another',
    `${save(-40)}\n${lockIrq('r7', -32)}on\n${unlockIrq('r7', -40)}\n${restore(-32)}\ngoto out\non:\n${restore(-40)}`,
  ],
  ['with interrupts off, restored without the lock', `${lockIrq('r7', -32)}out\n${restore(-32)}`],
  ['and a plain lock', `${LOCK('r7')}out\nr1 = r7\ncall bpf_spin_lock#93\n${unlock('r7')}`],
  ['and a call', `${LOCK('r7')}out\ncall bpf_get_prandom_u32#7\n${unlock('r7')}`],
  ['and a function', `${LOCK('r7')}out\ncall sub\n${unlock('r7')}\ngoto out\nsub:\nr0 = 1\nexit`],
]

export const resilient: readonly Seed[] = ['resilient', 'resilient2'].flatMap((second) =>
  orders.map(
    ([name, body]): Seed => ({
      name: `resilient lock ${name}${second === 'resilient' ? ', of one map' : ''}`,
      type: 'sched_cls',
      asm: `${lookup('resilient')}\nif r0 == 0 goto out\nr7 = r0\n${lookup(second)}\nif r0 == 0 goto out\nr8 = r0\n${body.includes('\nsub:') ? body.replace('\nsub:', `\nout:\n${end}\nsub:`) : `${body}\nout:\n${end}`}`,
    }),
  ),
)
