import type { Seed } from '../seed.ts'
import { end, found, lookup, random, socket } from './pieces.ts'

// Functions with and without BTF: their lists, their results, calls within calls, exceptions, stack depth.

const MAIN = 'global int main(ctx)'

const info = (name: string, functions: readonly string[], more: Partial<Seed> = {}): Seed => ({
  name: `functions: ${name}`,
  type: 'sched_cls',
  asm: `r1 = 5\ncall sub\n${end}\nsub:\nr0 = r1\nexit`,
  functions,
  ...more,
})

const SUB = 'global int sub(int)'

export const lists: readonly Seed[] = [
  info('as they are', [MAIN, SUB]),
  info('the first elsewhere', [MAIN, SUB], { infoAt: [1, 4] }),
  info('the second elsewhere', [MAIN, SUB], { infoAt: [0, 3] }),
  info('the second past the end', [MAIN, SUB], { infoAt: [0, 40] }),
  info('both at one place', [MAIN, SUB], { infoAt: [0, 0] }),
  info('in the wrong order', [MAIN, SUB, 'static int more(int)'], { infoAt: [0, 4, 3] }),
  info('twice at the end', [MAIN, SUB, 'static int more(int)'], { infoAt: [0, 4, 4] }),
  info('one too many', [MAIN, SUB, 'static int more(int)'], { infoAt: [0, 4, 5] }),
  info('an integer for the first', ['int', SUB]),
  info('an integer for the second', [MAIN, 'int']),
  info('an integer at the wrong place', [MAIN, 'int'], { infoAt: [0, 0] }),
  info('of alias results', [MAIN, 'static alias sub(int)']),
  info('of no result', [MAIN, 'static void sub(int)']),
  info('of no result, global', [MAIN, 'global void sub(int)']),
]

const RESULTS = ['int', 'u64', 'char', 'short', 'i128', 'enum', 'alias', 'void', 'float', 'struct', 'mem 8']

/** What functions that may end early may return. */
export const early: readonly Seed[] = RESULTS.flatMap((result) =>
  ['static', 'global'].flatMap((linkage): Seed[] => {
    if (result.includes(' ')) return []
    const sub = `${linkage} ${result} sub(ctx)`
    return [
      info(`packet load, ${linkage} ${result}`, [MAIN, sub], {
        asm: `r6 = r1\ncall sub\n${end}\nsub:\nr6 = r1\nr0 = *(u32 *)skb[4]\nexit`,
      }),
      info(`tail call, ${linkage} ${result}`, [MAIN, sub], {
        asm: `r6 = r1\ncall sub\n${end}\nsub:\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 3\nexit`,
      }),
      info(
        `packet load in main, ${linkage} ${result}`,
        [`${linkage} ${result} main(ctx)`, 'static int sub(int)'],
        {
          asm: `r6 = r1\nr0 = *(u32 *)skb[4]\nr1 = 5\ncall sub\n${end}\nsub:\nr0 = r1\nexit`,
        },
      ),
      info(
        `tail call in main, ${linkage} ${result}`,
        [`${linkage} ${result} main(ctx)`, 'static int sub(int)'],
        {
          asm: `r2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr1 = 5\ncall sub\n${end}\nsub:\nr0 = r1\nexit`,
        },
      ),
    ]
  }),
)

