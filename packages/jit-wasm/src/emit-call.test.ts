import { insn, parseAssembly } from '@skep/isa'
import {
  arg,
  type CompiledProgram,
  control,
  defineHelper,
  type LinkedMap,
  mapLayout,
  ret,
} from '@skep/registry'
import { type FunctionType, ModuleBuilder } from '@skep/wasm'
import { beforeEach, describe, expect, it } from 'vitest'
import { bigHelper, createCpu, type LinkOptions, link, place, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'

let cpu: TestCpu
let ctx: number

beforeEach(() => {
  cpu = createCpu()
  ctx = place(cpu.arena, 256)
})

async function compile(text: string, options: LinkOptions = {}): Promise<CompiledProgram> {
  const engine = await jit.create(cpu)
  return (await engine.compile([link(text, options)])).programs[0]!
}

async function run(text: string, options: LinkOptions = {}): Promise<bigint> {
  ;(await compile(text, options)).run(ctx)
  return cpu.r0()
}

/** A map header with an array of `count` elements behind it. */
function arrayMap(stride: number, count: number): { map: LinkedMap; data: number } {
  const header = place(cpu.arena, mapLayout.MAP_HEADER_SIZE)
  const data = place(cpu.arena, stride * count)
  const { u32 } = cpu.arena
  u32[(header + mapLayout.MAP_MAX_ENTRIES) >>> 2] = count
  u32[(header + mapLayout.MAP_DATA) >>> 2] = data
  u32[(header + mapLayout.MAP_STRIDE) >>> 2] = stride
  return { map: { name: 'm', address: header, ops: {}, array: { data, stride, maxEntries: count } }, data }
}

const lookup = (fn: (...r: readonly bigint[]) => bigint = () => 0n): ReturnType<typeof bigHelper> =>
  bigHelper(cpu, 1, fn, { args: [arg.map(), arg.mapKey()], returns: ret.mapValueOrNull(), mapOp: 'lookup' })

describe('array lookups', () => {
  it.each([1, 4, 8, 12, 16, 100])('are sums when the map is known (stride %i)', async (stride) => {
    const { map, data } = arrayMap(stride, 5)
    const program = await compile(
      `r6 = r1
       r7 = *(u32 *)(r1 + 0)
       *(u32 *)(r10 - 4) = r7
       r2 = r10
       r2 += -4
       r1 = MAP ll
       call 1
       exit`,
      { helpers: [lookup(() => 99n)], maps: [map], callMaps: { 7: 0 }, symbols: { MAP: map.address } },
    )
    for (const index of [0, 1, 4, 5, 6, 0x7fff_ffff, 0xffff_ffff]) {
      cpu.arena.u32[ctx >>> 2] = index
      expect(program.run(ctx)).toBe(index < 5 ? data + index * stride : 0)
    }
  })

  it('go through the helper when the map is not known on every path', async () => {
    const { map } = arrayMap(8, 5)
    const seen: bigint[][] = []
    const helper = lookup((...r) => {
      seen.push([...r].slice(0, 2))
      return 0n
    })
    await run(`r2 = r10\nr2 += -8\nr1 = ${map.address} ll\ncall 1\nexit`, { helpers: [helper], maps: [map] })
    expect(seen).toEqual([[BigInt(map.address), BigInt(cpu.ctl(control.CTL_SP) - 8)]])
  })
})

describe('map operations', () => {
  /** Wasm functions that note their arguments at `log` and return a constant. */
  function operations(
    log: number,
    shapes: Record<string, FunctionType['params']>,
    result: number,
  ): Record<string, unknown> {
    const module = new ModuleBuilder()
    module.importMemory('env', 'memory', { initial: 0 })
    for (const [name, params] of Object.entries(shapes)) {
      const { code } = module.function({ params, results: ['i32'] }, { export: name })
      params.forEach((type, n) => {
        code.i32_const(log + 8 * n).local_get(n)
        if (type === 'i32') code.i64_extend_i32_u()
        code.i64_store()
      })
      code.i32_const(result)
    }
    return new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { memory: cpu.arena.memory },
    }).exports
  }
  const logged = (log: number, count: number): bigint[] =>
    Array.from({ length: count }, (_, n) => cpu.arena.view.getBigUint64(log + 8 * n, true))

  it('of a known map are called with their own signature', async () => {
    const log = place(cpu.arena, 64)
    const ops = operations(log, { update: ['i32', 'i32', 'i32', 'i64'] }, -17)
    const map: LinkedMap = { name: 'm', address: 0x1_2340, ops: { update: ops['update'] } }
    const update = bigHelper(cpu, 2, () => 1n, {
      args: [arg.map(), arg.mapKey(), arg.mapValue(), arg.u64()],
      mapOp: 'update',
    })
    const r0 = await run(
      `r2 = r10
       r2 += -8
       r3 = r10
       r3 += -16
       r4 = 0x8000000000000003 ll
       r1 = 0x12340 ll
       call 2
       exit`,
      { helpers: [update], maps: [map], callMaps: { 8: 0 } },
    )
    expect(BigInt.asIntN(64, r0)).toBe(-17n)
    const top = BigInt(cpu.ctl(control.CTL_SP))
    expect(logged(log, 4)).toEqual([0x1_2340n, top - 8n, top - 16n, 0x8000_0000_0000_0003n])
  })

  it('return addresses without a sign', async () => {
    const log = place(cpu.arena, 64)
    const ops = operations(log, { lookup: ['i32', 'i32'], lookup_percpu: ['i32', 'i32', 'i32'] }, -4096)
    const map: LinkedMap = { name: 'm', address: 0x1_2340, ops: ops as LinkedMap['ops'] }
    const percpu = bigHelper(cpu, 195, () => 1n, {
      args: [arg.map(), arg.mapKey(), arg.u32()],
      returns: ret.mapValueOrNull(),
      mapOp: 'lookup_percpu',
    })
    const options = { helpers: [lookup(), percpu], maps: [map] }
    const code = 'r2 = r10\nr2 += -8\nr3 = 0x500000003 ll\nr1 = 0x12340 ll\n'
    expect(await run(`${code}call 1\nexit`, { ...options, callMaps: { 6: 0 } })).toBe(0xffff_f000n)
    expect(await run(`${code}call 195\nexit`, { ...options, callMaps: { 6: 0 } })).toBe(0xffff_f000n)
    expect(logged(log, 3)[2]).toBe(3n)
  })
})

