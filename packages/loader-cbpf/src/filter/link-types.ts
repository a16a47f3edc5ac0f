/** An offset that libpcap leaves open: whatever is loaded there lies outside the packet. */
export const NOT_SET = 0xffff_ffff

/**
 * How a link layer says what it carries: `field` is a 16-bit Ethernet type, `llc` an 802.2 header, and the others are
 * each their own (see generate-link-type.ts). `none`: nothing above the link layer can be told.
 */
export type TypeTest =
  | 'ethernet'
  | 'wlan'
  | 'llc'
  | 'sunatm'
  | 'sll'
  | 'raw'
  | 'ipv4'
  | 'ipv6'
  | 'ppp'
  | 'ppp-bsdos'
  | 'chdlc'
  | 'loopback'
  | 'pflog'
  | 'arcnet'
  | 'ltalk'
  | 'frelay'
  | 'juniper'
  | 'bacnet'
  | 'ipnet'
  | 'field'
  | 'none'

export interface LinkTypeEntry {
  /** The number in a capture file's header (LINKTYPE_). */
  readonly number: number
  /** The name, as tcpdump -L and -y spell it. */
  readonly name: string
  readonly test: TypeTest
  /** Where the link-layer header begins, if not at the packet's beginning. */
  readonly header: number
  /** Where the type is. */
  readonly type: number
  /** Where the payload of the link layer begins. */
  readonly payload: number
  /** From there, where the network layer begins: behind a SNAP header, and without one. */
  readonly network: number
  readonly networkNoSnap: number
  /** What stands before an 802.11 header; the payload's offset then depends on the packet. */
  readonly radio?: 'none' | 'prism' | 'avs' | 'radiotap' | 'ppi'
  /** How stations are addressed: the offsets of 6-byte addresses, or a way of its own. */
  readonly stations?: { readonly src: number; readonly dst: number } | 'wlan' | 'arcnet'
  /** `llc`, `vlan` and `mpls` are known there. */
  readonly llc?: true
  readonly vlan?: true
  readonly mpls?: true
  /** Filters on 802.11 frame types. */
  readonly frames?: true
  /** Byte order of the address family in front, if it is one: that of the machine that captured, or the network's. */
  readonly family?: 'host' | 'network'
  /** What `inbound` and `outbound` compare: load & mask is the value, or is not. */
  readonly direction?: {
    readonly offset: number
    readonly size: 1 | 2
    readonly mask?: number
    readonly inbound: number | { readonly not: number }
    readonly outbound: number | { readonly not: number }
  }
  /** Offsets in an SS7 signal unit (ITU-T Q.703, Q.704). */
  readonly ss7?: {
    readonly li: number
    readonly liHsl: number
    readonly sio: number
    readonly opc: number
    readonly dpc: number
    readonly sls: number
  }
}

type Extra = Omit<Partial<LinkTypeEntry>, 'number' | 'name'>

const entry = (
  number: number,
  name: string,
  test: TypeTest,
  type: number,
  payload: number,
  extra: Extra = {},
): LinkTypeEntry => ({ number, name, test, header: 0, type, payload, network: 0, networkNoSnap: 0, ...extra })

const LLC = { network: 8, networkNoSnap: 3 } as const
const WLAN = { ...LLC, stations: 'wlan', llc: true } as const
const ETHERNET_STATIONS = { stations: { src: 6, dst: 0 } } as const
const JUNIPER_DIRECTION = { offset: 3, size: 1, mask: 1, inbound: 1, outbound: 0 } as const
const OUTGOING = 4
const outgoing = (offset: number, size: 1 | 2): Extra => ({
  direction: { offset, size, inbound: { not: OUTGOING }, outbound: OUTGOING },
})

const wlan = (number: number, name: string, radio: NonNullable<LinkTypeEntry['radio']>): LinkTypeEntry =>
  entry(number, name, 'wlan', 24, 0, {
    ...WLAN,
    radio,
    ...(radio === 'ppi' ? {} : { frames: true, vlan: true }),
  })

const ethernet = (number: number, name: string, header: number, extra: Extra = {}): LinkTypeEntry =>
  entry(number, name, 'ethernet', header + 12, header + 14, {
    header,
    networkNoSnap: 3,
    ...ETHERNET_STATIONS,
    vlan: true,
    mpls: true,
    ...extra,
  })

const ss7 = (number: number, name: string, li: number): LinkTypeEntry =>
  entry(number, name, 'none', NOT_SET, NOT_SET, {
    network: NOT_SET,
    networkNoSnap: NOT_SET,
    ss7: { li, liHsl: li + 2, sio: li + 1, opc: li + 2, dpc: li + 2, sls: li + 5 },
  })

