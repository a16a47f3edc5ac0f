import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject, runIterator } from '../src/index.ts'
import { u32 } from './both-sides.ts'
import { engines } from './hostile-tools.ts'

// A program that elements of maps are shown to, twice, as it changes them: the texts of the kernel.

const spec = parseObject(
  readFileSync(new URL('../testdata/map_texts.o', import.meta.url)),
  createDefaultPlatform(),
)
const available = await isKernelAvailable()
const kernel = available.ok ? await openKernel() : undefined
const CPUS = 2
const names = ['array', 'hash', 'lru', 'percpu_array', 'percpu_hash']

interface MapSide {
  update(key: Uint8Array, value: Uint8Array): void
  text(): Uint8Array
}

/** Lines in order: that of a hash is its own. */
function story(side: (name: string) => MapSide): string[][] {
  return names.flatMap((name) => {
    const map = side(name)
    for (const n of [2, 0, 3]) map.update(u32(n), new Uint8Array(BigUint64Array.of(BigInt(n), 7n).buffer))
    return [0, 1].map(() => [name, ...new TextDecoder().decode(map.text()).split('\n').sort()])
  })
}

// A value of a per-CPU map has as many bytes as the others' with two CPUs.
describe.skipIf(kernel?.possibleCpus !== CPUS)('a program over the elements of a map', () => {
  it.each(engines)('writes what it writes in the kernel: %s', async (engine) => {
    using reference = loadCollection(kernel!, spec)
    const program = reference.programs.get('show')!
    if (!program.ok) throw new Error(program.log)
    const theirs = story((name) => {
      const map = reference.maps.get(name)!
      return { update: (key, value) => map.update(key, value), text: () => program.readIterator(map) }
    })
    const kernelBtf = readFileSync('/sys/kernel/btf/vmlinux')
    using runtime = await createRuntime({ engine, kernelBtf, cpus: CPUS })
    const loaded = await runtime.load(spec)
    const blocks = runtime.arena.count
    const mine = story((name) => {
      const map = loaded.map(name)
      return {
        update: (key, value) => map.update(key, value),
        text: () => runIterator(loaded.program('show'), map),
      }
    })
    expect(mine).toEqual(theirs)
    expect(mine[1]).toContain('+ 2: 102 7')
    expect(mine[2]).toContain('last 2, a map: 1')
    expect(runtime.arena.count).toBeGreaterThanOrEqual(blocks)
  })
})
