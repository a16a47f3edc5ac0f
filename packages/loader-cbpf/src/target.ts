import type { AncillaryName } from '@skep/isa'
import { type ContextField, type Platform, type StructContext, skBuff, xdpLayout } from '@skep/registry'
import { CbpfError } from './errors.ts'

/** What the translated program returns instead of the classic program's value. */
export interface FilterVerdicts {
  /** For any value but 0. */
  readonly accept: number
  /** For 0, and for loads outside the packet. */
  readonly reject: number
}

/** What a translation needs to know of a program type. */
export interface FilterTarget {
  readonly type: string
  readonly context: StructContext
  /** Programs may read the packet through pointers. */
  readonly direct: boolean
  /** ld_abs and ld_ind are allowed. */
  readonly legacyLoads: boolean
  readonly verdicts?: FilterVerdicts
}

/** struct xdp_md as far as filters read it. */
export const XDP_MD: StructContext = /* @__PURE__ */ xdpMd()

function xdpMd(): StructContext {
  const word = (name: string, offset: number): ContextField => ({ name, offset, size: 4 })
  return {
    kind: 'struct',
    name: 'xdp_md',
    size: xdpLayout.XDP_MD_SIZE,
    fields: [
      word('data', xdpLayout.XDP_DATA),
      word('data_end', xdpLayout.XDP_DATA_END),
      word('ingress_ifindex', xdpLayout.XDP_INGRESS_IFINDEX),
      word('rx_queue_index', xdpLayout.XDP_RX_QUEUE_INDEX),
    ],
    packet: { data: 'data', end: 'data_end' },
  }
}

/** The program types of Linux that filters are for. */
const TARGETS: readonly FilterTarget[] = [
  { type: 'socket_filter', context: skBuff, direct: false, legacyLoads: true },
  { type: 'sched_cls', context: skBuff, direct: true, legacyLoads: true },
  { type: 'sched_act', context: skBuff, direct: true, legacyLoads: true },
  // XDP_PASS and XDP_DROP
  { type: 'xdp', context: XDP_MD, direct: true, legacyLoads: false, verdicts: { accept: 2, reject: 1 } },
]

/** Finds a program type: among those of Linux that filters are for, else in the platform. */
export function targetOf(type: string, platform: Platform | undefined): FilterTarget {
  const own = TARGETS.find((target) => target.type === type)
  if (own !== undefined) return own
  const def = platform?.programTypes.byName(type)
  if (def === undefined) {
    const known = TARGETS.map((target) => target.type).join(', ')
    const where = platform === undefined ? '; give a platform for others' : ' and those of the platform'
    throw new CbpfError('BAD_OPTION', `no program type is called ${type}; known are ${known}${where}`)
  }
  if (def.context.kind !== 'struct') {
    throw new CbpfError('BAD_OPTION', `programs of type ${type} have no context with fields to filter by`)
  }
  return {
    type,
    context: def.context,
    direct: def.packetAccess !== undefined && def.packetAccess !== 'none' && def.context.packet !== undefined,
    legacyLoads: def.legacyLoads === true,
  }
}

/** The byte offset of a field of 32 bits that programs may read. */
export function fieldOffset({ context }: FilterTarget, name: string | undefined): number | undefined {
  return context.fields.find((field) => field.name === name && field.size === 4 && field.read !== false)
    ?.offset
}

/** Extensions whose value may be given as a constant, for contexts that do not have it. */
export type ConstantExtension = Exclude<AncillaryName, 'alu_xor_x' | 'nlattr' | 'nlattr_nest' | 'random'>

/** How Linux's extensions read in an eBPF program: a field of the context, by preference, or a helper by number. */
export type ExtensionSource =
  | {
      readonly kind: 'field'
      readonly names: readonly string[]
      /** The field holds 16 bits in network byte order. */
      readonly be16?: boolean
      /** The field that is 0 when the packet has no device, which ends the program with A. */
      readonly device?: string
    }
  | { readonly kind: 'helper'; readonly id: number }
  | { readonly kind: 'xor' }
  /** Linux gives eBPF programs nothing like it. */
  | { readonly kind: 'none' }

export const EXTENSIONS: Readonly<Record<AncillaryName, ExtensionSource>> = {
  protocol: { kind: 'field', names: ['protocol'], be16: true },
  pkttype: { kind: 'field', names: ['pkt_type'] },
  ifindex: { kind: 'field', names: ['ifindex', 'ingress_ifindex'], device: 'ifindex' },
  nlattr: { kind: 'none' },
  nlattr_nest: { kind: 'none' },
  mark: { kind: 'field', names: ['mark'] },
  queue: { kind: 'field', names: ['queue_mapping', 'rx_queue_index'] },
  hatype: { kind: 'none' },
  rxhash: { kind: 'field', names: ['hash'] },
  // get_smp_processor_id
  cpu: { kind: 'helper', id: 8 },
  alu_xor_x: { kind: 'xor' },
  vlan_tag: { kind: 'field', names: ['vlan_tci'] },
  vlan_tag_present: { kind: 'field', names: ['vlan_present'] },
  pay_offset: { kind: 'none' },
  // get_prandom_u32
  random: { kind: 'helper', id: 7 },
  vlan_tpid: { kind: 'field', names: ['vlan_proto'], be16: true },
}
