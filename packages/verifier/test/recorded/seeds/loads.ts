import type { Seed } from '../seed.ts'
import { end } from './pieces.ts'

// What 64-bit loads refer to, reserved fields, and which programs may use which maps.

const MAPS = [
  ...[
    'hash',
    'array',
    'percpu',
    'lru',
    'globals',
    'constants',
    'readonly',
    'writeonly',
    'programs',
    'ringbuf',
  ],
  ...['queue', 'stackmap', 'bloom', 'sockmap', 'sockhash', 'devmap', 'cpumap', 'xskmap', 'traces', 'perf'],
  ...['reuseport', 'cgroups', 'lpm', 'outer', 'outerhash', 'local', 'localpercpu', 'locked', 'timed', 'both'],
  ...['worked', 'listed', 'plain', 'sockets', 'arena', 'unplaced'],
]

const USERS: readonly (readonly [type: string, more?: Partial<Seed>])[] = [
  ['socket_filter'],
  ['socket_filter', { unprivileged: true }],
  ['sched_cls'],
  ['kprobe'],
  ['kprobe', { flags: 16 }],
  ['syscall', { flags: 16 }],
  ['cgroup_skb', { attach: 'cgroup_inet_egress' }],
  ['perf_event'],
]

export const users: readonly Seed[] = USERS.flatMap(([type, more]) =>
  MAPS.flatMap((map): Seed[] => {
    const who = `${type}${more?.flags ? ' that sleeps' : ''}${more?.unprivileged ? ', unprivileged' : ''}`
    return [
      { name: `${map} used by ${who}`, type, asm: `r1 = map ${map}\n${end}`, ...more },
      ...(type === 'socket_filter' && !more
        ? [
            { name: `value of ${map}`, type, asm: `r1 = value ${map}+0\n${end}` },
            {
              name: `value of ${map}, later`,
              type,
              asm: `r1 = value ${map}+8\nr2 = value ${map}+15\n${end}`,
            },
          ]
        : []),
    ]
  }),
)

const two = (a: string, b: string): Seed => ({
  name: `${a} and ${b}`,
  type: 'cgroup_skb',
  attach: 'cgroup_inet_egress',
  asm: `r1 = map ${a}\nr2 = map ${b}\nr3 = map ${a}\n${end}`,
})

export const pairs: readonly Seed[] = [
  ['local', 'local'],
  ['local', 'local2'],
  ['local', 'localpercpu'],
  ['localpercpu', 'localpercpu'],
  ['arena', 'arena'],
  ['arena', 'arena2'],
  ['array', 'local'],
  ['array', 'hash'],
].map(([a, b]) => two(a!, b!))

const many = (count: number, again: boolean): Seed => ({
  name: `${count} maps${again ? ', the first again' : ''}`,
  type: 'socket_filter',
  asm: `${Array.from({ length: count }, (_, i) => `r1 = map many_${i}`).join('\n')}\n${again ? 'r1 = map many_0\n' : ''}${end}`,
})

export const tables: readonly Seed[] = [many(64, false), many(64, true), many(65, false)]

const values: readonly Seed[] = [
  ...[0, 8, 63, 64, 65, 536870911, 536870912, 2147483647].map(
    (offset): Seed => ({
      name: `value at ${offset}`,
      type: 'socket_filter',
      asm: `r1 = value globals+${offset}\n${end}`,
    }),
  ),
  {
    name: 'value at -8',
    type: 'socket_filter',
    asm: `r1 = value globals+0\n${end}`,
    patch: { 1: { imm: -8 } },
  },
  ...[0, 8, 4096, 8191, 8192, 8193].map(
    (offset): Seed => ({
      name: `arena at ${offset}`,
      type: 'socket_filter',
      asm: `r1 = value arena+${offset}\n${end}`,
    }),
  ),
]

/** Instructions with fields that must be zero, and opcodes that there are not. */
const reserved = (name: string, asm: string, patch: NonNullable<Seed['patch']>): Seed => ({
  name: `reserved: ${name}`,
  type: 'socket_filter',
  asm,
  patch,
})

const LDDW = `r1 = 5 ll\n${end}`
const MAP = `r1 = map array\n${end}`

