import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../test/availability.ts'
import { count, exit, firstByte, hex, load, mov, movImm, storeImm32 } from '../test/insns.ts'
import { type Kernel, openKernel } from './kernel.ts'
import { runRow } from './run-row.ts'

const data = '2a'.repeat(64)

describe.skipIf(missing)(named('runRow'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it('answers the return value and the packet', () => {
    const answer = runRow(kernel, { name: 'first', type: 'xdp', insns: hex(...firstByte), data })
    expect(answer).toMatchObject({ name: 'first', retval: 0x2a, data_out: data })
    expect(answer.duration_ns).toBeGreaterThan(0)
  })

  it('gives every row maps of its own', () => {
    const maps = [{ type: 'array', key_size: 4, value_size: 8, max_entries: 1 }]
    const row = { type: 'xdp', insns: hex(...count()), maps, refs: [{ insn: 4, map: 0 }], data, repeat: 3 }
    expect(runRow(kernel, row)).toMatchObject({ retval: 1 })
    expect(runRow(kernel, row)).toMatchObject({ retval: 1 })
  })

  it('passes a context and answers what became of it', () => {
    const ctx = '0500000000000000'
    const insns = hex(load(4, 0, 1, 0), storeImm32(1, 4, 9), exit())
    const row = { type: 'syscall', flags: 16, insns, ctx }
    expect(runRow(kernel, row)).toMatchObject({ retval: 5, ctx_out: '0500000009000000' })
    const first = hex(load(8, 0, 1, 0), exit())
    expect(runRow(kernel, { type: 'raw_tracepoint', insns: first, ctx })).toMatchObject({ retval: 5 })
    const mark = hex(storeImm32(1, 8, 77), movImm(0, 0), exit())
    const skb = runRow(kernel, { type: 'sched_cls', insns: mark, data, ctx: '00'.repeat(192) })
    expect(skb.ctx_out?.slice(16, 24)).toBe('4d000000')
  })

  it('answers an unsigned return value', () => {
    expect(runRow(kernel, { type: 'socket_filter', insns: hex(movImm(0, -1), exit()), data }).retval).toBe(
      0xffffffff,
    )
  })

  it('says why there is no result', () => {
    expect(runRow(kernel, { name: 'n', type: 'xdp', insns: hex(mov(0, 2), exit()), data })).toEqual({
      name: 'n',
      retval: 0,
      error: {
        code: 'VERIFIER_REJECTED',
        errno: 'EACCES',
        message: 'the kernel rejects the program: EACCES: R2 !read_ok',
      },
    })
    expect(runRow(kernel, { type: 'xdp', insns: hex(...firstByte), data: '00' })).toMatchObject({
      error: { code: 'KERNEL_ERROR', errno: 'EINVAL' },
    })
    expect(runRow(kernel, { type: 'xdp', insns: hex(...firstByte), data: 5 })).toMatchObject({
      error: { code: 'KERNEL_ARGUMENT' },
    })
  })
})
