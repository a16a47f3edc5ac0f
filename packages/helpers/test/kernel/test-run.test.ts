import type { KernelError } from '@skep/linux'
import { type Arena, createArena } from '@skep/memory'
import {
  type ContextField,
  contextAllows,
  type ProgramTypeDef,
  SOCKET_LAYOUTS,
  type StructContext,
  skbLayout,
  type TestRunError,
  type TestRunInput,
  type TestRunOutput,
} from '@skep/registry'
import { describe, expect, it } from 'vitest'
import {
  exit,
  type Kernel,
  missing,
  movImm,
  named,
  openKernel,
  platform,
  program,
  type Slot,
} from './platform.ts'

// What a program finds in a context of BPF_PROG_TEST_RUN, and what comes back, here and in the kernel.

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits.replace(/\s/g, ''), 'hex'))
const host = '000000000000'
const source = '020000000001'
const ip4 = '4500002800010000400611110a0000010a000002 0050005100000001000000025002 2000abcd0000'
const ip6 = `6000000000140640${'20010db8000000000000000000000001'}${'20010db8000000000000000000000002'}${'00'.repeat(20)}`

const packets: Readonly<Record<string, Uint8Array>> = {
  'IPv4 to this host': hex(`${host}${source}0800${ip4}`),
  'IPv4 to everyone': hex(`ffffffffffff${source}0800${ip4}`),
  'IPv4, no more than its header': hex(`${host}${source}0800${ip4}`).subarray(0, 34),
  'IPv6 to a group': hex(`333300000001${source}86dd${ip6}`),
  'ARP to another host': hex(`020000000009${source}0806${'00'.repeat(28)}`),
  '802.2': hex(`${host}${source}0010aaaa0300${'00'.repeat(20)}`),
  '802.3 raw': hex(`${host}${source}0010ffff0300${'00'.repeat(20)}`),
  'an Ethernet header': hex(`${host}${source}1234`),
}
const packet = packets['IPv4 to this host']!

const typeNamed = (name: string): ProgramTypeDef => platform.programTypes.byName(name)!
/** Types over __sk_buff. */
const skbTypes = [...platform.programTypes].filter(
  (type) =>
    type.testRun &&
    type.context.kind === 'struct' &&
    type.context.name === '__sk_buff' &&
    type.name !== 'flow_dissector',
)

/** Runs `act` on the context where the program would run. */
function runHere(
  type: ProgramTypeDef,
  input: TestRunInput,
  act: (arena: Arena, context: number) => void = () => {},
): TestRunOutput {
  const arena = createArena()
  const run = type.testRun!(arena, input)
  act(arena, run.address)
  const output = run.finish()
  run.release()
  expect(arena.count).toBe(0)
  return output
}

const SIZE_CODE: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 }

interface Element {
  readonly name: string
  readonly offset: number
  readonly size: number
}

const elements = ({ name, offset, size, unit = size }: ContextField): Element[] =>
  Array.from({ length: size / unit }, (_, i) => ({
    name: `${name}[${i}]`,
    offset: offset + i * unit,
    size: unit,
  }))

/** Runs a program that keeps a number of its context in a map, and gives the number. */
function seenByKernel(kernel: Kernel, type: string, data: Uint8Array, load: readonly Slot[]): bigint {
  using map = kernel.createMap({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 })
  const store: readonly Slot[] = [[0x18, 2, 2, 0, map.fd], [0], [0x7b, 2, 6], movImm(0, 1), exit]
  const loaded = kernel.loadProgram({ type, insns: program(...load, ...store) })
  if (!loaded.ok) throw new Error(loaded.log)
  loaded.testRun({ dataIn: data })
  loaded.close()
  return Buffer.from(map.lookup(new Uint8Array(4))!).readBigUInt64LE()
}

const readNumber = (bytes: Uint8Array, { offset, size }: Element): bigint =>
  BigInt(`0x${Buffer.from(bytes.slice(offset, offset + size).reverse()).toString('hex')}`)

/** Its errno, or what it gave. */
function outcome<T>(act: () => T): T | string {
  try {
    return act()
  } catch (error) {
    const { errno } = error as KernelError | TestRunError
    if (!errno) throw error
    return errno
  }
}

const SK = 168
const unlessNull: readonly Slot[] = [[0x55, 1, 0, 2], movImm(0, 1), exit]

