import type { Seed } from '../seed.ts'
import { end, found, lookup, random, socket } from './pieces.ts'

// What global functions take, what functions may do in sections and under locks, functions that end early, callbacks.

const MAIN = 'global int main(ctx)'

const call = (
  name: string,
  before: string,
  callee: string,
  proto: string,
  more: Partial<Seed> = {},
): Seed => ({
  name: `callee ${name}`,
  type: 'sched_cls',
  asm: `r6 = r1\n${before}\ncall sub\n${end}\nsub:\n${callee}`,
  functions: [MAIN, proto],
  ...more,
})

/** Arguments of all kinds to parameters of all kinds. */
const ARGS: Readonly<Record<string, string>> = {
  'a number': 'r1 = 5',
  zero: 'r1 = 0',
  'an unknown number': `${random}\nr1 = r0`,
  nothing: 'r1 = r6\ncall bpf_get_hash_recalc#34',
  'the context': 'r1 = r6',
  'the context, moved': 'r1 = r6\nr1 += 8',
  'its stack': '*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -16',
  'its stack, uninitialised': 'r1 = r10\nr1 += -16',
  'too little stack': '*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8',
  'stack past the frame': 'r1 = r10',
  'stack somewhere': `${random}\nr0 &= 8\nr1 = r10\nr1 += -32\nr1 += r0`,
  'a map': 'r1 = map array',
  'a value': 'r1 = value globals+0',
  'a value, moved': 'r1 = value globals+0\nr1 += 56',
  'a value that may be null': `${lookup('array')}\nr1 = r0`,
  'a small value that may be null': `${lookup('plain', 8)}\nr1 = r0`,
  'a value that is not null': `${lookup('array')}\nr1 = 0\nif r0 == 0 goto -2\nr1 = r0`,
  'constant memory': 'r1 = value constants+0',
  'a packet': 'r1 = *(u32 *)(r6 + 76)\nr2 = *(u32 *)(r6 + 80)\nr3 = r1\nr3 += 16\nif r3 > r2 goto +2',
  'a socket': 'r1 = *(u64 *)(r6 + 168)',
  'a dynptr':
    'r1 = value globals+0\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -16',
  'a dynptr, moved':
    'r1 = value globals+0\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -8',
  'a function': 'r1 = func sub',
}

const PARAMS = [
  ...[
    'int',
    'u64',
    'ctx',
    'void * ctx',
    'mem 16',
    'mem 16 nonnull',
    'mem 8',
    'mem 64',
    'dynptr',
    'void *',
    'fwd',
  ],
  ...[
    'void * arena',
    'mem 16 nullable',
    'mem 8 untrusted',
    'void * untrusted',
    'int nonnull',
    'void * other',
  ],
  ...[
    'mem 16 trusted',
    'ctx nonnull',
    'dynptr nonnull',
    'float',
    'struct',
    'mem 16 arena nonnull',
    'void * ctx nonnull',
  ],
]

export const params: readonly Seed[] = PARAMS.flatMap((param) =>
  Object.entries(ARGS).flatMap(([arg, before]): Seed[] => [
    call(`of ${param} gets ${arg}`, before, 'r0 = 0\nexit', `global int sub(${param})`),
    call(`of ${param} gets ${arg}, static`, before, 'r0 = 0\nexit', `static int sub(${param})`),
  ]),
)

const MEM = '*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -16'

