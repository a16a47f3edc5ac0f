import { describe, expect, it } from 'vitest'
import {
  type CollectionSpec,
  codec,
  createRuntime,
  definePlugin,
  type MapSpec,
  type ProgramSpec,
  RuntimeError,
  type RuntimeOptions,
  VerifierError,
} from '../src/index.ts'
import {
  counter,
  engines,
  failure,
  file,
  hook,
  object,
  packet,
  program,
  spec,
  thrownBy,
  withMap,
} from './hostile-tools.ts'

describe('a load', () => {
  it('that meets the memory limit leaves nothing behind', async () => {
    const runtime = await createRuntime({ limit: 4 << 20 })
    const small: MapSpec = { name: 'a', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1000 }
    const huge: MapSpec = { ...small, name: 'b', maxEntries: 1_000_000 }
    const two = program('r0 = 2\nexit')
    await runtime.load(spec([two], [small]))
    const { used } = runtime.arena
    for (const maps of [
      [small, huge],
      [small, { ...huge, type: 'hash' }],
      [small, { ...huge, maxEntries: 0xffff_ffff }],
      [small, { ...huge, type: 'prog_array', valueSize: 4, maxEntries: 0xffff_ffff }],
      [small, { ...huge, type: 'lru_hash', keySize: 500 }],
      [small, { ...huge, valueSize: 0xffff_ffff }],
    ]) {
      const error = (await failure(runtime.load(spec([two], maps)))) as { code: string }
      expect(error.code).toMatch(/^(ENOMEM|E2BIG|EINVAL)$/)
      expect(runtime.arena.used).toBe(used)
    }
    expect((await runtime.load(spec([two]))).program().testRun({ data: packet }).retval).toBe(2)
    runtime.close()
  })

  it('takes ten thousand maps with odd names', async () => {
    const runtime = await createRuntime()
    const maps = Array.from(
      { length: 10_000 },
      (_, n): MapSpec => ({ ...counter, name: `__proto__\u0000\n${n}` }),
    )
    const collection = await runtime.load(
      spec([program('r0 = 2\nexit')], [...maps, { ...counter, name: '__proto__' }]),
    )
    expect(collection.map('__proto__').maxEntries).toBe(1)
    expect(collection.program().testRun({ data: packet }).retval).toBe(2)
    collection.close()
    runtime.close()
  })

  it('refuses specs that are none, or that contradict themselves', async () => {
    const runtime = await createRuntime()
    const two = program('r0 = 2\nexit')
    const variable = { name: 'v', section: '.data', map: 'counter', offset: 0, size: 8, constant: false }
    const cases: readonly [unknown, RegExp][] = [
      [undefined, /^undefined is no CollectionSpec .* parseElf/],
      [null, /^null is no/],
      [file('firewall.o'), /^a Uint8Array is no CollectionSpec/],
      [Promise.resolve(spec([two])), /^a promise was given instead of a spec; await it/],
      [{}, /^an object is no/],
      [spec([two, two]), /two programs are named "p"/],
      [spec([two], [counter, counter]), /two maps are named "counter"/],
      [spec([{ ...two, insns: '95' as never }]), /insns is a string/],
      [spec([{ ...two, references: undefined as never }]), /references is no array/],
      [spec([two], [{ ...counter, maxEntries: Number.NaN }]), /maxEntries is NaN; give an integer/],
      [spec([two], [{ ...counter, valueSize: -8 }]), /valueSize is -8/],
      [spec([two], [{ ...counter, keySize: 2 ** 40 }]), /keySize is 1099511627776/],
      [{ ...spec([two]), variables: [variable] }, /lies in map "counter", which the collection has not/],
      [
        { ...spec([two], [counter]), variables: [{ ...variable, offset: 4 }] },
        /do not lie in map counter of 8/,
      ],
    ]
    const { used } = runtime.arena
    for (const [given, message] of cases) {
      const error = await failure(runtime.load(given as CollectionSpec))
      expect(error).toBeInstanceOf(RuntimeError)
      expect(error).toMatchObject({ code: 'BAD_SPEC', message: expect.stringMatching(message) })
      expect(thrownBy(() => runtime.verify(given as CollectionSpec))).toMatchObject({ code: 'BAD_SPEC' })
    }
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })

  it('refuses references to nothing, verified or not', async () => {
    const runtime = await createRuntime({ engine: 'interpreter' })
    const text = 'r1 = 0 ll\nr0 = 2\nexit'
    const cases: readonly [ProgramSpec, MapSpec[], string][] = [
      [withMap(text, 0, 'absent'), [], 'BAD_REFERENCE'],
      [
        program(text, { references: [{ insn: 99, kind: 'map', map: 'counter' }] }),
        [counter],
        'BAD_REFERENCE',
      ],
      [
        program(text, { references: [{ insn: -1, kind: 'map', map: 'counter' }] }),
        [counter],
        'BAD_REFERENCE',
      ],
      [program(text, { type: 'nonesuch' }), [], 'UNKNOWN_PROGRAM_TYPE'],
      [program(text, { type: 4711 }), [], 'UNKNOWN_PROGRAM_TYPE'],
    ]
    const { used } = runtime.arena
    for (const [bad, maps, code] of cases) {
      const unverified = await failure(runtime.load(spec([bad], maps), { verify: false }))
      expect(unverified).toMatchObject({ name: 'RuntimeError', code })
      const verified = await failure(runtime.load(spec([bad], maps)))
      expect(verified instanceof VerifierError || verified instanceof RuntimeError).toBe(true)
    }
    // What engines keep for all programs.
    const kept = runtime.arena.used
    for (const [bad, maps] of cases) await failure(runtime.load(spec([bad], maps), { verify: false }))
    expect(runtime.arena.used).toBe(kept)
    expect(kept).toBeGreaterThanOrEqual(used)
    runtime.close()
  })

  it('refuses first contents that do not fit', async () => {
    const runtime = await createRuntime()
    const two = program('r0 = 2\nexit')
    const array: MapSpec = { name: 'progs', type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 2 }
    const key = new Uint8Array(4)
    for (const [map, code] of [
      [{ ...array, initial: [{ index: 2, program: 'p' }] }, 'E2BIG'],
      [{ ...array, initial: [{ index: -1, program: 'p' }] }, 'E2BIG'],
      [{ ...array, initial: [{ index: 0, program: 'q' }] }, 'BAD_REFERENCE'],
      [{ ...counter, initial: [{ key, value: new Uint8Array(9) }] }, 'EINVAL'],
      [{ ...counter, initial: [{ key: new Uint8Array(3), value: new Uint8Array(8) }] }, 'EINVAL'],
    ] as const) {
      expect(await failure(runtime.load(spec([two], [map as MapSpec])))).toMatchObject({ code })
    }
    runtime.close()
  })

  it('that the runtime is closed under fails, and leaves nothing', async () => {
    const runtime = await createRuntime()
    const loading = runtime.load(object('firewall.o'))
    runtime.close()
    expect(await failure(loading)).toMatchObject({ code: 'CLOSED' })
    expect(runtime.arena.count).toBeLessThan(10)
  })
})

