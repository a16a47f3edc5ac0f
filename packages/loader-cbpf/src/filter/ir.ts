// The intermediate form of a filter: what the pcap filter language becomes, and what classic and eBPF code are made from.
// All numbers are unsigned 32 bits, as in classic BPF. A load from outside the packet and a division by 0 end the filter at
// once: the packet is rejected, whatever stands around it (pcap-filter(7); net/core/filter.c, bpf_skb_load_helper_*).

/** Extensions at SKF_AD_OFF (linux/filter.h), for captures that are taken live. */
export type FilterExtension =
  | 'ifindex'
  | 'pkttype'
  | 'protocol'
  | 'vlan_tag'
  | 'vlan_tag_present'
  | 'vlan_tpid'

export type ArithmeticOperator = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' | 'lsh' | 'rsh'

export type FilterValue =
  | { readonly op: 'constant'; readonly value: number }
  /** The packet's length on the wire. */
  | { readonly op: 'length' }
  /** 1, 2 or 4 bytes in network byte order, at `offset` or `base + offset`. */
  | { readonly op: 'load'; readonly size: 1 | 2 | 4; readonly offset: number; readonly base?: FilterValue }
  /** 4 * (P[offset] & 15): the length of an IPv4 header, BPF_MSH. */
  | { readonly op: 'header'; readonly offset: number; readonly base?: FilterValue }
  | { readonly op: 'extension'; readonly name: FilterExtension }
  /** What `assign` gave the variable last; 0 before. */
  | { readonly op: 'variable'; readonly variable: number }
  /** Shifts by 32 and more give 0. */
  | { readonly op: ArithmeticOperator; readonly left: FilterValue; readonly right: FilterValue }
  | { readonly op: 'neg'; readonly value: FilterValue }

export type FilterCondition =
  | { readonly op: 'true' }
  | { readonly op: 'false' }
  /** Unsigned comparisons; `set`: left & right is not 0. */
  | { readonly op: 'eq' | 'gt' | 'ge' | 'set'; readonly left: FilterValue; readonly right: FilterValue }
  | { readonly op: 'not'; readonly condition: FilterCondition }
  /** From left to right, as far as is needed. */
  | { readonly op: 'all' | 'any'; readonly conditions: readonly FilterCondition[] }
  /** True; the variable has the value from here on. */
  | { readonly op: 'assign'; readonly variable: number; readonly value: FilterValue }
  /** True; before it is, `body` is done again as long as it is true. Ends where `body` is false, or a load is outside the packet. */
  | { readonly op: 'loop'; readonly body: FilterCondition }

/** What an expression means. */
export interface FilterProgram {
  readonly condition: FilterCondition
  /** How many variables there are: 0 to this, less one. */
  readonly variables: number
  /** What the filter returns for a packet that it accepts: its snapshot length in bytes. */
  readonly snaplen: number
  /**
   * libpcap does not optimise such a filter (behind 802.11 headers, in Geneve, with `protochain`), so that it never finds out
   * that one rejects all packets, and takes it.
   */
  readonly literal?: boolean
  /** Calculations that libpcap refuses where its optimiser comes to them. */
  readonly refusals?: ReadonlyMap<FilterValue, Error>
}