export const bare: readonly Seed[] = [
  ['packet load', 'r6 = r1\nr0 = *(u32 *)skb[4]\nexit'],
  ['packet load at an index', 'r6 = r1\nr7 = 5\nr0 = *(u32 *)skb[r7 + 4]\nexit'],
  ['tail call', 'r2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 3\nexit'],
  [
    'both',
    'r6 = r1\nr0 = *(u32 *)skb[4]\nr1 = r6\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr0 = 3\nexit',
  ],
  ['neither', 'r0 = 3\nexit'],
  ['its stack returned', 'r0 = r10\nexit'],
  ['the caller’s stack returned', 'r0 = r2\nexit'],
  ['the context returned', 'r0 = r1\nexit'],
  ['nothing returned', 'exit'],
  ['a jump back out', 'r0 = 3\nif r1 == 0 goto -3\nexit'],
  ['a jump out', 'r0 = 3\ngoto -4'],
  ['no end', 'r0 = 3'],
  ['a long jump at the end', 'r0 = 3\nexit\ngotol -3'],
  ['unreachable code', 'r0 = 3\nexit\nr0 = 4\nexit'],
  ['a call of itself', 'call sub\nexit'],
  ['a call of main', 'call -4\nexit'],
  ['stack left uninitialised', 'r0 = *(u64 *)(r10 - 8)\nexit'],
  ['r6 unread', 'r0 = r6\nexit'],
  ['its arguments', 'r0 = r2\nr0 = r3\nexit'],
].map(([name, sub]) => ({
  name: `function without types: ${name}`,
  type: 'sched_cls',
  asm: `r6 = r1\nr2 = r10\ncall sub\n${end}\nsub:\n${sub}`,
}))

/** Exceptions and the function that handles them. */
const thrower = (name: string, handler: string, asm: string, more: Partial<Seed> = {}): Seed => ({
  name: `handler: ${name}`,
  type: 'sched_cls',
  asm,
  functions: [MAIN, handler],
  tags: ['exception_callback:handler'],
  infoAt: [0, -2],
  ...more,
})

const THROW = 'r1 = 5\nkcall bpf_throw'
const HANDLER = 'global int handler(u64)'

