import { readFileSync } from 'node:fs'
import { assemble } from '@skep/isa'
import { PacketBatch } from '@skep/packet'
import {
  arg,
  type Collection,
  type CollectionSpec,
  codec,
  defineHelper,
  definePlugin,
  type MapSpec,
  type PluginDef,
  type ProgramSpec,
  parseElf,
  ret,
} from '../src/index.ts'

// What hosts, plugins and specs do wrong, by mistake or on purpose: a typed error or an event, nothing left behind, and
// the next run is right.

const testdata: URL = new URL('../../../apps/cli/testdata/', import.meta.url)
export const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, testdata)))
export const object = (name: string): CollectionSpec => parseElf(file(name))

export const program = (text: string, more: Partial<ProgramSpec> = {}): ProgramSpec => ({
  name: 'p',
  section: 'xdp',
  type: 'xdp',
  license: 'GPL',
  insns: assemble(text),
  references: [],
  functions: [],
  lines: [],
  ...more,
})

export const spec = (programs: readonly ProgramSpec[], maps: readonly MapSpec[] = []): CollectionSpec => ({
  programs,
  maps,
  variables: [],
  license: 'GPL',
  notes: [],
})

/** Marks the ld_imm64 at `insn` as one of map `map`. */
export function withMap(
  text: string,
  insn: number,
  map: string,
  more: Partial<ProgramSpec> = {},
): ProgramSpec {
  const made = program(text, { ...more, references: [{ insn, kind: 'map', map }] })
  made.insns[insn * 8 + 1]! |= 0x10
  return made
}

export const packet: Uint8Array = new Uint8Array(64)
export const engines = ['jit', 'interpreter'] as const
export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
export const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
}

export async function send(
  device: { transmit(b: PacketBatch): Promise<void> },
  ...packets: Uint8Array[]
): Promise<void> {
  const batch = new PacketBatch()
  for (const p of packets) batch.push(p)
  await device.transmit(batch)
}

/** Calls `call` with the packet's first byte, and passes. */
export const hook = (call: (n: number) => number): PluginDef =>
  definePlugin({
    name: 'acme',
    helpers: [
      defineHelper({
        name: 'acme_hook',
        id: 0x1_0001,
        args: [arg.scalar()],
        returns: ret.u32(),
        programTypes: ['xdp'],
        call,
      }),
    ],
  })

export const counter: MapSpec = { name: 'counter', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 }
/** Counts in `counter`, then calls the hook with the first byte of the packet, and returns what that returned. */
export const calling: CollectionSpec = spec(
  [
    withMap(
      `
      r7 = *(u32 *)(r1 + 0)
      r8 = *(u32 *)(r1 + 4)
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = 0 ll
      call 1
      if r0 == 0 goto +2
      r1 = 1
      lock *(u64 *)(r0 + 0) += r1
      r1 = r7
      r1 += 1
      r0 = 1
      if r1 > r8 goto +2
      r1 = *(u8 *)(r7 + 0)
      call 0x10001
      exit`,
      5,
      'counter',
    ),
  ],
  [counter],
)
export const counted = (collection: Collection): bigint =>
  collection.map('counter', { key: codec.u32, value: codec.u64 }).get(0)!