describe('tail calls', () => {
  const tailCall = (): ReturnType<typeof bigHelper> =>
    bigHelper(cpu, 12, () => 0n, {
      args: [arg.ctx(), arg.map(), arg.u32()],
      returns: ret.void(),
      tailCall: true,
    })

  /** A program array, and a way to put programs into it. */
  function programArray(): { map: LinkedMap; set(index: number, program: CompiledProgram): number } {
    const { map, data } = arrayMap(4, 8)
    return {
      map,
      set: (index, program) => {
        const record = place(cpu.arena, 32)
        cpu.arena.u32[(record >>> 2) + 1] = cpu.addFunction(program.entry)
        cpu.arena.u32[(data >>> 2) + index] = record
        return record
      },
    }
  }

  /** Counts a run in the context's first word and calls slot 0 of the array again. */
  const looper = (map: LinkedMap, index: number | string = 0): string => `
    r6 = r1
    r2 = *(u32 *)(r6 + 0)
    r2 += 1
    *(u32 *)(r6 + 0) = r2
    r2 = ${map.address} ll
    r3 = ${index} ll
    r1 = r6
    call 12
    r0 = *(u32 *)(r6 + 0)
    exit`

  for (const known of [true, false]) {
    it(`go on 33 times and then fall through (map ${known ? 'known' : 'not known'})`, async () => {
      const array = programArray()
      const program = await compile(looper(array.map), {
        helpers: [tailCall()],
        maps: [array.map],
        callMaps: known ? { 9: 0 } : {},
      })
      const record = array.set(0, program)
      const sp = cpu.ctl(control.CTL_SP)
      program.direct!.bind(4711)
      expect(program.run(ctx)).toBe(34)
      expect([cpu.ctl(control.CTL_SP), cpu.ctl(control.CTL_PROG)]).toEqual([sp, 4711])
      expect(program.run(ctx)).toBe(68)
      expect(record).toBeGreaterThan(0)

      const area = place(cpu.arena, 64)
      cpu.arena.u32.fill(ctx, area >>> 2, (area >>> 2) + 4)
      expect(program.runBatch(area, 4, area + 16)).toBe(4)
      expect([...cpu.arena.u32.subarray((area >>> 2) + 4, (area >>> 2) + 8)]).toEqual([102, 136, 170, 204])
      expect([cpu.ctl(control.CTL_SP), cpu.ctl(control.CTL_PROG)]).toEqual([sp, 4711])
    })

    it(`fall through at empty slots and past the end (map ${known ? 'known' : 'not known'})`, async () => {
      const array = programArray()
      const target = await compile('r0 = 42\nexit')
      array.set(3, target)
      for (const [index, expected] of [
        [3, 42],
        [2, 1],
        [8, 1],
        ['0x80000003', 1],
        ['0x100000003', 42],
      ] as const) {
        cpu.arena.u32[ctx >>> 2] = 0
        const program = await compile(looper(array.map, index), {
          helpers: [tailCall()],
          maps: [array.map],
          callMaps: known ? { 9: 0 } : {},
        })
        expect(program.run(ctx), `${index}`).toBe(expected)
      }
    })
  }

  it('do not count what they do not reach: as Linux on x86-64 since 6.11', async () => {
    const array = programArray()
    array.set(1, await compile('r0 = 42\nexit'))
    const text = `
      r6 = r1
      r7 = 40
      again:
      r1 = r6
      r2 = ${array.map.address} ll
      r3 = 0
      call 12
      r7 += -1
      if r7 != 0 goto again
      r1 = r6
      r2 = ${array.map.address} ll
      r3 = 1
      call 12
      r0 = 7
      exit`
    expect(await run(text, { helpers: [tailCall()] })).toBe(42n)
  })

  it('give the callee the frame, the context and the program record', async () => {
    const array = programArray()
    const target = await compile(
      `r2 = ${cpu.control + control.CTL_PROG} ll
       r3 = *(u32 *)(r2 + 0)
       *(u64 *)(r1 + 8) = r3
       *(u64 *)(r1 + 16) = r10
       r0 = r1
       exit`,
    )
    const record = array.set(0, target)
    expect(await run(looper(array.map), { helpers: [tailCall()] })).toBe(BigInt(ctx))
    expect(cpu.arena.view.getBigUint64(ctx + 8, true)).toBe(BigInt(record))
    expect(cpu.arena.view.getBigUint64(ctx + 16, true)).toBe(BigInt(cpu.ctl(control.CTL_SP)))
  })

  it('in a subprogram return to its caller, whose frame stays whole', async () => {
    const array = programArray()
    const target = await compile('*(u64 *)(r10 - 8) = 1\n*(u64 *)(r10 - 512) = 1\nr0 = 42\nexit')
    array.set(0, target)
    const text = `
      r6 = 5
      *(u64 *)(r10 - 8) = 77
      call sub
      r1 = *(u64 *)(r10 - 8)
      r0 += r1
      r0 += r6
      exit
      sub:
      *(u64 *)(r10 - 8) = 13
      r2 = ${array.map.address} ll
      r3 = 0
      call 12
      r0 = 7
      exit`
    const program = await compile(text, { helpers: [tailCall()] })
    const sp = cpu.ctl(control.CTL_SP)
    expect(program.run(ctx)).toBe(42 + 77 + 5)
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })
})

