import { type Row, tracepoint } from './row.ts'

const stack = '*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\n'

export const MEMORY: readonly Row[] = [
  [
    'read-only result',
    'call fixed\nr8 = r0\nr9 = *(u64 *)(r8 + 8)',
    'accept R8=rdonly_mem(sz=16) R9=scalar()',
  ],
  [
    'beyond a result',
    'call fixed\nr9 = *(u64 *)(r0 + 9)',
    'EACCES: invalid access to memory, mem_size=16 off=9 size=8',
  ],
  ['read-only result written', 'call fixed\n*(u64 *)(r0 + 8) = 1', 'EACCES: R0 cannot write into rdonly_mem'],
  ['read-only result read in part', 'call fixed\nr1 = r0\nr1 += 8\nr2 = 8\ncall reads', 'accept'],
  ['read-only result read', 'call fixed\nr1 = r0\nr2 = 16\ncall reads', 'accept'],
  [
    'read-only result read beyond',
    'call fixed\nr1 = r0\nr2 = 17\ncall reads',
    'EACCES: invalid access to memory, mem_size=16 off=0 size=17',
  ],
  [
    'read-only result filled',
    'call fixed\nr1 = r0\nr2 = 16\ncall fills',
    'EACCES: R1 type=rdonly_mem expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  [
    'read-only result changed',
    'call fixed\nr1 = r0\nr2 = 16\ncall changes',
    'EACCES: R1 type=rdonly_mem expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  [
    'read-only result as a key',
    'call fixed\nr2 = r0\nr1 = map array\ncall key',
    'EACCES: R2 type=rdonly_mem expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  [
    'read-only result as a value',
    'call fixed\nr2 = r0\nr1 = map array\ncall value',
    'EACCES: R2 type=rdonly_mem expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  [
    'result',
    'call writable\nr8 = r0\nif r8 == 0 goto +1\n*(u64 *)(r8 + 8) = 1',
    'accept R8=mem_or_null(id=1,sz=16) then mem(sz=16) then 0',
  ],
  ['result unchecked', 'call writable\nr9 = *(u64 *)(r0 + 0)', "EACCES: R0 invalid mem access 'mem_or_null'"],
  [
    'result as a value',
    'call writable\nif r0 == 0 goto +4\nr2 = r0\nr1 = map array\ncall value_changed',
    'accept',
  ],
  [
    'sized',
    'r1 = 8\ncall sized\nr8 = r0\nif r8 == 0 goto +1\nr9 = *(u64 *)(r8 + 0)',
    'accept R8=mem_or_null(id=1,sz=8) then mem(sz=8) then 0 R9=scalar()',
  ],
  [
    'sized, beyond',
    'r1 = 8\ncall sized\nif r0 == 0 goto +1\nr9 = *(u64 *)(r0 + 1)',
    'EACCES: invalid access to memory, mem_size=8 off=1 size=8',
  ],
  [
    'sized by what is unknown',
    'call bpf_get_prandom_u32#7\nr1 = r0\ncall sized',
    "EACCES: R1 is not a known constant'",
  ],
  ['nothing returned', 'call nothing\nr8 = r0', 'EACCES: R0 !read_ok'],
  ['bounded', 'call bounded\nr8 = r0', 'accept R8=scalar(id=1,smin=smin32=-1,smax=smax32=5)'],
  ['bounded below', 'call bounded_below\nr8 = r0', 'accept R8=scalar(id=1)'],
  ['bounded above', 'call bounded_above\nr8 = r0', 'accept R8=scalar(id=1)'],
  ['zero', 'r1 = 0\nr2 = 5\ncall zero\nr8 = r0', 'accept R8=scalar(id=1)'],
  ['not zero', 'r1 = 1\nr2 = 0\ncall zero', "EINVAL: zero() doesn't support non-zero flags"],
  [
    'perhaps zero',
    'call bpf_get_prandom_u32#7\nr1 = r0\nr2 = 0\ncall zero',
    "EINVAL: zero() doesn't support non-zero flags",
  ],
  [
    'of the stack where a value is needed',
    `${stack}r1 = r10\nr1 += -8\ncall of_value`,
    'EACCES: Unsupported reg type fp for of_value data',
  ],
  ['of a value', 'r1 = value globals+0\ncall of_value', 'accept'],
  [
    'changed',
    `${stack}r1 = r10\nr1 += -16\nr2 = 16\ncall changes\nr9 = *(u64 *)(r10 - 8)`,
    'accept R9=scalar()',
  ],
  ['changed before it is written', 'r1 = r10\nr1 += -16\nr2 = 16\ncall changes', 'accept'],
  ['filled', 'r1 = r10\nr1 += -16\nr2 = 16\ncall fills\nr9 = *(u64 *)(r10 - 8)', 'accept R9=scalar()'],
  [
    'filled by an unknown size',
    'call bpf_get_prandom_u32#7\nr0 &= 7\nr0 += 1\nr1 = r10\nr1 += -8\nr2 = r0\ncall fills',
    'accept',
  ],
  [
    'read-only map changed',
    'r1 = value constants+0\nr2 = 16\ncall changes',
    'EACCES: write into map forbidden, value_size=16 off=0 size=16',
  ],
  [
    'read-only map filled',
    'r1 = value constants+0\nr2 = 16\ncall fills',
    'EACCES: write into map forbidden, value_size=16 off=0 size=16',
  ],
  ['read-only map read', 'r1 = value constants+0\nr2 = 16\ncall reads', 'accept'],
  ['null', 'r1 = 0\nr2 = 0\ncall reads_or_null', 'accept'],
  ['null of a size', 'r1 = 0\nr2 = 8\ncall reads_or_null', 'EACCES: R1 type=scalar expected=fp'],
  [
    'null where none may be',
    'r1 = 0\nr2 = 8\ncall reads',
    'EACCES: R1 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  ['eight bytes', 'r1 = r10\nr1 += -8\ncall fills_8\nr9 = *(u64 *)(r10 - 8)', 'accept R9=scalar()'],
  [
    'eight bytes, misaligned',
    'r1 = value globals+4\ncall fills_8',
    'EACCES: misaligned value access off 0+4+0 size 8',
  ],
  ['eight bytes anywhere', 'r1 = value globals+4\ncall fills_8_anywhere', 'accept'],
  [
    'eight bytes beyond',
    'r1 = value globals+12\ncall fills_8_anywhere',
    'EACCES: invalid access to map value, value_size=16 off=12 size=8',
  ],
  ['eight bytes read', 'r1 = r10\nr1 += -8\ncall reads_8', 'accept'],
  [
    'eight bytes filled at the stack’s end',
    'r1 = r10\nr1 += -4\ncall fills_8_anywhere',
    'EINVAL: invalid write to stack R1 off=-4 size=8',
  ],
  ['a value changed', `${stack}r1 = map array\nr2 = r10\nr2 += -16\ncall value_changed`, 'accept'],
  [
    'a value changed before it is written',
    'r1 = map array\nr2 = r10\nr2 += -16\ncall value_changed',
    'accept',
  ],
  [
    'a value filled',
    'r1 = map array\nr2 = r10\nr2 += -16\ncall value_filled\nr9 = *(u64 *)(r10 - 8)',
    'accept R9=scalar()',
  ],
  ['a read-only map as a value', 'r2 = value constants+0\nr1 = map array\ncall value', 'accept'],
  [
    'a read-only map as a value that is changed',
    'r2 = value constants+0\nr1 = map array\ncall value_changed',
    'EACCES: write into map forbidden, value_size=16 off=0 size=16',
  ],
  ['no value', 'r1 = map array\nr2 = 0\ncall value_or_null', 'accept'],
  [
    'a value of sockets that may be null',
    'r1 = map sockmap\nr2 = 0\ncall value_or_null',
    'EINVAL: invalid arg_type for sockmap/sockhash',
  ],
  [
    'a value of sockets to fill',
    'r1 = map sockmap\nr2 = r10\nr2 += -16\ncall value_filled',
    'EINVAL: invalid arg_type for sockmap/sockhash',
  ],
]

export const DYNPTRS: readonly Row[] = [
  ['of a packet', 'r2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\ncall writes_dynptr', 'accept'],
  [
    'sliced',
    'r2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall slice\nr8 = r0\nif r8 == 0 goto +1\nr9 = *(u64 *)(r8 + 0)',
    'accept R8=mem_or_null(id=2,sz=8) then mem(sz=8) then 0 R9=scalar()',
  ],
  [
    'sliced beyond',
    'r2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall slice\nif r0 == 0 goto +1\nr9 = *(u64 *)(r0 + 1)',
    'EACCES: invalid access to memory, mem_size=8 off=1 size=8',
  ],
  [
    'of another type',
    'r2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\ncall of_ring',
    'EINVAL: Expected a dynptr of type ringbuf as arg #0',
  ],
  [
    'of the type',
    'r1 = map ringbuf\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\ncall of_ring\nr1 = r10\nr1 += -16\nr2 = 0\ncall bpf_ringbuf_discard_dynptr#200',
    'accept',
    { type: 'sched_cls' },
  ],
  ['changed', 'r2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\ncall changes_dynptr', 'accept'],
  [
    'dropped though not counted',
    'r2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\ncall drops_dynptr',
    'EINVAL: arg 1 is an unacquired reference',
  ],
  [
    'dropped',
    'r1 = map ringbuf\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\ncall drops_dynptr',
    'accept',
    { type: 'sched_cls' },
  ],
  [
    'dropped at the stack’s start',
    'r1 = r10\ncall drops_dynptr',
    'EINVAL: cannot pass in dynptr at an offset=0',
  ],
  ...(['skb', 'meta', 'local'] as const).map((kind): Row => {
    const create = `r1 = r6\nr2 = r10\nr2 += -16\ncall new_${kind}`
    return [
      `written: packet pointers after one of ${kind}`,
      `r6 = r1\n${kind === 'local' ? 'r1 = r10\nr1 += -16\ncall new_local' : create}\nr7 = *(u64 *)(r6 + 32)\nr1 = r10\nr1 += -16\ncall writes_dynptr\nr8 = r7`,
      kind === 'local' ? 'accept R8=pkt(r=0)' : 'accept R8=scalar(id=2)',
    ]
  }),
  [
    'read: packet pointers stay',
    'r6 = r1\nr2 = r10\nr2 += -16\ncall new_skb\nr7 = *(u64 *)(r6 + 32)\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall slice\nr8 = r7',
    'accept R8=pkt(r=0)',
  ],
  [
    'written: slices of other memory stay',
    'r6 = r1\nr2 = r10\nr2 += -16\ncall new_skb\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall slice\nr7 = r0\nr1 = r10\nr1 += -16\ncall writes_dynptr\nr8 = r7',
    'accept R8=mem_or_null(id=2,sz=8)',
  ],
]

const packet = (body: string, skip: number): string =>
  `r6 = r1\nr2 = *(u64 *)(r1 + 32)\nr3 = *(u64 *)(r1 + 40)\nr4 = r2\nr4 += 8\nif r4 > r3 goto +${skip}\n${body}`

export const PLACES: readonly Row[] = [
  ['sleeps', 'call sleeps', 'EINVAL: helper call might sleep in a non-sleepable prog'],
  ['sleeps where it may', 'call sleeps', 'accept', { type: 'syscall', flags: 16 }],
  ['in a probe', 'call in_probes', 'accept', { type: 'kprobe' }],
  ['in a tracepoint that may', 'call in_probes', 'accept', tracepoint],
  ['in another', 'call in_probes', 'EINVAL: helper call is not allowed in probe'],
  ['of callers', 'call of_callers', 'accept', { type: 'xdp' }],
  [
    'of others',
    'call of_callers',
    'ENOTSUPP: func of_callers#65585 not supported for program type 3',
    { type: 'sched_cls' },
  ],
  ['of callers by attach type', 'call of_callers', 'accept', { attach: 'first' }],
  [
    'of callers by another attach type',
    'call of_callers',
    'ENOTSUPP: func of_callers#65585 supported only for fentry/fexit/fmod_ret programs',
    { attach: 'second' },
  ],
  [
    'of callers by no attach type',
    'call of_callers',
    'ENOTSUPP: func of_callers#65585 supported only for fentry/fexit/fmod_ret programs',
  ],
  [
    'of tracing programs',
    'call of_callers',
    'ENOTSUPP: func of_callers#65585 supported only for fentry/fexit/fmod_ret programs',
    tracepoint,
  ],
  ['a packet', packet('r1 = r2\ncall packet', 2), 'accept'],
  [
    'a packet to others',
    packet('r1 = r2\nr2 = 8\ncall reads', 3),
    'EACCES: helper access to the packet is not allowed',
  ],
  ['a packet to any', packet('r1 = r2\nr2 = 8\ncall reads', 3), 'accept', { type: 'giver' }],
  [
    'a packet where there is none',
    packet('r1 = r2\ncall packet', 2),
    'EACCES: helper access to the packet is not allowed',
    { type: 'bystander' },
  ],
  ['a packet written', packet('*(u8 *)(r2 + 0) = 1', 1), 'accept'],
  [
    'a packet written where there is none',
    packet('*(u8 *)(r2 + 0) = 1', 1),
    'EACCES: cannot write into packet',
    { type: 'bystander' },
  ],
  [
    'a pointer into a packet',
    packet('*(u64 *)(r2 + 0) = r10', 1),
    'EACCES: R10 leaks addr into packet',
    { unprivileged: true },
  ],
  [
    'a pointer into memory',
    'call writable\nif r0 == 0 goto +1\n*(u64 *)(r0 + 0) = r10',
    'EACCES: R10 leaks addr into mem',
    { unprivileged: true },
  ],
  ['a packet that moves', packet('r7 = r2\ncall moves\nr8 = r7', 3), 'accept R8=scalar(id=1)'],
  ['an arena’s address', 'r1 = 5\ncall arena', 'accept'],
  ['a pointer as an arena’s', 'r1 = r10\ncall arena', 'EACCES: R1 type=fp expected=arena, scalar'],
  ['the stack', 'r1 = r10\ncall stack', 'accept'],
  ['no stack', 'r1 = value globals+0\ncall stack', 'EACCES: R1 type=map_value expected=fp'],
  ['no socket', 'r1 = r10\ncall socket', 'EACCES: R1 type=fp expected=sock'],
  [
    'no common socket',
    'r1 = r10\ncall sock_common',
    'EACCES: R1 type=fp expected=sock_common, sock, tcp_sock, xdp_sock',
  ],
  [
    'no ring memory',
    'call writable\nr1 = r0\ncall ring_memory',
    'EACCES: R1 type=mem_or_null expected=ringbuf_mem',
  ],
  [
    'a pointer leaked',
    'r1 = 0\nr2 = r10\ncall zero',
    'EACCES: R2 leaks addr into helper function',
    { type: 'socket_filter', unprivileged: true },
  ],
]
