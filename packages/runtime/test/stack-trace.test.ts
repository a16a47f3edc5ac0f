import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject } from '../src/index.ts'
import { engines } from './hostile-tools.ts'
import { outcome } from './outcome.ts'

// Stacks by id: a provider that gives the frames that the kernel saw gets the kernel's ids, values and errnos.

const object = parseObject(
  readFileSync(new URL('../testdata/stacks.o', import.meta.url)),
  createDefaultPlatform(),
)
const only = (program: string) => ({
  ...object,
  programs: object.programs.filter(({ name }) => name === program),
})
const spec = only('run')
const available = await isKernelAvailable()
const zero = new Uint8Array(4)
const empty = { data: new Uint8Array(0) }
const bss = object.maps.find((m) => m.name.endsWith('.bss'))!
const at = (name: string): number => object.variables.find((v) => v.name === name)!.offset
const key = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

const withFlags = (flags: number): Uint8Array => {
  const bytes = new Uint8Array(bss.valueSize)
  new DataView(bytes.buffer).setBigUint64(at('flags'), BigInt(flags), true)
  return bytes
}

interface Answer {
  readonly id: number
  readonly copied: number
  readonly frames: readonly bigint[]
}

const answer = (bytes: Uint8Array): Answer => {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return {
    id: Number(view.getBigInt64(at('id'), true)),
    copied: Number(view.getBigInt64(at('copied'), true)),
    frames: Array.from({ length: 16 }, (_, n) => view.getBigUint64(at('frames') + 8 * n, true)),
  }
}

const REUSE = 1 << 10
const FAST = 1 << 9

describe.each(engines)('stacks on %s', (engine) => {
  it.skipIf(!available.ok)('have the ids, values and errnos of the kernel', async () => {
    const kernel = await openKernel()
    // Of the two calls, whose places in the program are a frame.
    const stacks: [readonly bigint[], readonly bigint[]] = [[], []]
    let calls = 0
    using runtime = await createRuntime({ engine, providers: { stacks: () => stacks[calls++] } })
    using reference = loadCollection(kernel, spec)
    const theirs = reference.programs.get('run')!
    if (!theirs.ok) throw new Error(theirs.log)
    const here = await runtime.load(spec)
    const [ours, its] = [here.map('stacks'), reference.maps.get('stacks')!]

    for (const flags of [0, 0, 1, FAST, 2, REUSE | 3, 1 << 12, 255, REUSE, 4, 5, 6, 1]) {
      reference.maps.get(bss.name)!.update(zero, withFlags(flags))
      theirs.testRun({})
      const b = answer(reference.maps.get(bss.name)!.lookup(zero)!)
      // What the kernel saw: all frames, from the innermost on.
      if (b.copied > 0 && (flags & 0xff) === 0) {
        const value = its.lookup(key(b.id))!
        const seen = new BigUint64Array(value.buffer, value.byteOffset, 16)
        stacks[0] = [...seen].slice(0, b.copied / 8)
        stacks[1] = b.frames.slice(0, b.copied / 8)
      }
      calls = 0
      here.map(bss.name).update(zero, withFlags(flags))
      here.program('run').testRun(empty)
      const a = answer(here.map(bss.name).lookup(zero)!)
      expect(a, `flags ${flags}`).toEqual(b)
      if (a.id >= 0)
        expect(outcome(() => ours.lookup(key(a.id)))).toEqual(outcome(() => its.lookup(key(b.id))))
      for (let id = 0; id < 10; id++) {
        expect(ours.nextKey(key(id))).toEqual(its.getNextKey(key(id)))
        expect(ours.lookup(key(id))).toEqual(its.lookup(key(id)))
      }
    }
    const value = new Uint8Array(128)
    for (const id of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      for (const flags of [0, 1, 2]) {
        const mine = outcome(() => ours.update(key(id), value, flags))
        expect(mine).toBe(outcome(() => its.update(key(id), value, flags)))
      }
      const both = [() => ours.lookupAndDelete(key(id)), () => its.lookupAndDelete(key(id))] as const
      if (id % 2 === 0) expect(outcome(both[0])).toEqual(outcome(both[1]))
      expect(outcome(() => ours.delete(key(id)))).toEqual(outcome(() => its.delete(key(id))))
      expect(ours.nextKey()).toEqual(its.getNextKey())
    }
    expect(ours.size).toBe(0)
    kernel.close()
  })

  it.skipIf(!available.ok)('of the task: bpf_get_task_stack', async () => {
    const kernel = await openKernel()
    const kernelBtf = readFileSync('/sys/kernel/btf/vmlinux')
    let seen: readonly bigint[] | undefined = []
    using runtime = await createRuntime({ engine, kernelBtf, providers: { stacks: () => seen } })
    using reference = loadCollection(kernel, only('of_task'))
    const theirs = reference.programs.get('of_task')!
    if (!theirs.ok) throw new Error(theirs.log)
    const here = await runtime.load(only('of_task'))
    const ask = (flags: number): Answer => {
      here.map(bss.name).update(zero, withFlags(flags))
      here.program('of_task').testRun(empty)
      return answer(here.map(bss.name).lookup(zero)!)
    }
    for (const flags of [0, 1, 2, 5, 1 << 12, 255]) {
      reference.maps.get(bss.name)!.update(zero, withFlags(flags))
      theirs.testRun({})
      const b = answer(reference.maps.get(bss.name)!.lookup(zero)!)
      if (flags === 0) seen = b.frames.slice(0, b.copied / 8)
      expect(ask(flags), `flags ${flags}`).toEqual(b)
    }
    expect(seen.length).toBeGreaterThan(3)
    seen = undefined
    expect(ask(0).copied).toBe(-14)
    kernel.close()
  })

  it('are none where nobody tells of any', async () => {
    using runtime = await createRuntime({ engine })
    const here = await runtime.load(spec)
    here.program('run').testRun(empty)
    expect(answer(here.map(bss.name).lookup(zero)!)).toMatchObject({ id: -14, copied: -14 })
  })
})