describe('callbacks', () => {
  /** Like bpf_loop: calls the function in slot r2, r1 times, with the count and r3. */
  const loop = (): ReturnType<typeof bigHelper> =>
    bigHelper(
      cpu,
      181,
      (count, slot, context) => {
        const callback = cpu.table.get(Number(slot)) as (...r: bigint[]) => bigint
        let n = 0n
        while (n < count) if (callback(n++, context, 0n, 0n, 0n) !== 0n) break
        return n
      },
      { args: [arg.u64(), { kind: 'func' }, { kind: 'stack' }, arg.u64()] },
    )

  it('run on frames of their own and see what they are given', async () => {
    const text = `
      *(u64 *)(r10 - 8) = 0
      *(u64 *)(r10 - 16) = 99
      r3 = r10
      r3 += -8
      r1 = 10
      r2 = FUNC ll
      r4 = 0
      call 181
      r1 = *(u64 *)(r10 - 8)
      r1 <<= 32
      r0 |= r1
      r1 = *(u64 *)(r10 - 16)
      r1 <<= 48
      r0 |= r1
      exit
      each:
      *(u64 *)(r10 - 8) = 1234
      *(u64 *)(r10 - 16) = 1234
      r3 = *(u64 *)(r2 + 0)
      r3 += r1
      *(u64 *)(r2 + 0) = r3
      r0 = 0
      if r1 != 7 goto more
      r0 = 1
      more:
      exit`
    const program = await compileWithCallback(text, 'each')
    const sp = cpu.ctl(control.CTL_SP)
    program.run(ctx)
    expect(cpu.r0()).toBe((99n << 48n) | (28n << 32n) | 8n)
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })

  /** Assembles a program whose \`r2 = FUNC ll\` takes the address of the code at a label. */
  async function compileWithCallback(text: string, ...labels: string[]): Promise<CompiledProgram> {
    const { insns, labels: places } = parseAssembly(text.replaceAll('FUNC', '0'))
    const code = [...insns]
    let next = 0
    code.forEach((one, slot) => {
      if (one.def.kind !== 'ld_imm64' || next >= labels.length) return
      const [low, high] = insn.ld_imm64(one.dst, places.get(labels[next++]!)! - slot - 1, 4)
      code[slot] = low
      code[slot + 1] = { ...high, imm: 0 }
    })
    const engine = await jit.create(cpu)
    return (await engine.compile([link(code, { helpers: [loop()] })])).programs[0]!
  }

  it('nest', async () => {
    const text = `
      *(u64 *)(r10 - 8) = 0
      r3 = r10
      r3 += -8
      r1 = 5
      r2 = FUNC ll
      call 181
      r0 = *(u64 *)(r10 - 8)
      exit
      outer:
      *(u64 *)(r10 - 16) = r1
      r3 = r2
      r1 = 4
      r2 = FUNC ll
      call 181
      r0 = *(u64 *)(r10 - 16)
      if r0 == 3 goto stop
      r0 = 0
      exit
      stop:
      r0 = 1
      exit
      inner:
      *(u64 *)(r10 - 16) = 1234
      r3 = *(u64 *)(r2 + 0)
      r3 += 1
      *(u64 *)(r2 + 0) = r3
      r0 = 0
      exit`
    const program = await compileWithCallback(text, 'outer', 'inner')
    const sp = cpu.ctl(control.CTL_SP)
    expect(program.run(ctx)).toBe(16)
    expect(cpu.ctl(control.CTL_SP)).toBe(sp)
  })
})