export const handlers: readonly Seed[] = [
  thrower('of the cookie', HANDLER, `${THROW}\nhandler:\nr0 = r1\nexit`),
  thrower('of a number', HANDLER, `${THROW}\nhandler:\nr0 = 1\nexit`),
  thrower('of a number, in XDP', HANDLER, `${THROW}\nhandler:\nr0 = 1\nexit`, { type: 'xdp' }),
  thrower('where returns are bound', HANDLER, `${THROW}\nhandler:\nr0 = 1\nexit`, {
    type: 'cgroup_skb',
    attach: 'cgroup_inet_ingress',
  }),
  thrower('where returns are bound, of too much', HANDLER, `${THROW}\nhandler:\nr0 = 9\nexit`, {
    type: 'cgroup_skb',
    attach: 'cgroup_inet_ingress',
  }),
  thrower('where returns are bound, of the cookie', HANDLER, `${THROW}\nhandler:\nr0 = r1\nexit`, {
    type: 'cgroup_skb',
    attach: 'cgroup_inet_ingress',
  }),
  thrower('never needed', HANDLER, `${end}\nhandler:\nr0 = r1\nexit`),
  thrower('of the stack', HANDLER, `${THROW}\nhandler:\nr0 = r10\nexit`),
  thrower('of nothing', HANDLER, `${THROW}\nhandler:\nr2 = 0\nexit`),
  thrower('that is static', 'static int handler(u64)', `${THROW}\nhandler:\nr0 = r1\nexit`),
  thrower('that takes the context', 'global int handler(ctx)', `${THROW}\nhandler:\nr0 = 0\nexit`),
  thrower('that takes two', 'global int handler(u64, int)', `${THROW}\nhandler:\nr0 = 0\nexit`),
  thrower('that takes nothing', 'global int handler()', `${THROW}\nhandler:\nr0 = 0\nexit`),
  thrower('that returns nothing', 'global void handler(u64)', `${THROW}\nhandler:\nr0 = 0\nexit`),
  thrower('that is main', HANDLER, `${THROW}\nhandler:\nr0 = 0\nexit`, { tags: ['exception_callback:main'] }),
  thrower('that is missing', HANDLER, `${THROW}\nhandler:\nr0 = 0\nexit`, {
    tags: ['exception_callback:other'],
  }),
  thrower('named twice', HANDLER, `${THROW}\nhandler:\nr0 = 0\nexit`, {
    tags: ['exception_callback:handler', 'exception_callback:other'],
  }),
  thrower('past the end', HANDLER, THROW, { infoAt: [0, 40] }),
  thrower('that throws', HANDLER, `${THROW}\nhandler:\nr1 = 2\nkcall bpf_throw`),
  thrower('that is called', HANDLER, `r1 = 5\ncall handler\n${end}\nhandler:\nr0 = r1\nexit`),
  thrower(
    'whose address is taken',
    HANDLER,
    `r1 = 3\nr2 = func handler\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${end}\nhandler:\nr0 = r1\nexit`,
  ),
  thrower(
    'of a function that throws',
    HANDLER,
    `r1 = 5\ncall sub\n${end}\nsub:\nkcall bpf_throw\nhandler:\nr0 = r1\nexit`,
    {
      functions: [MAIN, 'static int sub(int)', HANDLER],
      infoAt: [0, 4, -2],
    },
  ),
  thrower(
    'of a global function that throws',
    HANDLER,
    `r1 = 5\ncall sub\n${end}\nsub:\nkcall bpf_throw\nhandler:\nr0 = r1\nexit`,
    {
      functions: [MAIN, 'global int sub(int)', HANDLER],
      infoAt: [0, 4, -2],
    },
  ),
  thrower(
    'with a reference held',
    HANDLER,
    `${socket('bpf_sk_lookup_tcp#84')}\nif r0 == 0 goto out\n${THROW}\nout:\n${end}\nhandler:\nr0 = r1\nexit`,
  ),
  thrower(
    'with a reference held by the caller',
    HANDLER,
    `${socket('bpf_sk_lookup_tcp#84')}\nif r0 == 0 goto out\nr6 = r0\nr1 = 1\ncall sub\nr1 = r6\ncall bpf_sk_release#86\nout:\n${end}\nsub:\nkcall bpf_throw\nhandler:\nr0 = r1\nexit`,
    { functions: [MAIN, 'static int sub(int)', HANDLER], infoAt: [0, -3, -2] },
  ),
  thrower(
    'of a callback that throws',
    HANDLER,
    `r1 = 3\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${end}\ncb:\nr1 = 1\nkcall bpf_throw\nhandler:\nr0 = r1\nexit`,
    { functions: [MAIN, 'static int cb(u64, void *)', HANDLER], infoAt: [0, -4, -2] },
  ),
  thrower(
    'of a callback’s function that throws',
    HANDLER,
    `r1 = 3\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${end}\ncb:\ncall sub\nr0 = 0\nexit\nsub:\nr1 = 1\nkcall bpf_throw\nhandler:\nr0 = r1\nexit`,
    {
      functions: [MAIN, 'static int cb(u64, void *)', 'static int sub(u64)', HANDLER],
      infoAt: [0, -7, -4, -2],
    },
  ),
]

/** Functions that call each other, each with some bytes of stack. */
function tower(depths: readonly number[], more: Partial<Seed> & { readonly tail?: number } = {}): Seed {
  const name = (i: number): string => `f${i}`
  const touch = (depth: number): string => (depth > 0 ? `*(u8 *)(r10 - ${depth}) = 1\n` : '')
  const tailAt = (i: number): string =>
    i === more.tail ? 'r2 = map programs\nr3 = 0\ncall bpf_tail_call#12\n' : ''
  const { tail: _, ...rest } = more
  const asm = depths
    .map((depth, i) => {
      const keep = i === more.tail ? '' : ''
      const call = i + 1 < depths.length ? `${keep}call ${name(i + 1)}\n` : ''
      return `${i === 0 ? '' : `${name(i)}:\n`}${touch(depth)}${tailAt(i)}${
        i + 1 < depths.length && i === more.tail ? 'r1 = 0\n' : ''
      }${call}r0 = 0\nexit`
    })
    .join('\n')
  return {
    name: `stack of ${depths.join(', ')}${more.tail === undefined ? '' : ` with a tail call in ${more.tail}`}`,
    type: 'sched_cls',
    asm,
    functions: depths.map((_depth, i) => (i === 0 ? MAIN : `static int ${name(i)}(ctx)`)),
    ...rest,
  }
}

