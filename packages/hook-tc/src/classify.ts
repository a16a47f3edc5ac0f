import { skbLayout as skb } from '@skep/registry'
import { type ActionSubject, CHAIN_MASK, GOTO_CHAIN, runActions } from './actions.ts'
import { ETH_P_ALL, type Filter, type FilterTable } from './filter-table.ts'
import {
  TC_ACT_OK,
  TC_ACT_RECLASSIFY,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TC_ACT_UNSPEC,
} from './sched.ts'
import type { SkbRing } from './skb-ring.ts'

/** Verdicts that direct-action programs have (cls_bpf_exec_opcode, net/sched/cls_bpf.c); others count as TC_ACT_UNSPEC. */
const DIRECT: readonly number[] = [TC_ACT_OK, TC_ACT_SHOT, TC_ACT_STOLEN, TC_ACT_TRAP, TC_ACT_REDIRECT]
/** Times that a packet may begin anew (max_reclassify_loop, net/sched/cls_api.c). */
const MOST_ROUNDS = 16
const MAJOR = 0xffff_0000
const MINOR = 0xffff

export interface Classified {
  /** TC_ACT_*; TC_ACT_UNSPEC when no filter matched. */
  readonly verdict: number
  readonly classid: number
  /** The filter that decided. */
  readonly filter?: Filter
}

export const UNMATCHED: Classified = { verdict: TC_ACT_UNSPEC, classid: 0 }

/** Before a filter's program runs: the class that it begins with (cls_bpf_classify). */
export function begin(filter: Filter, packets: SkbRing, index: number): void {
  packets.put(index, skb.SKB_TC_CLASSID, filter.classid & MINOR)
}

/** What a filter makes of its program's result: undefined when the next filter is asked. */
export function judge(
  filter: Filter,
  result: number,
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): Classified | undefined {
  let verdict: number
  let classid: number
  if (filter.directAction) {
    // The kernel keeps 16 bits of what a program writes.
    classid = ((filter.classid & MAJOR) | (packets.word(index, skb.SKB_TC_CLASSID) & MINOR)) >>> 0
    verdict = DIRECT.includes(result) ? result : TC_ACT_UNSPEC
  } else {
    if (result === 0) return undefined
    classid = result === -1 ? filter.classid : result >>> 0
    verdict = runActions(filter.actions, subject)
  }
  if (verdict === TC_ACT_UNSPEC) return undefined
  filter.stats.matched++
  return { verdict, classid, filter }
}

/** Asks the filters of a hook about one packet, from chain 0 on (tcf_classify). */
export function classify(
  table: FilterTable,
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): Classified {
  const protocol = packets.protocol(index)
  let chain = 0
  for (let round = 0; round <= MOST_ROUNDS; round++) {
    const found = askChain(table, chain, protocol, packets, index, subject)
    if (found.verdict === TC_ACT_RECLASSIFY) continue
    if (found.verdict > 0 && (found.verdict & ~CHAIN_MASK) === GOTO_CHAIN) chain = found.verdict & CHAIN_MASK
    else return found
  }
  return { verdict: TC_ACT_SHOT, classid: 0 }
}

function askChain(
  table: FilterTable,
  chain: number,
  protocol: number,
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): Classified {
  for (const group of table.chain(chain)) {
    if (group.protocol !== ETH_P_ALL && group.protocol !== protocol) continue
    for (const filter of group.filters) {
      begin(filter, packets, index)
      filter.stats.packets++
      filter.stats.bytes += packets.word(index, skb.SKB_LEN)
      const result = judge(filter, subject.run(filter.program), packets, index, subject)
      if (result) return result
    }
  }
  return UNMATCHED
}
