import type { MapHandle } from '@skep/registry'
import { arenaLayout, mapLayout } from '@skep/registry'
import { MapError } from './errors.ts'
import { HostMap } from './host-map.ts'
import type { AnyOp } from './map-operations.ts'
import type { ViewType } from './map-view.ts'

const PAGE = arenaLayout.ARENA_PAGE_SIZE

/** The pages of an `arena` map. Throws MapError EINVAL for a map of another type, EBADF for a closed one. */
export function openArenaWindow(map: MapHandle): ArenaWindow {
  if (!(map instanceof HostMap) || !map.operation('alloc_pages'))
    throw new MapError('EINVAL', map.name, 'openArenaWindow', `the map is of type ${map.type}, not arena`)
  if (map.closed) throw new MapError('EBADF', map.name, 'openArenaWindow', 'the map is closed')
  return new ArenaWindow(map)
}

/**
 * The host's side of an arena. An address is what a program's pointer holds: an offset in the runtime's memory, below 2^32;
 * `address` is that of the window's first byte.
 */
export class ArenaWindow {
  readonly map: HostMap
  /** Of the window's first page. */
  readonly address: number
  /** Pages of the window. */
  readonly pages: number

  /** Use `openArenaWindow`. */
  constructor(map: HostMap) {
    this.map = map
    this.address = map.arena.view.getUint32(map.address + mapLayout.MAP_DATA, true)
    this.pages = map.maxEntries
  }

  #call(op: AnyOp, address: number, pages: number): number {
    if (this.map.closed) throw this.#error('EBADF', op, 'the map is closed')
    return this.map.operation(op)!(this.map.address, address, pages)
  }

  #error(code: 'EBADF' | 'ENOMEM' | 'EINVAL' | 'EFAULT' | 'EBUSY', op: string, detail: string): MapError {
    return new MapError(code, this.map.name, op, detail)
  }

  /** Pages that are allocated. */
  get allocated(): number {
    return this.map.size
  }

  /** Whether the page of an address is allocated. */
  has(address: number): boolean {
    const page = Math.floor((address - this.address) / PAGE)
    if (!(page >= 0 && page < this.pages) || this.map.closed) return false
    const { u8, u32 } = this.map.arena
    return u8[u32[(this.map.address + arenaLayout.ARENA_PAGES) >> 2]! + page] !== 0
  }

  /**
   * Allocates zeroed pages, anywhere or at an address (a multiple of 4096), as bpf_arena_alloc_pages; returns the address of
   * the first. Throws MapError ENOMEM where there are not so many free pages in one piece, or not at that address.
   */
  alloc(pages: number, address = 0): number {
    const at = this.#call('alloc_pages', address, pages) >>> 0
    if (at === 0) {
      const where = address === 0 ? 'in one piece' : `at 0x${address.toString(16)}`
      throw this.#error(
        'ENOMEM',
        'alloc',
        `${pages} pages are not free ${where}; the window has ${this.pages}`,
      )
    }
    return at
  }

  /** Frees pages from the page of an address on: loads from them give 0, stores are lost. */
  free(address: number, pages: number): void {
    this.#call('free_pages', address, pages)
  }

  /** Keeps free pages from being allocated. Throws MapError EBUSY where one is not free, EINVAL outside the window. */
  reserve(address: number, pages: number): void {
    const result = this.#call('reserve_pages', address, pages)
    if (result === 0) return
    throw result === -22
      ? this.#error(
          'EINVAL',
          'reserve',
          `${pages} pages at 0x${address.toString(16)} are not all in the window`,
        )
      : this.#error('EBUSY', 'reserve', 'one of the pages is allocated or reserved')
  }

  /**
   * `length` elements at an address, in place, to read and write until the runtime's memory grows. As when a process touches
   * its mapping, pages that are not there are allocated. Throws MapError EFAULT outside the window, for a page that is
   * reserved, and with BPF_F_SEGV_ON_FAULT for one that is not there; EINVAL for an address that is not aligned.
   */
  view<T = Uint8Array>(
    address: number,
    length: number,
    type: ViewType<T> = Uint8Array as unknown as ViewType<T>,
  ): T {
    if (this.map.closed) throw this.#error('EBADF', 'view', 'the map is closed')
    const bytes = length * type.BYTES_PER_ELEMENT
    const end = address + bytes
    const text = `0x${address.toString(16)}`
    if (!(length >= 0) || address < this.address || end > this.address + this.pages * PAGE)
      throw this.#error('EFAULT', 'view', `${bytes} bytes at ${text} are not all in the window`)
    if (address % type.BYTES_PER_ELEMENT !== 0)
      throw this.#error('EINVAL', 'view', `${text} is no multiple of ${type.BYTES_PER_ELEMENT}`)
    for (let page = address - (address % PAGE); page < end; page += PAGE) {
      if (this.has(page)) continue
      const segv = this.map.flags & mapLayout.BPF_F_SEGV_ON_FAULT
      if (segv || this.#call('alloc_pages', page, 1) === 0)
        throw this.#error(
          'EFAULT',
          'view',
          segv
            ? `the page of 0x${page.toString(16)} is not allocated, and the map has BPF_F_SEGV_ON_FAULT`
            : `the page of 0x${page.toString(16)} is reserved`,
        )
    }
    return new type(this.map.arena.memory.buffer, address, length)
  }
}
