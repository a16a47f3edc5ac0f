import type { Seed } from '../seed.ts'
import { end, found, lookup, random, socket } from './pieces.ts'

export const locks: readonly Seed[] = [
  [
    'taken and released',
    'r6 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nr2 = *(u32 *)(r6 + 0)\nr2 += 1\n*(u32 *)(r6 + 0) = r2\nr1 = r6\nr1 += 4\ncall bpf_spin_unlock#94',
  ],
  ['not released', 'r6 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93'],
  [
    'taken twice',
    'r6 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93',
  ],
  ['released untaken', 'r1 = r0\nr1 += 4\ncall bpf_spin_unlock#94'],
  ['elsewhere', 'r1 = r0\ncall bpf_spin_lock#93'],
  ['read', 'r1 = *(u32 *)(r0 + 4)'],
  ['written', '*(u64 *)(r0 + 0) = 0'],
  [
    'a helper under it',
    'r6 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\ncall bpf_ktime_get_ns#5\nr1 = r6\nr1 += 4\ncall bpf_spin_unlock#94',
  ],
  [
    'a function under it',
    'r6 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nr1 = r6\ncall sub\nr1 = r6\nr1 += 4\ncall bpf_spin_unlock#94\ngoto out\nsub:\n*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit',
  ],
  [
    'a branch under it',
    `r6 = r0\n${random}\nr7 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nif r7 > 5 goto skip\n*(u64 *)(r6 + 8) = 1\nskip:\nr1 = r6\nr1 += 4\ncall bpf_spin_unlock#94`,
  ],
].map(([name, body]) => ({ name: `lock ${name}`, type: 'sched_cls', asm: found('locked', body!) }))

export const twoLocks: readonly Seed[] = [
  {
    name: 'lock of another value',
    type: 'sched_cls',
    asm: `${lookup('locked')}\nif r0 == 0 goto out\nr6 = r0\nr1 = map locked\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr7 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nr1 = r7\nr1 += 4\ncall bpf_spin_unlock#94\nout:\n${end}`,
  },
  {
    name: 'lock of another map',
    type: 'sched_cls',
    asm: `${lookup('locked')}\nif r0 == 0 goto out\nr6 = r0\nr1 = map lockedhash\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr7 = r0\nr1 = r6\nr1 += 4\ncall bpf_spin_lock#93\nr1 = r7\nr1 += 4\ncall bpf_spin_unlock#94\nout:\n${end}`,
  },
  { name: 'lock of plain memory', type: 'sched_cls', asm: found('array', 'r1 = r0\ncall bpf_spin_lock#93') },
  { name: 'lock on the stack', type: 'sched_cls', asm: `r1 = r10\nr1 += -8\ncall bpf_spin_lock#93\n${end}` },
  {
    name: 'lock at an unknown offset',
    type: 'sched_cls',
    asm: `${random}\nr7 = r0\nr7 &= 4\n${found('locked', 'r1 = r0\nr1 += r7\ncall bpf_spin_lock#93')}`,
  },
  { name: 'lock in a socket filter', asm: found('locked', 'r1 = r0\nr1 += 4\ncall bpf_spin_lock#93') },
  {
    name: 'lock in a probe',
    type: 'kprobe',
    asm: found('locked', 'r1 = r0\nr1 += 4\ncall bpf_spin_lock#93'),
  },
  {
    name: 'lock beside a timer',
    type: 'sched_cls',
    asm: found(
      'both',
      'r6 = r0\nr1 = r6\ncall bpf_spin_lock#93\n*(u64 *)(r6 + 24) = 1\nr1 = r6\ncall bpf_spin_unlock#94',
    ),
  },
]