const TOWERS: readonly (readonly number[])[] = [
  [512],
  [256, 256],
  [257, 256],
  [256, 240],
  [256, 241],
  [200, 200, 112],
  [200, 200, 113],
  [8, 8, 8, 8, 8, 8, 8, 8],
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 0, 0],
  [8, 8, 8, 8, 8, 8, 8, 8, 8],
  [64, 64, 64, 64, 64, 64, 64, 64],
  [64, 64, 64, 64, 64, 64, 64, 65],
  [65, 64, 64, 64, 64, 64, 64, 64],
  [512, 1],
  [512, 0],
  [0, 512],
  [1, 512],
  [48, 48, 440],
  [16, 512],
]

export const depths: readonly Seed[] = [
  ...TOWERS.flatMap((depths): Seed[] => [
    tower(depths),
    { ...tower(depths), type: 'kprobe', name: `${tower(depths).name}, tracing` },
  ]),
  ...[
    [256, 8],
    [255, 8],
    [257, 8],
    [240, 8],
    [241, 8],
    [128, 128, 8],
    [128, 112, 8],
    [128, 113, 8],
  ].flatMap((depths): Seed[] => {
    const tail = depths.length - 1
    return [
      tower(depths, { tail }),
      { ...tower(depths, { tail, type: 'kprobe' }), name: `${tower(depths, { tail }).name}, tracing` },
      tower(depths, { tail: 0 }),
    ]
  }),
  // Two calls, one after the other: only one is on the stack at a time.
  {
    name: 'two calls of much stack, one after the other',
    type: 'sched_cls',
    asm: `call a\ncall b\n${end}\na:\n*(u8 *)(r10 - 400) = 1\nr0 = 0\nexit\nb:\n*(u8 *)(r10 - 400) = 1\nr0 = 0\nexit`,
  },
  {
    name: 'two calls of much stack, one too deep',
    type: 'sched_cls',
    asm: `*(u8 *)(r10 - 32) = 1\ncall a\ncall b\n${end}\na:\n*(u8 *)(r10 - 400) = 1\nr0 = 0\nexit\nb:\n*(u8 *)(r10 - 400) = 1\ncall c\nexit\nc:\n*(u8 *)(r10 - 128) = 1\nr0 = 0\nexit`,
  },
  {
    name: 'a callback of much stack',
    type: 'sched_cls',
    asm: `*(u8 *)(r10 - 300) = 1\nr1 = 3\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${end}\ncb:\n*(u8 *)(r10 - 300) = 1\nr0 = 0\nexit`,
  },
  {
    name: 'a callback of some stack',
    type: 'sched_cls',
    asm: `*(u8 *)(r10 - 200) = 1\nr1 = 3\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\n${end}\ncb:\n*(u8 *)(r10 - 300) = 1\nr0 = 0\nexit`,
  },
  {
    name: 'a timer’s callback of much stack',
    type: 'sched_cls',
    asm: found(
      'timed',
      `*(u8 *)(r10 - 300) = 1\nr1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ngoto out\ncb:\n*(u8 *)(r10 - 300) = 1\nr0 = 0\nexit`,
    ),
  },
  {
    name: 'a timer’s callback of too much stack',
    type: 'sched_cls',
    asm: found(
      'timed',
      `r1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ngoto out\ncb:\n*(u8 *)(r10 - 300) = 1\ncall sub\nr0 = 0\nexit\nsub:\n*(u8 *)(r10 - 300) = 1\nr0 = 0\nexit`,
    ),
  },
  {
    name: 'a timer’s callback that is called as well',
    type: 'sched_cls',
    asm: found(
      'timed',
      `*(u8 *)(r10 - 300) = 1\nr6 = r0\nr1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ncall cb\ngoto out\ncb:\n*(u8 *)(r10 - 300) = 1\nr0 = 0\nexit`,
    ),
  },
  {
    name: 'a timer’s callback that sets itself again',
    type: 'sched_cls',
    asm: found(
      'timed',
      `r1 = r0\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\ngoto out\ncb:\nr1 = r3\nr1 += 8\nr2 = func cb\ncall bpf_timer_set_callback#170\nr0 = 0\nexit`,
    ),
  },
  {
    name: 'recursion',
    type: 'sched_cls',
    asm: `call a\n${end}\na:\ncall b\nexit\nb:\ncall a\nexit`,
  },
  {
    name: 'recursion that ends',
    type: 'sched_cls',
    asm: `r1 = 2\ncall a\n${end}\na:\nif r1 == 0 goto done\nr1 -= 1\ncall a\ndone:\nr0 = 0\nexit`,
  },
]

