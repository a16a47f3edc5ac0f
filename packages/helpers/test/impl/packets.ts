import { encode, insn } from '@skep/isa'
import type { Kernel } from '@skep/linux'
import { prototypes } from '../../src/proto/index.ts'
import type { World } from './world.ts'

/** A helper on the packet; `buffer` stands for a small memory that steps share. */
export interface Step {
  readonly helper: string
  /** Behind the context. */
  readonly args: readonly (number | 'buffer')[]
}

export interface PacketOutcome {
  /** r0 of each step. */
  readonly results: readonly bigint[]
  readonly buffer: Uint8Array
  readonly packet: Uint8Array
}

export const BUFFER = 64
const zero = new Uint8Array(4)
const idOf = (helper: string): number => prototypes.find((p) => p.name === helper)!.id

/** Runs the steps in the kernel, in one program that returns `verdict`. */
export function stepsThere(
  kernel: Kernel,
  type: string,
  packet: Uint8Array,
  steps: readonly Step[],
  verdict: number,
): PacketOutcome {
  const size = BUFFER + 8 * steps.length
  using map = kernel.createMap({ type: 'array', keySize: 4, valueSize: size, maxEntries: 1 })
  map.update(
    zero,
    Uint8Array.from({ length: size }, (_, n) => (n < BUFFER ? n + 1 : 0)),
  )
  const value = (register: number, offset: number) =>
    insn.ld_imm64(register, (BigInt(offset) << 32n) | BigInt(map.fd), 2)
  const program = [
    insn.mov64_reg(6, 1),
    ...steps.flatMap(({ helper, args }, n) => [
      insn.mov64_reg(1, 6),
      ...args.flatMap((a, i) => (a === 'buffer' ? value(i + 2, 0) : insn.ld_imm64(i + 2, a))),
      insn.call_helper(idOf(helper)),
      ...value(1, BUFFER + 8 * n),
      insn.stx_dw(1, 0, 0),
    ]),
    insn.mov64_imm(0, verdict),
    insn.exit(),
  ]
  const loaded = kernel.loadProgram({ type, insns: encode(program), logLevel: 1 })
  if (!loaded.ok) throw new Error(`${loaded.errno}: ${loaded.log}`)
  const { dataOut } = loaded.testRun({ dataIn: packet })
  loaded.close()
  const after = map.lookup(zero)!
  const view = new DataView(after.buffer)
  return {
    results: steps.map((_, n) => view.getBigUint64(BUFFER + 8 * n, true)),
    buffer: after.slice(0, BUFFER),
    packet: dataOut.slice(),
  }
}

/** Runs the steps here on a context; `read` gives the packet as it is then. */
export function stepsHere(
  world: World,
  context: number,
  steps: readonly Step[],
  read: () => Uint8Array,
): PacketOutcome {
  const { arena } = world
  const buffer = arena.alloc(BUFFER)
  arena.u8.set(
    Uint8Array.from({ length: BUFFER }, (_, n) => n + 1),
    buffer,
  )
  const results = steps.map(({ helper, args }) =>
    world.call(helper, context, ...args.map((a) => (a === 'buffer' ? buffer : a))),
  )
  const outcome = { results, buffer: arena.u8.slice(buffer, buffer + BUFFER), packet: read() }
  arena.free(buffer)
  return outcome
}
