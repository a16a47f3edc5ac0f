import { insn } from '@skep/isa'
import { arg, type CompiledProgram, type CompiledUnit, control, type LinkedHelper, ret } from '@skep/registry'
import { createThunks, type Thunk } from '@skep/wasm'
import { describe, expect, it } from 'vitest'
import { bigHelper, createCpu, link, place, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'

async function compile(
  cpu: TestCpu,
  text: string,
  helpers: readonly LinkedHelper[] = [],
): Promise<CompiledProgram> {
  const engine = await jit.create(cpu)
  return (await engine.compile([link(text, { helpers })])).programs[0]!
}

/** A helper whose implementation may throw. */
function hostHelper(cpu: TestCpu, id: number, call: Thunk['call']): LinkedHelper {
  const [fn] = createThunks([{ name: `host_${id}`, params: ['i32'], result: 'i32', call }])
  return { ...bigHelper(cpu, id, () => 0n, { args: [arg.u32()], returns: ret.scalar() }), fn: fn! }
}

function contexts(cpu: TestCpu, values: readonly number[]): { ctxs: number; results: number } {
  const ctxs = place(cpu.arena, 4 * values.length)
  values.forEach((value, n) => {
    const ctx = place(cpu.arena, 16)
    cpu.arena.u32[ctx >>> 2] = value
    cpu.arena.u32[(ctxs >>> 2) + n] = ctx
  })
  return { ctxs, results: place(cpu.arena, 4 * values.length) }
}

describe('run', () => {
  it('returns the low half of r0, unsigned, and leaves all of it in the control block', async () => {
    const cpu = createCpu()
    const program = await compile(cpu, 'r0 = 0x12345678fffffffe ll\nexit')
    expect(program.run(0)).toBe(0xffff_fffe)
    expect(cpu.r0()).toBe(0x1234_5678_ffff_fffen)
  })

  it('goes on working after the memory has grown', async () => {
    const cpu = createCpu()
    const helper = hostHelper(cpu, 1, () => {
      throw new Error('never called')
    })
    const program = await compile(cpu, 'r6 = *(u32 *)(r1 + 0)\nif r6 != 0 goto +1\ncall 1\nr0 = r6\nexit', [
      helper,
    ])
    const ctx = place(cpu.arena, Uint8Array.of(7, 0, 0, 0))
    expect(program.run(ctx)).toBe(7)
    cpu.arena.memory.grow(3)
    expect(program.run(ctx)).toBe(7)
    const sp = cpu.ctl(control.CTL_SP)
    cpu.arena.u32[ctx >>> 2] = 0
    expect(() => program.run(ctx)).toThrow('never called')
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })

  it('tells helpers the context', async () => {
    const cpu = createCpu()
    let seen = 0
    const helper = hostHelper(cpu, 1, () => {
      seen = cpu.ctl(control.CTL_CTX)
      return 0
    })
    cpu.setCtl(control.CTL_CTX, 5)
    const program = await compile(cpu, 'call 1\nexit', [helper])
    program.run(0x1_2340)
    expect(seen).toBe(0x1_2340)
    expect(cpu.ctl(control.CTL_CTX)).toBe(5)
    program.entry(0x2_3450n, 0n, 0n, 0n, 0n)
    expect(seen).toBe(0x2_3450)
  })

  it('may be entered again from a helper without harm to the frames of the run that waits', async () => {
    const cpu = createCpu()
    const inner = await compile(
      cpu,
      `*(u64 *)(r10 - 8) = 1111
       *(u64 *)(r10 - 512) = 1111
       r0 = 5
       exit`,
    )
    const outer = await compile(
      cpu,
      `*(u64 *)(r10 - 8) = 20
       *(u64 *)(r10 - 512) = 300
       call sub
       r1 = *(u64 *)(r10 - 8)
       r0 += r1
       r1 = *(u64 *)(r10 - 512)
       r0 += r1
       exit
       sub:
       *(u64 *)(r10 - 8) = 4000
       call 1
       r1 = *(u64 *)(r10 - 8)
       r0 += r1
       exit`,
      [hostHelper(cpu, 1, () => inner.run(0))],
    )
    const sp = cpu.ctl(control.CTL_SP)
    expect(outer.run(0)).toBe(5 + 4000 + 300 + 20)
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })
})

describe('entry', () => {
  it('takes all five arguments, and leaves CTL_SP as it was', async () => {
    const cpu = createCpu()
    const helper = bigHelper(cpu, 1, (r1, r2, r3, r4, r5) => r1 + 2n * r2 + 3n * r3 + 4n * r4 + 5n * r5)
    const program = await compile(
      cpu,
      '*(u64 *)(r10 - 8) = r5\nw4 = w4\ncall 1\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit',
      [helper],
    )
    const sp = cpu.ctl(control.CTL_SP)
    const r4 = (7n << 32n) | 4n
    expect(program.entry(1n, 1n << 40n, 3n, r4, 5n)).toBe(1n + (2n << 40n) + 9n + 16n + 25n + 5n)
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })
})

describe('faults', () => {
  it('are recorded, and the stack is given back', async () => {
    const cpu = createCpu()
    const sp = cpu.ctl(control.CTL_SP)
    const helper = hostHelper(cpu, 1, () => {
      cpu.setCtl(control.CTL_FAULT, control.FAULT_EXCEPTION)
      throw new WebAssembly.RuntimeError('bpf_throw')
    })
    const program = await compile(cpu, 'call 1\nexit', [helper])
    expect(program.run(0)).toBe(0)
    expect(cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_EXCEPTION)
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)

    const fine = await compile(cpu, 'r0 = 1\nexit')
    fine.run(0)
    expect(cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_NONE)
  })

  it('include an access past the memory, which no verified program makes', async () => {
    const cpu = createCpu()
    const program = await compile(cpu, 'r1 = 0xfffffff0 ll\nr0 = *(u64 *)(r1 + 0)\nexit')
    expect(program.run(0)).toBe(0)
    expect(cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_ACCESS)
    expect(cpu.ctl(control.CTL_FAULT_PC)).toBe(0xffff_ffff)
  })

  it('include a stack that has no room left', async () => {
    const cpu = createCpu()
    const helper = hostHelper(cpu, 1, () => 7)
    const program = await compile(cpu, 'call 1\nexit', [helper])
    cpu.setCtl(control.CTL_STACK_END, cpu.ctl(control.CTL_SP) - 512)
    expect(program.run(0)).toBe(7)
    cpu.setCtl(control.CTL_STACK_END, cpu.ctl(control.CTL_SP) - 511)
    expect(program.run(0)).toBe(0)
    expect(cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_STACK)
  })

  it('do not hide what a JS helper threw', async () => {
    const cpu = createCpu()
    const helper = hostHelper(cpu, 1, () => {
      throw new TypeError('mine')
    })
    const program = await compile(cpu, 'call 1\nexit', [helper])
    expect(() => program.run(0)).toThrow(TypeError)
    expect(() => program.runBatch(contexts(cpu, [1]).ctxs, 1, place(cpu.arena, 4))).toThrow('mine')
  })
})