/** Code that no path reaches although jumps lead there. */
export const dead: readonly Seed[] = [
  ['a function', `r1 = 5\nif r1 == 5 goto skip\ncall sub\nskip:\n${end}\nsub:\nr0 = 0\nexit`],
  [
    'a callback',
    `r1 = 5\nif r1 == 5 goto skip\nr1 = 3\nr2 = func cb\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nskip:\n${end}\ncb:\nr0 = 0\nexit`,
  ],
  ['an address that is not called', `r2 = func cb\n${end}\ncb:\nr0 = 0\nexit`],
  [
    'an address that is not called, before another function',
    `r2 = func cb\ncall sub\n${end}\ncb:\nr0 = 0\nexit\nsub:\nr0 = 1\nexit`,
  ],
  [
    'an address that is not called, after another function',
    `r2 = func cb\ncall sub\n${end}\nsub:\nr0 = 1\nexit\ncb:\nr0 = 0\nexit`,
  ],
  [
    'two addresses that are not called',
    `r2 = func cb\nr3 = func other\ncall sub\n${end}\nsub:\nr0 = 1\nexit\ncb:\nr0 = 0\nexit\nother:\nr0 = 0\nexit`,
  ],
  [
    'an address that is never loaded',
    `r1 = 5\nif r1 == 5 goto skip\nr2 = func cb\nskip:\ncall sub\n${end}\nsub:\nr0 = 1\nexit\ncb:\nr0 = 0\nexit`,
  ],
  ['an address of a function that is called', `r2 = func cb\ncall cb\n${end}\ncb:\nr0 = 0\nexit`],
  ['an address compared', `r2 = func cb\nif r2 == 0 goto out\nr0 = 1\nexit\nout:\n${end}\ncb:\nr0 = 0\nexit`],

  [
    'a call of an unknown kernel function',
    `r1 = 5\nif r1 == 5 goto skip\nr1 = 0\nkcall bpf_throw\nskip:\n${end}`,
  ],
].map(([name, asm]) => ({ name: `dead code: ${name}`, type: 'sched_cls', asm: asm! }))