export const timers: readonly Seed[] = [
  [
    'used',
    `r6 = r0\nr1 = r6\nr1 += 8\nr2 = map timed\nr3 = 1\ncall bpf_timer_init#169\nr1 = r6\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\nr1 = r6\nr1 += 8\nr2 = 1000\nr3 = 0\ncall bpf_timer_start#171\nr1 = r6\nr1 += 8\ncall bpf_timer_cancel#172\ngoto out\ncb:\nr4 = *(u64 *)(r3 + 0)\nr5 = *(u32 *)(r2 + 0)\nr0 = 0\nexit`,
  ],
  [
    'with a callback that returns 1',
    `r1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ngoto out\ncb:\nr0 = 1\nexit`,
  ],
  [
    'with a callback that writes its key',
    `r1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ngoto out\ncb:\n*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit`,
  ],
  [
    'with a callback that writes its value',
    `r1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ngoto out\ncb:\n*(u64 *)(r3 + 0) = 1\n*(u64 *)(r3 + 24) = r1\nr0 = 0\nexit`,
  ],
  ['elsewhere', 'r1 = r0\nr2 = map timed\nr3 = 1\ncall bpf_timer_init#169'],
  ['of another map', 'r1 = r0\nr1 += 8\nr2 = map array\nr3 = 1\ncall bpf_timer_init#169'],
  ['read', 'r1 = *(u64 *)(r0 + 8)'],
  [
    'at an unknown offset',
    'r7 = *(u64 *)(r0 + 0)\nr7 &= 8\nr1 = r0\nr1 += r7\nr2 = map timed\nr3 = 1\ncall bpf_timer_init#169',
  ],
].map(([name, body]) => ({ name: `timer ${name}`, type: 'sched_cls', asm: found('timed', body!) }))

export const sockets: readonly Seed[] = [
  ['released', 'r1 = r0\ncall bpf_sk_release#86'],
  ['released at an offset', 'r1 = r0\nr1 += 4\ncall bpf_sk_release#86'],
  [
    'made full',
    'r7 = r0\nr1 = r0\ncall bpf_sk_fullsock#95\nif r0 == 0 goto free\nr0 = *(u32 *)(r0 + 4)\nfree:\nr1 = r7\ncall bpf_sk_release#86',
  ],
  [
    'as TCP',
    'r7 = r0\nr1 = r0\ncall bpf_tcp_sock#96\nif r0 == 0 goto free\nr0 = *(u32 *)(r0 + 4)\nfree:\nr1 = r7\ncall bpf_sk_release#86',
  ],
  [
    'as TCP, after its release',
    'r7 = r0\nr1 = r0\ncall bpf_tcp_sock#96\nr8 = r0\nr1 = r7\ncall bpf_sk_release#86\nif r8 == 0 goto out\nr0 = *(u32 *)(r8 + 4)',
  ],
  [
    'as TCP, released',
    'r7 = r0\nr1 = r0\ncall bpf_tcp_sock#96\nif r0 == 0 goto out\nr1 = r0\ncall bpf_sk_release#86',
  ],
  [
    'as a listener',
    'r7 = r0\nr1 = r0\ncall bpf_get_listener_sock#98\nif r0 == 0 goto free\nr0 = *(u32 *)(r0 + 4)\nfree:\nr1 = r7\ncall bpf_sk_release#86',
  ],
  [
    'spilled and filled',
    '*(u64 *)(r10 - 48) = r0\nr1 = *(u64 *)(r10 - 48)\ncall bpf_sk_release#86\nr1 = *(u64 *)(r10 - 48)\nr2 = 5',
  ],
  ['released in a function', 'r1 = r0\ncall sub\ngoto out\nsub:\ncall bpf_sk_release#86\nr0 = 0\nexit'],
  ['written', '*(u32 *)(r0 + 4) = 1\nr1 = r0\ncall bpf_sk_release#86'],
  [
    'its fields',
    'r7 = r0\nr0 = *(u16 *)(r7 + 12)\nr0 = *(u8 *)(r7 + 4)\nr0 = *(u32 *)(r7 + 44)\nr1 = r7\ncall bpf_sk_release#86',
  ],
  [
    'its storage',
    'r7 = r0\nr1 = map sockets\nr2 = r0\nr3 = 0\nr4 = 1\ncall bpf_sk_storage_get#107\nif r0 == 0 goto free\n*(u64 *)(r0 + 8) = 1\nfree:\nr1 = r7\ncall bpf_sk_release#86',
  ],
  ['assigned', 'r7 = r0\nr1 = r6\nr2 = r7\nr3 = 0\ncall bpf_sk_assign#124\nr1 = r7\ncall bpf_sk_release#86'],
].flatMap(([name, body]) => [
  {
    name: `socket ${name}`,
    type: 'sched_cls',
    asm: `${socket('bpf_sk_lookup_tcp#84')}\nif r0 == 0 goto out\n${body}\nout:\n${end}`,
  },
  {
    name: `common socket ${name}`,
    type: 'sched_cls',
    asm: `${socket('bpf_skc_lookup_tcp#99')}\nif r0 == 0 goto out\n${body}\nout:\n${end}`,
  },
  {
    name: `context’s socket ${name}`,
    type: 'sched_cls',
    asm: `r6 = r1\nr0 = *(u64 *)(r6 + 168)\nif r0 == 0 goto out\n${body}\nout:\n${end}`,
  },
])
