import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../test/availability.ts'
import { functionsBtf, lockBtf } from '../test/btf.ts'
import {
  addImm,
  call,
  callKfunc,
  callNear,
  count,
  exit,
  hex,
  jeqImm,
  load,
  loadMap,
  loadMapValue,
  mov,
  movImm,
  pass,
  slot,
  storeImm32,
} from '../test/insns.ts'
import { type Kernel, openKernel } from './kernel.ts'
import { verifyRow } from './verify-row.ts'

const array = { type: 'array', key_size: 4, value_size: 8, max_entries: 1 }
const words = (...n: number[]): string => Buffer.from(Uint32Array.from(n).buffer).toString('hex')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

describe.skipIf(missing)(named('verifyRow'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it('accepts and rejects', () => {
    expect(verifyRow(kernel, { name: 'ok', type: 'xdp', insns: hex(...pass) })).toEqual({
      name: 'ok',
      verdict: 'accept',
      processed: 2,
    })
    expect(verifyRow(kernel, { name: 'bad', type: 6, insns: hex(mov(0, 2), exit()) })).toEqual({
      name: 'bad',
      verdict: 'reject',
      errno: 'EACCES',
      line: 'R2 !read_ok',
      processed: 1,
    })
  })

  it('gives the log on request, at either level', () => {
    const row = { type: 'xdp', insns: hex(...pass) }
    expect(verifyRow(kernel, row).log).toBeUndefined()
    expect(verifyRow(kernel, row, { log: true }).log).toMatch(/^processed 2 insns/)
    expect(verifyRow(kernel, row, { log: true, logLevel: 2 }).log).toMatch(/0: \(b7\) r0 = 2/)
  })

  it('makes maps and resolves references', () => {
    const row = { type: 'xdp', insns: hex(...count()), maps: [array], refs: [{ insn: 4, map: 0 }] }
    expect(verifyRow(kernel, row)).toMatchObject({ verdict: 'accept' })
    expect(verifyRow(kernel, { ...row, maps: [{ ...array, value_size: 4 }] })).toMatchObject({
      verdict: 'reject',
      errno: 'EACCES',
      line: 'invalid access to map value, value_size=4 off=0 size=8',
    })
  })

  it('takes the contents of a frozen read-only map as constants', () => {
    // r1 = value[0]; only a value under 8 keeps *(u8 *)(value + r1) in bounds.
    const insns = hex(loadMapValue(2, 0), load(1, 1, 2, 0), slot(0x0f, 2, 1), load(1, 0, 2, 0), exit())
    const map = { ...array, flags: 128, frozen: true }
    const row = { type: 'socket_filter', insns, refs: [{ insn: 0, map: 0 }] }
    expect(verifyRow(kernel, { ...row, maps: [{ ...map, init: '0700000000000000' }] }).verdict).toBe('accept')
    expect(verifyRow(kernel, { ...row, maps: [{ ...map, init: '0800000000000000' }] }).verdict).toBe('reject')
    expect(
      verifyRow(kernel, { ...row, maps: [{ ...map, frozen: false, init: '0700000000000000' }] }),
    ).toMatchObject({
      verdict: 'reject',
      errno: 'EACCES',
    })
  })

  it('makes maps of maps from an index or a map', () => {
    const outer = { type: 'array_of_maps', key_size: 4, value_size: 4, max_entries: 1 }
    const insns = hex(
      storeImm32(10, -4, 0),
      mov(2, 10),
      addImm(2, -4),
      loadMap(1),
      call(1),
      jeqImm(0, 0, 5),
      mov(1, 0),
      mov(2, 10),
      addImm(2, -4),
      call(1),
      movImm(0, 0),
      exit(),
    )
    const row = { type: 'xdp', insns, refs: [{ insn: 3, map: 0 }] }
    expect(verifyRow(kernel, { ...row, maps: [{ ...outer, inner: 1 }, array] }).verdict).toBe('accept')
    expect(verifyRow(kernel, { ...row, maps: [{ ...outer, inner: array }] }).verdict).toBe('accept')
    const wide = { ...array, type: 'hash', key_size: 16 }
    expect(verifyRow(kernel, { ...row, maps: [{ ...outer, inner: wide }] }).verdict).toBe('reject')
    for (const inner of [0, { ...outer, inner: array }, 7]) {
      expect(verifyRow(kernel, { ...row, maps: [{ ...outer, inner }] }).error?.code).toBe('KERNEL_ARGUMENT')
    }
  })

  it("uses the row's BTF or the map's", () => {
    const insns = hex(
      storeImm32(10, -4, 0),
      mov(2, 10),
      addImm(2, -4),
      loadMap(1),
      call(1),
      jeqImm(0, 0, 6),
      mov(6, 0),
      mov(1, 6),
      addImm(1, 4),
      call(93),
      mov(1, 6),
      addImm(1, 4),
      call(94),
      movImm(0, 0),
      exit(),
    )
    const row = { type: 'sched_cls', insns: insns.replace(hex(jeqImm(0, 0, 6)), hex(jeqImm(0, 0, 7))) }
    const map = { ...array, btf_key: 1, btf_value: 3 }
    const refs = [{ insn: 3, map: 0 }]
    const btf = base64(lockBtf())
    expect(verifyRow(kernel, { ...row, refs, maps: [{ ...map, btf }] })).toMatchObject({ verdict: 'accept' })
    expect(verifyRow(kernel, { ...row, refs, maps: [map], btf })).toMatchObject({ verdict: 'accept' })
    expect(verifyRow(kernel, { ...row, refs, maps: [array] })).toMatchObject({
      verdict: 'reject',
      errno: 'EINVAL',
    })
  })

  it('passes function records', () => {
    const insns = hex(callNear(1), exit(), movImm(0, 7), exit())
    const row = { type: 1, insns, btf: base64(functionsBtf()) }
    expect(verifyRow(kernel, { ...row, func_info: words(0, 3, 2, 4) }).verdict).toBe('accept')
    expect(verifyRow(kernel, { ...row, func_info: words(0, 3, 1, 4) }).verdict).toBe('reject')
  })

  it('resolves kernel functions by name', () => {
    const insns = hex(callKfunc(), callKfunc(), movImm(0, 0), exit())
    const kfuncs = [
      { insn: 0, name: 'bpf_rcu_read_lock' },
      { insn: 1, name: 'bpf_rcu_read_unlock' },
    ]
    const row = { type: 'sched_cls', insns, kfuncs }
    expect(verifyRow(kernel, row)).toMatchObject({ verdict: 'accept' })
    expect(
      verifyRow(kernel, {
        ...row,
        kfuncs: kfuncs.slice(0, 1).concat({ insn: 1, name: 'bpf_rcu_read_lock' }),
      }),
    ).toMatchObject({
      verdict: 'reject',
    })
    expect(
      verifyRow(kernel, { ...row, kfuncs: [{ insn: 0, name: 'no_such_kfunc' }] }).error?.message,
    ).toMatch(/row.kfuncs\[0\].name: this kernel has no function no_such_kfunc/)
  })

  it('resolves what a program attaches to', () => {
    const insns = hex(load(8, 0, 1, 0), movImm(0, 0), exit())
    const row = { type: 'tracing', insns }
    for (const [attach_type, attach_to] of [
      ['trace_raw_tp', 'sched_switch'],
      ['trace_raw_tp', 'btf_trace_sched_switch'],
      ['trace_iter', 'task'],
      ['trace_iter', 'bpf_iter_task'],
    ]) {
      expect(verifyRow(kernel, { ...row, attach_type, attach_to })).toMatchObject({ verdict: 'accept' })
    }
    expect(
      verifyRow(kernel, { ...row, attach_type: 'trace_fentry', attach_to: 'no_such_fn' }).error?.message,
    ).toMatch(/row.attach_to: this kernel has no function no_such_fn/)
    const ops = { type: 'struct_ops', insns: hex(movImm(0, 0), exit()) }
    expect(verifyRow(kernel, { ...ops, attach_to: 'bpf_dummy_ops:test_1' })).toMatchObject({
      verdict: 'accept',
    })
    expect(verifyRow(kernel, { ...ops, attach_to: 'bpf_dummy_ops:none' }).error?.message).toMatch(
      /no member none/,
    )
  })

  it('verifies without CAP_PERFMON', () => {
    const row = { type: 'socket_filter', insns: hex(mov(0, 1), exit()) }
    expect(verifyRow(kernel, row).verdict).toBe('accept')
    expect(verifyRow(kernel, { ...row, unprivileged: true })).toMatchObject({
      verdict: 'reject',
      errno: 'EACCES',
    })
    expect(verifyRow(kernel, row).verdict).toBe('accept')
  })

  it('answers malformed rows with the place', () => {
    const ok = { type: 'xdp', insns: hex(...pass) }
    const rows: [unknown, RegExp][] = [
      [null, /^row: must be an object, and is null/],
      [[], /^row: must be an object/],
      [{}, /^row.type: must be a whole number, and is missing/],
      [{ type: 'xdp' }, /^row.insns: must be hex digits, and is missing/],
      [{ ...ok, insns: 'b7' }, /^program.insns: 1 bytes/],
      [{ ...ok, insns: 'xy' }, /^row.insns: must be hex digits, and is "xy"/],
      [{ ...ok, type: 'toString' }, /^program.type/],
      [{ ...ok, flags: 2 ** 40 }, /^prog_flags: 1099511627776 is not a 32-bit number/],
      [{ ...ok, maps: {} }, /^row.maps: must be an array, and is an object/],
      [{ ...ok, maps: [{ ...array, key_size: -4 }] }, /^row.maps\[0\].key_size/],
      [{ ...ok, maps: [{ ...array, init: '00'.repeat(9) }] }, /^row.maps\[0\].init: has 9 bytes/],
      [{ ...ok, refs: [{ insn: 0, map: 0 }] }, /^row.refs\[0\].map: there is no map 0; the row has 0/],
      [
        { ...ok, maps: [array], refs: [{ insn: 2, map: 0 }] },
        /^row.refs\[0\].insn: instruction 2 is past the end/,
      ],
      [{ ...ok, btf: '***' }, /^row.btf: must be base64/],
    ]
    for (const [row, message] of rows) {
      const answer = verifyRow(kernel, row)
      expect(answer).toMatchObject({ verdict: 'reject', processed: 0, error: { code: 'KERNEL_ARGUMENT' } })
      expect(answer.error?.message).toMatch(message)
    }
  })

  it('answers what the kernel refuses before the program with its errno', () => {
    const ok = { name: 'n', type: 'xdp', insns: hex(...pass) }
    expect(verifyRow(kernel, { ...ok, maps: [{ ...array, key_size: 8 }] })).toMatchObject({
      name: 'n',
      verdict: 'reject',
      errno: 'EINVAL',
      error: { code: 'KERNEL_ERROR' },
    })
    expect(verifyRow(kernel, { ...ok, btf: 'AAAA' })).toMatchObject({ errno: 'EINVAL' })
  })
})
