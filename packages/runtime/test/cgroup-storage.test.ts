import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject } from '../src/index.ts'
import { engines, packet } from './hostile-tools.ts'
import { outcome } from './outcome.ts'

// The storage of an attachment: what a program finds at its first run, and what the host may do, as in the kernel.

const spec = parseObject(
  readFileSync(new URL('../testdata/cgroup_storage.o', import.meta.url)),
  createDefaultPlatform(),
)
const available = await isKernelAvailable()
const bss = spec.maps.find((m) => m.name.endsWith('.bss'))!
const zero = new Uint8Array(4)
const key = new Uint8Array(16)

describe.each(engines)('storage of an attachment on %s', (engine) => {
  it('begins as zeros, lives on from run to run, and is the host’s to read and change', async () => {
    using runtime = await createRuntime({ engine })
    const here = await runtime.load(spec)
    const run = (): bigint[] => {
      here.program('count').testRun({ data: packet })
      const view = new DataView(here.map(bss.name).lookup(zero)!.buffer)
      return ['seen', 'seen_here'].map((name) =>
        view.getBigUint64(spec.variables.find((v) => v.name === name)!.offset, true),
      )
    }
    const first = run()
    expect(first).toEqual([1n, 2n])
    expect(run()).toEqual([2n, 4n])
    expect(here.map('all').nextKey()).toEqual(key)
    expect(here.map('all').lookup(key)![0]).toBe(2)
    here.map('all').update(key, new Uint8Array(BigUint64Array.of(40n).buffer), 2)
    here.map('each').update(key, new Uint8Array(BigUint64Array.of(10n).buffer))
    expect(run()).toEqual([41n, 12n])
    if (!available.ok) return
    const kernel = await openKernel()
    using reference = loadCollection(kernel, spec)
    const theirs = reference.programs.get('count')!
    if (!theirs.ok) throw new Error(theirs.log)
    theirs.testRun({ dataIn: packet })
    const view = new DataView(reference.maps.get(bss.name)!.lookup(zero)!.buffer)
    expect([view.getBigUint64(0, true), view.getBigUint64(8, true)].sort()).toEqual([...first].sort())
    kernel.close()
  })
})

describe.skipIf(!available.ok)('the host on storage of no attachment', () => {
  it.each(['all', 'each'])('%s does what bpf(2) does', async (name) => {
    const kernel = await openKernel()
    using runtime = await createRuntime()
    const here = (await runtime.load(spec)).map(name)
    using reference = loadCollection(kernel, spec)
    const theirs = reference.maps.get(name)!
    for (const flags of [0, 1, 2, 3, 4, 6, 8]) {
      const mine = outcome(() => here.update(key, new Uint8Array(here.hostValueSize), flags))
      expect(mine, `flags ${flags}`).toBe(
        outcome(() => theirs.update(key, new Uint8Array(theirs.valueBytes), flags)),
      )
    }
    expect(outcome(() => here.lookup(key))).toBe(outcome(() => theirs.lookup(key)))
    expect(outcome(() => here.delete(key))).toBe(outcome(() => theirs.delete(key)))
    expect(outcome(() => here.nextKey())).toBe(outcome(() => theirs.getNextKey()))
    expect(outcome(() => here.nextKey(key))).toBe(outcome(() => theirs.getNextKey(key)))
    expect(outcome(() => here.lookupAndDelete(key))).toBe(outcome(() => theirs.lookupAndDelete(key)))
    kernel.close()
  })
})