/** What a global function does with what it is given. */
export const bodies: readonly Seed[] = [
  ['reads a number', 'r1 = 5', 'r0 = r1\nexit', 'global int sub(int)'],
  ['reads it as memory', 'r1 = 5', 'r0 = *(u32 *)(r1 + 0)\nexit', 'global int sub(int)'],
  ['reads memory unchecked', MEM, 'r0 = *(u32 *)(r1 + 0)\nexit', 'global int sub(mem 16)'],
  [
    'reads memory',
    MEM,
    'r0 = 0\nif r1 == 0 goto +2\nr0 = *(u64 *)(r1 + 8)\n*(u64 *)(r1 + 0) = r0\nexit',
    'global int sub(mem 16)',
  ],
  [
    'reads past memory',
    MEM,
    'r0 = 0\nif r1 == 0 goto +1\nr0 = *(u64 *)(r1 + 9)\nexit',
    'global int sub(mem 16)',
  ],
  [
    'copies memory and checks',
    MEM,
    'r0 = 0\nr2 = r1\nif r2 == 0 goto +1\nr0 = *(u64 *)(r1 + 8)\nexit',
    'global int sub(mem 16)',
  ],
  [
    'takes two memories, checks one',
    `${MEM}\nr2 = r1`,
    'r0 = 0\nif r1 == 0 goto +1\nr0 = *(u64 *)(r2 + 8)\nexit',
    'global int sub(mem 16, mem 16)',
  ],
  ['reads memory that is not null', MEM, 'r0 = *(u64 *)(r1 + 8)\nexit', 'global int sub(mem 16 nonnull)'],
  ['reads untrusted memory', MEM, 'r0 = *(u64 *)(r1 + 8)\nexit', 'global int sub(mem 16 untrusted)'],
  ['reads an untrusted number', MEM, 'r0 = *(u64 *)(r1 + 0)\nexit', 'global int sub(mem 8 untrusted)'],
  ['reads anything untrusted', MEM, 'r0 = *(u64 *)(r1 + 800)\nexit', 'global int sub(void * untrusted)'],
  [
    'writes anything untrusted',
    MEM,
    '*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit',
    'global int sub(void * untrusted)',
  ],
  ['reads the context', 'r1 = r6', 'r0 = *(u32 *)(r1 + 4)\nexit', 'global int sub(ctx)'],
  ['reads the context, tagged', 'r1 = r6', 'r0 = *(u32 *)(r1 + 4)\nexit', 'global int sub(void * ctx)'],
  ['returns the context', 'r1 = r6', 'r0 = r1\nexit', 'global int sub(ctx)'],
  ['returns its stack', 'r1 = r6', 'r0 = r10\nexit', 'global int sub(ctx)'],
  ['returns nothing', 'r1 = r6', 'exit', 'global int sub(ctx)'],
  ['returns a map’s value', 'r1 = r6', `${lookup('array')}\nexit`, 'global int sub(ctx)'],
  ['returns a socket', 'r1 = r6', 'r0 = *(u64 *)(r1 + 168)\nexit', 'global int sub(ctx)'],
  ['uses r2', 'r1 = r6', 'r0 = r2\nexit', 'global int sub(ctx)'],
  ['uses r6', 'r1 = r6', 'r0 = r6\nexit', 'global int sub(ctx)'],
  ['keeps a socket', 'r1 = r6', `${socket('bpf_sk_lookup_tcp#84')}\nr0 = 0\nexit`, 'global int sub(ctx)'],
  [
    'keeps a lock',
    'r1 = r6',
    found('locked', 'r1 = r0\nr1 += 4\ncall bpf_spin_lock#93'),
    'global int sub(ctx)',
  ],
  ['keeps RCU', 'r1 = r6', 'kcall bpf_rcu_read_lock\nr0 = 0\nexit', 'global int sub(ctx)'],
  ['keeps preemption', 'r1 = r6', 'kcall bpf_preempt_disable\nr0 = 0\nexit', 'global int sub(ctx)'],
  [
    'keeps interrupts off',
    'r1 = r6',
    'r1 = r10\nr1 += -8\nkcall bpf_local_irq_save\nr0 = 0\nexit',
    'global int sub(ctx)',
  ],
  [
    'reads a dynptr',
    ARGS['a dynptr']!,
    'r1 = r1\ncall bpf_dynptr_data#203\nr0 = 0\nexit',
    'global int sub(dynptr)',
  ],
  [
    'reads from a dynptr',
    ARGS['a dynptr']!,
    'r3 = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read#201\nr0 = 0\nexit',
    'global int sub(dynptr)',
  ],
  ['writes its dynptr', ARGS['a dynptr']!, '*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit', 'global int sub(dynptr)'],
  ['calls itself', 'r1 = r6', 'call sub\nexit', 'global int sub(ctx)'],
  ['throws', 'r1 = 5', 'kcall bpf_throw', 'global int sub(int)'],
].map(([name, before, body, proto]) => call(`that ${name}`, before!, body!, proto!))

