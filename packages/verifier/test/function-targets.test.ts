import { BtfBuilder } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type VerifierOptions } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { platform } from './platform.ts'

// Programs on functions of a kernel and on security hooks, by the BTF of a small kernel that is made here: what they may
// read and return (bpf_check_attach_target, btf_ctx_access and check_return_code of Linux 6.18).

function smallKernel(): Uint8Array {
  const b = new BtfBuilder()
  const int = b.int('int', 4, { signed: true })
  const char = b.int('char', 1)
  const long = b.int('long int', 8, { signed: true })
  const float = b.float('double', 8)
  const task = b.struct('task_struct', [
    { name: 'pid', type: int },
    { name: 'tgid', type: int },
  ])
  const file = b.struct('file', [
    { name: 'f_owner', type: b.pointer(task) },
    { name: 'f_mode', type: int },
  ])
  const pair = b.struct('pair', [
    { name: 'a', type: long },
    { name: 'b', type: long },
  ])
  const large = b.struct('large', [
    { name: 'pair', type: pair },
    { name: 'c', type: long },
  ])
  const text = b.pointer(char)
  const taskPointer = b.pointer(task)
  const filePointer = b.pointer(b.const(file))
  const func = (name: string, result: number, params: readonly (readonly [string, number])[]): number =>
    b.func(name, b.funcProto(result, params), 'static')
  func('vfs_read', long, [
    ['file', filePointer],
    ['buf', text],
    ['count', long],
  ])
  func('find_task', taskPointer, [['nr', int]])
  func('maybe', int, [['task__nullable', taskPointer]])
  func('user_memory', int, [['task', b.pointer(b.typeTag('user', task))]])
  func('per_cpu', int, [['task', b.pointer(b.typeTag('percpu', task))]])
  func('by_value', int, [
    ['pair', pair],
    ['last', int],
  ])
  func('too_large', int, [['large', large]])
  func('variadic', int, [
    ['format', text],
    ['', 0],
  ])
  func('returns_pair', pair, [])
  func('takes_double', int, [['d', float]])
  func('indirect', int, [['tasks', b.pointer(taskPointer)]])
  func(
    'many',
    int,
    Array.from({ length: 13 }, (_, i) => [`a${i}`, int] as const),
  )
  func('do_exit', 0, [['code', long]])
  func('migrate_enable', 0, [])
  func('__x64_sys_read', long, [['regs', taskPointer]])
  func('bpf_fentry_test1', int, [['a', int]])
  func('security_file_open', int, [['file', filePointer]])
  for (const hook of [
    'file_open',
    'inode_xattr_skipcap',
    'file_free_security',
    'getprocattr',
    'socket_bind',
  ]) {
    func(`bpf_lsm_${hook}`, hook === 'file_free_security' ? 0 : int, [['file', filePointer]])
  }
  func('bpf_lsm_verify_prog', int, [['file', filePointer]])
  const hook = b.pointer(b.funcProto(int, [['file', filePointer]]))
  b.union(
    'security_list_options',
    ['file_open', 'inode_xattr_skipcap', 'file_free_security', 'getprocattr', 'socket_bind'].map((name) => ({
      name,
      type: hook,
    })),
  )
  b.variable('pages', long)
  structOps(b, int, task)
  return b.build()
}

