import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { openLocalStorage } from '@skep/maps'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createDefaultPlatform,
  createRuntime,
  objectAddress,
  parseObject,
  releaseObject,
} from '../src/index.ts'
import { engines } from './hostile-tools.ts'
import { outcome } from './outcome.ts'

// Values that maps keep for objects: what a program finds for the task it runs in, and what the host does with them, here
// and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 60)
const platform = createDefaultPlatform()
const tasks = parseObject(readFileSync(new URL('../testdata/task_storage.o', import.meta.url)), platform)
const available = await isKernelAvailable()
const kernelBtf = available.ok ? readFileSync('/sys/kernel/btf/vmlinux') : undefined
const MOST = 32
const zero = new Uint8Array(4)

const bss = tasks.maps.find((m) => m.name.endsWith('.bss'))!
const at = (name: string): number => tasks.variables.find((v) => v.name === name)!.offset

function globals(steps: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(bss.valueSize)
  const view = new DataView(bytes.buffer)
  view.setUint32(at('count'), steps.length, true)
  for (const [n, op] of steps.entries()) view.setUint32(at('steps') + 4 * n, op, true)
  return bytes
}

const empty = { data: new Uint8Array(0) }

describe.skipIf(!kernelBtf).each(engines)('local storage of tasks on %s', (engine) => {
  const options = { engine, ...(kernelBtf ? { kernelBtf } : {}) }

  it('gives a program what the kernel gives it', async () => {
    const kernel = await openKernel()
    using runtime = await createRuntime(options)
    using reference = loadCollection(kernel, tasks)
    const theirs = reference.programs.get('run')!
    if (!theirs.ok) throw new Error(theirs.log)
    const here = await runtime.load(tasks)
    const program = here.program('run')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: MOST }), (steps) => {
        here.map(bss.name).update(zero, globals(steps))
        reference.maps.get(bss.name)!.update(zero, globals(steps))
        expect(program.testRun(empty).retval).toBe(theirs.testRun({}).retval)
        const [mine, its] = [here.map(bss.name).lookup(zero)!, reference.maps.get(bss.name)!.lookup(zero)!]
        expect(Buffer.from(mine).toString('hex')).toBe(Buffer.from(its).toString('hex'))
      }),
      { numRuns: RUNS },
    )
    kernel.close()
  })

  it('belongs to the object that the host says runs', async () => {
    const one = { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'one' }
    const two = { ...one, pid: 2 }
    let current = one
    using runtime = await createRuntime({ ...options, providers: { task: () => current } })
    const here = await runtime.load(tasks)
    const storage = openLocalStorage(here.map('tasks'))
    const run = (...steps: number[]): bigint => {
      here.map(bss.name).update(zero, globals(steps))
      here.program('run').testRun(empty)
      return new DataView(here.map(bss.name).lookup(zero)!.buffer).getBigUint64(at('results'), true)
    }
    expect(run(0)).toBe(2n ** 64n - 1n)
    storage.set(one, new Uint8Array(BigUint64Array.of(5n, 1n).buffer))
    expect(run(0)).toBe(0x501n)
    current = two
    expect(run(0)).toBe(2n ** 64n - 1n)
    expect(run(2)).toBe(0x6407n)
    const values = new Map([...storage].map(([owner, value]) => [owner, value[0]]))
    expect(values).toEqual(
      new Map([
        [one, 6],
        [two, 101],
      ]),
    )
    releaseObject(runtime.arena, two)
    expect(storage.has(two)).toBe(false)
    expect([...storage].length).toBe(1)
    expect(storage.delete(one)).toBe(true)
    expect(storage.delete(one)).toBe(false)
    here.close()
    expect(() => storage.set(one, new Uint8Array(16))).toThrow(/EBADF/)
  })
})

type Step = { op: 'lookup' | 'update' | 'delete' | 'next' | 'lookupAndDelete'; owner: number; flags: number }

/** A cgroup of the second kind, where one is mounted. */
const cgroups = available.ok
  ? /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
  : undefined

const key = (n: number): Uint8Array => new Uint8Array(Int32Array.of(n).buffer)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    op: fc.constantFrom('lookup', 'update', 'update', 'delete', 'next', 'lookupAndDelete'),
    owner: fc.nat(2),
    flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 8),
  }),
  { maxLength: 30 },
)

describe.skipIf(!kernelBtf)('the host on local storage', () => {
  it.each(cgroups ? ['sk', 'cgrp', 'inode'] : ['sk', 'inode'])(
    'of %s does what bpf(2) does',
    async (kind) => {
      const kernel = await openKernel()
      using runtime = await createRuntime(kernelBtf ? { kernelBtf } : {})
      const template = tasks.maps.find((m) => m.name === 'tasks')!
      const spec = { ...tasks, programs: [], maps: [{ ...template, type: `${kind}_storage` }], variables: [] }
      const here = (await runtime.load(spec)).map('tasks')
      using reference = loadCollection(kernel, spec)
      const theirs = reference.maps.get('tasks')!
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const socket = (server as unknown as { _handle: { fd: number } })._handle.fd
      const file = openSync(new URL(import.meta.url), 'r')
      const group = openSync(cgroups ?? '/', 'r')
      const fd = { sk: socket, cgrp: group, inode: file }[kind]!
      const owner = {}
      // The last two are no owners.
      const mine = [objectAddress(runtime.arena, owner), 4, 0xffff_ff00]
      const its = [fd, 1_000_000, -1]
      try {
        fc.assert(
          fc.property(steps, (given) => {
            for (const [n, { op, owner, flags }] of given.entries()) {
              // Where there is no owner, Skep's lookup finds nothing.
              if (owner > 0 && op !== 'update' && op !== 'delete') continue
              const value = new Uint8Array(16).fill(n + 1)
              const [a, b] = [mine[owner]!, its[owner]!].map(key) as [Uint8Array, Uint8Array]
              const [x, y] = {
                lookup: () => [outcome(() => here.lookup(a)), outcome(() => theirs.lookup(b))],
                update: () => [
                  outcome(() => here.update(a, value, flags)),
                  outcome(() => theirs.update(b, value, flags)),
                ],
                delete: () => [outcome(() => here.delete(a)), outcome(() => theirs.delete(b))],
                next: () => [outcome(() => here.nextKey(a)), outcome(() => theirs.getNextKey(b))],
                lookupAndDelete: () => [
                  outcome(() => here.lookupAndDelete(a)),
                  outcome(() => theirs.lookupAndDelete(b)),
                ],
              }[op]() as [unknown, unknown]
              expect(x, `${op} ${owner} ${flags}`).toEqual(y)
            }
            outcome(() => here.delete(key(mine[0]!)))
            outcome(() => theirs.delete(key(its[0]!)))
          }),
          { numRuns: RUNS },
        )
      } finally {
        server.close()
        closeSync(file)
        closeSync(group)
        kernel.close()
      }
    },
  )
})