describe.skipIf(missing)(named('a test run over __sk_buff'), () => {
  it.each(Object.keys(packets))('has the numbers of the kernel for %s', async (name) => {
    using kernel = await openKernel()
    const data = packets[name]!
    const found: string[] = []
    for (const type of skbTypes) {
      const context = type.context as StructContext
      let bytes = new Uint8Array(0)
      runHere(type, { data }, (arena, at) => {
        bytes = arena.u8.slice(at, at + context.size)
      })
      for (const element of context.fields.filter((f) => !f.pointer).flatMap(elements)) {
        if (!contextAllows(context, element.offset, element.size, false, '')) continue
        const load: Slot = [0x61 | SIZE_CODE[element.size]!, 6, 1, element.offset]
        const theirs = seenByKernel(kernel, type.name, data, [load])
        const ours = readNumber(bytes, element)
        if (theirs !== ours) found.push(`${type.name}: ${element.name}: kernel ${theirs}, here ${ours}`)
      }
    }
    expect(found).toEqual([])
  })

  it.each(['IPv4 to this host', 'IPv6 to a group'])('has the socket of the kernel for %s', async (name) => {
    using kernel = await openKernel()
    const data = packets[name]!
    const type = typeNamed('cgroup_skb')
    let sock = new Uint8Array(0)
    runHere(type, { data }, (arena, at) => {
      const address = arena.view.getUint32(at + SK, true)
      sock = arena.u8.slice(address, address + SOCKET_LAYOUTS.sock.size)
    })
    const found: string[] = []
    for (const element of SOCKET_LAYOUTS.sock_common.fields.flatMap(elements)) {
      if (!contextAllows(SOCKET_LAYOUTS.sock_common, element.offset, element.size, false, '')) continue
      const load: readonly Slot[] = [[0x79, 1, 1, SK], ...unlessNull, [0x61, 6, 1, element.offset]]
      const theirs = BigInt.asUintN(32, seenByKernel(kernel, 'cgroup_skb', data, load))
      const ours = readNumber(sock, element)
      if (theirs !== ours) found.push(`${element.name}: kernel ${theirs}, here ${ours}`)
    }
    expect(found).toEqual([])
  })

  it('gives packet and context back as the kernel does', async () => {
    using kernel = await openKernel()
    const found: string[] = []
    const ctx = new Uint8Array(skbLayout.SK_BUFF_SIZE)
    const given = new DataView(ctx.buffer)
    given.setUint32(skbLayout.SKB_MARK, 5, true)
    given.setUint32(skbLayout.SKB_PRIORITY, 6, true)
    given.setUint32(skbLayout.SKB_INGRESS_IFINDEX, 7, true)
    given.setUint32(skbLayout.SKB_CB + 16, 8, true)
    given.setUint32(skbLayout.SKB_GSO_SEGS, 2, true)
    given.setUint32(skbLayout.SKB_GSO_SIZE, 700, true)
    given.setUint32(skbLayout.SKB_TSTAMP + 4, 9, true)
    for (const type of skbTypes) {
      const context = type.context as StructContext
      const writable = context.fields.filter((f) => f.write === true).flatMap(elements)
      const stores = writable.map(({ offset, size }): Slot => [0x63 | SIZE_CODE[size]!, 1, 2, offset])
      const loaded = kernel.loadProgram({
        type: type.id,
        insns: program(movImm(2, 3), ...stores, movImm(0, 1), exit),
      })
      if (!loaded.ok) throw new Error(loaded.log)
      const theirs = loaded.testRun({ dataIn: packet, ctxIn: ctx })
      loaded.close()
      const ours = runHere(type, { data: packet, ctx }, (arena, at) => {
        for (const { offset, size } of writable)
          arena.u8.fill(0, at + offset, at + offset + size)[at + offset] = 3
      })
      const same = (a: Uint8Array, b: Uint8Array | undefined): boolean =>
        Buffer.from(a).equals(b ?? new Uint8Array(0))
      if (!same(theirs.dataOut, ours.data)) found.push(`${type.name}: data`)
      if (!same(theirs.ctxOut, ours.ctx)) {
        found.push(
          `${type.name}: ctx: kernel ${Buffer.from(theirs.ctxOut).toString('hex')}, here ${Buffer.from(ours.ctx!).toString('hex')}`,
        )
      }
    }
    expect(found).toEqual([])
  })

  it('refuses the packets and contexts that the kernel refuses', async () => {
    using kernel = await openKernel()
    const found: string[] = []
    const inputs: TestRunInput[] = [0, 13, 14, 33, 34].map((length) => ({ data: packet.subarray(0, length) }))
    inputs.push(...[14, 53, 54].map((length) => ({ data: packets['IPv6 to a group']!.subarray(0, length) })))
    for (let at = 0; at < skbLayout.SK_BUFF_SIZE + 8; at++) {
      // No device of that number: the kernel's, where there are devices.
      if (at >= skbLayout.SKB_IFINDEX && at < skbLayout.SKB_IFINDEX + 4) continue
      const ctx = new Uint8Array(skbLayout.SK_BUFF_SIZE + 8)
      ctx[at] = 1
      inputs.push({ data: packet, ctx })
    }
    for (const type of skbTypes) {
      const loaded = kernel.loadProgram({ type: type.id, insns: program(movImm(0, 1), exit) })
      if (!loaded.ok) throw new Error(loaded.log)
      for (const input of inputs) {
        const theirs = outcome(() => {
          loaded.testRun({ dataIn: input.data, ...(input.ctx ? { ctxIn: input.ctx } : {}) })
          return 'fine'
        })
        const ours = outcome(() => {
          runHere(type, input)
          return 'fine'
        })
        if (theirs === ours) continue
        const what = input.ctx ? `ctx byte ${input.ctx.indexOf(1)}` : `${input.data.length} bytes`
        found.push(`${type.name}: ${what}: kernel ${theirs}, here ${ours}`)
      }
      loaded.close()
    }
    expect(found).toEqual([])
  })
})

