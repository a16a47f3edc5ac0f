import { BtfBuilder } from '@skep/btf'
import { beforeAll, describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type Verifier } from '../src/index.ts'
import { rowOf } from './case.ts'
import { helpers, platform } from './prototypes/helpers.ts'
import { kernelTypes } from './prototypes/types.ts'

// Parameters of global functions that are structs of a kernel, with the types of a made-up one. Those that need no kernel's
// types are among the recorded programs.

type TypeOf = (b: BtfBuilder, int: number) => number

/** What the verifier says of a call of a function with one parameter; r8 is the parameter, in the function. */
function told(verifier: Verifier, type: TypeOf, tags: readonly string[], call: string, body: string): string {
  const b = new BtfBuilder()
  const int = b.int('int', 4, { signed: true })
  const context = b.pointer(b.struct('demo_ctx', [{ name: 'a', type: int }]))
  const main = b.func('main', b.funcProto(int, [['ctx', context]]), 'global')
  const sub = b.func('sub', b.funcProto(int, [['p', type(b, int)]]), 'global')
  for (const tag of tags) b.declTag(tag, sub, 0)
  const text = `${call}\ncall sub\nr0 = 0\nexit\nsub:\nr8 = r1\n${body}\nr0 = 0\nexit`
  const asm = text.replaceAll(/call (\w+)$/gm, (all, name) => {
    const id = helpers.find((one) => one.name === name)?.id
    return id === undefined ? all : `call ${id}`
  })
  const row = rowOf({ name: 'program', type: 'demo', asm })
  const insns = Buffer.from(row.insns, 'hex')
  let start = 0
  for (let at = 0; at < insns.length; at += 8) {
    if (insns[at] === 0x85 && insns[at + 1]! >> 4 === 1) start = (at >> 3) + 1 + insns.readInt32LE(at + 4)
  }
  const info = new Uint32Array([0, main, start, sub])
  const verdict = verifier.verify({
    ...specFromRow(
      {
        ...row,
        btf: Buffer.from(b.build()).toString('base64'),
        func_info: Buffer.from(info.buffer).toString('hex'),
      },
      platform,
    ),
    logLevel: 2,
  })
  if (verdict.verdict === 'reject') return `${verdict.errno}: ${verdict.line}`
  return `accept ${/ R8=(.*?)(?= R\d+=|$)/m.exec(verdict.log())?.[1]}`
}

const struct =
  (name: string): TypeOf =>
  (b, int) =>
    b.pointer(b.struct(name, [{ name: 'a', type: int }]))
const task = struct('task_struct')
const current = 'call current_task\nr1 = r0'
const read = 'r9 = *(u32 *)(r8 + 0)'

const NO_MATCH = (name: string): string => `ENOENT: arg#0 reference type('STRUCT ${name}') has no matches`
const INVALID = 'EINVAL: arg#0 has invalid combination of tags'
const ALONE = 'EINVAL: arg#0 untrusted cannot be combined with any other tags'

