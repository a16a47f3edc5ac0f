import { context, iterator, type Row, tracepoint } from './row.ts'

/** One of two pointers in r8, by what is not known, and what is done with it; the context is in r7, a struct in r6. */
const either = (one: string, other: string, use: string): string =>
  `*(u64 *)(r10 - 8) = 0\nr7 = r1\nr6 = *(u64 *)(r1 + 8)\ncall bpf_get_prandom_u32#7\nif r0 == 0 goto other\n${one}\ngoto use\nother:\n${other}\nuse:\n${use}`

export const STRUCTS: readonly Row[] = [
  ['a field of the context', context, 'accept R8=trusted_ptr_task_struct()'],
  ['a field that may be null', 'r8 = *(u64 *)(r1 + 16)', 'accept R8=ptr_or_null_task_struct(id=1)'],
  ['a field of a struct that is not known', 'r8 = *(u64 *)(r1 + 24)', 'accept R8=ptr_()'],
  [
    'a number',
    'r8 = *(u32 *)(r1 + 0)',
    'accept R8=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'a member',
    `${context}\nr9 = *(u32 *)(r8 + 4)`,
    'accept R8=trusted_ptr_task_struct() R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'a pointer member',
    `${context}\nr9 = *(u64 *)(r8 + 8)`,
    'accept R8=trusted_ptr_task_struct() R9=ptr_cgroup()',
  ],
  [
    'beyond the struct',
    `${context}\nr9 = *(u64 *)(r8 + 64)`,
    'EACCES: access beyond struct task_struct at off 64 size 8',
  ],
  [
    'before the struct',
    `${context}\nr9 = *(u64 *)(r8 - 8)`,
    'EACCES: R8 is ptr_task_struct invalid negative access: off=-8',
  ],
  ['a store', `${context}\n*(u32 *)(r8 + 4) = 1`, 'EACCES: only read is supported'],
  [
    'a member of what may be null',
    'r8 = *(u64 *)(r1 + 16)\nr9 = *(u32 *)(r8 + 4)',
    "EACCES: R8 invalid mem access 'ptr_or_null_'",
  ],
  ['atomics', `${context}\nr1 = 1\nlock *(u32 *)(r8 + 0) += r1`, 'EACCES: only read is supported'],
  [
    'at an unknown offset',
    `r6 = r1\ncall bpf_get_prandom_u32#7\nr0 &= 4\nr8 = *(u64 *)(r6 + 8)\nr8 += r0\nr9 = *(u32 *)(r8 + 0)`,
    'EACCES: R8 is ptr_task_struct invalid variable offset: off=0, var_off=(0x0; 0x4)',
  ],
  ['passed', `${context}\nr1 = r8\ncall take_task`, 'accept R8=trusted_ptr_task_struct()'],
  [
    'passed as another',
    `${context}\nr8 = *(u64 *)(r8 + 8)\nr1 = r8\ncall take_task`,
    'EACCES: R1 is of type cgroup but task_struct is expected',
  ],
  [
    'passed as one of two',
    `${context}\nr8 = *(u64 *)(r8 + 8)\nr1 = r8\ncall take_group_or_task`,
    'accept R8=trusted_ptr_task_struct() then ptr_cgroup()',
  ],
  [
    'passed, behind its start',
    `${context}\nr1 = r8\nr1 += 4\ncall take_task`,
    'EACCES: R1 is of type task_struct but task_struct is expected',
  ],
  [
    'a struct or memory, by one instruction',
    either('r8 = *(u64 *)(r6 + 8)', 'r8 = *(u64 *)(r6 + 56)', 'r9 = *(u32 *)(r8 + 0)'),
    'accept R8=ptr_cgroup() then rdonly_untrusted_mem(sz=0) R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'memory or a struct, by one instruction',
    either('r8 = *(u64 *)(r6 + 56)', 'r8 = *(u64 *)(r6 + 8)', 'r9 = *(u32 *)(r8 + 0)'),
    'accept R8=rdonly_untrusted_mem(sz=0) then ptr_cgroup() R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'a struct or the context, by one instruction',
    either('r8 = r7', 'r8 = r6', 'r9 = *(u32 *)(r8 + 0)'),
    'EINVAL: same insn cannot be used with different pointers',
  ],
  [
    'a struct or the stack, by one instruction',
    either('r8 = r10\nr8 += -8', 'r8 = *(u64 *)(r6 + 8)', 'r9 = *(u32 *)(r8 + 0)'),
    'EINVAL: same insn cannot be used with different pointers',
  ],
  [
    'a struct within it passed',
    `${context}\nr1 = r8\nr1 += 48\ncall take_group_or_task`,
    'accept R8=trusted_ptr_task_struct()',
  ],
  [
    'a struct within what is not trusted passed',
    'r1 = *(u64 *)(r1 + 16)\nif r1 == 0 goto +2\nr1 += 48\ncall take_group_or_task',
    'accept',
  ],
  [
    'passed, before its start',
    `${context}\nr1 = r8\nr1 += -4\ncall take_task`,
    'EACCES: R1 is of type task_struct but task_struct is expected',
  ],
  [
    'passed, anywhere',
    `r6 = r1\ncall bpf_get_prandom_u32#7\nr0 &= 4\nr1 = *(u64 *)(r6 + 8)\nr1 += r0\ncall take_task`,
    'EACCES: variable trusted_ptr_ access var_off=(0x0; 0x4) disallowed',
  ],
  [
    'passed where none may be null',
    'r1 = *(u64 *)(r1 + 16)\ncall take_task',
    'EACCES: R1 type=ptr_or_null_ expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  ['passed where it may be null', 'r1 = *(u64 *)(r1 + 16)\ncall take_task_or_null', 'accept'],
  ['null passed', 'r1 = 0\ncall take_task_or_null', 'accept'],
  [
    'null passed where none may be',
    'r1 = 0\ncall take_task',
    'EACCES: R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  [
    'unknown passed',
    'r1 = *(u64 *)(r1 + 24)\ncall take_task',
    'EACCES: R1 is of type  but task_struct is expected',
  ],
  [
    'released though not acquired',
    `${context}\nr1 = r8\ncall put_task`,
    'EINVAL: R1 must be referenced when passed to release function',
  ],
  ['null released', 'r1 = 0\ncall put_task_or_null', 'accept'],
  ['acquired and released', 'call get_task\nif r0 == 0 goto +2\nr1 = r0\ncall put_task', 'accept'],
  ['acquired and not released', 'call get_task', 'EINVAL: Unreleased reference id=2 alloc_insn=0'],
  [
    'released unchecked',
    'call get_task\nr1 = r0\ncall put_task',
    'EACCES: R1 type=ptr_or_null_ expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  [
    'released unchecked where null may be',
    'call get_task\nr1 = r0\ncall put_task_or_null',
    'EACCES: Possibly NULL pointer passed to helper arg1',
  ],
  [
    'released at an offset',
    'call get_task\nif r0 == 0 goto +3\nr1 = r0\nr1 += 4\ncall put_task',
    'EACCES: R1 is of type task_struct but task_struct is expected',
  ],
  [
    'released twice',
    'call get_task\nif r0 == 0 goto +5\nr6 = r0\nr1 = r6\ncall put_task\nr1 = r6\ncall put_task',
    'EACCES: R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  [
    'acquired',
    'call get_task\nr8 = r0\nif r8 == 0 goto +3\nr9 = r8\nr1 = r8\ncall put_task',
    'accept R8=ptr_or_null_task_struct(id=2,ref_obj_id=2) then ptr_task_struct(ref_obj_id=2) then 0 R9=ptr_task_struct(ref_obj_id=2)',
  ],
  [
    'two acquired ones passed',
    'call get_task\nr6 = r0\ncall get_task\nr7 = r0\nif r6 == 0 goto +4\nif r7 == 0 goto +3\nr1 = r6\nr2 = r7\ncall take_two',
    'EACCES: more than one arg with ref_obj_id R2 4 2',
  ],
  [
    'trusted result',
    'call current_task\nr8 = r0\nr1 = r0\ncall take_task',
    'accept R8=trusted_ptr_task_struct()',
  ],
  [
    'result that may be null',
    'call some_task\nr8 = r0\nif r8 == 0 goto +1\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=ptr_or_null_task_struct(id=1) then ptr_task_struct() then 0 R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'member of a trusted result',
    'call current_task\nr8 = *(u64 *)(r0 + 8)\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=ptr_cgroup() R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'member that is the user’s',
    'call current_task\nr8 = *(u64 *)(r0 + 32)\nr9 = *(u32 *)(r8 + 0)',
    'EACCES: R8 is ptr_cgroup access user memory: off=0',
  ],
  [
    'member that is per CPU',
    'call current_task\nr8 = *(u64 *)(r0 + 40)\nr9 = *(u32 *)(r8 + 0)',
    'EACCES: R8 is ptr_cgroup access percpu memory: off=0',
  ],
  [
    'per CPU of a CPU',
    'call current_task\nr1 = *(u64 *)(r0 + 40)\ncall percpu\nr8 = r0\nif r8 == 0 goto +1\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=ptr_or_null_cgroup(id=1) then ptr_cgroup() then 0 R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  ['read by a helper', `${context}\nr1 = r8\nr2 = 4\ncall reads`, 'accept R8=trusted_ptr_task_struct()'],
  [
    'read by a helper beyond its end',
    `${context}\nr1 = r8\nr2 = 100\ncall reads`,
    'EACCES: access beyond struct task_struct at off 0 size 100',
  ],
  [
    'filled by a helper',
    `${context}\nr1 = r8\nr2 = 4\ncall fills`,
    'EACCES: fills() may write into memory pointed by R1 type=trusted_ptr_',
  ],
  [
    'changed by a helper',
    `${context}\nr1 = r8\nr2 = 4\ncall changes`,
    'EACCES: changes() may write into memory pointed by R1 type=trusted_ptr_',
  ],
  [
    'as a key',
    `${context}\nr1 = map array\nr2 = r8\ncall key`,
    'EACCES: key() may write into memory pointed by R2 type=trusted_ptr_',
  ],
  [
    'as a value',
    `${context}\nr1 = map array\nr2 = r8\ncall value`,
    'EACCES: value() may write into memory pointed by R2 type=trusted_ptr_',
  ],
  ['a socket as a socket', 'r1 = *(u64 *)(r1 + 16)\ncall take_sock', 'accept', tracepoint],
  [
    'a task as a socket',
    'r1 = *(u64 *)(r1 + 0)\ncall take_sock',
    'EACCES: R1 is of type task_struct but sock_common is expected',
    tracepoint,
  ],
]

export const VARIABLES: readonly Row[] = [
  ['a number', 'r8 = variable number', 'accept R8=percpu_ptr_int()'],
  ['a struct', 'r8 = variable object', 'accept R8=percpu_ptr_cgroup()'],
  [
    'a number on a CPU',
    'r1 = variable number\ncall percpu\nr8 = r0',
    'accept R8=rdonly_mem_or_null(id=1,sz=4)',
  ],
  [
    'a number on this CPU',
    'r1 = variable number\ncall this_cpu\nr8 = r0\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=mem(sz=4) R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'beyond a number on this CPU',
    'r1 = variable number\ncall this_cpu\nr9 = *(u64 *)(r0 + 0)',
    'EACCES: invalid access to memory, mem_size=4 off=0 size=8',
  ],
  ['a number on this CPU, written', 'r1 = variable number\ncall this_cpu\n*(u32 *)(r0 + 0) = 1', 'accept'],
  [
    'a number on a CPU, written',
    'r1 = variable number\ncall percpu\nif r0 == 0 goto +1\n*(u32 *)(r0 + 0) = 1',
    'EACCES: R0 cannot write into rdonly_mem',
  ],
  [
    'a struct on a CPU',
    'r1 = variable object\ncall percpu\nr8 = r0\nif r8 == 0 goto +1\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=ptr_or_null_cgroup(id=1) then ptr_cgroup() then 0 R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'a struct on this CPU',
    'r1 = variable object\ncall this_cpu\nr8 = r0\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=ptr_cgroup() R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
  ],
  [
    'a variable of no CPU',
    'r1 = variable number\nr9 = *(u32 *)(r1 + 0)',
    'EACCES: R1 is ptr_int access percpu memory: off=0',
  ],
  [
    'a task as a variable',
    `${context}\nr1 = r8\ncall percpu`,
    'EACCES: R1 type=trusted_ptr_ expected=percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_',
  ],
]

export const TARGETS: readonly Row[] = [
  [
    'a struct',
    'r8 = *(u64 *)(r1 + 0)\nr9 = *(u32 *)(r8 + 0)',
    'accept R8=trusted_ptr_task_struct() R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
    tracepoint,
  ],
  ['a number', 'r8 = *(u64 *)(r1 + 8)', 'accept R8=scalar()', tracepoint],
  [
    'half of a number',
    'r8 = *(u32 *)(r1 + 8)',
    'accept R8=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
    tracepoint,
  ],
  ['another struct', 'r8 = *(u64 *)(r1 + 16)', 'accept R8=trusted_ptr_tcp_sock()', tracepoint],
  ['text', 'r8 = *(u64 *)(r1 + 24)', 'accept R8=scalar()', tracepoint],
  [
    'what may be null',
    'r8 = *(u64 *)(r1 + 32)',
    'accept R8=trusted_ptr_or_null_task_struct(id=1)',
    tracepoint,
  ],
  [
    'what may be null, unchecked',
    'r8 = *(u64 *)(r1 + 32)\nr9 = *(u32 *)(r8 + 0)',
    "EACCES: R8 invalid mem access 'trusted_ptr_or_null_'",
    tracepoint,
  ],
  [
    'what may be null, twice',
    'r8 = *(u64 *)(r1 + 32)\nr9 = *(u64 *)(r1 + 32)',
    'accept R8=trusted_ptr_or_null_task_struct(id=1) R9=trusted_ptr_or_null_task_struct(id=2)',
    tracepoint,
  ],
  [
    'what is the user’s',
    'r8 = *(u64 *)(r1 + 40)\nr9 = *(u32 *)(r8 + 0)',
    'EACCES: R8 is ptr_task_struct access user memory: off=0',
    tracepoint,
  ],
  [
    'what is per CPU',
    'r8 = *(u64 *)(r1 + 48)\nr9 = *(u32 *)(r8 + 0)',
    'EACCES: R8 is ptr_task_struct access percpu memory: off=0',
    tracepoint,
  ],
  [
    'what is not there',
    'r8 = *(u64 *)(r1 + 56)',
    "EACCES: func 'demo' doesn't have 8-th argument",
    tracepoint,
  ],
  ['half of a pointer', 'r8 = *(u32 *)(r1 + 0)', "EACCES: func 'demo' size 4 must be 8", tracepoint],
  ['a store', '*(u64 *)(r1 + 8) = 1', 'EACCES: invalid bpf_context access off=8 size=8', tracepoint],
  [
    'at an offset',
    'r1 += 8\nr8 = *(u64 *)(r1 + 0)',
    'EACCES: dereference of modified ctx ptr R1 off=8 disallowed',
    tracepoint,
  ],
  ['the context itself', 'r8 = r1', 'accept R8=ctx()', tracepoint],
  [
    'of a helper',
    'r2 = 8\ncall reads',
    'EACCES: R1 type=ctx expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    tracepoint,
  ],
  [
    'of a helper that writes',
    'r2 = 8\ncall fills',
    'EACCES: R1 type=ctx expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    tracepoint,
  ],
  [
    'of an iterator: the key',
    'r8 = *(u64 *)(r1 + 16)\nif r8 == 0 goto +1\nr9 = *(u64 *)(r8 + 40)',
    'accept R8=rdonly_buf_or_null(id=1) then rdonly_buf() then 0 R9=scalar()',
    iterator,
  ],
  [
    'of an iterator: the key, unchecked',
    'r8 = *(u64 *)(r1 + 16)\nr9 = *(u64 *)(r8 + 40)',
    "EACCES: R8 invalid mem access 'rdonly_buf_or_null'",
    iterator,
  ],
  [
    'of an iterator: the value',
    'r8 = *(u64 *)(r1 + 24)\nif r8 == 0 goto +1\nr9 = *(u64 *)(r8 + 40)',
    'accept R8=buf_or_null(id=1) then buf() then 0 R9=scalar()',
    iterator,
  ],
]

/** With r8 a checked buffer that may only be read (key), or be written too (value). */
const key = (body: string, skip: number): string =>
  `r8 = *(u64 *)(r1 + 16)\nif r8 == 0 goto +${skip}\n${body}`
const value = (body: string, skip: number): string =>
  `r8 = *(u64 *)(r1 + 24)\nif r8 == 0 goto +${skip}\n${body}`

export const BUFFERS: readonly Row[] = [
  [
    'read',
    key('r9 = *(u32 *)(r8 + 4)', 1),
    'accept R8=rdonly_buf_or_null(id=1) then rdonly_buf() then 0 R9=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
    iterator,
  ],
  ['written', key('*(u32 *)(r8 + 4) = 1', 1), 'EACCES: R8 cannot write into rdonly_buf', iterator],
  [
    'writable',
    value('*(u32 *)(r8 + 4) = 1\nr9 = *(s8 *)(r8 + 100)', 2),
    'accept R8=buf_or_null(id=1) then buf() then 0 R9=scalar(smin=smin32=-128,smax=smax32=127)',
    iterator,
  ],
  [
    'a register stored',
    value('r9 = 5\n*(u64 *)(r8 + 8) = r9\nr9 = r9', 3),
    'accept R8=buf_or_null(id=1) then buf() then 0 R9=5',
    iterator,
  ],
  [
    'before its start',
    value('r9 = *(u64 *)(r8 - 8)', 1),
    'EACCES: R8 invalid rdwr buffer access: off=-8, size=8',
    iterator,
  ],
  [
    'a pointer moved back',
    value('r8 += -8\nr9 = *(u64 *)(r8 + 0)', 2),
    'EACCES: R8 invalid rdwr buffer access: off=-8, size=8',
    iterator,
  ],
  [
    'at an unknown offset',
    value('call bpf_get_prandom_u32#7\nr0 &= 7\nr8 += r0\nr9 = *(u8 *)(r8 + 0)', 4),
    'EACCES: R8 invalid variable buffer offset: off=0, var_off=(0x0; 0x7)',
    iterator,
  ],
  [
    'read by a helper',
    key('r1 = r8\nr2 = 8\ncall reads', 3),
    'accept R8=rdonly_buf_or_null(id=1) then rdonly_buf() then 0',
    iterator,
  ],
  [
    'filled by a helper',
    value('r1 = r8\nr2 = 8\ncall fills', 3),
    'accept R8=buf_or_null(id=1) then buf() then 0',
    iterator,
  ],
  [
    'read-only, filled by a helper',
    key('r1 = r8\nr2 = 8\ncall fills', 3),
    'EACCES: R1 type=rdonly_buf expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    iterator,
  ],
  [
    'read-only, changed by a helper',
    key('r1 = r8\nr2 = 8\ncall changes', 3),
    'EACCES: R1 type=rdonly_buf expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    iterator,
  ],
  [
    'read by a helper behind its start',
    key('r1 = r8\nr1 += 8\nr2 = 8\ncall reads', 4),
    'accept R8=rdonly_buf_or_null(id=1) then rdonly_buf() then 0',
    iterator,
  ],
  [
    'read by a helper before its start',
    key('r1 = r8\nr1 += -8\nr2 = 8\ncall reads', 4),
    'EACCES: R1 invalid rdonly buffer access: off=-8, size=8',
    iterator,
  ],
  [
    'as a key',
    value('r2 = r8\nr1 = map array\ncall key', 4),
    'accept R8=buf_or_null(id=1) then buf() then 0',
    iterator,
  ],
  [
    'read-only, as a key',
    key('r2 = r8\nr1 = map array\ncall key', 4),
    'EACCES: R2 type=rdonly_buf expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    iterator,
  ],
  ['of the context', 'r8 = *(u64 *)(r1 + 48)\nr9 = *(u64 *)(r8 + 800)', 'accept R8=buf() R9=scalar()'],
  [
    'constants of the context',
    'r8 = *(u64 *)(r1 + 56)\nr9 = *(u64 *)(r8 + 800)',
    'accept R8=rdonly_buf() R9=scalar()',
  ],
  [
    'constants of the context, written',
    'r8 = *(u64 *)(r1 + 56)\n*(u64 *)(r8 + 0) = 1',
    'EACCES: R8 cannot write into rdonly_buf',
  ],
  [
    'atomics',
    value('r9 = 1\nlock *(u64 *)(r8 + 0) += r9', 2),
    'accept R8=buf_or_null(id=1) then buf() then 0 R9=1',
    iterator,
  ],
  [
    'atomics with a result',
    value('r9 = 1\nr9 = atomic_fetch_add((u64 *)(r8 + 0), r9)\nr9 = r9', 3),
    'accept R8=buf_or_null(id=1) then buf() then 0 R9=1 then scalar() then scalar(id=2)',
    iterator,
  ],
]