describe('batches', () => {
  it('write one verdict for each context', async () => {
    const cpu = createCpu()
    const program = await compile(cpu, 'r0 = *(u32 *)(r1 + 0)\nr0 *= 3\nexit')
    const values = Array.from({ length: 100 }, (_, n) => n * n)
    const { ctxs, results } = contexts(cpu, values)
    expect(program.runBatch(ctxs, 100, results)).toBe(100)
    expect([...cpu.arena.u32.subarray(results >>> 2, (results >>> 2) + 100)]).toEqual(
      values.map((n) => n * 3),
    )
    expect(cpu.r0()).toBe(BigInt(99 * 99 * 3))
    expect(program.runBatch(ctxs, 0, results)).toBe(0)
  })

  it('stop at the first fault and say how many were finished', async () => {
    const cpu = createCpu()
    const helper = hostHelper(cpu, 1, (value) => {
      if (value !== 3) return value!
      cpu.setCtl(control.CTL_FAULT, control.FAULT_EXCEPTION)
      throw new WebAssembly.RuntimeError('bpf_throw')
    })
    const program = await compile(cpu, 'r1 = *(u32 *)(r1 + 0)\ncall 1\nexit', [helper])
    const { ctxs, results } = contexts(cpu, [1, 2, 3, 4])
    const sp = cpu.ctl(control.CTL_SP)
    expect(program.runBatch(ctxs, 4, results)).toBe(2)
    expect([...cpu.arena.u32.subarray(results >>> 2, (results >>> 2) + 4)]).toEqual([1, 2, 0, 0])
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })
})