const juniper = (
  number: number,
  name: string,
  type: number,
  payload: number,
  network: number,
  networkNoSnap: number,
): LinkTypeEntry =>
  entry(number, `JUNIPER_${name}`, 'juniper', type, payload, {
    network,
    networkNoSnap,
    direction: JUNIPER_DIRECTION,
  })

/** Link types that a filter knows something about (https://www.tcpdump.org/linktypes.html). */
export const LINK_TYPES: readonly LinkTypeEntry[] = [
  entry(0, 'NULL', 'loopback', 0, 4, { family: 'host' }),
  ethernet(1, 'EN10MB', 0, { llc: true }),
  entry(6, 'IEEE802', 'llc', 14, 14, { ...LLC, stations: { src: 8, dst: 2 }, llc: true }),
  entry(7, 'ARCNET', 'arcnet', 2, 6, { stations: 'arcnet' }),
  entry(8, 'SLIP', 'raw', NOT_SET, 16, {
    direction: { offset: 0, size: 1, inbound: 0, outbound: { not: 0 } },
  }),
  entry(9, 'PPP', 'ppp', 2, 4, { mpls: true }),
  entry(10, 'FDDI', 'llc', 13, 13, { ...LLC, stations: { src: 7, dst: 1 }, llc: true }),
  entry(50, 'PPP_SERIAL', 'ppp', 2, 4),
  entry(51, 'PPP_ETHER', 'ppp', 6, 8),
  entry(99, 'SYMANTEC_FIREWALL', 'field', 6, 44),
  entry(100, 'ATM_RFC1483', 'llc', 0, 0, { ...LLC, llc: true }),
  entry(101, 'RAW', 'raw', NOT_SET, 0),
  entry(102, 'SLIP_BSDOS', 'raw', NOT_SET, 24),
  entry(103, 'PPP_BSDOS', 'ppp-bsdos', 5, 24),
  entry(104, 'C_HDLC', 'chdlc', 2, 4, { mpls: true }),
  wlan(105, 'IEEE802_11', 'none'),
  entry(106, 'ATM_CLIP', 'llc', 0, 0, LLC),
  entry(107, 'FRELAY', 'frelay', NOT_SET, 0),
  entry(108, 'LOOP', 'loopback', 0, 4, { family: 'network' }),
  entry(109, 'ENC', 'loopback', 0, 12, { family: 'host' }),
  entry(112, 'HDLC', 'chdlc', 2, 4, { mpls: true }),
  entry(113, 'LINUX_SLL', 'sll', 14, 16, outgoing(0, 2)),
  entry(114, 'LTALK', 'ltalk', NOT_SET, 0),
  entry(117, 'PFLOG', 'pflog', 0, 0, { direction: { offset: 60, size: 1, inbound: 1, outbound: 2 } }),
  wlan(119, 'PRISM_HEADER', 'prism'),
  entry(122, 'IP_OVER_FC', 'llc', 16, 16, { ...LLC, stations: { src: 10, dst: 2 } }),
  entry(123, 'SUNATM', 'sunatm', 4, 4, { ...LLC, llc: true }),
  wlan(127, 'IEEE802_11_RADIO', 'radiotap'),
  entry(129, 'ARCNET_LINUX', 'arcnet', 4, 8, { stations: 'arcnet' }),
  juniper(130, 'MLPPP', 4, 4, 0, NOT_SET),
  juniper(131, 'MLFR', 4, 4, 0, NOT_SET),
  juniper(132, 'ES', 6, NOT_SET, NOT_SET, NOT_SET),
  juniper(133, 'GGSN', 6, 12, 0, NOT_SET),
  juniper(134, 'MFR', 4, 4, 0, NOT_SET),
  juniper(135, 'ATM2', 8, 8, 0, 10),
  juniper(136, 'SERVICES', 12, NOT_SET, NOT_SET, NOT_SET),
  juniper(137, 'ATM1', 4, 4, 0, 10),
  entry(138, 'APPLE_IP_OVER_IEEE1394', 'field', 16, 18),
  ss7(139, 'MTP2_WITH_PHDR', 6),
  ss7(140, 'MTP2', 2),
  wlan(163, 'IEEE802_11_RADIO_AVS', 'avs'),
  juniper(164, 'MONITOR', 12, 12, 0, NOT_SET),
  entry(165, 'BACNET_MS_TP', 'bacnet', NOT_SET, NOT_SET, { network: NOT_SET, networkNoSnap: NOT_SET }),
  entry(166, 'PPP_PPPD', 'ppp', 2, 4, { direction: { offset: 0, size: 1, inbound: 0, outbound: 1 } }),
  juniper(167, 'PPPOE', 16, 14, 18, 21),
  juniper(168, 'PPPOE_ATM', 4, 6, 0, NOT_SET),
  juniper(178, 'ETHER', 16, 14, 18, 21),
  juniper(179, 'PPP', 4, 4, 0, NOT_SET),
  juniper(180, 'FRELAY', 4, 4, 0, NOT_SET),
  juniper(181, 'CHDLC', 4, 4, 0, NOT_SET),
  entry(182, 'MFR', 'none', NOT_SET, 0, { network: 4 }),
  juniper(183, 'VP', 18, NOT_SET, NOT_SET, NOT_SET),
  wlan(192, 'PPI', 'ppi'),
  juniper(194, 'ISM', 8, NOT_SET, NOT_SET, NOT_SET),
  ss7(197, 'ERF', 22),
  juniper(200, 'ST', 18, NOT_SET, NOT_SET, NOT_SET),
  entry(226, 'IPNET', 'ipnet', 1, 24, {
    networkNoSnap: NOT_SET,
    direction: { offset: 2, size: 2, inbound: 2, outbound: 1 },
  }),
  entry(228, 'IPV4', 'ipv4', NOT_SET, 0),
  entry(229, 'IPV6', 'ipv6', NOT_SET, 0),
  juniper(232, 'VS', 8, NOT_SET, NOT_SET, NOT_SET),
  juniper(233, 'SRX_E2E', 8, NOT_SET, NOT_SET, NOT_SET),
  juniper(234, 'FIBRECHANNEL', 8, NOT_SET, NOT_SET, NOT_SET),
  juniper(238, 'ATM_CEMIC', 8, NOT_SET, NOT_SET, NOT_SET),
  ethernet(240, 'NETANALYZER', 4),
  ethernet(241, 'NETANALYZER_TRANSPARENT', 12),
  entry(246, 'PFSYNC', 'none', NOT_SET, 4),
  entry(276, 'LINUX_SLL2', 'field', 0, 20, outgoing(10, 1)),
]