/** A map's value handed through functions, found or not. */
export const handed: readonly Seed[] = [
  [
    'null checked by the caller',
    `${lookup('array')}\nif r0 == 0 goto out\nr1 = r0\ncall sub\nout:\n${end}\nsub:\nr0 = *(u64 *)(r1 + 0)\nexit`,
  ],
  [
    'null checked by the function',
    `${lookup('array')}\nr1 = r0\ncall sub\n${end}\nsub:\nr0 = 0\nif r1 == 0 goto no\nr0 = *(u64 *)(r1 + 0)\nno:\nexit`,
  ],
  [
    'null checked by nobody',
    `${lookup('array')}\nr1 = r0\ncall sub\n${end}\nsub:\nr0 = *(u64 *)(r1 + 0)\nexit`,
  ],
  [
    'returned',
    `call sub\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 0)\nout:\n${end}\nsub:\n${lookup('array')}\nexit`,
  ],
  [
    'returned by two',
    `call sub\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 0)\nout:\n${end}\nsub:\ncall other\nexit\nother:\n${lookup('array')}\nexit`,
  ],
  [
    'in r6 of both',
    `${lookup('array')}\nr6 = r0\nr1 = 1\ncall sub\nif r6 == 0 goto out\nr0 = *(u64 *)(r6 + 0)\nout:\n${end}\nsub:\nr6 = r1\nr0 = r6\nexit`,
  ],
  [
    'through the caller’s stack',
    `*(u64 *)(r10 - 16) = 0\nr1 = r10\nr1 += -16\ncall sub\nr6 = *(u64 *)(r10 - 16)\nif r6 == 0 goto out\nr0 = *(u64 *)(r6 + 0)\nout:\n${end}\nsub:\nr7 = r1\n${lookup('array')}\n*(u64 *)(r7 + 0) = r0\nr0 = 0\nexit`,
  ],
  [
    'its own stack through the caller’s',
    `r1 = r10\nr1 += -16\ncall sub\n${end}\nsub:\n*(u64 *)(r1 + 0) = r10\nr0 = 0\nexit`,
  ],
  [
    'the caller’s stack through the caller’s',
    `r1 = r10\nr1 += -16\ncall sub\n${end}\nsub:\n*(u64 *)(r1 + 0) = r1\nr0 = 0\nexit`,
  ],
  [
    'the caller’s stack in its own',
    `*(u64 *)(r10 - 16) = 7\nr1 = r10\nr1 += -16\ncall sub\nr0 = 0\nexit\nsub:\n*(u64 *)(r10 - 8) = r1\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u64 *)(r2 + 0)\nexit`,
  ],
  [
    'a number by two ways',
    `${random}\nr6 = r0\nr1 = r0\ncall sub\nif r0 > 15 goto out\nr2 = value globals+0\nr2 += r0\nr0 = *(u8 *)(r2 + 0)\nout:\n${end}\nsub:\nr0 = 3\nif r1 > 10 goto big\nexit\nbig:\nr0 = 7\nexit`,
  ],
].map(([name, asm]) => ({ name: `handed on: ${name}`, type: 'sched_cls', asm: asm! }))

/** Functions that several functions share, and calls of the main program. */
const LOOPED = 'r6 = 0\ntop:\nr6 += 1\nif r6 < 5 goto top\nr0 = r6\nexit'
const BRANCHED = `${random}\nif r0 > 5 goto big\nr0 = 1\nbig:\nr6 = 7\nr0 = 0\nexit`