/** Calls of functions that sleep, in sections where nothing may. */
const SLEEPS = 'r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall bpf_copy_from_user#148\nr0 = 0\nexit'
const SECTIONS: Readonly<Record<string, readonly [string, string]>> = {
  nothing: ['', ''],
  RCU: ['kcall bpf_rcu_read_lock', 'kcall bpf_rcu_read_unlock'],
  'no preemption': ['kcall bpf_preempt_disable', 'kcall bpf_preempt_enable'],
  'no interrupts': [
    'r1 = r10\nr1 += -8\nkcall bpf_local_irq_save',
    'r1 = r10\nr1 += -8\nkcall bpf_local_irq_restore',
  ],
}

export const sleepers: readonly Seed[] = Object.entries(SECTIONS).flatMap(([section, [enter, leave]]) =>
  ['global', 'static'].flatMap((linkage) =>
    [16, 0].flatMap((flags): Seed[] => {
      const where = `${linkage}, in ${section}${flags ? ', sleepable' : ''}`
      return [
        {
          name: `a function that sleeps: ${where}`,
          type: 'kprobe',
          flags,
          asm: `r6 = r1\n${enter}\nr1 = 5\ncall sub\n${leave}\n${end}\nsub:\n${SLEEPS}`,
          functions: [MAIN, `${linkage} int sub(int)`],
        },
        {
          name: `a function whose function sleeps: ${where}`,
          type: 'kprobe',
          flags,
          asm: `r6 = r1\n${enter}\nr1 = 5\ncall sub\n${leave}\n${end}\nsub:\ncall deep\nr0 = 0\nexit\ndeep:\n${SLEEPS}`,
          functions: [MAIN, `${linkage} int sub(int)`, 'static int deep(int)'],
        },
        {
          name: `a function that does not sleep: ${where}`,
          type: 'kprobe',
          flags,
          asm: `r6 = r1\n${enter}\nr1 = 5\ncall sub\n${leave}\n${end}\nsub:\n${random}\nr0 = 0\nexit`,
          functions: [MAIN, `${linkage} int sub(int)`],
        },
      ]
    }),
  ),
)

/** Pointers into packets over calls that change packets, or do not. */
const PACKET =
  'r7 = *(u32 *)(r6 + 76)\nr8 = *(u32 *)(r6 + 80)\nr9 = r7\nr9 += 14\nif r9 > r8 goto out\nr1 = r6'
const CHANGES: Readonly<Record<string, string>> = {
  'changes the packet': 'r2 = 60\nr3 = 0\ncall bpf_skb_change_tail#38\nr0 = 0\nexit',
  'pulls the packet': 'r2 = 60\ncall bpf_skb_pull_data#39\nr0 = 0\nexit',
  'only computes': `${random}\nr0 = 0\nexit`,
  'loads from the packet': 'r6 = r1\nr0 = *(u32 *)skb[4]\nr0 = 0\nexit',
  'makes a tail call': 'r2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 0\nexit',
  'makes a tail call on one path': `r6 = r1\n${random}\nif r0 == 0 goto +6\nr1 = r6\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 1\nexit`,
  'loads from the packet, pointer kept':
    'r6 = r1\nr7 = *(u32 *)(r6 + 76)\nr8 = *(u32 *)(r6 + 80)\nr9 = r7\nr9 += 14\nif r9 > r8 goto +3\nr0 = *(u32 *)skb[4]\nr1 = *(u8 *)(r7 + 0)\nr0 = 0\nexit',
}

