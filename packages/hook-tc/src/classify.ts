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

/** Before a filter's program runs: the class that it begins with (cls_bpf_classify). */
export function begin(filter: Filter, packets: SkbRing, index: number): void {
  packets.put(index, skb.SKB_TC_CLASSID, filter.classid & MINOR)
}

/** What a filter makes of its program's result: TC_ACT_UNSPEC when the next filter is asked. Notes the packet's class. */
export function judge(
  filter: Filter,
  result: number,
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): number {
  let verdict: number
  let classid: number
  if (filter.directAction) {
    // The kernel keeps 16 bits of what a program writes.
    classid = ((filter.classid & MAJOR) | (packets.word(index, skb.SKB_TC_CLASSID) & MINOR)) >>> 0
    verdict = DIRECT.includes(result) ? result : TC_ACT_UNSPEC
  } else {
    if (result === 0) return TC_ACT_UNSPEC
    classid = result === -1 ? filter.classid : result >>> 0
    verdict = runActions(filter.actions, subject)
  }
  if (verdict === TC_ACT_UNSPEC) return TC_ACT_UNSPEC
  filter.stats.matched++
  packets.classids[index] = classid
  return verdict
}

/** Asks the filters of a hook about one packet, from chain 0 on (tcf_classify). */
export function classify(
  table: FilterTable,
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): number {
  let chain = 0
  for (let round = 0; round <= MOST_ROUNDS; round++) {
    const found = askChain(table, chain, packets, index, subject)
    if (found === TC_ACT_RECLASSIFY) chain = 0
    else if (found > 0 && (found & ~CHAIN_MASK) === GOTO_CHAIN) chain = found & CHAIN_MASK
    else return found
  }
  packets.classids[index] = 0
  return TC_ACT_SHOT
}

function askChain(
  table: FilterTable,
  chain: number,
  packets: SkbRing,
  index: number,
  subject: ActionSubject,
): number {
  for (const group of table.chain(chain)) {
    // Programs may have changed it since.
    if (group.protocol !== ETH_P_ALL && group.protocol !== packets.protocol(index)) continue
    for (const filter of group.filters) {
      begin(filter, packets, index)
      filter.stats.packets++
      filter.stats.bytes += packets.word(index, skb.SKB_LEN)
      const result = judge(filter, subject.run(filter.program), packets, index, subject)
      if (result !== TC_ACT_UNSPEC) return result
    }
  }
  return TC_ACT_UNSPEC
}