/** Names of link types whose packets only the link layer's bytes can be told from. */
const OTHERS: Readonly<Record<number, string>> = {
  143: 'DOCSIS',
  144: 'LINUX_IRDA',
  177: 'LINUX_LAPD',
  186: 'USB',
  187: 'BLUETOOTH_HCI_H4',
  189: 'USB_LINUX',
  190: 'CAN20B',
  191: 'IEEE802_15_4_LINUX',
  193: 'IEEE802_16_MAC_CPS_RADIO',
  195: 'IEEE802_15_4',
  196: 'SITA',
  198: 'RAIF1',
  199: 'IPMB_KONTRON',
  201: 'BLUETOOTH_HCI_H4_WITH_PHDR',
  202: 'AX25_KISS',
  209: 'IPMB_LINUX',
  215: 'IEEE802_15_4_NONASK_PHY',
  219: 'MPLS',
  220: 'USB_LINUX_MMAPPED',
  227: 'CAN_SOCKETCAN',
  230: 'IEEE802_15_4_NOFCS',
  239: 'NFLOG',
  247: 'INFINIBAND',
  248: 'SCTP',
  249: 'USBPCAP',
  253: 'NETLINK',
  258: 'PKTAP',
  271: 'VSOCK',
  283: 'IEEE802_15_4_TAP',
}

/** The numbers from which on every system means the same link type. */
const FIRST_COMMON = 104
const LAST_COMMON = 289

/** Numbers of a DLT_ that is not the LINKTYPE_ of the same link type, on Linux. */
const DLT: Readonly<Record<number, number>> = { 11: 100, 12: 101, 15: 102, 16: 103, 19: 106 }

const BY_NUMBER: ReadonlyMap<number, LinkTypeEntry> = new Map(LINK_TYPES.map((type) => [type.number, type]))

const UNKNOWN_PLACES = { network: NOT_SET, networkNoSnap: NOT_SET } as const

/** The link type of a LINKTYPE_ or DLT_ number; undefined where no filter is possible. */
export function linkTypeOf(number: number): LinkTypeEntry | undefined {
  const known = BY_NUMBER.get(DLT[number] ?? number)
  if (known !== undefined) return known
  if (!Number.isInteger(number) || number < FIRST_COMMON || number > LAST_COMMON) return undefined
  return entry(number, OTHERS[number] ?? `link type ${number}`, 'none', NOT_SET, NOT_SET, UNKNOWN_PLACES)
}

/** The number of a link type by its name, as in `EN10MB` or `DLT_EN10MB`; undefined if none is called so. */
export function linkTypeByName(name: string): number | undefined {
  const bare = name.toUpperCase().replace(/^(?:DLT|LINKTYPE)_/, '')
  const known = LINK_TYPES.find((type) => type.name === bare)?.number
  const other = Object.entries(OTHERS).find(([, one]) => one === bare)
  return known ?? (other && Number(other[0]))
}