export const packets: readonly Seed[] = Object.entries(CHANGES).flatMap(([what, body]) =>
  ['global', 'static'].flatMap((linkage): Seed[] => [
    {
      name: `a ${linkage} function that ${what}`,
      type: 'sched_cls',
      asm: `r6 = r1\n${PACKET}\ncall sub\nr0 = *(u8 *)(r7 + 0)\nout:\n${end}\nsub:\n${body}`,
      functions: [MAIN, `${linkage} int sub(ctx)`],
    },
    {
      name: `a ${linkage} function whose function ${what}`,
      type: 'sched_cls',
      asm: `r6 = r1\n${PACKET}\ncall sub\nr0 = *(u8 *)(r7 + 0)\nout:\n${end}\nsub:\ncall deep\nr0 = 0\nexit\ndeep:\n${body}`,
      functions: [MAIN, `${linkage} int sub(ctx)`, 'static int deep(ctx)'],
    },
    {
      name: `a ${linkage} function that ${what}, its result used`,
      type: 'sched_cls',
      asm: `r6 = r1\n*(u64 *)(r10 - 8) = 7\ncall sub\nr1 = value globals+0\nif r0 > 60 goto out\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr2 = *(u64 *)(r10 - 8)\nr1 = value globals+0\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nout:\n${end}\nsub:\n${body}`,
      functions: [MAIN, `${linkage} int sub(ctx)`],
    },
    {
      name: `a ${linkage} function that ${what}, after its caller’s stack is written`,
      type: 'sched_cls',
      asm: `r6 = r1\n*(u64 *)(r10 - 8) = 7\nr2 = r10\nr2 += -8\ncall sub\nr2 = *(u64 *)(r10 - 8)\nr1 = value globals+0\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\n${end}\nsub:\n*(u64 *)(r2 + 0) = 9\n${body}`,
      functions: [MAIN, `${linkage} int sub(ctx, mem 8)`],
    },
  ]),
)

/** Callbacks: what they get, what they return, what they do to their caller's frame. */
const KINDS: Readonly<Record<string, string>> = {
  loop: 'r1 = 5\nr2 = func cb\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_loop#181',
  'for each': 'r1 = map array\nr2 = func cb\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_for_each_map_elem#164',
  'for each of a hash':
    'r1 = map hash\nr2 = func cb\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_for_each_map_elem#164',
  drain: 'r1 = map userring\nr2 = func cb\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_user_ringbuf_drain#209',
}

const CALLBACKS: Readonly<Record<string, string>> = {
  'returns 0': 'r0 = 0\nexit',
  'returns 1': 'r0 = 1\nexit',
  'returns 2': 'r0 = 2\nexit',
  'returns -1': 'r0 = -1\nexit',
  'returns either': `${random}\nr0 &= 1\nexit`,
  'returns anything': `${random}\nexit`,
  'returns a pointer': 'r0 = r2\nexit',
  'returns its stack': 'r0 = r10\nexit',
  'returns nothing': 'exit',
  'reads r1': 'r0 = r1\nr0 = 0\nexit',
  'reads r2': 'r0 = *(u32 *)(r2 + 0)\nr0 = 0\nexit',
  'writes r2': '*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit',
  'reads r3': 'r0 = *(u64 *)(r3 + 0)\nr0 = 0\nexit',
  'writes r3': '*(u64 *)(r3 + 8) = 1\nr0 = 0\nexit',
  'reads past r3': 'r0 = *(u64 *)(r3 + 16)\nr0 = 0\nexit',
  'writes r4': '*(u64 *)(r4 + 0) = 1\nr0 = 0\nexit',
  'reads r5': 'r0 = r5\nr0 = 0\nexit',
  'reads r0': 'r1 = r0\nr0 = 0\nexit',
  'reads r6': 'r1 = r6\nr0 = 0\nexit',
  'counts to a bound in r2':
    'r0 = *(u64 *)(r2 + 0)\nif r0 > 5 goto +2\nr0 += 1\n*(u64 *)(r2 + 0) = r0\nr0 = 0\nexit',
  'keeps a lock': `${lookup('locked')}\nif r0 == 0 goto +4\nr1 = r0\nr1 += 4\ncall bpf_spin_lock#93\nr0 = 0\nexit`,
  'keeps a socket': 'r1 = map array\nr0 = 0\nkcall bpf_rcu_read_lock\nr0 = 0\nexit',
  'calls a function': 'call sub\nr0 = 0\nexit\nsub:\nr0 = 0\nexit',
  'is a dynptr’s':
    'r3 = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read#201\nr0 = 0\nexit',
  'writes a dynptr': '*(u64 *)(r1 + 0) = 0\nr0 = 0\nexit',
}

