import { mkdirSync, rmSync } from 'node:fs'
import { assemble } from '@skep/isa'
import { KernelUnsupportedError, kernel } from '@skep/linux'
import { openPerfBuffer, openRingBuffer } from '@skep/maps'
import { arg, defineHelper, definePlugin, ret } from '@skep/registry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type Runtime, VerifierError } from '../src/index.ts'
import { hooks, missing, named, readObject } from './hooks-object.ts'

// What is the kernel's own of a runtime whose engine it is.

const samples = readObject('../testdata/examples/packet_samples.o')

const acme = definePlugin({
  name: 'acme',
  helpers: [
    defineHelper({
      name: 'acme_seven',
      id: 0x1_0007,
      args: [arg.scalar()],
      returns: ret.scalar(),
      call: () => 7,
    }),
  ],
})

const bare = (text: string): CollectionSpec => ({
  programs: [
    {
      name: 'bare',
      section: 'xdp',
      type: 'xdp',
      license: 'GPL',
      insns: assemble(text),
      references: [],
      functions: [],
      lines: [],
    },
  ],
  maps: [],
  variables: [],
  license: 'GPL',
  notes: [],
})

describe.skipIf(missing)(named('a runtime whose engine is the kernel'), () => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime({ engine: kernel(), plugins: [acme] })
  })
  afterAll(() => runtime?.close())

  it('says why the kernel refuses a program, and where', async () => {
    const refused = await runtime
      .load(readObject('../../../apps/cli/testdata/refused_bounds.o'))
      .catch((error) => error)
    expect(refused).toBeInstanceOf(VerifierError)
    expect(refused).toMatchObject({
      errno: 'EACCES',
      source: { file: expect.stringContaining('refused_bounds') },
    })
    expect(refused.log()).toContain(refused.line)
    expect(refused.insn).toBeGreaterThan(0)
  })

  it('names what only plugins have', async () => {
    const lacking = await runtime.load(bare('r1 = 1\ncall 65543\nexit')).catch((error) => error)
    expect(lacking).toBeInstanceOf(KernelUnsupportedError)
    expect(lacking).toMatchObject({ code: 'KERNEL_UNSUPPORTED', kind: 'helper', subject: 'acme_seven' })
  })

  it('refuses options that mean nothing there', async () => {
    await expect(runtime.load(bare('r0 = 0\nexit'), { verify: false })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    })
    await expect(createRuntime({ engine: {} as never })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })

  it('waits for records of a ring, and ends with its collection', async () => {
    const collection = await runtime.load(hooks, { programs: ['traced', 'firewall'] })
    const ring = openRingBuffer(collection.map('events'))
    const got: string[] = []
    const reading = (async () => {
      for await (const record of ring) got.push(record.join('.'))
    })()
    const run = (bytes: bigint): unknown =>
      collection.program('traced').testRun({
        data: new Uint8Array(0),
        ctx: new Uint8Array(BigUint64Array.of(1n, bytes).buffer),
      })
    for (const bytes of [5n, 6n]) {
      run(bytes)
      while (got.length < Number(bytes) - 4) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(got).toEqual(['1.0.0.0.5.0.0.0', '1.0.0.0.6.0.0.0'])
    collection.close()
    await reading
    expect(ring.closed).toBe(true)
  })

  it('reads samples of a perf buffer', async () => {
    using collection = await runtime.load(samples, { globals: { every: 3 } })
    using buffer = openPerfBuffer(collection.map('samples'))
    const program = collection.program('packet_samples')
    for (let n = 0; n < 6; n++) program.testRun({ data: new Uint8Array(60).fill(n) })
    const sizes: number[] = []
    const taken = buffer.consume(({ data }) => void sizes.push(data.length))
    expect([taken, collection.readGlobal('missed')[0], collection.readGlobal('packets')[0]]).toEqual([
      2, 0, 6,
    ])
    expect(new Set(sizes).size).toBe(1)
    expect(sizes[0]).toBeGreaterThanOrEqual(8 + 32)
  })

  it('keeps maps under paths, and finds them again', async () => {
    const pinRoot = `/sys/fs/bpf/skep-test-${process.pid}-engine`
    mkdirSync(pinRoot)
    try {
      const maps = hooks.maps.map((map) =>
        map.name === 'blocked' ? { ...map, pinning: 'by_name' as const } : map,
      )
      const spec = { ...hooks, maps }
      const first = await runtime.load(spec, { programs: ['firewall'], pinRoot })
      first.map('blocked').update(Uint8Array.of(1, 2, 3, 4), new Uint8Array(8))
      await first.map('sources').pin(`${pinRoot}/other`)
      first.close()
      using second = await runtime.load(spec, { programs: ['firewall'], pinRoot })
      expect([...second.map('blocked').keys()]).toEqual([Uint8Array.of(1, 2, 3, 4)])
      await expect(second.map('sources').pin(`${pinRoot}/other`)).rejects.toThrow(/EEXIST/)
    } finally {
      rmSync(pinRoot, { recursive: true })
    }
  })
})
