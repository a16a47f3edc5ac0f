import { encode, insn } from '@skep/isa'
import type { Kernel } from '@skep/linux'
import { createDefaultPlatform } from '../src/index.ts'

// Programs of helpers on packets, and what they leave.

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
const platform = createDefaultPlatform()
const idOf = (helper: string): number => platform.helpers.byName(helper)!.id

/** What is in the map before: the buffer, then room for the results. */
export const firstValue = (steps: readonly Step[]): Uint8Array =>
  Uint8Array.from({ length: BUFFER + 8 * steps.length }, (_, n) => (n < BUFFER ? n + 1 : 0))

/** What a map's value and a packet tell after a run. */
export function outcomeOf(steps: readonly Step[], value: Uint8Array, packet: Uint8Array): PacketOutcome {
  const view = new DataView(value.buffer, value.byteOffset)
  return {
    results: steps.map((_, n) => view.getBigUint64(BUFFER + 8 * n, true)),
    buffer: value.slice(0, BUFFER),
    packet: packet.slice(),
  }
}

/** The steps as one program that returns `verdict`, and where it names addresses in the map's value. */
export function packetProgram(
  steps: readonly Step[],
  verdict: number,
): { insns: Uint8Array; values: readonly { readonly insn: number; readonly offset: number }[] } {
  const program = [insn.mov64_reg(6, 1)]
  const values: { insn: number; offset: number }[] = []
  const value = (register: number, offset: number): void => {
    values.push({ insn: encode(program).length / 8, offset })
    program.push(...insn.ld_imm64(register, 0n, 2))
  }
  for (const [n, { helper, args }] of steps.entries()) {
    program.push(insn.mov64_reg(1, 6))
    for (const [i, a] of args.entries()) {
      if (a === 'buffer') value(i + 2, 0)
      else program.push(...insn.ld_imm64(i + 2, a))
    }
    program.push(insn.call_helper(idOf(helper)))
    value(1, BUFFER + 8 * n)
    program.push(insn.stx_dw(1, 0, 0))
  }
  program.push(insn.mov64_imm(0, verdict), insn.exit())
  return { insns: encode(program), values }
}

/** Runs the steps in the kernel. */
export function stepsThere(
  kernel: Kernel,
  type: string,
  packet: Uint8Array,
  steps: readonly Step[],
  verdict: number,
): PacketOutcome {
  const first = firstValue(steps)
  using map = kernel.createMap({ type: 'array', keySize: 4, valueSize: first.length, maxEntries: 1 })
  map.update(zero, first)
  const { insns, values } = packetProgram(steps, verdict)
  const view = new DataView(insns.buffer, insns.byteOffset)
  for (const { insn: at, offset } of values) {
    view.setInt32(8 * at + 4, map.fd, true)
    view.setInt32(8 * at + 12, offset, true)
  }
  const loaded = kernel.loadProgram({ type, insns, logLevel: 1 })
  if (!loaded.ok) throw new Error(`${loaded.errno}: ${loaded.log}`)
  const { dataOut } = loaded.testRun({ dataIn: packet })
  loaded.close()
  return outcomeOf(steps, map.lookup(zero)!, dataOut)
}
