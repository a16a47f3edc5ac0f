import { spawnSync } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { frameAt, tracepointHeader } from '@skep/hook-kprobe'
import {
  attachPerfEvent,
  attachRawTracepoint,
  attachTracepoint,
  attachUsdt,
  defineTracepoint,
  tracepointNames,
  tracepointOf,
} from '@skep/hook-kprobe/node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { codeOf, loadProbes, type Probes } from './probes.ts'

// Events of Node, and samples of its profiler, as programs see them.

let probes: Probes
beforeAll(async () => {
  probes = await loadProbes({
    programs: ['event', 'raw_event', 'record', 'sample', 'trace'],
  })
})
afterAll(() => probes.runtime.close())
beforeEach(() => probes.reset())

describe('a channel', () => {
  const orders = channel('skep.test.orders')

  it('is a USDT probe: its messages are arguments', () => {
    const link = attachUsdt(probes.kprobe('event'), 'skep.test.orders')
    orders.publish([41, 'tea'])
    expect([probes.numbers('seen', 1), probes.text()]).toEqual([[41n], 'tea'])
    orders.publish({ id: 1 })
    expect(probes.text()).toBe('skep.test.orders')
    link.close()
    expect(orders.hasSubscribers).toBe(false)
    using _ = attachUsdt(probes.kprobe('event'), 'skep.test.orders', {
      args: (message) => [(message as { id: number }).id, 'picked'],
    })
    orders.publish({ id: 7 })
    expect([probes.numbers('seen', 1), probes.text()]).toEqual([[7n], 'picked'])
    // What the host's own function throws is an event, and nobody else's error.
    orders.publish(null)
    expect([probes.faults.length, probes.number('runs')]).toEqual([1, 3])
  })

  it('is a raw tracepoint: its messages are u64 each', () => {
    using _ = attachRawTracepoint(
      probes.collection.program('raw_event', 'raw_tracepoint'),
      'skep.test.orders',
      {
        cookie: 5n,
      },
    )
    orders.publish([1, -2])
    expect([probes.numbers('seen', 2), probes.number('cookie')]).toEqual([[1n, -2n], 5])
  })

  it('is a tracepoint with the fields that the host defines', () => {
    const tracepoint = defineTracepoint('skep.test.orders', { id: 'u64', total: 's64' })
    const link = attachTracepoint(probes.collection.program('record', 'tracepoint'), tracepoint)
    orders.publish({ id: 9, total: -100n })
    expect(probes.numbers('seen', 2)).toEqual([9n, -100n])
    link.close()
    const picked = defineTracepoint(
      'skep.test.orders',
      { id: 'u64', total: 's64' },
      (m: { a: number[] }) => m.a,
    )
    using _ = attachTracepoint(probes.collection.program('record', 'tracepoint'), picked)
    orders.publish({ a: [1, 2] })
    orders.publish(undefined)
    expect([probes.numbers('seen', 2), probes.faults.length]).toEqual([[1n, 2n], 1])
  })

  it('has a stack that ends where the message is published', () => {
    using _ = attachUsdt(probes.kprobe('trace'), 'skep.test.orders')
    function publisher(): void {
      orders.publish([1])
    }
    publisher()
    expect(namesOf(probes.number('stack_id'))).toContain('publisher')
    expect(namesOf(probes.number('stack_id')).filter((name) => name.includes('skepProbe'))).toEqual([])
  })
})

function namesOf(id: number): readonly string[] {
  const value = probes.collection.map('stacks').lookup(new Uint8Array(Int32Array.of(id).buffer))
  if (!value) return []
  return [...new BigUint64Array(value.slice().buffer)]
    .filter((ip) => ip !== 0n)
    .map((ip) => frameAt(ip)?.name ?? '?')
}

