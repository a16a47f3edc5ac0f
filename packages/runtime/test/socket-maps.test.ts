import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { isKernelAvailable, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRuntime, createSocket, sockLayout } from '../src/index.ts'
import { spec } from './hostile-tools.ts'
import { outcome } from './outcome.ts'

// Maps of sockets and of cgroups: what the host does with them, here and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 60)
const available = await isKernelAvailable()
const cgroups = available.ok
  ? /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
  : undefined

/** Of a value only that it is there: it is a cookie. */
const there = (): string => 'there'

const kinds = [
  { type: 'sockmap', valueSize: 8 },
  { type: 'sockhash', valueSize: 8 },
  { type: 'reuseport_sockarray', valueSize: 8 },
  ...(cgroups ? [{ type: 'cgroup_array', valueSize: 4 }] : []),
]

describe.skipIf(!available.ok)('the host on maps of sockets and cgroups', () => {
  it.each(kinds)('$type does what bpf(2) does', async ({ type, valueSize }) => {
    const kernel = await openKernel()
    using runtime = await createRuntime()
    const shape = { keySize: 4, valueSize, maxEntries: 4 }
    const maps = [{ name: 'm', type, ...shape }]
    const here = (await runtime.load(spec([], maps))).map('m')
    using theirs = kernel.createMap({ name: 'm', type, ...shape })
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const group = openSync(cgroups ?? '/', 'r')
    const isGroup = type === 'cgroup_array'
    const fd = isGroup ? group : (server as unknown as { _handle: { fd: number } })._handle.fd
    const socket = createSocket(runtime.arena, {
      source: { address: Uint8Array.of(127, 0, 0, 1), port: 80 },
      state: sockLayout.TCP_LISTEN,
    })
    const value = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n, 0).buffer).slice(0, valueSize)
    const key = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
    const step = fc.record({
      op: fc.constantFrom('update', 'update', 'update', 'delete', 'lookup', 'keys', 'lookupAndDelete'),
      key: fc.nat(5),
      // The reference has no socket of a group that shares its port.
      good: type === 'reuseport_sockarray' ? fc.constant(false) : fc.boolean(),
      flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 8),
    })
    try {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
          for (const { op, key: n, good, flags } of steps) {
            const [a, b] = {
              update: () => [
                outcome(() => here.update(key(n), value(good ? (isGroup ? 7 : socket) : 0), flags)),
                outcome(() => theirs.update(key(n), value(good ? fd : 1_000_000), flags)),
              ],
              delete: () => [outcome(() => here.delete(key(n))), outcome(() => theirs.delete(key(n)))],
              // Of a cgroup array the kernel lets nobody read.
              lookup: () =>
                isGroup
                  ? [0, 0]
                  : [outcome(() => here.lookup(key(n)), there), outcome(() => theirs.lookup(key(n)), there)],
              lookupAndDelete: () => [
                outcome(() => here.lookupAndDelete(key(n)), there),
                outcome(() => theirs.lookupAndDelete(key(n)), there),
              ],
              keys: () => {
                const walk = (next: (k?: Uint8Array) => Uint8Array | undefined): string[] => {
                  const keys: string[] = []
                  for (let k = next(); k && keys.length < 6; k = next(k)) keys.push(String(k))
                  return keys.sort()
                }
                return [walk((k) => here.nextKey(k)), walk((k) => theirs.getNextKey(k))]
              },
            }[op]() as [unknown, unknown]
            expect(a, JSON.stringify({ op, n, good, flags })).toEqual(b)
          }
          for (const n of [0, 1, 2, 3, 4, 5]) {
            outcome(() => here.delete(key(n)))
            outcome(() => theirs.delete(key(n)))
          }
          expect(here.size).toBe(0)
        }),
        { numRuns: RUNS },
      )
    } finally {
      server.close()
      closeSync(group)
      kernel.close()
    }
  })
})