export const fields: readonly Seed[] = [
  ...values,
  reserved('dst of the second half', LDDW, { 1: { dst: 1 } }),
  reserved('src of the second half', LDDW, { 1: { src: 1 } }),
  reserved('off of the second half', LDDW, { 1: { off: 1 } }),
  reserved('code of the second half', LDDW, { 1: { code: 0xb7 } }),
  reserved('off of the first half', LDDW, { 0: { off: 1 } }),
  ...[1, 2, 5, 6, 7, 8].map((src) => reserved(`a load of kind ${src} without a map`, LDDW, { 0: { src } })),
  ...[1, 5].map((src) =>
    reserved(`a load of kind ${src} with an offset`, MAP, { 0: { src }, 1: { imm: 4 } }),
  ),
  reserved('a map by its index', MAP, { 0: { src: 5 } }),
  reserved('a value by its map’s index', MAP, { 0: { src: 6 } }),
  reserved('a function’s address at an odd place', LDDW, { 0: { src: 4, imm: 40 } }),
  reserved('a function’s address before the start', LDDW, { 0: { src: 4, imm: -4 } }),
  reserved('a function’s address at the end', LDDW, { 0: { src: 4, imm: 3 } }),
  ...[0x31, 0x51, 0x79 | 0xe0, 0x21, 0x41, 0xc1, 0xa1, 0x99].map((code) =>
    reserved(`a load of opcode ${code.toString(16)}`, `r0 = *(u64 *)(r10 - 8)\n${end}`, { 0: { code } }),
  ),
  reserved('imm of a load', `*(u64 *)(r10 - 8) = 0\nr0 = *(u64 *)(r10 - 8)\n${end}`, { 1: { imm: 1 } }),
  reserved('imm of a signed load', `*(u64 *)(r10 - 8) = 0\nr0 = *(s32 *)(r10 - 8)\n${end}`, {
    1: { imm: 1 },
  }),
  reserved('imm of a store', `*(u64 *)(r10 - 8) = r1\n${end}`, { 0: { imm: 1 } }),
  reserved('src of a store of a constant', `*(u64 *)(r10 - 8) = 1\n${end}`, { 0: { src: 1 } }),
  ...[0x3a, 0x5a, 0x62 | 0x80, 0xc2, 0xda, 0xe2, 0x42].map((code) =>
    reserved(`a store of a constant of opcode ${code.toString(16)}`, `*(u64 *)(r10 - 8) = 1\n${end}`, {
      0: { code },
    }),
  ),
  ...[0x3b, 0x5b, 0x83, 0x9b, 0xe3, 0xfb, 0x43].map((code) =>
    reserved(`a store of opcode ${code.toString(16)}`, `*(u64 *)(r10 - 8) = r1\n${end}`, { 0: { code } }),
  ),
  ...[
    0x00,
    0x01,
    0x04 | 0xf0,
    0x06,
    0x0d,
    0x0e,
    0x16,
    0x8d,
    0x86,
    0x9d,
    0x96,
    0x95 | 8,
    0xe5,
    0xee,
    0xf5,
    0xff,
  ].map((code) => reserved(`opcode ${code.toString(16)}`, `r0 = 0\nr0 = 0\n${end}`, { 1: { code } })),
  reserved('off of a jump’s imm', `goto +0\n${end}`, { 0: { imm: 1 } }),
  reserved('src of a jump', `goto +0\n${end}`, { 0: { src: 1 } }),
  reserved('dst of a jump', `goto +0\n${end}`, { 0: { dst: 1 } }),
  reserved('off of a long jump', `gotol +0\n${end}`, { 0: { off: 1 } }),
  reserved('src of a long jump', `gotol +0\n${end}`, { 0: { src: 1 } }),
  reserved('imm of an exit', end, { 1: { imm: 1 } }),
  reserved('src of an exit', end, { 1: { src: 1 } }),
  reserved('dst of an exit', end, { 1: { dst: 1 } }),
  ...[1, 2, 3, 4, 15].map((src) =>
    reserved(`a call of kind ${src}`, `call bpf_get_prandom_u32#7\n${end}`, { 0: { src } }),
  ),
  reserved('off of a call', `call bpf_get_prandom_u32#7\n${end}`, { 0: { off: 1 } }),
  reserved('dst of a call', `call bpf_get_prandom_u32#7\n${end}`, { 0: { dst: 1 } }),
  reserved('off of a function’s call', `call sub\n${end}\nsub:\nr0 = 0\nexit`, { 0: { off: 1 } }),
  reserved('off of a kernel function’s call', `kcall bpf_rcu_read_lock\nkcall bpf_rcu_read_unlock\n${end}`, {
    0: { off: 1 },
  }),
  reserved('a function call before the start', `call bpf_get_prandom_u32#7\n${end}`, {
    0: { src: 1, imm: -5 },
  }),
  reserved('a function call past the end', `call bpf_get_prandom_u32#7\n${end}`, { 0: { src: 1, imm: 2 } }),
  reserved('a function call far past the end', `call bpf_get_prandom_u32#7\n${end}`, {
    0: { src: 1, imm: 200 },
  }),
  reserved('a jump past the end', `if r1 == 0 goto +0\n${end}`, { 0: { off: 2 } }),
  reserved('a jump far past the end', `if r1 == 0 goto +0\n${end}`, { 0: { off: 200 } }),
  reserved('a jump before the start', `if r1 == 0 goto +0\n${end}`, { 0: { off: -2 } }),
  reserved('a jump into a load', `if r1 == 0 goto +0\nr2 = 5 ll\n${end}`, { 0: { off: 1 } }),
  reserved('a jump over all into a load', `r2 = 5 ll\nif r1 == 0 goto +0\n${end}`, { 2: { off: -2 } }),
  reserved('a load’s first half at the end', `${end}\nr1 = 5 ll\n${end}`, {
    4: { code: 0x18 },
    5: { code: 0x18 },
  }),
  reserved('code after the end', `${end}\nr0 = 0`, {}),
  reserved('a load without the second half', `r0 = 0\nexit\nr1 = 5 ll`, {}),
  reserved('a function that is not called', `r0 = 0\nexit\nr0 = 1\nexit`, {}),
]
