import type { RuntimeHost } from '@skep/registry'
import type { XdpProgram } from './attach.ts'
import { XDP_PASS } from './program-type.ts'
import type { XdpStats } from './stats.ts'

/** A program on a device. */
export interface Attached {
  program: XdpProgram
  /** Place among several programs; undefined for one that has the device for itself. */
  readonly priority: number | undefined
  /** Bits of the verdicts with which the next program is asked. */
  readonly chainCall: number
  readonly stats: XdpStats
  /** It is gone: another one took its place, or the device has no more packets. */
  readonly ended: (failure?: { readonly error: unknown }) => void
}

/** run_prio of a program that says nothing (libxdp). */
export const DEFAULT_PRIORITY = 50
/** Programs of one device at most, as libxdp's dispatcher has room for. */
export const MOST_PROGRAMS = 10

/** By priority, then by name, then by age: the order of libxdp's dispatcher. */
export const inOrder = (programs: readonly Attached[]): readonly Attached[] =>
  [...programs].sort(
    (a, b) =>
      (a.priority ?? 0) - (b.priority ?? 0) ||
      compare(a.program.name, b.program.name) ||
      a.program.id - b.program.id,
  )

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Runs several programs over packets, as a dispatcher does: one after the other while what they return is among their
 * `chainCall`; a packet that is through all of them passes. Notes who decided about each packet.
 */
export function runChain(
  { arena }: RuntimeHost,
  programs: readonly Attached[],
  packets: { readonly contexts: number; readonly results: number; readonly count: number },
  deciders: Uint8Array,
  lengths: Uint32Array,
): void {
  const { contexts, results, count } = packets
  for (let i = 0; i < count; i++) {
    let n = 0
    for (; n < programs.length; n++) {
      const { program, chainCall, stats } = programs[n]!
      stats.packets++
      stats.bytes += lengths[i]!
      program.runBatch(contexts + 4 * i, 1, results + 4 * i)
      const verdict = arena.u32[(results >> 2) + i]!
      if (verdict > 31 || ((chainCall >>> verdict) & 1) === 0) break
    }
    if (n === programs.length) {
      n--
      arena.u32[(results >> 2) + i] = XDP_PASS
    }
    deciders[i] = n
  }
}
