import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attachSocketFilter } from '@skep/hook-socket/node'
import { attachXdp } from '@skep/hook-xdp'
import { attachToKernel, type KernelPoints, kernel, openKernel } from '@skep/linux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Collection, createRuntime, type Program, type Runtime } from '../src/index.ts'
import { missing, named, hooks as spec } from './hooks-object.ts'

// Programs at places of the running kernel where only this test's own runs, processes and sockets come by.

describe.skipIf(missing)(named('attached in the kernel'), () => {
  let runtime: Runtime
  let collection: Collection
  beforeAll(async () => {
    runtime = await createRuntime({ engine: kernel() })
    collection = await runtime.load(spec)
  })
  afterAll(() => runtime?.close())

  const counted = (): bigint => new DataView(collection.readGlobal('packets').buffer).getBigUint64(0, true)
  /** How often programs ran during that. */
  const during = async (act: () => unknown): Promise<number> => {
    const before = counted()
    await act()
    return Number(counted() - before)
  }
  const testRun = (): unknown => collection.program('trim').testRun({ data: new Uint8Array(64) })
  /** A program attached, what happens then, and what happens when the link is closed. */
  const attached = async <P extends keyof KernelPoints>(
    program: Program<KernelPoints[P]['program']>,
    point: P,
    target: KernelPoints[P]['target'],
    act: () => unknown,
  ): Promise<number[]> => {
    const link = attachToKernel(program, point, target)
    const open = await during(act)
    link.close()
    link.close()
    expect(link.closed).toBe(true)
    return [open, await during(act)]
  }

  it('raw tracepoints', async () => {
    const program = collection.program('finished', 'raw_tracepoint')
    expect(await attached(program, 'raw_tracepoint', { name: 'bpf_test_finish' }, testRun)).toEqual([2, 1])
    expect(() => attachToKernel(program, 'raw_tracepoint', { name: 'no_such' })).toThrow(
      /ENOENT.*no such tracepoint/,
    )
  })

  it('tracepoints, by a tracefs in a mount namespace of a child', async () => {
    const script = 'mount -t tracefs none /mnt && echo mounted && read line'
    const child = spawn('unshare', ['-m', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'ignore'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const tracefs = `/proc/${child.pid}/root/mnt`
    const program = collection.program('finished_too', 'tracepoint')
    const target = { name: 'bpf_test_run/bpf_test_finish', tracefs }
    expect(await attached(program, 'tracepoint', target, testRun)).toEqual([2, 1])
    expect(() => attachToKernel(program, 'tracepoint', { ...target, name: 'a/b' })).toThrow(/no a\/b under/)
    child.stdin.end()
    await new Promise((resolve) => child.once('exit', resolve))
  })

  it('functions of an executable', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-'))
    const path = join(folder, 'true')
    copyFileSync('/bin/true', path)
    const program = collection.program('started', 'kprobe')
    const run = (): unknown => spawnSync(path)
    expect(await attached(program, 'uprobe', { path, offset: entryOf(path) }, run)).toEqual([1, 0])
    rmSync(folder, { recursive: true })
  })

  it('perf events of this process', async () => {
    const program = collection.program('ticked', 'perf_event')
    const target = { period: 100_000, pid: process.pid }
    let sum = 0
    const spin = (): void => {
      for (let n = 0; n < 5_000_000; n++) sum = Math.imul(sum, 31) + n
    }
    const [open, closed] = await attached(program, 'perf_event', target, spin)
    expect(open).toBeGreaterThan(1)
    expect(closed).toBe(0)
    expect(() => attachToKernel(program, 'perf_event', {})).toThrow(/either a period or a frequency/)
  })

  it('control groups', async () => {
    const root = /^cgroup2 (\S+)|^\S+ (\S+) cgroup2/m.exec(readFileSync('/proc/mounts', 'latin1'))
    const path = join(root?.[2] ?? root?.[1] ?? '', `skep-test-${process.pid}`)
    mkdirSync(path)
    const say = 'ip link set lo up; echo hello > /dev/udp/127.0.0.1/9'
    const script = `echo $$ > ${path}/cgroup.procs; exec unshare -n bash -c '${say}; ${say}'`
    const act = (): unknown => spawnSync('bash', ['-c', script])
    const [open, closed] = await attached(collection.program('budget', 'cgroup_skb'), 'cgroup', { path }, act)
    rmdirSync(path)
    expect(open).toBeGreaterThanOrEqual(2)
    expect(closed).toBe(0)
  })

  it('sockets', async () => {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    const sender = createSocket('udp4')
    const got = (): Promise<number> =>
      new Promise((resolve) => {
        socket.once('message', ({ length }) => resolve(length))
        sender.send(new Uint8Array(100), socket.address().port, '127.0.0.1')
      })
    const link = attachSocketFilter(collection.program('trim', 'socket_filter'), socket)
    // The source port decides.
    const odd = sender.bind(0, '127.0.0.1')
    await new Promise<void>((resolve) => odd.once('listening', resolve))
    const dropped = (sender.address().port >> 8) & 1
    if (!dropped) expect(await got()).toBe(12)
    link.close()
    expect(await got()).toBe(100)
    socket.close()
    sender.close()
  })

  it('refuses what makes no sense before the kernel is asked', async () => {
    const xdp = collection.program('firewall', 'xdp')
    const device = { name: 'pcap0', receive() {}, transmit() {} } as never
    // @ts-expect-error a program of another type
    expect(() => attachToKernel(xdp, 'raw_tracepoint', { name: 'x' })).toThrow(
      /firewall is of type xdp, and raw_/,
    )
    expect(() => attachXdp(xdp, device, { rxQueue: 3 })).toThrow(/xdp.rxQueue: has no meaning/)
    expect(() => attachXdp(xdp, device)).toThrow(/device pcap0 is no interface/)
    expect(() => xdp.run(4096)).toThrow(/takes no context of this memory/)
    const own = await createRuntime()
    const ours = (await own.load(spec, { programs: ['firewall'] })).program('firewall', 'xdp')
    expect(() => attachToKernel(ours, 'xdp', { device })).toThrow(/engine: kernel\(\)/)
    own.close()
  })

  it('gives everything back', async () => {
    using watcher = await openKernel()
    // Others of the machine come and go meanwhile: only what was made here counts.
    const made: { kind: 'prog' | 'map' | 'link'; id: number }[] = []
    const left = () => made.filter(({ kind, id }) => watcher.ids(kind).includes(id))
    for (let round = 0; round < 3; round++) {
      const loaded = await runtime.load(spec)
      const link = attachToKernel(loaded.program('finished', 'raw_tracepoint'), 'raw_tracepoint', {
        name: 'bpf_test_finish',
      })
      made.push({ kind: 'link', id: link.info().id })
      for (const { id } of loaded.programs.values()) made.push({ kind: 'prog', id })
      for (const { id } of loaded.maps.values()) made.push({ kind: 'map', id })
      expect(left()).toEqual(made.slice(-(1 + loaded.programs.size + loaded.maps.size)))
      loaded.close()
      // The kernel frees programs when nobody can be running them.
      for (let tries = 0; left().length > 0 && tries < 200; tries++)
        await new Promise((resolve) => setTimeout(resolve, 5))
      expect(left()).toEqual([])
    }
  })
})

/** Where the first instruction of an executable is in its file. */
function entryOf(path: string): number {
  const elf = readFileSync(path)
  const entry = elf.readBigUInt64LE(24)
  for (let n = 0, at = Number(elf.readBigUInt64LE(32)); n < elf.readUInt16LE(56); n++, at += 56) {
    const [from, virtual, size] = [
      elf.readBigUInt64LE(at + 8),
      elf.readBigUInt64LE(at + 16),
      elf.readBigUInt64LE(at + 32),
    ]
    if (elf.readUInt32LE(at) === 1 && entry >= virtual && entry < virtual + size)
      return Number(entry - virtual + from)
  }
  throw new Error(`${path} has no entry`)
}
