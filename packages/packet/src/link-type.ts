/** Link types by name, the values of pcap's and pcapng's LinkType field (https://www.tcpdump.org/linktypes.html). */
export const LINKTYPE: {
  readonly NULL: 0
  readonly ETHERNET: 1
  readonly RAW: 101
  readonly IEEE802_11: 105
  readonly LINUX_SLL: 113
  readonly IEEE802_11_RADIOTAP: 127
  readonly IPV4: 228
  readonly IPV6: 229
  readonly LINUX_SLL2: 276
} = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  IEEE802_11: 105,
  LINUX_SLL: 113,
  IEEE802_11_RADIOTAP: 127,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
}

/** A link type's name, or its number in words when it has none here. */
export const linkTypeName = (value: number): string =>
  Object.entries(LINKTYPE).find(([, number]) => number === value)?.[0] ?? `link type ${value}`