describe('a collection', () => {
  const both = ['r0 = *(u32 *)(r1 + 0)\nr0 += 1\nexit', 'r0 = *(u32 *)(r1 + 0)\nr0 += 2\ncall 1\nexit']

  async function compileAll(cpu: TestCpu, helper: LinkedHelper): Promise<CompiledUnit> {
    const engine = await jit.create(cpu)
    return engine.compile(both.map((text, n) => link(text, { name: `p${n}`, helpers: [helper] })))
  }

  it('is one module; names come back in order', async () => {
    const cpu = createCpu()
    const unit = await compileAll(
      cpu,
      bigHelper(cpu, 1, () => 9n),
    )
    expect(unit.programs.map(({ name }) => name)).toEqual(['p0', 'p1'])
    const { ctxs } = contexts(cpu, [40])
    const ctx = cpu.arena.u32[ctxs >>> 2]!
    expect(unit.programs.map((program) => program.run(ctx))).toEqual([41, 9])
    expect(WebAssembly.validate(unit.wasm as Uint8Array<ArrayBuffer>)).toBe(true)
    unit.release()
  })

  it('gives back the table slots of its callbacks', async () => {
    const cpu = createCpu()
    const engine = await jit.create(cpu)
    const removed: number[] = []
    const noting = { ...cpu, removeFunction: (slot: number) => removed.push(slot) }
    const unit = await (await jit.create(noting)).compile([
      link(
        [...insn.ld_imm64(0, 2, 4), insn.exit(), insn.mov64_imm(0, 3), insn.exit()].map((one, n) =>
          n === 1 ? { ...one, imm: 0 } : one,
        ),
      ),
    ])
    const slot = unit.programs[0]!.run(0)
    expect((cpu.table.get(slot) as (...r: bigint[]) => bigint)(0n, 0n, 0n, 0n, 0n)).toBe(3n)
    unit.release()
    unit.release()
    expect(removed).toEqual([slot])
    expect(engine.name).toBe('jit')
  })

  it('may hold programs too large to be written out in every entry', async () => {
    const cpu = createCpu()
    const adds = Array.from({ length: 10_000 }, () => 'r0 += 1').join('\n')
    const helper = bigHelper(cpu, 1, (r1) => r1)
    const text = `*(u64 *)(r10 - 8) = r1\nr0 = *(u32 *)(r1 + 0)\n${adds}\nr1 = r0\ncall 1\nexit`
    const program = await compile(cpu, text, [helper])
    const { ctxs, results } = contexts(cpu, [1, 2, 3])
    const sp = cpu.ctl(control.CTL_SP)
    expect(program.run(cpu.arena.u32[ctxs >>> 2]!)).toBe(10_001)
    expect(program.runBatch(ctxs, 3, results)).toBe(3)
    expect([...cpu.arena.u32.subarray(results >>> 2, (results >>> 2) + 3)]).toEqual([10_001, 10_002, 10_003])
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })

  it('is refused with a JitError when the host refuses it', async () => {
    const cpu = createCpu()
    const engine = await jit.create(cpu)
    const broken = { ...bigHelper(cpu, 1, () => 0n), fn: 5 as never }
    const refused = engine.compile([link('call 1\nexit', { name: 'p', helpers: [broken] })])
    await expect(refused).rejects.toMatchObject({ code: 'HOST_REFUSED', program: 'p' })
  })
})
