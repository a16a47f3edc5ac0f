import { once } from 'node:events'
import { readFileSync, writeSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { isKernelAvailable, type KernelCollection, loadCollection, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CollectionSpec,
  control,
  createDefaultPlatform,
  createRuntime,
  createSocket,
  objectAddress,
  parseObject,
} from '../src/index.ts'
import { engines, packet } from './hostile-tools.ts'

// Programs that send from socket to socket by maps, and that keep values for sockets: here and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 60)
const available = await isKernelAvailable()
const kernelBtf = available.ok ? readFileSync('/sys/kernel/btf/vmlinux') : undefined
const platform = createDefaultPlatform()
const read = (name: string): CollectionSpec =>
  parseObject(readFileSync(new URL(`../testdata/${name}.o`, import.meta.url)), platform)
const zero = new Uint8Array(4)
const word = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

/** Bytes of a section of globals with these numbers in it. */
function globals(spec: CollectionSpec, values: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(spec.maps.find((m) => m.name.endsWith('.bss'))!.valueSize)
  const view = new DataView(bytes.buffer)
  for (const [name, numbers] of Object.entries(values)) {
    const { offset } = spec.variables.find((v) => v.name === name)!
    numbers.forEach((n, at) => {
      view.setUint32(offset + 4 * at, n, true)
    })
  }
  return bytes
}

const at = (spec: CollectionSpec, name: string): number => spec.variables.find((v) => v.name === name)!.offset
const bssOf = (spec: CollectionSpec): string => spec.maps.find((m) => m.name.endsWith('.bss'))!.name

const MOST = 32
const storage = read('sock_storage')
const steps = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: MOST })
const asked = (given: readonly number[]): Uint8Array =>
  globals(storage, { count: [given.length], steps: given })
const only = (...programs: string[]): CollectionSpec => ({
  ...storage,
  programs: storage.programs.filter(({ name }) => programs.includes(name)),
})

describe.skipIf(!kernelBtf).each(engines)('values for sockets, inodes and cgroups on %s', (engine) => {
  const options = { engine, ...(kernelBtf ? { kernelBtf } : {}) }
  const bss = bssOf(storage)

  it('bpf_sk_storage_get and bpf_sk_storage_delete give what the kernel gives', async () => {
    const kernel = await openKernel()
    using runtime = await createRuntime(options)
    using reference = loadCollection(kernel, only('of_socket'))
    const theirs = reference.programs.get('of_socket')!
    if (!theirs.ok) throw new Error(theirs.log)
    const here = await runtime.load(only('of_socket'))
    fc.assert(
      fc.property(steps, (given) => {
        here.map(bss).update(zero, asked(given))
        reference.maps.get(bss)!.update(zero, asked(given))
        const ran = here.program('of_socket').testRun({ data: packet })
        expect(ran.retval).toBe(theirs.testRun({ dataIn: packet }).retval)
        expect(here.map(bss).lookup(zero)).toEqual(reference.maps.get(bss)!.lookup(zero))
      }),
      { numRuns: RUNS },
    )
    kernel.close()
  })

  it.each([
    ['of_inode', 'inodes'],
    ['of_cgroup', 'cgroups'],
  ])('%s: as for sockets, by an object of the host', async (name, map) => {
    using runtime = await createRuntime(options)
    const { arena } = runtime
    const here = await runtime.load(only('of_socket', name))
    const block = arena.alloc(control.RUN_HEADER_SIZE + 64)
    const context = block + control.RUN_HEADER_SIZE
    const results = (given: readonly number[], run: () => unknown): Uint8Array => {
      here.map(bss).update(zero, asked(given))
      run()
      return here.map(bss).lookup(zero)!
    }
    fc.assert(
      fc.property(steps, (given) => {
        const owner = {}
        const address = objectAddress(arena, owner)
        arena.view.setBigUint64(context, BigInt(address), true)
        const mine = results(given, () => here.program(name).run(context))
        expect(mine).toEqual(results(given, () => here.program('of_socket').testRun({ data: packet })))
      }),
      { numRuns: RUNS },
    )
    arena.view.setBigUint64(context, 0n, true)
    results([0, 1, 4], () => here.program(name).run(context))
    const told = new DataView(here.map(bss).lookup(zero)!.buffer)
    const result = (n: number): bigint => told.getBigInt64(at(storage, 'results') + 8 * n, true)
    expect([result(0), result(1), result(2)]).toEqual([-1n, -1n, -22n])
    expect(here.map(map).type).toMatch(/storage$/)
    arena.free(block)
  })
})

const redirect = read('sock_redirect')
const INGRESS = 1

interface Case {
  readonly key: number
  readonly hashed: number
  readonly flags: number
}

