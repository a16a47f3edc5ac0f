/**
 * What a CapturePump and its wasm module share: addresses and counters in the memory that both work on. Byte offsets of
 * u32 unless said. Plain numbers, so that AssemblyScript imports this file too.
 */

/** Where the next record begins, and where the bytes that were read end. */
export const PUMP_AT = 0
export const PUMP_END = 4
/** Packets in the batch now, and the most. */
export const PUMP_COUNT = 8
export const PUMP_CAPACITY = 12
/** Contexts: the first one's address, bytes from one to the next, bytes that lie below each. */
export const PUMP_CONTEXTS = 16
export const PUMP_STRIDE = 20
export const PUMP_HEADER = 24
/** What each context begins as, with what lies below it: PUMP_STRIDE bytes. */
export const PUMP_TEMPLATE = 28
/** Words of contexts that depend on the packet: pairs of offset and 4 × `FIELD_*`, and how many. */
export const PUMP_FIELDS = 32
export const PUMP_FIELD_COUNT = 36
/** Packets of the batch: a table of `PACKET_SIZE` bytes each, and their verdicts. */
export const PUMP_PACKETS = 40
export const PUMP_RESULTS = 44
/** Indexes of packets that need a look in JavaScript; `settle` writes them. */
export const PUMP_LISTED = 48
/** u32 × CLASSES × ACTIONS: packets by protocol and verdict. */
export const PUMP_COUNTS = 52
/** u64: captured bytes of packets. */
export const PUMP_BYTES = 56
/** pcap: 1 when the writer's byte order was the other one; nanoseconds in a unit of the fraction. */
export const PUMP_SWAPPED = 64
export const PUMP_UNIT = 68
export const PUMP_MAX_LENGTH = 72
/** Where the next packet to write goes, as a record of pcap. */
export const PUMP_OUT = 76
/** One of `LINK_*`. */
export const PUMP_LINK = 84
/** 1: a verdict is the number of bytes to keep. 0: PUMP_KEEP is the verdict of packets to keep. */
export const PUMP_BY_LENGTH = 88
export const PUMP_KEEP = 92
/** Bits of verdicts below 32 that need no look. */
export const PUMP_PLAIN = 96
/** pcapng: first of the section's interfaces in the table, how many there are in all, and the table (`INTERFACE_*`). */
export const PUMP_FIRST_INTERFACE = 100
export const PUMP_INTERFACE_COUNT = 104
export const PUMP_INTERFACES = 108
/** Packets of interfaces of another link type. */
export const PUMP_LEFT_OUT = 112
/** u64: the timestamp that the second PUMP_SECOND of interface PUMP_SECOND_OF begins with. */
export const PUMP_SECOND_BEGIN = 120
export const PUMP_SECOND = 128
export const PUMP_SECOND_OF = 132
/** u32 × 8: what fields may be of the packet at hand, by `FIELD_*`. */
export const PUMP_VALUES = 136
export const PUMP_SIZE = 192

export const PACKET_DATA = 0
export const PACKET_LENGTH = 4
export const PACKET_ORIGINAL_LENGTH = 8
export const PACKET_SECONDS = 12
export const PACKET_NANOS = 16
export const PACKET_SIZE = 32

/** Ticks of an interface's clock in a second; 0: the scanner must read its packets; OTHER_LINK: they are left out. */
export const INTERFACE_SIZE = 4
export const OTHER_LINK = 0xffff_ffff

export const FIELD_DATA = 0
export const FIELD_DATA_END = 1
export const FIELD_LENGTH = 2
export const FIELD_ORIGINAL_LENGTH = 3
/** Behind an Ethernet header. */
export const FIELD_NETWORK = 4
/** The EtherType, in network byte order. */
export const FIELD_PROTOCOL = 5
/** `skb->pkt_type` of a frame: 0 host, 1 broadcast, 2 multicast. */
export const FIELD_PACKET_TYPE = 6

export const LINK_OTHER = 0
export const LINK_ETHERNET = 1
export const LINK_IP = 2

/** Protocols that `settle` tells by itself; CLASS_UNKNOWN needs a look. */
export const CLASS_UNKNOWN = 0
export const CLASS_TCP = 1
export const CLASS_UDP = 2
export const CLASS_ICMP = 3
export const CLASS_ICMPV6 = 4
export const CLASS_ARP = 5
export const CLASSES = 6
/** Verdicts counted apart; greater ones count as 0. */
export const ACTIONS = 8

/** Why a scan stopped: the batch is full; no whole record is left; the scanner in JavaScript must have a look. */
export const STOP_FULL = 0
export const STOP_NEED = 1
export const STOP_LOOK = 2