describe('a program array', () => {
  it('forgets the programs of a collection that closes', async () => {
    for (const engine of engines) {
      const runtime = await createRuntime({ engine })
      const array: MapSpec = {
        name: 'progs',
        type: 'prog_array',
        keySize: 4,
        valueSize: 4,
        maxEntries: 2,
        frozen: true,
      }
      const caller = await runtime.load(
        spec(
          [withMap('r2 = 0 ll\nr3 = 1\ncall 12\nr0 = 2\nexit', 0, 'progs')],
          [{ ...array, frozen: false }],
        ),
      )
      const callee = await runtime.load(spec([program('r0 = 3\nexit')]))
      const word = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
      caller.map('progs').update(word(1), word(callee.program().record))
      caller.map('progs').freeze()
      expect(caller.program().testRun({ data: packet }).retval).toBe(3)
      callee.close()
      await runtime.load(spec([program('r0 = 1\nexit')]))
      expect(caller.program().testRun({ data: packet }).retval).toBe(2)
      expect(caller.map('progs').size).toBe(0)
      runtime.close()
    }
  })
})

describe('typed maps', () => {
  it('may be emptied by the loop that walks them', async () => {
    const runtime = await createRuntime()
    for (const type of ['hash', 'lru_hash']) {
      const map: MapSpec = { name: 'm', type, keySize: 4, valueSize: 4, maxEntries: 500 }
      const collection = await runtime.load(spec([program('r0 = 2\nexit')], [map]))
      const m = collection.map('m', { key: codec.u32, value: codec.u32 })
      for (let n = 0; n < 500; n++) m.set(n, n)
      // A full LRU map has evicted some, as the kernel's has.
      const held = [...m.keys()].sort((a, b) => a - b)
      if (type === 'hash') expect(held).toHaveLength(500)
      expect(held.length).toBeGreaterThan(400)
      const seen: number[] = []
      for (const [key] of m) {
        seen.push(key)
        if (key % 2 === 1) m.delete(key)
      }
      expect(seen.sort((a, b) => a - b)).toEqual(held)
      for (const key of m.keys()) m.delete(key)
      expect([...m]).toEqual([])
      collection.close()
      expect(() => m.get(1)).toThrow(/closed/)
      expect(() => [...m]).toThrow(/closed/)
    }
    runtime.close()
  })
})

