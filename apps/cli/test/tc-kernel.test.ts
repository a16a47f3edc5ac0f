import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { attachTc, type TcLink, tcEgress } from '@skep/hook-tc'
import {
  isKernelAvailable,
  type KernelCollection,
  type KernelProgram,
  loadCollection,
  openKernel,
} from '@skep/linux'
import { type ParseTcOptions, parseTc, type TcSpec } from '@skep/loader-tc'
import { createDevicePair, PacketBatch } from '@skep/packet'
import { createRuntime, type Runtime } from '@skep/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// The same objects here and in the kernel: by BPF_PROG_TEST_RUN, and attached by Debian's tc in a network namespace.

const objects = fileURLToPath(new URL('../../../packages/loader-tc/testdata/', import.meta.url))
const available = await isKernelAvailable()
const tools = ['tc', 'ip', 'bpftool', 'python3'].filter((t) => spawnSync('which', [t]).status !== 0)
const reason = available.ok ? (tools.length > 0 ? `no ${tools.join(', ')}` : '') : available.reason

const tcObject = (runtime: Runtime, name: string, options: ParseTcOptions = {}): TcSpec =>
  parseTc(readFileSync(`${objects}${name}.o`), { platform: runtime.platform, ...options })

const packet = (...bytes: readonly number[]): Uint8Array => {
  const out = new Uint8Array(64)
  out.set([0x88, 0xb5], 12)
  out.set(bytes)
  return out
}

function program({ programs }: KernelCollection, name: string): KernelProgram {
  const found = programs.get(name)
  if (!found?.ok) throw new Error(found?.log ?? `no program ${name}`)
  return found
}

let runtime: Runtime
beforeAll(async () => {
  runtime = await createRuntime()
})
afterAll(() => runtime.close())

describe.skipIf(!available.ok)(`test runs${available.ok ? '' : ` (skipped: ${reason})`}`, () => {
  it.each([
    ['cyclic', 'classifier', [0]],
    ['graft_legacy', 'classifier', [0]],
    ['graft', 'red', [0]],
    ['jumps', 'classifier', [0, 1, 2, 3]],
    ['nested', 'egress', [0]],
    ['nested_legacy', 'egress', [0]],
    ['shared', 'egress', [0]],
    ['shared_legacy', 'egress', [0]],
    ['verdicts', 'classifier', [0, 2, 0xffff_ffff]],
    ['verdicts', 'by_byte', [0]],
  ] as const)('%s, section %s', async (name, section, marks) => {
    const spec = tcObject(runtime, name, { section })
    const here = await runtime.load(spec)
    const kernel = await openKernel()
    const there = loadCollection(kernel, spec)
    try {
      for (const mark of marks) {
        const ctx = new Uint8Array(192)
        new DataView(ctx.buffer).setUint32(8, mark, true)
        const data = packet(2, 7, 1)
        const ours = here.program(spec.entry, 'sched_cls').testRun({ data, ctx })
        const theirs = program(there, spec.entry).testRun({ dataIn: data, ctxIn: ctx })
        const cb = (bytes: Uint8Array | undefined): number =>
          new DataView(bytes!.buffer, bytes!.byteOffset).getUint32(48, true)
        expect([ours.retval, cb(ours.ctx)]).toEqual([theirs.retval, cb(theirs.ctxOut)])
        // The bound on tail calls.
        if (name === 'cyclic') expect(cb(ours.ctx)).toBe(33)
      }
    } finally {
      there.close()
      kernel.close()
      here.close()
      for (const { path } of runtime.pins) await runtime.unpin(path)
    }
  })
})

const NS = `skeptc${process.pid}`
const inNs = (...args: readonly string[]): string =>
  execFileSync('ip', ['netns', 'exec', NS, ...args], { encoding: 'utf8' })
const near = Uint8Array.of(2, 0, 0, 0, 0, 1)

/** Sends frames out of v1, one process for all; one that a filter drops is an error of send. */
const sendAll = (frames: readonly Uint8Array[]): void => {
  const script = `import socket,sys
s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)
s.bind(("v1",0))
for f in sys.argv[1:]:
  try: s.send(bytes.fromhex(f))
  except OSError: pass`
  inNs('python3', '-c', script, ...frames.map((f) => Buffer.from(f).toString('hex')))
}
const batchOf = (frames: readonly Uint8Array[]): PacketBatch => {
  const batch = new PacketBatch()
  for (const frame of frames) batch.push(frame)
  return batch
}

/** A map that tc pinned in the namespace's own file system, which goes with each command: read by the running program. */
const mapOfProgram = (list: string, map: string): number[][] => {
  const id = /\bid (\d+)/.exec(list)![1]!
  const shown = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show', 'id', id], { encoding: 'utf8' }))
  const maps = (shown.map_ids as number[]).map((m) =>
    JSON.parse(execFileSync('bpftool', ['-j', 'map', 'show', 'id', String(m)], { encoding: 'utf8' })),
  )
  const found = maps.find((m) => m.name === map)!
  const dump = execFileSync('bpftool', ['-j', 'map', 'dump', 'id', String(found.id)], { encoding: 'utf8' })
  return (JSON.parse(dump) as { value: string[] }[]).map(({ value }) => {
    const bytes = Uint8Array.from(value, (v) => Number(v))
    return [...new Uint32Array(bytes.buffer)]
  })
}

