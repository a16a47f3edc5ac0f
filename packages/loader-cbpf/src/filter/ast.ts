import type { Span } from './filter-error.ts'
import type { ArithmeticOperator } from './ir.ts'
import type { Protocol } from './protocols.ts'

export type Direction =
  | 'src'
  | 'dst'
  | 'src or dst'
  | 'src and dst'
  | 'addr1'
  | 'addr2'
  | 'addr3'
  | 'addr4'
  | 'ra'
  | 'ta'

export type AddressType = 'host' | 'net' | 'port' | 'portrange' | 'gateway' | 'proto' | 'protochain'

/** What stands before an address; each part may be left out. */
export interface Qualifier {
  readonly protocol: Protocol | undefined
  readonly direction: Direction | undefined
  readonly type: AddressType | undefined
  /** The words, as far as they are written here. */
  readonly span: Span
}

/** An address, port, protocol or name, as it is written. */
export type Id =
  | { readonly form: 'name'; readonly text: string; readonly span: Span }
  | { readonly form: 'number'; readonly value: number; readonly span: Span }
  | {
      readonly form: 'ipv4'
      readonly text: string
      readonly prefix: number | undefined
      readonly mask: string | undefined
      readonly span: Span
    }
  | { readonly form: 'ipv6'; readonly text: string; readonly prefix: number | undefined; readonly span: Span }
  | { readonly form: 'mac' | 'arcnet'; readonly text: string; readonly span: Span }

export type Arithmetic =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'len'; readonly span: Span }
  | {
      readonly kind: 'load'
      readonly protocol: Protocol
      readonly index: Arithmetic
      readonly size: number
      readonly sizeSpan: Span
      readonly span: Span
    }
  | { readonly kind: 'neg'; readonly value: Arithmetic; readonly span: Span }
  | {
      readonly kind: 'binary'
      readonly operator: ArithmeticOperator
      readonly left: Arithmetic
      readonly right: Arithmetic
      readonly span: Span
    }

export type Relation = '>' | '>=' | '=' | '<' | '<=' | '!='

export type Encapsulation = 'vlan' | 'mpls' | 'pppoes' | 'geneve' | 'vxlan'

export type ByteOperator = '=' | '<' | '>' | '&' | '|'

export type Node =
  | { readonly kind: 'and' | 'or'; readonly items: readonly Node[]; readonly span: Span }
  | { readonly kind: 'not'; readonly item: Node; readonly span: Span }
  | { readonly kind: 'id'; readonly qualifier: Qualifier; readonly id: Id; readonly span: Span }
  | { readonly kind: 'protocol'; readonly protocol: Protocol; readonly span: Span }
  | {
      readonly kind: 'relation'
      readonly relation: Relation
      readonly left: Arithmetic
      readonly right: Arithmetic
      readonly span: Span
    }
  | {
      readonly kind: 'broadcast' | 'multicast'
      readonly protocol: Protocol | undefined
      readonly span: Span
    }
  | { readonly kind: 'less' | 'greater'; readonly value: number; readonly span: Span }
  | {
      readonly kind: 'byte'
      readonly index: number
      readonly operator: ByteOperator
      readonly value: number
      readonly span: Span
    }
  | { readonly kind: 'inbound' | 'outbound' | 'pppoed'; readonly span: Span }
  | { readonly kind: 'ifindex'; readonly value: number; readonly span: Span }
  | {
      readonly kind: 'encapsulation'
      readonly name: Encapsulation
      readonly id: number | undefined
      readonly span: Span
    }
  | {
      readonly kind: 'pf-text'
      readonly field: 'ifname' | 'ruleset'
      readonly text: string
      readonly span: Span
    }
  | {
      readonly kind: 'pf-number'
      readonly field: 'rulenr' | 'subrulenr' | 'reason' | 'action'
      readonly value: number
      readonly span: Span
    }
  | { readonly kind: 'wlan-type'; readonly value: number; readonly mask: number; readonly span: Span }
  | { readonly kind: 'wlan-direction'; readonly value: number; readonly span: Span }
  | { readonly kind: 'llc'; readonly control: LlcControl | undefined; readonly span: Span }
  | { readonly kind: 'atm'; readonly name: string; readonly span: Span }
  | { readonly kind: 'mtp2'; readonly name: string; readonly span: Span }
  | {
      readonly kind: 'field'
      readonly family: 'atm' | 'mtp3'
      readonly name: string
      readonly relation: Relation
      readonly value: number
      readonly span: Span
    }

/** What an LLC control field is compared with: control & mask is value. */
export interface LlcControl {
  readonly value: number
  readonly mask: number
}