/** Qdisc_ops and sched_ext_ops as Linux 6.18 has them, less most of their members. */
function structOps(b: BtfBuilder, int: number, task: number): void {
  const byte = b.int('u8', 1)
  const u64 = b.int('u64', 8)
  const skb = b.struct('sk_buff', [
    { name: 'tstamp', type: u64 },
    { name: 'len', type: int },
    { name: 'cb', type: b.array(byte, 48, int) },
  ])
  b.struct('qdisc_skb_cb', [
    { name: 'pkt_len', type: u64 },
    { name: 'data', type: b.array(byte, 20, int) },
  ])
  b.struct('bpf_sk_buff_ptr', [{ name: 'skb', type: b.pointer(skb) }])
  const qdisc = b.struct('Qdisc', [
    { name: 'flags', type: int },
    { name: 'limit', type: int },
  ])
  const skbPointer = b.pointer(skb)
  const qdiscPointer = b.pointer(qdisc)
  const define = (
    name: string,
    members: Readonly<
      Record<string, readonly [result: number, params: readonly (readonly [string, number])[]]>
    >,
  ): void => {
    const plain = (params: readonly (readonly [string, number])[]) =>
      params.map(([param, type]) => [param.replace(/__(ref|nullable)$/, ''), type] as const)
    const struct = b.struct(
      name,
      Object.entries(members).map(([member, [result, params]]) => ({
        name: member,
        type: b.pointer(b.funcProto(result, plain(params))),
      })),
    )
    for (const [member, [result, params]] of Object.entries(members)) {
      b.func(`${name}__${member}`, b.funcProto(result, params), 'static')
    }
    b.struct(`bpf_struct_ops_${name}`, [
      { name: 'common', type: u64 },
      { name: 'data', type: struct },
    ])
  }
  define('Qdisc_ops', {
    enqueue: [
      int,
      [
        ['skb__ref', skbPointer],
        ['sch', qdiscPointer],
        ['to_free', b.pointer(skbPointer)],
      ],
    ],
    dequeue: [skbPointer, [['sch', qdiscPointer]]],
    peek: [skbPointer, [['sch', qdiscPointer]]],
    init: [int, [['sch', qdiscPointer]]],
    destroy: [0, [['sch', qdiscPointer]]],
  })
  define('sched_ext_ops', {
    dispatch: [
      0,
      [
        ['cpu', int],
        ['prev__nullable', b.pointer(task)],
      ],
    ],
    init: [int, []],
  })
  b.struct('proto_ops', [{ name: 'bind', type: b.pointer(b.funcProto(int, [])) }])
}

const kernelBtf = smallKernel()

async function verdict(test: Case, options: VerifierOptions = {}): Promise<string> {
  const verifier = await createVerifier(platform, { kernelBtf, ...options })
  const found = verifier.verify(specFromRow(rowOf(test), platform))
  return found.verdict === 'accept' ? 'accept' : `${found.errno}: ${found.line}`
}

const END = 'r0 = 0\nexit'
const on = (attach: string, to: string, asm: string, more: Partial<Case> = {}): Case => ({
  name: to,
  type: attach.startsWith('lsm') ? 'lsm' : 'tracing',
  attach,
  to,
  asm,
  ...more,
})
const fentry = (to: string, asm = '', more: Partial<Case> = {}): Case =>
  on('trace_fentry', to, `${asm}\n${END}`, more)
const fexit = (to: string, asm = '', more: Partial<Case> = {}): Case =>
  on('trace_fexit', to, `${asm}\n${END}`, more)
const fmodRet = (to: string, asm = '', more: Partial<Case> = {}): Case =>
  on('modify_return', to, `${asm}\n${END}`, more)
const lsm = (to: string, asm = END, more: Partial<Case> = {}): Case => on('lsm_mac', to, asm, more)
const cgroup = (to: string, asm: string, more: Partial<Case> = {}): Case => on('lsm_cgroup', to, asm, more)

const implement = (to: string, asm: string, more: Partial<Case> = {}): Case => ({
  name: to,
  type: 'struct_ops',
  to,
  asm,
  ...more,
})