describe('calls by register', () => {
  it('reach linked helpers only', async () => {
    const helpers = [bigHelper(cpu, 3, (r1) => r1 + 1n), bigHelper(cpu, 4, (r1) => r1 * 2n)]
    const program = await compile('r2 = *(u32 *)(r1 + 0)\nr1 = 20\ncallx r2\nexit', { helpers })
    for (const [id, expected] of [
      [3, 21],
      [4, 40],
    ] as const) {
      cpu.arena.u32[ctx >>> 2] = id
      expect(program.run(ctx)).toBe(expected)
      expect(cpu.ctl(control.CTL_FAULT)).toBe(control.FAULT_NONE)
    }
    cpu.arena.u32[ctx >>> 2] = 5
    program.run(ctx)
    expect([cpu.ctl(control.CTL_FAULT), cpu.ctl(control.CTL_FAULT_PC)]).toEqual([control.FAULT_ILLEGAL, 2])
  })
})

describe('local calls', () => {
  it('give each call a frame, keep r6 to r9, and recurse as far as the stack goes', async () => {
    const text = `
      r6 = 100
      r1 = 6
      call factorial
      r0 += r6
      exit
      factorial:
      if r1 s> 1 goto deeper
      r0 = 1
      exit
      deeper:
      *(u64 *)(r10 - 8) = r1
      r6 = 1
      r1 += -1
      call factorial
      r1 = *(u64 *)(r10 - 8)
      r0 *= r1
      exit`
    expect(await run(text)).toBe(820n)
  })

  it('may call the main function again', async () => {
    const text = `
      start:
      r2 = *(u32 *)(r1 + 0)
      if r2 == 0 goto done
      r2 += -1
      *(u32 *)(r1 + 0) = r2
      call start
      r0 += 1
      exit
      done:
      r0 = 0
      exit`
    cpu.arena.u32[ctx >>> 2] = 9
    expect(await run(text)).toBe(9n)
  })

  it('take only the registers that the callee reads', async () => {
    const text = `
      r3 = 0x500000007 ll
      r2 = 0x500000008 ll
      call sub
      exit
      sub:
      r0 = r2
      w3 += 1
      r0 += r3
      exit`
    expect(await run(text)).toBe(0x5_0000_0010n)
  })
})

describe('helper descriptors', () => {
  it('may promise an unsigned 32-bit result', async () => {
    const helper = bigHelper(cpu, 7, () => 0xffff_fffen, { args: [], returns: ret.u32() })
    expect(
      await run('call 7\nif r0 s< 0 goto bad\nr0 += 1\nexit\nbad:\nr0 = 0\nexit', { helpers: [helper] }),
    ).toBe(0xffff_ffffn)
    expect(defineHelper(helper.def)).toBe(helper.def)
  })
})
