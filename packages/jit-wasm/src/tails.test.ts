import { arg, type CompiledProgram, control, type LinkedHelper, type LinkedMap, ret } from '@skep/registry'
import { beforeEach, describe, expect, it } from 'vitest'
import { bigHelper, createCpu, link, place, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'

let cpu: TestCpu
let ctx: number
beforeEach(() => {
  cpu = createCpu()
  ctx = place(cpu.arena, 64)
})

const tail = (index: number, before = ''): string =>
  `r6 = r1\n${before}\nr1 = r6\nr2 = 7\nr3 = ${index}\ncall 12\nr0 = 99\nexit`

interface Chain {
  readonly programs: readonly CompiledProgram[]
  /** Puts a program into the array; `reachable` is whether the function table has its entry. */
  put(index: number, program: CompiledProgram, reachable?: boolean): number
}

/** Programs p0, p1, … of one collection; the array holds p1, p2, … at 0, 1, … when they are loaded. */
async function chain(texts: readonly string[], helpers: readonly LinkedHelper[] = []): Promise<Chain> {
  const data = place(cpu.arena, 64)
  const map: LinkedMap = {
    name: 'm',
    address: data,
    ops: {},
    array: { data, stride: 4, maxEntries: 8 },
    programs: new Map(texts.slice(1).map((_, n) => [n, `p${n + 1}`])),
  }
  const call = bigHelper(cpu, 12, () => 0n, {
    args: [arg.ctx(), arg.map(), arg.u32()],
    returns: ret.void(),
    tailCall: true,
  })
  const linked = texts.map((text, n) => {
    const program = link(text, { name: `p${n}`, helpers: [call, ...helpers], maps: [map] })
    program.insns.forEach((insn, slot) => {
      if (insn.def.kind === 'call' && insn.imm === 12) program.facts!.callMap[slot] = 0
    })
    return program
  })
  const { programs } = await (await jit.create(cpu)).compile(linked)
  const put = (index: number, program: CompiledProgram, reachable = true): number => {
    const record = place(cpu.arena, 32)
    cpu.arena.u32[(record >>> 2) + 1] = reachable ? cpu.addFunction(program.entry) : 0
    cpu.arena.u32[(data >>> 2) + index] = record
    program.direct!.bind(record)
    return record
  }
  return { programs, put }
}

/** What a batch of three contexts gives. */
function batch(program: CompiledProgram): number[] {
  const area = place(cpu.arena, 64)
  cpu.arena.u32.fill(ctx, area >>> 2, (area >>> 2) + 3)
  expect(program.runBatch(area, 3, area + 32)).toBe(3)
  return [...cpu.arena.u32.subarray((area >>> 2) + 8, (area >>> 2) + 11)]
}

describe('tail calls to programs of the collection', () => {
  it('go without the function table, in runs and in batches', async () => {
    const { programs, put } = await chain([tail(0), tail(1), 'r0 = *(u32 *)(r1 + 4)\nr0 += 40\nexit'])
    put(0, programs[1]!, false)
    put(1, programs[2]!, false)
    cpu.arena.u32[(ctx >>> 2) + 1] = 2
    expect(programs[0]!.run(ctx)).toBe(42)
    expect(cpu.ctl(control.CTL_TAIL_CALLS)).toBe(2)
    expect(batch(programs[0]!)).toEqual([42, 42, 42])
    // The entry that other programs call has the table's way only.
    expect(() => programs[0]!.entry(BigInt(ctx), 0n, 0n, 0n, 0n)).toThrow(WebAssembly.RuntimeError)
  })

  it('follow the array when the host changes it', async () => {
    const { programs, put } = await chain([tail(0), 'r0 = 1\nexit', 'r0 = 2\nexit'])
    put(0, programs[1]!)
    expect(programs[0]!.run(ctx)).toBe(1)
    put(0, programs[2]!)
    expect([programs[0]!.run(ctx), ...batch(programs[0]!)]).toEqual([2, 2, 2, 2])
  })

  it('give the callee the frame, and helpers the program and a stack below it', async () => {
    const seen: number[] = []
    const note = bigHelper(
      cpu,
      1,
      (r1) => {
        seen.push(cpu.ctl(control.CTL_PROG), cpu.ctl(control.CTL_SP))
        return cpu.arena.view.getBigUint64(Number(r1), true)
      },
      { args: [{ kind: 'mem', size: 8 }] },
    )
    const callee = '*(u64 *)(r10 - 8) = 5\nr1 = r10\nr1 += -8\ncall 1\nexit'
    const { programs, put } = await chain([tail(0, '*(u64 *)(r10 - 8) = 3'), callee], [note])
    const record = put(0, programs[1]!, false)
    const sp = cpu.ctl(control.CTL_SP)
    expect(programs[0]!.run(ctx)).toBe(5)
    expect(batch(programs[0]!)).toEqual([5, 5, 5])
    expect(seen).toEqual([0, 1, 2, 3].flatMap(() => [record, sp - control.MAX_BPF_STACK]))
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })

  it('in a circle are followed once, then called, 33 times in all', async () => {
    const count = (next: number): string =>
      `r6 = r1
       r1 = *(u32 *)(r6 + 0)
       r1 += 1
       *(u32 *)(r6 + 0) = r1
       r1 = r6
       r2 = 7
       r3 = ${next}
       call 12
       r0 = *(u32 *)(r6 + 0)
       exit`
    const { programs, put } = await chain([tail(0), count(1), count(0)])
    put(0, programs[1]!)
    put(1, programs[2]!)
    expect(programs[0]!.run(ctx)).toBe(33)
    expect(batch(programs[0]!)).toEqual([66, 99, 132])
  })

  it('go on behind an empty slot', async () => {
    const { programs } = await chain([tail(0), 'r0 = 1\nexit'])
    expect([programs[0]!.run(ctx), ...batch(programs[0]!)]).toEqual([99, 99, 99, 99])
  })
})
