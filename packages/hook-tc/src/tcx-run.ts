import { skbLayout as skb } from '@skep/registry'
import type { ActionSubject } from './actions.ts'
import type { TcProgram } from './attach.ts'
import type { TcFilterStats } from './filter-table.ts'
import { TC_ACT_OK, TC_ACT_REDIRECT, TC_ACT_SHOT, TC_ACT_UNSPEC } from './sched.ts'
import type { SkbRing } from './skb-ring.ts'

/** A program of tcx on a side of a device. */
export interface TcxEntry {
  program: TcProgram
  readonly stats: TcFilterStats
  /** The device has no more packets. */
  readonly ended: (failure?: { readonly error: unknown }) => void
}

/** enum tcx_action_base (include/uapi/linux/bpf.h). */
export const TCX_NEXT: number = TC_ACT_UNSPEC
export const TCX_PASS: number = TC_ACT_OK
export const TCX_DROP: number = TC_ACT_SHOT
export const TCX_REDIRECT: number = TC_ACT_REDIRECT
const DECIDED: readonly number[] = [TCX_PASS, TCX_DROP, TCX_REDIRECT]

/**
 * Asks tcx's programs about a packet until one returns something else than TCX_NEXT (tcx_run, tcx_action_code of
 * include/net/tcx.h). TCX_NEXT leaves the packet to the filters, and so does whatever else is no verdict of tcx.
 */
export function runTcx(
  entries: readonly TcxEntry[],
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): number {
  for (let n = 0; n < entries.length; n++) {
    const { program, stats } = entries[n]!
    stats.packets++
    stats.bytes += packets.word(index, skb.SKB_LEN)
    const result = subject.run(program)
    if (result === TCX_NEXT) continue
    if (!DECIDED.includes(result)) return TC_ACT_UNSPEC
    stats.matched++
    packets.classids[index] = packets.word(index, skb.SKB_TC_CLASSID) & 0xffff
    return result
  }
  return TC_ACT_UNSPEC
}