export const returned: readonly Seed[] = Object.entries(KINDS).flatMap(([kind, start]) =>
  Object.entries(CALLBACKS).map(
    ([what, body]): Seed => ({
      name: `callback of ${kind} ${what}`,
      type: 'kprobe',
      asm: `r6 = 7\n*(u64 *)(r10 - 8) = 3\n*(u64 *)(r10 - 16) = 2\n${start}\nr2 = *(u64 *)(r10 - 16)\nr1 = value globals+0\nif r2 > 60 goto out\nr1 += r2\nr1 += r6\nr2 = *(u64 *)(r10 - 8)\nout:\n${end}\ncb:\n${body}`,
    }),
  ),
)

/** What callbacks of a declared type get. */
export const declared: readonly Seed[] = [
  'u64',
  'int',
  'ctx',
  'dynptr',
  'void *',
  'mem 8',
  'u64, void *',
].flatMap((list) =>
  Object.entries(KINDS).map(
    ([kind, start]): Seed => ({
      name: `callback of ${kind}, declared (${list})`,
      type: 'kprobe',
      asm: `*(u64 *)(r10 - 8) = 3\n*(u64 *)(r10 - 16) = 2\n${start}\nr1 = 1\nr2 = 2\n${start}\n${end}\ncb:\nr0 = 0\nexit`,
      functions: [MAIN, `static int cb(${list})`],
    }),
  ),
)

/** Callbacks that run by themselves. */
const ASYNC: Readonly<Record<string, readonly [map: string, start: string]>> = {
  timer: ['timed', 'r1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170'],
  work: ['worked', 'r1 = r0\nr2 = func cb\nr3 = 0\nkcall bpf_wq_set_callback_impl'],
}

export const later: readonly Seed[] = Object.entries(ASYNC).flatMap(([kind, [map, start]]) =>
  Object.entries(CALLBACKS).flatMap(([what, body]): Seed[] => [
    {
      name: `callback of ${kind} ${what}`,
      type: 'sched_cls',
      asm: found(map, `${start}\ngoto out\ncb:\n${body}`),
    },
    ...(what === 'returns 0'
      ? [
          {
            name: `callback of ${kind} sleeps`,
            type: 'syscall',
            flags: 16,
            asm: found(map, `${start}\ngoto out\ncb:\n${SLEEPS}`),
          },
          {
            name: `callback of ${kind} set twice`,
            type: 'sched_cls',
            asm: found(map, `r7 = r0\n${start}\nr0 = r7\n${start}\ngoto out\ncb:\n${body}`),
          },
          {
            name: `callback of ${kind} set on two ways`,
            type: 'sched_cls',
            asm: found(
              map,
              `r7 = r0\n${random}\nr8 = 1\nif r0 > 5 goto +1\nr8 = 2\nr0 = r7\n${start}\ngoto out\ncb:\n${body}`,
            ),
          },
          {
            name: `callback of ${kind} returns what is precise`,
            type: 'sched_cls',
            asm: found(
              map,
              `${start}\ngoto out\ncb:\n${random}\nr6 = 0\nif r0 > 5 goto +1\nr6 = 0\nr0 = r6\nexit`,
            ),
          },
        ]
      : []),
  ]),
)