const CASES: readonly (readonly [string, TypeOf, readonly string[], string, string, string])[] = [
  ['trusted', task, ['arg:trusted'], current, read, 'accept trusted_ptr_task_struct(id=1)'],
  [
    'trusted, of null',
    task,
    ['arg:trusted'],
    'r1 = 0',
    read,
    'EACCES: R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  [
    'trusted, of what may be null',
    task,
    ['arg:trusted'],
    'r1 = *(u64 *)(r1 + 16)',
    read,
    'EACCES: R1 type=ptr_or_null_ expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  [
    'trusted, of another struct',
    task,
    ['arg:trusted'],
    'r1 = *(u64 *)(r1 + 8)\nr1 = *(u64 *)(r1 + 8)',
    read,
    'EACCES: R1 is of type cgroup but task_struct is expected',
  ],
  [
    'trusted, at an offset',
    task,
    ['arg:trusted'],
    `${current}\nr1 += 4`,
    read,
    'EACCES: R1 is of type task_struct but task_struct is expected',
  ],
  [
    'trusted or null',
    task,
    ['arg:trusted', 'arg:nullable'],
    'r1 = 0',
    '',
    'accept trusted_ptr_or_null_task_struct(id=1)',
  ],
  [
    'trusted or null, unchecked',
    task,
    ['arg:trusted', 'arg:nullable'],
    'r1 = 0',
    read,
    "EACCES: R8 invalid mem access 'trusted_ptr_or_null_'",
  ],
  [
    'trusted or null, of what may be null',
    task,
    ['arg:trusted', 'arg:nullable'],
    'r1 = *(u64 *)(r1 + 16)',
    '',
    'accept trusted_ptr_or_null_task_struct(id=2)',
  ],
  ['trusted and not null', task, ['arg:trusted', 'arg:nonnull'], current, read, INVALID],
  [
    'trusted, of a flavour',
    struct('task_struct___old'),
    ['arg:trusted'],
    current,
    read,
    'accept trusted_ptr_task_struct(id=1)',
  ],
  [
    'trusted, of two underscores',
    struct('task_struct__old'),
    ['arg:trusted'],
    current,
    read,
    NO_MATCH('task_struct__old'),
  ],
  [
    'trusted, of nothing that the kernel has',
    struct('nothing'),
    ['arg:trusted'],
    current,
    read,
    NO_MATCH('nothing'),
  ],
  [
    'trusted, without a name',
    struct(''),
    ['arg:trusted'],
    current,
    read,
    "EINVAL: arg#0 reference type('STRUCT (anon)') candidate matching error: -22",
  ],
  ['untrusted', task, ['arg:untrusted'], 'r1 = 0', read, 'accept untrusted_ptr_task_struct(id=1)'],
  [
    'untrusted, passed on',
    task,
    ['arg:untrusted'],
    'r1 = 5',
    'r1 = r8\ncall take_task',
    'EACCES: R1 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_',
  ],
  [
    'untrusted, written',
    task,
    ['arg:untrusted'],
    'r1 = 5',
    '*(u32 *)(r8 + 0) = 1',
    'EACCES: only read is supported',
  ],
  [
    'untrusted number',
    (b, int) => b.pointer(int),
    ['arg:untrusted'],
    'r1 = 5',
    read,
    'accept rdonly_untrusted_mem(sz=0)',
  ],
  [
    'untrusted void',
    (b) => b.pointer(0),
    ['arg:untrusted'],
    'r1 = 5',
    read,
    'accept rdonly_untrusted_mem(sz=0)',
  ],
  [
    'untrusted void, written',
    (b) => b.pointer(0),
    ['arg:untrusted'],
    'r1 = 5',
    '*(u32 *)(r8 + 0) = 1',
    'EACCES: R8 cannot write into rdonly_untrusted_mem',
  ],
  [
    'untrusted, of nothing that the kernel has',
    struct('nothing'),
    ['arg:untrusted'],
    'r1 = 5',
    '',
    NO_MATCH('nothing'),
  ],
  [
    'untrusted, of no struct',
    (b) => b.pointer(b.float('double', 8)),
    ['arg:untrusted'],
    'r1 = 5',
    '',
    "EINVAL: arg#0 has type FLOAT '', but only struct or primitive types are allowed",
  ],
  ['untrusted and not null', task, ['arg:untrusted', 'arg:nonnull'], 'r1 = 5', '', ALONE],
  ['neither', task, [], current, '', 'accept mem_or_null(id=1,sz=4)'],
  ['of tags that are none of arguments', task, ['trusted'], 'r1 = 0', '', 'accept mem_or_null(id=1,sz=4)'],
]

describe('parameters', () => {
  let verifier: Verifier
  let alone: Verifier
  beforeAll(async () => {
    verifier ??= await createVerifier(platform, { kernelBtf: kernelTypes() })
    alone ??= await createVerifier(platform)
  })

  it.each(CASES.map((one) => [...one]))('%s', (_name, type, tags, call, body, expected) => {
    expect(told(verifier, type as TypeOf, tags as readonly string[], call as string, body as string)).toBe(
      expected,
    )
  })

  it('need the types of a kernel', () => {
    expect(told(alone, task, ['arg:trusted'], 'r1 = 0', '')).toBe(NO_MATCH('task_struct'))
    expect(told(alone, task, ['arg:untrusted'], 'r1 = 0', '')).toBe(NO_MATCH('task_struct'))
  })
})
