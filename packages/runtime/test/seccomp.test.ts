import { attachSeccomp, createSimulator, SeccompTask, seccompPlugin, seccompSpec } from '@skep/hook-seccomp'
import { assembleBpfAsm } from '@skep/isa'
import { createRuntime } from '@skep/runtime'
import { describe, expect, it } from 'vitest'
import { randomArgument, randomFilter } from '../../hook-seccomp/test/random-filter.ts'
import { Random } from '../../vm-interpreter/test/random-numbers.ts'

describe('a filter as a program', () => {
  it.each(['jit', 'interpreter'] as const)('means the same: %s', async (engine) => {
    const runtime = await createRuntime({ plugins: [seccompPlugin], engine })
    const random = new Random(11)
    for (let round = 0; round < 60; round++) {
      const filter = randomFilter(random, random.below(40))
      const collection = await runtime.load(seccompSpec(filter, 'any'))
      const program = collection.program('any', 'seccomp' as never)
      const [own, theirs] = [createSimulator(filter), createSimulator(program)]
      for (let n = 0; n < 8; n++) {
        const call = {
          nr: random.pick([0, 39, 317, random.next()]),
          args: [randomArgument(random), randomArgument(random)],
        }
        expect(theirs.decide(call)).toEqual(own.decide(call))
      }
      collection.close()
    }
    runtime.close()
  })
})

describe('attachSeccomp', () => {
  const filter = (text: string): ReturnType<typeof seccompSpec> => seccompSpec(assembleBpfAsm(text))

  it('stacks programs on a task until their links close', async () => {
    const runtime = await createRuntime({ plugins: [seccompPlugin] })
    const [first, second] = await Promise.all(
      ['ret #0x50001', 'ret #0x50002'].map((text) => runtime.load(filter(text))),
    )
    const task = new SeccompTask()
    const links = [first!, second!].map((one) => attachSeccomp(one.program('filter', 'seccomp'), task))
    expect(task.decide({ syscall: 'getpid' })).toMatchObject({ errno: 2, filter: 1 })
    links[1]!.close()
    expect(task.decide({ syscall: 'getpid' })).toMatchObject({ errno: 1, filter: 0 })
    first!.close()
    expect(links[0]!.closed).toBe(true)
    expect(task.decide({ syscall: 'getpid' }).runs).toBe(true)
    runtime.close()
  })

  it('refuses programs of other types and what is no program', async () => {
    const runtime = await createRuntime({ plugins: [seccompPlugin] })
    const task = new SeccompTask()
    for (const bad of [{}, undefined, { run: () => 0, type: 'xdp', name: 'other' }])
      expect(() => attachSeccomp(bad as never, task)).toThrow(
        expect.objectContaining({ code: 'BAD_PROGRAM' }),
      )
    const collection = await runtime.load(filter('ret #0'))
    expect(() => attachSeccomp(collection.program('filter', 'seccomp'), {} as never)).toThrow(
      expect.objectContaining({ code: 'BAD_PROGRAM' }),
    )
    runtime.close()
  })
})