describe('what newcomers do', () => {
  it('is answered with the fact and the mend', async () => {
    const runtime = await createRuntime()
    const firewall = await runtime.load(object('firewall.o'))
    const u64s = { key: codec.u32, value: codec.u64 }
    const set = (value: unknown) => () =>
      runtime.load(object('firewall.o'), { globals: { blocked_udp_port: value as number } })
    const cases: readonly [() => unknown, string, RegExp][] = [
      [
        () => firewall.map('blocked', { key: codec.u32 } as never),
        'CODEC_SIZE',
        /its value has no codec; give \{ key, value/,
      ],
      [() => firewall.perCpuMap('blocked', u64s), 'CODEC_SIZE', /one value for all CPUs; use map\("blocked"/],
      [() => firewall.program().testRun(undefined as never), 'BAD_OPTION', /data is undefined; give \{ data/],
      [() => firewall.program().testRun({ data: 'abc' as never }), 'BAD_OPTION', /data is a string/],
      [set(undefined), 'CODEC_SIZE', /undefined was given; give a number/],
      [set({}), 'CODEC_SIZE', /an object was given/],
      [set(Number.NaN), 'CODEC_SIZE', /NaN is not an integer/],
      [set(-32769), 'CODEC_SIZE', /-32769 does not fit/],
      [() => runtime.load(object('firewall.o'), { programs: ['x'] }), 'NO_SUCH_PROGRAM', /has: firewall/],
    ]
    for (const [run, code, message] of cases) {
      const error = await failure((async () => run())())
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    }
    runtime.close()
  })
})

describe('options', () => {
  it('are checked before anything is made', async () => {
    const cases: readonly [object, string, RegExp][] = [
      [{ engine: 'v8' }, 'NO_SUCH_ENGINE', /no engine "v8"; the plugins give: jit, interpreter/],
      [{ plugins: definePlugin({ name: 'x' }) }, 'BAD_OPTION', /is no list of plugins; give \[/],
      [{ plugins: [Promise.resolve()] }, 'BAD_OPTION', /plugins\[0\].*a promise is no plugin/],
      [{ seed: 1 }, 'BAD_OPTION', /a number is no bigint; write 1n/],
      [{ limit: -1 }, 'EINVAL', /limit is -1/],
      [{ cpus: 0 }, 'EINVAL', /cpus is 0/],
    ]
    for (const [options, code, message] of cases) {
      const error = await failure(createRuntime(options as RuntimeOptions))
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    }
  })
})

describe('checked mode', () => {
  const run = async (text: string, local = false): Promise<unknown> => {
    const runtime = await createRuntime({ engine: 'interpreter', plugins: [hook(() => 2)] })
    const secret = await runtime.load(spec([program('r0 = 2\nexit')], [{ ...counter, name: 'secret' }]))
    const control = runtime.host.control
    const filled = text
      .replaceAll('CONTROL', String(control))
      .replaceAll('RECORD', String(secret.program().record))
      .replaceAll('SECRET', String(secret.map('secret').address))
      .replaceAll('VALUE', String(secret.map('secret').link().array!.data))
    const p = program(filled)
    if (local) p.insns[1] = 0x10
    // CPU number, stack bounds: what no run changes.
    const fixed = (): unknown[] => [24, 40, 44].map((at) => runtime.arena.view.getUint32(control + at, true))
    const before = fixed()
    const collection = await runtime.load(spec([p]), { verify: false })
    const result = thrownBy(() => collection.program().testRun({ data: packet }))
    expect(fixed()).toEqual(before)
    expect(secret.program().testRun({ data: packet }).retval).toBe(2)
    expect(secret.map('secret', { key: codec.u32, value: codec.u64 }).get(0)).toBe(0n)
    runtime.close()
    return result
  }

  it.each([
    ['control block', 'r1 = CONTROL ll\n*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit'],
    ['control block, below it', 'r1 = CONTROL ll\nr1 -= 4\n*(u64 *)(r1 + 0) = 1\nr0 = 0\nexit'],
    ["a program's record", 'r1 = RECORD ll\n*(u32 *)(r1 + 4) = 1\nr0 = 0\nexit'],
    ["a map's header", 'r1 = SECRET ll\n*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit'],
    ["another collection's values", 'r1 = VALUE ll\nr2 = 1\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit'],
    [
      'another map by a helper',
      '*(u64 *)(r10 - 8) = 0\nr1 = SECRET ll\nr2 = r10\nr2 += -8\ncall 1\nr0 = 0\nexit',
    ],
    ['a map that is none', '*(u64 *)(r10 - 8) = 0\nr1 = 70000\nr2 = r10\nr2 += -8\ncall 1\nr0 = 0\nexit'],
    ['the end of memory', 'r1 = 0xffffffff ll\nr0 = *(u64 *)(r1 + 0)\nexit'],
    ['past 32 bits', 'r1 = 0x100000000 ll\nr1 += r10\nr0 = *(u64 *)(r1 - 8)\nexit'],
    ['the frame above', 'r0 = *(u64 *)(r10 + 0)\nexit'],
    ['below the frame', 'r0 = *(u64 *)(r10 - 520)\nexit'],
    ['the kernel-only fields of the context', 'r0 = *(u32 *)(r1 + 28)\nexit'],
    ['the run header', 'r0 = *(u32 *)(r1 - 4)\nexit'],
  ])('keeps a program away from %s', async (_what, text) => {
    expect(await run(text)).toMatchObject({ name: 'ProgramFault' })
  })

  it('ends endless programs, and those that call themselves', async () => {
    expect(await run('goto -1\nexit')).toMatchObject({ code: 'BUDGET' })
    // A call of the function itself.
    expect(await run('call 0xffffffff\nexit', true)).toMatchObject({ code: 'STACK' })
  })
})
