/**
 * Hash maps: what lies in the header's private part, from MAP_PRIVATE (128) on, and in an element. MAP_DATA holds the buckets
 * (u32, the first element of each, or its end), MAP_STRIDE the bytes of an element. Plain numbers, so that AssemblyScript
 * imports this file too.
 */

// A line of the cache that lookups read and nobody writes.
/** Buckets - 1. */
export const MASK = 128
/** As MAP_DATA, which lies in a line that updates write. */
export const BUCKETS = 132
/** An element's value is at its address + VALUE; in shared memory at its address * VALUE_SCALE + VALUE, modulo 2^32. */
export const VALUE = 136
export const VALUE_SCALE = 140
/** From one CPU's value to the next; 0 when there is one value. */
export const VALUE_STRIDE = 144
export const KIND = 148
/** Four u64 of the hash function, and what its sum begins with. */
export const SECRET = 152
export const SECRET_BASE = 184

// What updates read and write.
/** Elements that were freed, and how many of the slab were never used. */
export const FREED = 192
export const TAKEN = 196
/** BPF_F_NO_PREALLOC: elements that lie in FREED. */
export const FREED_COUNT = 204
/** All elements, or 0 with BPF_F_NO_PREALLOC. */
export const SLAB = 208
/** u32 for each CPU: the element that its next replacement uses. Not of an LRU. */
export const SPARES = 212
/** LRU, in the same word: the nodes of all elements (assembly/lru-list.ts). */
export const NODES = 212
/** All values, where they do not lie in the elements; else 0. */
export const VALUES = 216
/** Three u32 for setShape of VALUES. */
export const VALUE_SHAPE = 220

/** Where init finds the host's seed. */
export const SEED = 168

// An element: links, key (padded with zeros to 8 bytes), then its value or values, unless those lie elsewhere.
/** The next element of the bucket. */
export const NEXT = 0
/** FREED's link; for an LRU: USED or REFERENCED. */
export const STATE = 4
export const KEY = 8

// States of an LRU's element.
export const USED = 0
export const REFERENCED = 1
