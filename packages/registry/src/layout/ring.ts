/**
 * A ring of records in the arena: what a ring buffer map's MAP_DATA points to, and a perf event array's slots. Laid out as
 * the kernel maps one into a process (kernel/bpf/ringbuf.c): a page that the consumer writes, a page that producers write,
 * then the data. Positions are u64, only ever grow, and count bytes; a position modulo the ring's size is an offset. The
 * data's bytes are reserved twice, so that a record that begins before the end lies in one piece behind it. Plain numbers,
 * so that AssemblyScript imports this file too.
 */
export const RING_PAGE = 4096
/** u64: up to here everything was read. */
export const RING_CONSUMER = 0
/** u64: where the records end that the consumer has found last, not all of them read. */
export const RING_FOUND_END = 8
/** Pairs of u32, at most RING_MOST_FOUND of them: address and bytes of the records that the consumer has found. */
export const RING_FOUND = 64
export const RING_MOST_FOUND = 504
/** u64: up to here records are reserved. */
export const RING_PRODUCER = 4096
/** u64: before here no record is busy; it follows when somebody reserves. */
export const RING_PENDING = 4104
/** u32: the ring's bytes - 1; the bytes are a power of two. */
export const RING_MASK = 4112
/** u32: spin lock of the producers. */
export const RING_LOCK = 4116
/** u32: address of the header of the map that the ring belongs to. */
export const RING_MAP = 4120
/** u32: records that found no room; in a perf ring, since the last one that did. */
export const RING_LOST = 4124
/** u32: RING_MAGIC_VALUE, by which a ring is known. */
export const RING_MAGIC = 4128
/** u32: number of the CPU that a perf ring belongs to. */
export const RING_CPU = 4132
export const RING_DATA = 8192
export const RING_MAGIC_VALUE = 0x676e_6972

/** u32 at the start of a record: bytes of the sample, with RECORD_BUSY and RECORD_DISCARDED. The sample follows at 8. */
export const RECORD_LENGTH = 0
/**
 * u32: while the record is busy, pages from the ring's start to its header, and from RECORD_CPU_SHIFT on the CPU that reserved
 * it; in a perf ring afterwards, records lost before this one.
 */
export const RECORD_PAGES = 4
export const RECORD_CPU_SHIFT = 20
export const RECORD_HEADER = 8
/** BPF_RINGBUF_BUSY_BIT. */
export const RECORD_BUSY = 0x8000_0000
/** BPF_RINGBUF_DISCARD_BIT. */
export const RECORD_DISCARDED = 0x4000_0000

/** Flags of bpf_ringbuf_output, _submit and _discard. */
export const BPF_RB_NO_WAKEUP = 1
export const BPF_RB_FORCE_WAKEUP = 2

/** What bpf_ringbuf_query tells. */
export const BPF_RB_AVAIL_DATA = 0
export const BPF_RB_RING_SIZE = 1
export const BPF_RB_CONS_POS = 2
export const BPF_RB_PROD_POS = 3
