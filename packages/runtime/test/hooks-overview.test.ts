import { readFileSync } from 'node:fs'
import * as kprobe from '@skep/hook-kprobe'
import * as kprobeNode from '@skep/hook-kprobe/node'
import * as seccomp from '@skep/hook-seccomp'
import * as seccompNode from '@skep/hook-seccomp/node'
import * as socketNode from '@skep/hook-socket/node'
import * as tc from '@skep/hook-tc'
import * as xdp from '@skep/hook-xdp'
import { createDevicePair } from '@skep/packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRuntime, type Program, type Runtime } from '../src/index.ts'
import { program, spec } from './hostile-tools.ts'

// All hooks: each has a page with an example, and refuses programs of other types before anything is attached.

const hooks = { ...kprobe, ...kprobeNode, ...seccomp, ...seccompNode, ...socketNode, ...tc, ...xdp }
const names = Object.keys(hooks).filter((name) => /^attach[A-Z]/.test(name) && !name.endsWith('Source'))

interface Row {
  readonly page: string
  /** What it takes, in the words of its refusal. */
  readonly type: string
  /** That of all hooks where it is absent. */
  readonly code?: string
  attach(program: never): unknown
}

const [device] = createDevicePair()
const target = { call: () => 0 }
const side = { direction: 'ingress' } as const

const rows: Readonly<Record<string, Row>> = {
  attachXdp: { page: 'xdp', type: 'xdp', attach: (p) => xdp.attachXdp(p, device) },
  attachTc: { page: 'tc', type: 'sched_cls', attach: (p) => tc.attachTc(p, device, side) },
  attachTcx: { page: 'tc', type: 'sched_cls', attach: (p) => tc.attachTcx(p, device, side) },
  attachSocketFilter: {
    page: 'sockets',
    type: 'socket_filter',
    attach: (p) => socketNode.attachSocketFilter(p, {} as never),
  },
  attachReuseport: {
    page: 'sockets',
    type: 'sk_reuseport',
    attach: (p) => socketNode.attachReuseport(p, {} as never),
  },
  attachCgroup: { page: 'sockets', type: 'cgroup_sock_addr', attach: (p) => socketNode.attachCgroup(p) },
  attachSockmap: {
    page: 'sockets',
    type: 'sk_skb',
    attach: (p) => socketNode.attachSockmap({} as never, { verdict: p }),
  },
  attachKprobe: { page: 'kprobe', type: 'kprobe', attach: (p) => kprobe.attachKprobe(p, target, 'call') },
  attachKretprobe: {
    page: 'kprobe',
    type: 'kprobe',
    attach: (p) => kprobe.attachKretprobe(p, target, 'call'),
  },
  attachKprobeMulti: {
    page: 'kprobe',
    type: 'kprobe',
    attach: (p) => kprobe.attachKprobeMulti(p, target, '*'),
  },
  attachUprobe: {
    page: 'kprobe',
    type: 'kprobe',
    attach: (p) => kprobe.attachUprobe(p, { target }, 'target.call'),
  },
  attachUprobeMulti: {
    page: 'kprobe',
    type: 'kprobe',
    attach: (p) => kprobe.attachUprobeMulti(p, { target }, 'target.*'),
  },
  attachUsdt: { page: 'kprobe', type: 'kprobe', attach: (p) => kprobeNode.attachUsdt(p, 'skep:test') },
  attachRawTracepoint: {
    page: 'kprobe',
    type: 'raw_tracepoint',
    attach: (p) => kprobeNode.attachRawTracepoint(p, 'skep:test'),
  },
  attachTracepoint: {
    page: 'kprobe',
    type: 'tracepoint',
    attach: (p) => kprobeNode.attachTracepoint(p, kprobeNode.tracepointNames[0]!),
  },
  attachPerfEvent: {
    page: 'kprobe',
    type: 'perf_event',
    attach: (p) => kprobeNode.attachPerfEvent(p, { frequency: 100 }),
  },
  attachSeccomp: {
    page: 'seccomp',
    type: 'seccomp',
    code: 'BAD_PROGRAM',
    attach: (p) => seccomp.attachSeccomp(p, new seccomp.SeccompTask()),
  },
  attachGuard: {
    page: 'guard',
    type: 'guard',
    code: 'BAD_PROGRAM',
    attach: (p) => seccompNode.attachGuard(p),
  },
}

let runtime: Runtime
const programs = new Map<string, Program>()
const attached: unknown[] = []
beforeAll(async () => {
  runtime = await createRuntime()
  runtime.on('attach', (link) => void attached.push(link))
  const cgroup = program('r0 = 1\nexit', { name: 'device', section: 'cgroup/dev', type: 'cgroup_device' })
  const collection = await runtime.load(spec([program('r0 = 2\nexit', { name: 'xdp' }), cgroup]))
  for (const [name, one] of collection.programs) programs.set(name, one)
})
afterAll(() => runtime.close())

it('has a row for each', () => {
  expect(Object.keys(rows).sort()).toEqual(names.sort())
})

const page = (name: string): string =>
  readFileSync(new URL(`../../../docs/guide/${name}.md`, import.meta.url), 'utf8')

describe.each(Object.entries(rows))('%s', (name, { page: guide, type, code, attach }) => {
  it('refuses a program of another type: says which it is and which belongs there', () => {
    const wrong = programs.get(name === 'attachXdp' ? 'device' : 'xdp')!
    let refusal: unknown
    try {
      attach(wrong as never)
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(Error)
    expect((refusal as { code?: string }).code).toBe(code ?? 'WRONG_PROGRAM_TYPE')
    expect((refusal as Error).message).toContain(
      `program ${wrong.name} is of type ${wrong.type}, not ${type}`,
    )
    expect(attached).toEqual([])
  })

  it('refuses what is no program, and a promise of one', () => {
    for (const nothing of [undefined, null, {}, Promise.resolve(programs.get('xdp'))])
      expect(() => attach(nothing as never)).toThrow(/no program|no verdict|promise|neither classic/)
  })

  it('has a page that says it', () => {
    expect(page(guide)).toContain(name)
  })
})

it.each([...new Set(Object.values(rows).map((row) => row.page))])(
  'docs/guide/%s.md has an example',
  (guide) => {
    expect(page(guide)).toMatch(/^```(ts|js)\n[^`]*\battach[A-Z]/m)
  },
)