const cases: readonly (readonly [what: string, test: Case, expected: string])[] = [
  ['the fields of an argument', fentry('vfs_read', 'r2 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r2 + 8)'), 'accept'],
  ['a number and text', fentry('vfs_read', 'r2 = *(u64 *)(r1 + 16)\nr3 = *(u64 *)(r1 + 8)'), 'accept'],
  [
    'text is a number',
    fentry('vfs_read', 'r2 = *(u64 *)(r1 + 8)\nr3 = *(u8 *)(r2 + 0)'),
    "EACCES: R2 invalid mem access 'scalar'",
  ],
  [
    'arguments are not trusted',
    fentry('vfs_read', 'r2 = *(u64 *)(r1 + 0)\nr1 = *(u64 *)(r2 + 0)\ncall 175'),
    'accept',
  ],
  [
    'half of a pointer',
    fentry('vfs_read', 'r2 = *(u32 *)(r1 + 0)'),
    "EACCES: func 'vfs_read' size 4 must be 8",
  ],
  [
    'no result at the entry',
    fentry('vfs_read', 'r2 = *(u64 *)(r1 + 24)'),
    "EACCES: func 'vfs_read' doesn't have 4-th argument",
  ],
  ['the result at the exit', fexit('vfs_read', 'r2 = *(u64 *)(r1 + 24)'), 'accept'],
  [
    'nothing behind the result',
    fexit('vfs_read', 'r2 = *(u64 *)(r1 + 32)'),
    "EACCES: func 'vfs_read' doesn't have 5-th argument",
  ],
  ['a struct as result', fexit('find_task', 'r2 = *(u64 *)(r1 + 8)\nr3 = *(u32 *)(r2 + 0)'), 'accept'],
  [
    'a store into the context',
    fentry('vfs_read', '*(u64 *)(r1 + 0) = 1'),
    'EACCES: invalid bpf_context access off=0 size=8',
  ],
  [
    'an argument that may be null',
    fentry('maybe', 'r2 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r2 + 0)'),
    "EACCES: R2 invalid mem access 'ptr_or_null_'",
  ],
  [
    'user memory',
    fentry('user_memory', 'r2 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r2 + 0)'),
    'EACCES: R2 is ptr_task_struct access user memory: off=0',
  ],
  [
    'per-CPU memory',
    fentry('per_cpu', 'r2 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r2 + 0)'),
    'EACCES: R2 is ptr_task_struct access percpu memory: off=0',
  ],
  ['a struct by value', fentry('by_value', 'r2 = *(u64 *)(r1 + 8)\nr3 = *(u32 *)(r1 + 16)'), 'accept'],
  [
    'behind a struct by value',
    fentry('by_value', 'r2 = *(u64 *)(r1 + 24)'),
    "EACCES: func 'by_value' doesn't have 3-th argument",
  ],
  [
    'too large a struct',
    fentry('too_large'),
    'EINVAL: The function too_large arg0 type STRUCT is unsupported.',
  ],
  [
    'variable arguments',
    fentry('variadic'),
    'EINVAL: The function variadic with variable args is unsupported.',
  ],
  [
    'a struct as result',
    fentry('returns_pair'),
    'EINVAL: The function returns_pair return type STRUCT is unsupported.',
  ],
  ['a double', fentry('takes_double'), 'EINVAL: The function takes_double arg0 type FLOAT is unsupported.'],
  ['too many arguments', fentry('many'), 'EINVAL: The function many has 13 arguments. Too many.'],
  [
    'a pointer to a pointer',
    fentry('indirect', 'r2 = *(u64 *)(r1 + 0)'),
    "EACCES: func 'indirect' arg0 type PTR is not a struct",
  ],
  ['no such function', fentry('nothing'), "EINVAL: function nothing is not found in the kernel's BTF"],
  ['no function named', { ...fentry('x'), to: '' }, 'EINVAL: Tracing programs must provide btf_id'],
  ['the entry of what never returns', fentry('do_exit'), 'accept'],
  [
    'the exit of what never returns',
    fexit('do_exit'),
    "EINVAL: Attaching fexit/fmod_ret to __noreturn function 'do_exit' is rejected.",
  ],
  [
    'what the kernel calls around programs',
    fentry('migrate_enable'),
    "EINVAL: Attaching tracing programs to function 'migrate_enable' is rejected.",
  ],
  [
    'another result than 0',
    on('trace_fentry', 'vfs_read', 'r0 = 1\nexit'),
    'EINVAL: At program exit the register R0 has smin=1 smax=1 should have been in [0, 0]',
  ],
  ['a result that is not modifiable', fmodRet('vfs_read'), 'EINVAL: vfs_read() is not modifiable'],
  ['a result that is modifiable', fmodRet('security_file_open'), 'accept'],
  ['any result', on('modify_return', '__x64_sys_read', 'r0 = 77\nexit'), 'accept'],
  ['the result so far', fmodRet('security_file_open', 'r2 = *(u32 *)(r1 + 8)'), 'accept'],
  ['sleeping where it may', fentry('__x64_sys_read', '', { flags: 16 }), 'accept'],
  ['sleeping in a test function', fentry('bpf_fentry_test1', '', { flags: 16 }), 'accept'],
  ['sleeping where it may not', fentry('vfs_read', '', { flags: 16 }), 'EINVAL: vfs_read is not sleepable'],
  [
    'without CAP_PERFMON',
    fentry('vfs_read', '', { unprivileged: true }),
    'EPERM: only loaders with CAP_PERFMON load programs of type tracing',
  ],
  ['a hook without its prefix', lsm('file_open'), 'accept'],
  ['a hook with its prefix', lsm('bpf_lsm_file_open'), 'accept'],
  [
    'trusted arguments of a hook',
    lsm('file_open', `r2 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r2 + 8)\n${END}`),
    'accept',
  ],
  ['an errno', lsm('file_open', 'r0 = -4095\nexit'), 'accept'],
  [
    'a positive result',
    lsm('file_open', 'r0 = 1\nexit'),
    'EINVAL: At program exit the register R0 has smin=1 smax=1 should have been in [-4095, 0]',
  ],
  ['the result so far', lsm('file_open', 'r0 = *(u64 *)(r1 + 8)\nexit'), 'accept'],
  [
    'something else',
    lsm('file_open', 'call 7\nexit'),
    'EINVAL: At program exit the register R0 has unknown scalar value should have been in [-4095, 0]',
  ],
  ['a boolean hook', lsm('inode_xattr_skipcap', 'r0 = 1\nexit'), 'accept'],
  [
    'a boolean hook',
    lsm('inode_xattr_skipcap', 'r0 = -1\nexit'),
    'EINVAL: At program exit the register R0 has smin=-1 smax=-1 should have been in [0, 1]',
  ],
  ['a void hook without a result', lsm('file_free_security', 'exit'), 'accept'],
  [
    'no result of a void hook',
    lsm('file_free_security', `r2 = *(u64 *)(r1 + 8)\n${END}`),
    "EACCES: func 'bpf_lsm_file_free_security' doesn't have 3-th argument",
  ],
  [
    'a disabled hook',
    lsm('getprocattr'),
    'EINVAL: attach_btf_id NUMBER points to disabled hook bpf_lsm_getprocattr',
  ],
  [
    'no hook',
    lsm('verify_prog'),
    'EINVAL: attach_btf_id NUMBER points to wrong type name bpf_lsm_verify_prog',
  ],
  [
    'without a licence',
    lsm('file_open', END, { license: 'BSD' }),
    'EINVAL: LSM programs must have a GPL compatible license',
  ],
  ['a hook that may sleep', lsm('file_open', END, { flags: 16 }), 'accept'],
  [
    'a hook that may not sleep',
    lsm('inode_xattr_skipcap', END, { flags: 16 }),
    'EINVAL: bpf_lsm_inode_xattr_skipcap is not sleepable',
  ],
  ['a hook by cgroup', cgroup('socket_bind', 'r0 = 1\nexit'), 'accept'],
  [
    'a hook by cgroup',
    cgroup('socket_bind', 'r0 = 2\nexit'),
    'EINVAL: At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]',
  ],
  [
    'a void hook by cgroup',
    cgroup('file_free_security', END),
    'EINVAL: At program exit the register R0 has smin=0 smax=0 should have been in [1, 1]',
  ],
  ['a void hook by cgroup', cgroup('file_free_security', 'r0 = 1\nexit'), 'accept'],
  ['a function of a struct', implement('Qdisc_ops:init', END), 'accept'],
  ['any result', implement('Qdisc_ops:init', 'r0 = 77\nexit'), 'accept'],
  ['a pointer as result', implement('Qdisc_ops:init', 'r0 = *(u64 *)(r1 + 0)\nexit'), 'accept'],
  ['no result of a void function', implement('Qdisc_ops:destroy', 'exit'), 'accept'],
  [
    'an owned argument that is not given on',
    implement('Qdisc_ops:enqueue', END),
    'EINVAL: Unreleased reference id=1 alloc_insn=0',
  ],
  [
    'an owned argument that is returned',
    implement('Qdisc_ops:enqueue', 'r0 = *(u64 *)(r1 + 0)\nexit'),
    'EINVAL: Unreleased reference id=1 alloc_insn=0',
  ],
  [
    'an owned argument and a tail call',
    implement('Qdisc_ops:enqueue', `r2 = map programs\nr3 = 0\ncall 12\n${END}`),
    'EINVAL: program with __ref argument cannot tail call',
  ],
  ['null in place of an object', implement('Qdisc_ops:dequeue', END), 'accept'],
  [
    'a number in place of an object',
    implement('Qdisc_ops:dequeue', 'r0 = 1\nexit'),
    'EINVAL: At program exit the register R0 has smin=1 smax=1 should have been in [0, 0]',
  ],
  [
    'a member that programs do not implement',
    implement('Qdisc_ops:peek', END),
    'ENOTSUPP: attach to unsupported member peek of struct Qdisc_ops',
  ],
  [
    'a store to a field that may change',
    implement('Qdisc_ops:init', `r2 = *(u64 *)(r1 + 0)\n*(u32 *)(r2 + 4) = 1\n${END}`),
    'accept',
  ],
  [
    'a store to another field',
    implement('Qdisc_ops:init', `r2 = *(u64 *)(r1 + 0)\n*(u32 *)(r2 + 0) = 1\n${END}`),
    'EACCES: no write support to Qdisc at off 0',
  ],
  [
    'a store into a struct that a member holds',
    implement('Qdisc_ops:enqueue', `r2 = *(u64 *)(r1 + 0)\n*(u32 *)(r2 + 24) = 1\n${END}`),
    'EINVAL: Unreleased reference id=1 alloc_insn=0',
  ],
  [
    'a store past a struct that a member holds',
    implement('Qdisc_ops:enqueue', `r2 = *(u64 *)(r1 + 0)\n*(u64 *)(r2 + 33) = 1\n${END}`),
    'EACCES: write access at off 33 with size 8 beyond the member of sk_buff ended at 40',
  ],
  [
    'an argument of another type than declared',
    implement('Qdisc_ops:enqueue', `r2 = *(u64 *)(r1 + 16)\nr3 = *(u64 *)(r2 + 0)\n${END}`),
    'EINVAL: Unreleased reference id=1 alloc_insn=0',
  ],
  [
    'an argument that may be null',
    implement('sched_ext_ops:dispatch', `r2 = *(u64 *)(r1 + 8)\nr3 = *(u32 *)(r2 + 0)\n${END}`),
    "EACCES: R2 invalid mem access 'trusted_ptr_or_null_'",
  ],
  ['a member that may sleep', implement('sched_ext_ops:init', END, { flags: 16 }), 'accept'],
  [
    'a member that may not sleep',
    implement('sched_ext_ops:dispatch', END, { flags: 16 }),
    'EINVAL: attach to unsupported member dispatch of struct sched_ext_ops',
  ],
  [
    'a struct of which programs implement nothing',
    implement('proto_ops:bind', END),
    'ENOTSUPP: attach_btf_id NUMBER is not a supported struct',
  ],
  [
    'no such member',
    implement('Qdisc_ops:nothing', END),
    'EINVAL: attach to invalid member nothing of struct Qdisc_ops',
  ],
  [
    'no member',
    implement('', END),
    'ENOTSUPP: struct_ops programs must say which struct:member they implement',
  ],
  [
    'without a licence',
    implement('Qdisc_ops:init', END, { license: 'BSD' }),
    'EINVAL: struct ops programs must have a GPL compatible license',
  ],
  [
    'a replaced function',
    { name: 'ext', type: 'ext', to: 'vfs_read', asm: END },
    'EINVAL: Cannot replace kernel functions: the program that vfs_read is a function of is not known here',
  ],
]

describe('programs on functions of a kernel', () => {
  it.each(cases.map(([what, test, expected], i) => [i, test.name, what, test, expected] as const))(
    '%i %s: %s',
    async (_i, _name, _what, test, expected) => {
      expect((await verdict(test)).replace(/attach_btf_id \d+/, 'attach_btf_id NUMBER')).toBe(expected)
    },
  )

  it('refuses functions that have no address, where it is known which have one', async () => {
    const kernelSymbols = (): ReadonlySet<string> => new Set(['vfs_read'])
    expect(await verdict(fentry('vfs_read'), { kernelSymbols })).toBe('accept')
    expect(await verdict(fentry('maybe'), { kernelSymbols })).toBe(
      'ENOENT: The address of function maybe cannot be found',
    )
  })

  it('says what a void hook of a cgroup may return', async () => {
    const verifier = await createVerifier(platform, { kernelBtf })
    const row = rowOf(cgroup('file_free_security', END))
    expect(verifier.verify(specFromRow(row, platform)).log()).toContain(
      "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
    )
  })
})
