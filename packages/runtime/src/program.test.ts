import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import {
  type Collection,
  type CollectionSpec,
  control,
  createRuntime,
  createVirtualClock,
  defineHelper,
  definePlugin,
  ProgramFault,
  ret,
} from './index.ts'

const engines = ['jit', 'interpreter'] as const

function collection(programs: Readonly<Record<string, string>>): CollectionSpec {
  return {
    programs: Object.entries(programs).map(([name, text]) => ({
      name,
      section: 'xdp',
      type: 'xdp',
      license: 'GPL',
      insns: assemble(text),
      references: [],
      functions: [],
      lines: [],
    })),
    maps: [],
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

describe.each(engines)('single runs on %s', (engine) => {
  it('may be made from a function in JS, by programs that call and by ones that do not', async () => {
    let inner: (context: number) => number = () => 0
    const within: number[] = []
    const plugin = definePlugin({
      name: 'acme',
      helpers: [
        defineHelper({
          name: 'acme_inner',
          id: 0x1_0001,
          args: [],
          returns: ret.u32(),
          programTypes: ['xdp'],
          call: () => inner(context),
        }),
        defineHelper({
          name: 'acme_fail',
          id: 0x1_0002,
          args: [],
          returns: ret.u32(),
          programTypes: ['xdp'],
          call: () => {
            throw new Error('no')
          },
        }),
      ],
    })
    const runtime = await createRuntime({ engine, plugins: [plugin] })
    const context = runtime.arena.alloc(128) + 32
    const block = runtime.host.control
    const field = (offset: number): number => runtime.arena.u32[(block + offset) >>> 2]!
    const loaded: Collection = await runtime.load(
      collection({
        outer: `
          *(u64 *)(r10 - 8) = 30
          r1 = r10
          r1 += -8
          r6 = r1
          call 0x10001
          r1 = *(u64 *)(r6 + 0)
          r0 += r1
          exit`,
        alone: '*(u64 *)(r10 - 8) = 4\nr0 = *(u64 *)(r10 - 8)\nexit',
        fails: 'call 0x10002\nexit',
      }),
    )
    const program = (name: string) => loaded.program(name)
    const sp = field(control.CTL_SP)

    inner = (at) => {
      within.push(field(control.CTL_PROG), field(control.CTL_CTX))
      const value = program('alone').run(at)
      within.push(field(control.CTL_PROG), field(control.CTL_CTX))
      return value
    }
    expect(program('outer').run(context)).toBe(34)
    expect(within.slice(2)).toEqual(within.slice(0, 2))
    if (engine === 'jit') expect(within.slice(0, 2)).toEqual([program('outer').record, context])

    inner = (at) => {
      try {
        return program('fails').run(at)
      } catch (error) {
        return error instanceof ProgramFault && error.code === 'THREW' ? 5 : 0
      }
    }
    expect(program('outer').run(context)).toBe(35)
    expect(() => program('fails').run(context)).toThrow(ProgramFault)
    expect([field(control.CTL_SP), field(control.CTL_FAULT)]).toEqual([sp, control.FAULT_NONE])
    expect(program('alone').run(context)).toBe(4)

    // Closed from within: the memory stays until the run has returned.
    let used = 0
    inner = () => {
      loaded.close()
      used = runtime.arena.used
      return 1
    }
    expect(program('outer').run(context)).toBe(31)
    expect(runtime.arena.used).toBeLessThan(used)
    for (const name of ['outer', 'alone']) {
      expect(() => program(name).run(context)).toThrow('its collection is closed')
    }
    runtime.close()
  })
})

it.each(engines)('packets of a batch have one time where that is asked for, on %s', async (engine) => {
  const timesOf = async (batchTime: boolean): Promise<number[][]> => {
    const runtime = await createRuntime({ engine, batchTime, clock: createVirtualClock({ tick: 1n }) })
    const program = (await runtime.load(collection({ time: 'call 5\nexit' }))).program('time')
    const contexts = runtime.arena.alloc(64)
    runtime.arena.u32.fill(contexts + 32, contexts >> 2, (contexts >> 2) + 3)
    const results = contexts + 16
    const batch = (): number[] => {
      program.runBatch(contexts, 3, results)
      return [...runtime.arena.u32.slice(results >> 2, (results >> 2) + 3)]
    }
    const found = [batch(), batch(), [program.run(contexts + 32)]]
    runtime.close()
    return found
  }
  expect(await timesOf(true)).toEqual([[1, 1, 1], [2, 2, 2], [3]])
  expect(await timesOf(false)).toEqual([[1, 2, 3], [4, 5, 6], [7]])
})