describe.skipIf(reason !== '')(`a network namespace${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  beforeAll(() => {
    execFileSync('ip', ['netns', 'add', NS])
    inNs('ip', 'link', 'add', 'v0', 'address', '02:00:00:00:00:01', 'type', 'veth', 'peer', 'name', 'v1')
    inNs('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    for (const dev of ['v0', 'v1']) {
      inNs('ip', 'link', 'set', dev, 'up')
      inNs('tc', 'qdisc', 'add', 'dev', dev, 'clsact')
    }
  })
  afterAll(() => void spawnSync('ip', ['netns', 'del', NS]))

  const add = (dev: string, side: string, prio: number, ...words: readonly string[]): void =>
    void inNs('tc', 'filter', 'add', 'dev', dev, side, 'prio', String(prio), 'bpf', ...words)
  const show = (dev: string, side: string, prio: number): string =>
    inNs('tc', 'filter', 'show', 'dev', dev, side, 'prio', String(prio))

  it('verdicts and classes decide whether the next filter is asked, as here', async () => {
    const asked = [...Array(12).keys()].flatMap((v) => [packet(v), packet(v)])
    const count = async (directAction: boolean): Promise<number> => {
      const verdicts = tcObject(runtime, 'verdicts', { section: 'by_byte' })
      const counter = tcObject(runtime, 'shared', { section: 'egress' })
      const [device] = createDevicePair()
      const collections = [await runtime.load(verdicts), await runtime.load(counter)]
      const attach = (n: number, spec: TcSpec, priority: number, da: boolean) =>
        attachTc(collections[n]!.program(spec.entry, 'sched_cls'), device, {
          direction: 'egress',
          priority,
          directAction: da,
        })
      attach(0, verdicts, 1, directAction)
      const next = attach(1, counter, 2, true)
      await tcEgress(device).transmit(batchOf(asked))
      const { packets } = next.stats
      for (const collection of collections) collection.close()
      return packets
    }
    for (const da of [true, false]) {
      add('v1', 'egress', 1, ...(da ? ['da'] : []), 'obj', `${objects}verdicts.o`, 'sec', 'by_byte')
      add('v1', 'egress', 2, 'da', 'obj', `${objects}shared.o`, 'sec', 'egress')
      sendAll(asked)
      const [[counted]] = mapOfProgram(show('v1', 'egress', 2), 'counter') as [[number]]
      expect(counted).toBe(await count(da))
      expect(counted).toBeGreaterThan(1)
      inNs('tc', 'filter', 'del', 'dev', 'v1', 'egress')
    }
  })

  it('a packet has the same context on both sides', async () => {
    const from = (n: number): number[] => [2, 0, 0, 0, 1, n]
    const tagged = [0x81, 0x00, 0x20, 0x05, 0x88, 0xb5]
    const frames = [
      packet(...near, ...from(0)),
      packet(...near, ...from(1), ...tagged),
      packet(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...from(2)),
      packet(0x33, 0x33, 0, 0, 0, 1, ...from(3)),
      packet(...near, ...from(4), 0x88, 0xa8, 0x00, 0x07, ...tagged),
      packet(...near, ...from(5)).slice(0, 20),
    ]
    add('v1', 'egress', 1, 'da', 'obj', `${objects}fields.o`, 'sec', 'leaves')
    add('v0', 'ingress', 1, 'da', 'obj', `${objects}fields.o`, 'sec', 'arrives')
    sendAll(frames)
    const left = mapOfProgram(show('v1', 'egress', 1), 'fields').slice(16)
    const arrived = mapOfProgram(show('v0', 'ingress', 1), 'fields').slice(0, 16)

    const [v0, v1] = createDevicePair()
    const links: TcLink[] = []
    for (const [section, device, direction] of [
      ['arrives', v0, 'ingress'],
      ['leaves', v1, 'egress'],
    ] as const) {
      const spec = tcObject(runtime, 'fields', { section })
      const collection = await runtime.load(spec)
      const options = { direction, directAction: true }
      links.push(attachTc(collection.program(spec.entry, 'sched_cls'), device, options))
    }
    await tcEgress(v1).transmit(batchOf(frames))
    await v1.close()
    await links[0]!.done
    const map = await runtime.openPin('/sys/fs/bpf/tc/globals/fields')
    const ours = Array.from({ length: 32 }, (_, n) => {
      const value =
        'lookup' in map ? map.lookup(new Uint8Array(Uint32Array.of(n).buffer))! : new Uint8Array(64)
      return [...new Uint32Array(value.slice().buffer)]
    })
    // Packets of a packet socket belong to it as long as they stay in their name space.
    const own = (words: readonly number[]): readonly number[] => [...words.slice(0, 15), words[15]! & 1]
    expect(ours.slice(0, frames.length).map(own)).toEqual(arrived.slice(0, frames.length).map(own))
    expect(ours.slice(16, 16 + frames.length).map(own)).toEqual(left.slice(0, frames.length).map(own))
  })
})