describe.skipIf(missing)(named('a test run of a flow dissector'), () => {
  const FLOW_KEYS = 144
  const keysSize = 56

  it.each([
    [0, 0],
    [20, 30],
    [34, 20],
    [999, 1000],
  ])('gives the keys that the kernel gives for offsets %i and %i', async (nhoff, thoff) => {
    using kernel = await openKernel()
    const ctx = new Uint8Array(keysSize)
    ctx[48] = 3
    const loaded = kernel.loadProgram({
      type: 'flow_dissector',
      insns: program(
        [0x79, 2, 1, FLOW_KEYS],
        [0x6a, 2, 0, 0, nhoff],
        [0x6a, 2, 0, 2, thoff],
        movImm(0, 0),
        exit,
      ),
    })
    if (!loaded.ok) throw new Error(loaded.log)
    for (const data of Object.values(packets)) {
      const theirs = loaded.testRun({ dataIn: data, ctxIn: ctx })
      const ours = runHere(typeNamed('flow_dissector'), { data, ctx }, (arena, at) => {
        const keys = arena.view.getUint32(at + FLOW_KEYS, true)
        expect(
          arena.view.getUint32(at + skbLayout.SKB_DATA_END, true) -
            arena.view.getUint32(at + skbLayout.SKB_DATA, true),
        ).toBe(data.length)
        arena.view.setUint16(keys, nhoff, true)
        arena.view.setUint16(keys + 2, thoff, true)
      })
      expect(Buffer.from(ours.data!)).toEqual(Buffer.from(theirs.dataOut))
      expect(Buffer.from(ours.ctx!)).toEqual(Buffer.from(theirs.ctxOut))
    }
    loaded.close()
  })

  it('refuses a context with more than flags', () => {
    const ctx = new Uint8Array(keysSize)
    ctx[0] = 1
    expect(() => runHere(typeNamed('flow_dissector'), { data: packet, ctx })).toThrow(
      'ctx: only flags, bytes 48 to 51, may be given',
    )
  })
})

describe.skipIf(missing)(named('a test run without a packet'), () => {
  const sizes = [0, 8, 96, 97, 65535, 65536]

  it.each(['raw_tracepoint', 'syscall'])('takes and gives the contexts of the kernel: %s', async (name) => {
    using kernel = await openKernel()
    const type = typeNamed(name)
    const flags = type.sleepable === true ? 0x10 : 0
    const loaded = kernel.loadProgram({ type: name, flags, insns: program(movImm(0, 0), exit) })
    if (!loaded.ok) throw new Error(loaded.log)
    for (const size of sizes) {
      const ctx = new Uint8Array(size).fill(size)
      // The kernel takes a length without bytes for a mistake.
      const theirs = outcome(() => [...loaded.testRun(size > 0 ? { ctxIn: ctx } : {}).ctxOut])
      const ours = outcome(() => [...(runHere(type, { data: new Uint8Array(0), ctx }).ctx ?? [])])
      expect(ours, `${size} bytes`).toEqual(theirs)
    }
    expect(outcome(() => runHere(type, { data: packet }))).toBe(
      outcome(() => loaded.testRun({ dataIn: packet, ctxIn: new Uint8Array(8) })),
    )
    loaded.close()
  })
})
