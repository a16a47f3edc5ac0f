import { arg, control, type LinkedMap, ret } from '@skep/registry'
import { beforeEach, describe, expect, it } from 'vitest'
import { bigHelper, createCpu, type LinkOptions, link, place, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'

let cpu: TestCpu
beforeEach(() => {
  cpu = createCpu()
})

const NOWHERE = 0xffff_ff00

/** r0 of a program, and what it is when every access of its frame would trap: a fault, unless all is in locals. */
async function run(text: string, options: LinkOptions = {}): Promise<{ r0: bigint; inLocals: boolean }> {
  const engine = await jit.create(cpu)
  const { programs } = await engine.compile([link(text, options)])
  const ctx = place(cpu.arena, Uint8Array.of(3, 0, 0, 0, 9, 0, 0, 0))
  const sp = cpu.ctl(control.CTL_SP)
  programs[0]!.run(ctx)
  expect(cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_NONE)
  const r0 = cpu.r0()
  cpu.setCtl(control.CTL_SP, NOWHERE)
  programs[0]!.run(ctx)
  const inLocals = cpu.ctl(control.CTL_FAULT) === control.FAULT_NONE
  if (inLocals) expect(cpu.r0()).toBe(r0)
  cpu.setCtl(control.CTL_SP, sp)
  cpu.setCtl(control.CTL_FAULT, control.FAULT_NONE)
  return { r0, inLocals }
}

describe('stack slots become locals', () => {
  it('of 8 and of 4 bytes, from registers and constants', async () => {
    const text = `
      r2 = 0x1122334455667788 ll
      *(u64 *)(r10 - 8) = r2
      *(u32 *)(r10 - 12) = r2
      *(u64 *)(r10 - 24) = -2
      *(u32 *)(r10 - 28) = -3
      r0 = *(u64 *)(r10 - 8)
      r1 = *(u32 *)(r10 - 12)
      r0 += r1
      r1 = *(u64 *)(r10 - 24)
      r0 += r1
      r1 = *(u32 *)(r10 - 28)
      r0 += r1
      exit`
    const wanted = 0x1122_3344_5566_7788n + 0x5566_7788n - 2n + 0xffff_fffdn
    expect(await run(text)).toEqual({ r0: wanted, inLocals: true })
  })

  it('through copies of r10, and round loops', async () => {
    const text = `
      *(u64 *)(r10 - 16) = 0
      r6 = r10
      r6 += -24
      *(u64 *)(r6 + 0) = 10
      again:
      r1 = *(u64 *)(r6 + 8)
      r2 = *(u64 *)(r10 - 24)
      r1 += r2
      *(u64 *)(r10 - 16) = r1
      r2 += -1
      *(u64 *)(r6 + 0) = r2
      if r2 != 0 goto again
      r0 = *(u64 *)(r6 + 8)
      exit`
    expect(await run(text)).toEqual({ r0: 55n, inLocals: true })
  })

  it('that were written on one path only', async () => {
    const text = `
      r1 = *(u32 *)(r1 + 0)
      if r1 == 4 goto read
      *(u64 *)(r10 - 8) = 7
      read: r0 = *(u64 *)(r10 - 8)
      exit`
    expect(await run(text)).toEqual({ r0: 7n, inLocals: true })
  })

  it('and hold the keys of lookups in arrays', async () => {
    const lookup = bigHelper(cpu, 1, () => 0n, {
      args: [arg.map(), { kind: 'map_key' }],
      returns: ret.mapValueOrNull(),
      mapOp: 'lookup',
    })
    const data = place(cpu.arena, 64)
    const map: LinkedMap = { name: 'm', address: data, ops: {}, array: { data, stride: 8, maxEntries: 8 } }
    const text = `
      r1 = *(u32 *)(r1 + 0)
      *(u32 *)(r10 - 4) = r1
      r2 = r10
      r2 += -4
      r1 = 5
      call 1
      exit`
    const options = { helpers: [lookup], maps: [map], callMaps: { 5: 0 } }
    expect(await run(text, options)).toEqual({ r0: BigInt(data + 24), inLocals: true })
  })
})

describe('stack slots stay in memory', () => {
  it('where accesses overlap', async () => {
    const text = `
      r2 = 0x1122334455667788 ll
      *(u64 *)(r10 - 8) = r2
      *(u16 *)(r10 - 6) = 0
      r0 = *(u64 *)(r10 - 8)
      r1 = *(u32 *)(r10 - 4)
      r0 += r1
      exit`
    expect(await run(text)).toEqual({ r0: 0x1122_3344_0000_7788n + 0x1122_3344n, inLocals: false })
  })

  it('where two sizes meet', async () => {
    const text = '*(u64 *)(r10 - 8) = -1\n*(u32 *)(r10 - 8) = 5\nr0 = *(u64 *)(r10 - 8)\nexit'
    expect(await run(text)).toEqual({ r0: 0xffff_ffff_0000_0005n, inLocals: false })
  })

  it('where a pointer may be one of two', async () => {
    const text = `
      r1 = *(u32 *)(r1 + 0)
      *(u64 *)(r10 - 8) = 1
      *(u64 *)(r10 - 16) = 2
      r2 = r10
      r2 += -8
      if r1 != 3 goto write
      r2 = r10
      r2 += -16
      write: *(u64 *)(r2 + 0) = 40
      r0 = *(u64 *)(r10 - 8)
      r1 = *(u64 *)(r10 - 16)
      r0 += r1
      exit`
    expect(await run(text)).toEqual({ r0: 41n, inLocals: false })
  })

  it('where a register is added to the address, or the address is stored', async () => {
    const text = (last: string): string => `
      r1 = *(u32 *)(r1 + 0)
      *(u64 *)(r10 - 8) = 5
      *(u64 *)(r10 - 16) = 6
      r2 = r10
      ${last}
      exit`
    const added = text('r1 += -11\nr2 += r1\nr0 = *(u64 *)(r2 + 0)')
    expect(await run(added)).toEqual({ r0: 5n, inLocals: false })
    const stored = text('*(u64 *)(r10 - 24) = r2\nr2 = *(u64 *)(r10 - 24)\nr0 = *(u64 *)(r2 - 16)')
    expect(await run(stored)).toEqual({ r0: 6n, inLocals: false })
  })

  it('from what a helper gets upwards', async () => {
    const helper = bigHelper(cpu, 1, (r1) => cpu.arena.view.getBigUint64(Number(r1), true), {
      args: [{ kind: 'mem', size: 8 }],
    })
    const text = (slot: number): string => `
      *(u64 *)(r10 - 8) = 100
      *(u64 *)(r10 - 16) = 20
      *(u64 *)(r10 - 24) = 3
      r1 = r10
      r1 += ${slot}
      call 1
      r1 = *(u64 *)(r10 - 24)
      r0 += r1
      r1 = *(u64 *)(r10 - 8)
      r0 += r1
      exit`
    expect((await run(text(-16), { helpers: [helper] })).r0).toBe(123n)
    expect((await run(text(-24), { helpers: [helper] })).r0).toBe(106n)
    expect((await run(text(-8), { helpers: [helper] })).r0).toBe(203n)
  })

  it('where a subprogram gets the address', async () => {
    const text = `
      *(u64 *)(r10 - 8) = 100
      *(u64 *)(r10 - 16) = 20
      r1 = r10
      r1 += -8
      call sub
      r1 = *(u64 *)(r10 - 8)
      r0 += r1
      exit
      sub:
      *(u64 *)(r10 - 8) = 1
      r2 = *(u64 *)(r1 - 8)
      *(u64 *)(r1 + 0) = r2
      r0 = *(u64 *)(r10 - 8)
      exit`
    expect(await run(text)).toEqual({ r0: 21n, inLocals: false })
  })

  it('where an atomic operation changes them', async () => {
    const text = `
      *(u64 *)(r10 - 8) = 5
      r1 = 3
      lock *(u64 *)(r10 - 8) += r1
      r0 = *(u64 *)(r10 - 8)
      exit`
    expect(await run(text)).toEqual({ r0: 8n, inLocals: false })
  })
})