const cases: readonly Case[] = [0, 1].flatMap((hashed) => [
  { key: 1, hashed, flags: 0 },
  { key: 3, hashed, flags: 0 },
  { key: 1, hashed, flags: 2 },
  { key: 1, hashed, flags: 0 },
  { key: 1, hashed, flags: INGRESS | 4 },
])

const ask = ({ key, hashed, flags }: Case): Uint8Array =>
  globals(redirect, { key: [key], hashed: [hashed], flags: [flags] })

/** Pairs of connected sockets: the clients' ends, and the servers'. */
async function connections(count: number) {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const clients: Socket[] = []
  const ends: Socket[] = []
  for (let n = 0; n < count; n++) {
    const accepted = once(server, 'connection')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(client, 'connect')
    clients.push(client)
    ends.push((await accepted)[0] as Socket)
  }
  const close = (): void => {
    for (const socket of [...clients, ...ends]) socket.destroy()
    server.close()
  }
  return { clients, ends, close }
}

const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd

/** What a program answers in the kernel for each case, and what came out at the other connection. */
async function storyThere(name: string, attach: string): Promise<{ results: bigint[]; text: string }> {
  const kernel = await openKernel()
  using loaded: KernelCollection = loadCollection(kernel, redirect)
  const program = loaded.programs.get(name)!
  if (!program.ok) throw new Error(program.log)
  const [byIndex, byKey] = [loaded.maps.get('by_index')!, loaded.maps.get('by_key')!]
  program.attachToMap(byIndex, attach)
  // A sender for each case: to one whose message was dropped the program's answer stays the same.
  const { clients, ends, close } = await connections(1 + cases.length)
  byIndex.update(word(1), word(fdOf(ends[0]!)))
  byKey.update(word(1), word(fdOf(ends[0]!)))
  const results: bigint[] = []
  const bss = loaded.maps.get(bssOf(redirect))!
  const state = (): DataView => new DataView(bss.lookup(zero)!.buffer)
  let text = ''
  clients[0]!.on('data', (data) => {
    text += data
  })
  for (const [n, one] of cases.entries()) {
    byIndex.update(word(0), word(fdOf(ends[n + 1]!)))
    bss.update(zero, ask(one))
    try {
      writeSync(fdOf((name === 'on_send' ? ends : clients)[n + 1]!), String.fromCharCode(97 + n))
    } catch (error) {
      // What a program drops, its sender is told of.
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    }
    while (state().getBigUint64(at(redirect, 'runs'), true) === 0n) await new Promise((r) => setTimeout(r, 1))
    results.push(state().getBigInt64(at(redirect, 'result'), true))
    const passed = results.filter((result) => result === 1n).length
    while (text.length < passed) await new Promise((r) => setTimeout(r, 1))
  }
  close()
  kernel.close()
  return { results, text }
}

describe.skipIf(!available.ok)('programs that choose a socket out of a map', () => {
  it.each([
    ['on_receive', 'sk_skb_stream_verdict'],
    ['on_send', 'sk_msg_verdict'],
  ])('%s: bpf_sk_redirect_map and _hash, bpf_msg_redirect_map and _hash', async (name, attach) => {
    const theirs = await storyThere(name, attach)
    for (const engine of engines) {
      using runtime = await createRuntime({ engine })
      const { arena } = runtime
      const here = await runtime.load(redirect)
      const sockets = [1, 2].map((port) =>
        createSocket(arena, { source: { address: Uint8Array.of(127, 0, 0, 1), port }, state: 1 }),
      )
      for (const [n, socket] of sockets.entries()) here.map('by_index').update(word(n), word(socket))
      here.map('by_key').update(word(1), word(sockets[1]!))
      const block = arena.alloc(control.RUN_HEADER_SIZE + 256)
      const context = block + control.RUN_HEADER_SIZE
      const bss = here.map(bssOf(redirect))
      let text = ''
      const results = cases.map((one, n) => {
        bss.update(zero, ask(one))
        arena.view.setUint32(context + control.RUN_REDIRECT, 0, true)
        const verdict = here.program(name).run(context)
        const chosen = arena.view.getUint32(context + control.RUN_REDIRECT_KEY, true)
        const sends = verdict === 1 && arena.view.getUint32(context + control.RUN_REDIRECT, true) === 3
        if (sends && chosen === sockets[1]) text += String.fromCharCode(97 + n)
        return new DataView(bss.lookup(zero)!.buffer).getBigInt64(at(redirect, 'result'), true)
      })
      expect({ results, text }, engine).toEqual(theirs)
      arena.free(block)
    }
    expect(theirs.text).toBe('adfi')
  })
})