export const shared: readonly Seed[] = [
  ...[LOOPED, BRANCHED].flatMap((body, i): Seed[] =>
    ['static', 'global'].map((linkage) => ({
      name: `shared ${linkage} function ${i}`,
      type: 'sched_cls',
      asm: `r6 = r1\nr1 = 1\ncall shared\nr1 = 2\ncall one\nr1 = 3\ncall two\n${end}\none:\ncall shared\nr0 = 0\nexit\ntwo:\ncall shared\ncall shared\nr0 = 0\nexit\nshared:\n${body}`,
      functions: [MAIN, 'global int one(int)', 'global int two(int)', `${linkage} int shared(int)`],
    })),
  ),
  ...['ctx', 'ctx, int', 'int', '', 'float', 'mem 8', 'dynptr'].flatMap((list) =>
    ['global', 'static'].flatMap((linkage): Seed[] => [
      {
        name: `main(${list}) called by a ${linkage} function`,
        type: 'sched_cls',
        asm: `main:\nr6 = r1\n${random}\nif r0 > 5 goto out\nr1 = r6\ncall sub\nout:\n${end}\nsub:\nr6 = r1\ncall main\nr0 = 0\nexit`,
        functions: [`${linkage} int main(${list})`, 'global int sub(ctx)'],
      },
      {
        name: `main(${list}) that calls itself, ${linkage}`,
        type: 'sched_cls',
        asm: `main:\nr6 = r1\n${random}\nif r0 > 5 goto out\nr1 = r6\ncall main\nout:\n${end}`,
        functions: [`${linkage} int main(${list})`],
      },
    ]),
  ),
  ...['int', 'mem 8', 'ctx', 'dynptr', 'void *'].flatMap((param): Seed[] => [
    {
      name: `wrong arguments twice: static (${param})`,
      type: 'sched_cls',
      asm: `r6 = r1\nr1 = r10\ncall sub\nr1 = r10\ncall sub\nr1 = 0\ncall sub\n${end}\nsub:\nr0 = 0\nexit`,
      functions: [MAIN, `static int sub(${param})`],
    },
    {
      name: `right, then wrong arguments: static (${param})`,
      type: 'sched_cls',
      asm: `r6 = r1\nr1 = 0\ncall sub\nr1 = r6\ncall sub\nr1 = r10\ncall sub\n${end}\nsub:\nr0 = 0\nexit`,
      functions: [MAIN, `static int sub(${param})`],
    },
  ]),
  {
    name: 'a global function under a lock',
    type: 'sched_cls',
    asm: `${lookup('locked')}\nif r0 == 0 goto out\nr7 = r0\nr1 = r0\nr1 += 4\ncall bpf_spin_lock#93\nr1 = 1\ncall sub\nr1 = r7\nr1 += 4\ncall bpf_spin_unlock#94\nout:\n${end}\nsub:\nr0 = 0\nexit`,
    functions: [MAIN, 'global int sub(int)'],
  },
  {
    name: 'a static function under a lock that calls a global one',
    type: 'sched_cls',
    asm: `${lookup('locked')}\nif r0 == 0 goto out\nr7 = r0\nr1 = r0\nr1 += 4\ncall bpf_spin_lock#93\nr1 = 1\ncall mid\nr1 = r7\nr1 += 4\ncall bpf_spin_unlock#94\nout:\n${end}\nmid:\ncall sub\nr0 = 0\nexit\nsub:\nr0 = 0\nexit`,
    functions: [MAIN, 'static int mid(int)', 'global int sub(int)'],
  },
  ...[8, 64, 400].map(
    (depth): Seed => ({
      name: `a frame that grows to ${depth} after a branch`,
      type: 'sched_cls',
      asm: `${random}\nr7 = r0\nr1 = 1\ncall sub\nif r7 > 3 goto wide\n*(u64 *)(r10 - 8) = 1\n${end}\nwide:\n*(u64 *)(r10 - 8) = r7\n*(u64 *)(r10 - ${depth}) = r7\nr1 = r7\ncall sub\nr1 = *(u64 *)(r10 - ${depth})\nr2 = *(u64 *)(r10 - 8)\n${end}\nsub:\n*(u64 *)(r10 - 64) = r1\n${random}\nif r0 > 2 goto more\nr0 = *(u64 *)(r10 - 64)\nexit\nmore:\n*(u64 *)(r10 - 96) = r1\nr0 = *(u64 *)(r10 - 96)\nexit`,
    }),
  ),
  {
    name: 'a function of much stack on one path, of little on the next',
    type: 'sched_cls',
    asm: `*(u8 *)(r10 - 200) = 1\ncall sub\n${end}\nsub:\n${random}\nif r0 > 2 goto little\n*(u8 *)(r10 - 400) = 1\nr0 = 0\nexit\nlittle:\n*(u8 *)(r10 - 8) = 1\nr0 = 0\nexit`,
  },
  ...[
    'kcall none',
    'r1 = 5\nif r1 == 5 goto +1\nkcall none',
    `${random}\nif r0 == 5 goto +1\nkcall none`,
  ].map((body): Seed => ({ name: `no such function: ${body}`, type: 'sched_cls', asm: `${body}\n${end}` })),
  // As many functions as there may be, and one more.
  ...[255, 256].flatMap((count): Seed[] => {
    const names = Array.from({ length: count }, (_, i) => `f${i}`)
    return [
      {
        name: `${count} functions`,
        type: 'sched_cls',
        asm: `${names.map((name) => `call ${name}`).join('\n')}\n${end}\n${names.map((name) => `${name}:\nr0 = 0\nexit`).join('\n')}`,
      },
    ]
  }),
]
