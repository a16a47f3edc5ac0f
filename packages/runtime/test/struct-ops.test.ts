import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import {
  createDefaultPlatform,
  createRuntime,
  openStructOps,
  parseObject,
  RuntimeError,
} from '../src/index.ts'
import { engines, thrownBy } from './hostile-tools.ts'

// Structs of functions that programs implement: the host calls them, as the kernel does in its test run.

const spec = parseObject(
  readFileSync(new URL('../testdata/dummy_ops.o', import.meta.url)),
  createDefaultPlatform(),
)
const available = await isKernelAvailable()
const kernelBtf = available.ok ? readFileSync('/sys/kernel/btf/vmlinux') : undefined
const zero = new Uint8Array(4)
const bss = spec.maps.find((map) => map.name.endsWith('.bss'))!.name
const BPF_F_MMAPABLE = 1 << 10

interface Dummy {
  readonly test_1: (state: Uint8Array | 0) => bigint
  readonly test_2: (state: Uint8Array, a1: number, a2: number, a3: number, a4: bigint) => bigint
}

interface Side {
  call(method: keyof Dummy, state: number | undefined, ...rest: (number | bigint)[]): [bigint, number]
  seen(): string
}

const word = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)
const valueIn = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true)
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes!).toString('hex')

function story({ call, seen }: Side): unknown[] {
  return [
    call('test_1', 5),
    call('test_1', -6),
    call('test_1', undefined),
    call('test_2', 40, 2, 0xffff, -3, 0x1234_5678_9abcn),
    seen(),
    call('test_2', 1, -1, 1, 127, 2n ** 64n - 1n),
    seen(),
  ]
}

describe.skipIf(!kernelBtf).each(engines)('methods of a struct of programs on %s', (engine) => {
  const load = async () => {
    const runtime = await createRuntime({ engine, kernelBtf: kernelBtf! })
    return { runtime, loaded: await runtime.load(spec) }
  }

  it('do what the kernel’s test run does', async () => {
    const { runtime, loaded } = await load()
    const { methods, struct, value } = openStructOps<Dummy>(loaded, 'dummy')
    expect([struct, value.length, Object.keys(methods)]).toEqual(['bpf_dummy_ops', 24, ['test_1', 'test_2']])
    const here = story({
      call: (name, state, ...rest) => {
        const bytes = word(state ?? 0)
        const method = methods[name] as (...args: unknown[]) => bigint
        return [method(state === undefined ? 0 : bytes, ...rest), valueIn(bytes)]
      },
      seen: () => hex(loaded.map(bss).lookup(zero)),
    })
    runtime.close()

    const kernel = await openKernel()
    using reference = loadCollection(kernel, spec)
    // What user space has is where a pointer may point: a page of a map.
    using map = kernel.createMap({
      type: 'array',
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
      flags: BPF_F_MMAPABLE,
    })
    using page = map.mapPages(4096)
    const there = story({
      call: (name, state, ...rest) => {
        const program = reference.programs.get(name)!
        if (!program.ok) throw new Error(program.log)
        page.bytes.set(word(state ?? 0))
        const args = [state === undefined ? 0n : BigInt(page.address), ...rest.map(BigInt)]
        const ctxIn = new Uint8Array(BigUint64Array.from(args.map((arg) => BigInt.asUintN(64, arg))).buffer)
        const { retval } = program.testRun({ ctxIn })
        return [BigInt(retval | 0), valueIn(page.bytes)]
      },
      seen: () => hex(reference.maps.get(bss)!.lookup(zero)),
    })
    kernel.close()
    expect(here).toEqual(there)
    expect(here.slice(0, 2)).toEqual([
      [5n, 90],
      [-6n, 90],
    ])
  })

  it('say what they take, and give everything back', async () => {
    const { runtime, loaded } = await load()
    const { methods } = openStructOps(loaded, 'dummy')
    const blocks = runtime.arena.count
    const error = (run: () => unknown) => thrownBy(run) as RuntimeError
    expect(error(() => methods['test_2']!(0))).toMatchObject({
      code: 'BAD_OPTION',
      message: 'dummy.test_2 takes 5 arguments, not 1',
    })
    expect(error(() => methods['test_1']!('x' as never))).toMatchObject({
      code: 'BAD_OPTION',
      message: 'argument 0 of dummy.test_1 is a string; give an integer, or a Uint8Array for a pointer',
    })
    expect(error(() => openStructOps(loaded, 'other'))).toMatchObject({
      code: 'NO_SUCH_MAP',
      message: 'no struct_ops "other"; the collection has: dummy',
    })
    methods['test_1']!(new Uint8Array(4))
    expect(runtime.arena.count).toBe(blocks)
    loaded.close()
    expect(error(() => methods['test_1']!(0))).toBeInstanceOf(RuntimeError)
    runtime.close()
  })
})