describe('tracepoints of Node', () => {
  it('are there, and their headers compile', () => {
    for (const name of tracepointNames) {
      expect(tracepointHeader(tracepointOf(name))).toContain('struct trace_event_raw_')
    }
    expect(codeOf(() => tracepointOf('sched:sched_switch'))).toBe('NO_SUCH_EVENT')
    const clang = spawnSync('clang-19', ['--version']).status === 0
    if (!clang) return
    const text = tracepointNames
      .map((name) => tracepointHeader(tracepointOf(name)).replace('#include <linux/types.h>', ''))
      .join('\n')
    const types = [8, 16, 32, 64].map((bits, n) => {
      const type = ['char', 'short', 'int', 'long long'][n]!
      return `typedef unsigned ${type} __u${bits}; typedef signed ${type} __s${bits};`
    })
    const args = ['-target', 'bpf', '-Wall', '-Werror', '-fsyntax-only', '-x', 'c', '-']
    const { stderr } = spawnSync('clang-19', args, { input: `${types.join('\n')}\n${text}` })
    expect(stderr.toString()).toBe('')
  })

  it('of asynchronous resources run as those come', async () => {
    const link = attachTracepoint(probes.collection.program('record', 'tracepoint'), 'async_hooks:init')
    await new Promise((resolve) => setImmediate(resolve))
    link.close()
    expect(probes.number('runs')).toBeGreaterThan(0)
    expect(probes.numbers('seen', 1)[0]).toBeGreaterThan(0n)
  })

  it('of HTTP have duration and status', async () => {
    using _ = attachTracepoint(probes.collection.program('record', 'tracepoint'), 'perf_hooks:http')
    const server = createServer((_request, response) => void response.writeHead(418).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await new Promise((resolve, reject) => {
      get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }, (response) =>
        response.resume().on('end', resolve),
      ).on('error', reject)
    })
    while (probes.number('runs') === 0) await new Promise((resolve) => setImmediate(resolve))
    server.close()
    const [duration, status] = probes.numbers('seen', 2)
    expect(duration).toBeGreaterThan(0n)
    expect(status! & 0xffffn).toBe(418n)
  })
})

describe('samples', () => {
  function busyWork(until: number): number {
    let sum = 0
    while (performance.now() < until) for (let n = 0; n < 1000; n++) sum += Math.sqrt(n)
    return sum
  }

  it('have the stacks that the profiler saw', () => {
    const link = attachPerfEvent(probes.collection.program('sample', 'perf_event'), { frequency: 2000 })
    busyWork(performance.now() + 40)
    link.flush()
    const runs = probes.number('runs')
    expect(runs).toBeGreaterThan(0)
    expect(link.stats.runs).toBe(runs)
    expect(probes.number('period')).toBe(500_000)
    busyWork(performance.now() + 20)
    link.close()
    expect(probes.number('runs')).toBeGreaterThan(runs)
    const seen = new Set<string>()
    const stacks = probes.collection.map('stacks')
    for (let key = stacks.nextKey(); key; key = stacks.nextKey(key)) {
      for (const name of namesOf(new Int32Array(key.slice().buffer)[0]!)) seen.add(name)
    }
    expect(seen).toContain('busyWork')
    expect(seen).not.toContain('(root)')
  })

  it('and events take programs of their types', () => {
    const record = probes.collection.program('record', 'tracepoint')
    const sample = probes.collection.program('sample', 'perf_event')
    // @ts-expect-error: a tracepoint's program takes no samples
    expect(codeOf(() => attachPerfEvent(record, { frequency: 99 }))).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error: nor a sample's an event
    expect(codeOf(() => attachTracepoint(sample, 'async_hooks:init'))).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error: nor does a probe of functions
    expect(codeOf(() => attachRawTracepoint(probes.kprobe('event'), 'x'))).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error: nor the other way round
    expect(codeOf(() => attachUsdt(record, 'x'))).toBe('WRONG_PROGRAM_TYPE')
    expect(codeOf(() => attachPerfEvent(sample, { frequency: 0 }))).toBe('BAD_OPTION')
    expect(codeOf(() => attachPerfEvent(sample, { frequency: 99, window: 1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => attachUsdt(probes.kprobe('event'), {} as never))).toBe('BAD_TARGET')
    expect(codeOf(() => attachUsdt(probes.kprobe('event'), 'x', { copy: 1 }))).toBe('BAD_OPTION')
    expect(codeOf(() => attachTracepoint(record, defineTracepoint('x', { a: 'float' as never })))).toBe(
      'BAD_OPTION',
    )
  })

  it('attach and detach without growth', () => {
    const { arena } = probes.kprobe('event').host
    const record = probes.collection.program('record', 'tracepoint')
    const tracepoint = defineTracepoint('skep.test.orders', { id: 'u64' })
    const once = (): void => {
      attachUsdt(probes.kprobe('event'), 'skep.test.orders').close()
      attachTracepoint(record, tracepoint).close()
    }
    once()
    const before = { used: arena.used, count: arena.count }
    for (let n = 0; n < Number(process.env['SKEP_ATTACHES'] ?? 500); n++) once()
    expect({ used: arena.used, count: arena.count }).toEqual(before)
  })
})
