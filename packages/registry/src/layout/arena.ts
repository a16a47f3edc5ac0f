/**
 * A map of type `arena`: a window of max_entries pages at MAP_DATA, of which some are allocated. Byte offsets in the map's
 * header, from MAP_PRIVATE (128) on. Plain numbers, so that AssemblyScript imports this file too.
 */

/** u32: address of a byte for each page of the window: 1 where it is allocated. */
export const ARENA_PAGES = 128
/** u32: address of the free ranges, each ARENA_RANGE_SIZE bytes, in the order in which they came to be; how many; room for. */
export const ARENA_RANGES = 132
export const ARENA_RANGE_COUNT = 136
export const ARENA_RANGE_ROOM = 140
/**
 * Function-table slots: alloc_pages(map, address or 0, pages) → address or 0; free_pages(map, address, pages) → 0;
 * reserve_pages(map, address, pages) → errno (i32 all).
 */
export const ARENA_OP_ALLOC = 144
export const ARENA_OP_FREE = 148
export const ARENA_OP_RESERVE = 152

/** u32 first page, u32 last page. */
export const ARENA_RANGE_SIZE = 8
export const ARENA_PAGE_SIZE = 4096
