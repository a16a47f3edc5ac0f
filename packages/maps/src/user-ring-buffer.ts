import type { MapHandle } from '@skep/registry'
import { mapLayout, ringLayout } from '@skep/registry'
import { MapError } from './errors.ts'
import { HostMap } from './host-map.ts'
import { Ring, recordLength } from './ring.ts'
import { userRingbuf } from './user-ringbuf.ts'
import { Waiter } from './waiter.ts'

/**
 * The writer of a `user_ringbuf` map. Throws MapError EINVAL for a map of another type, EBADF for a closed one. Records of
 * several writers of one thread stand in the order of their reservation; only one thread may write a ring.
 */
export function openUserRingBuffer(map: MapHandle): UserRingBuffer {
  const operation = 'openUserRingBuffer'
  if (!(map instanceof HostMap) || map.def.id !== userRingbuf.id)
    throw new MapError('EINVAL', map.name, operation, `the map is of type ${map.type}, not user_ringbuf`)
  if (map.closed) throw new MapError('EBADF', map.name, operation, 'the map is closed')
  return new UserRingBuffer(map)
}

/** A record that programs do not see before `submit`. */
export interface UserRecord {
  /** Its bytes in the arena, to be written; asked for anew after anything that may have allocated. */
  readonly bytes: Uint8Array
  /** Gives it to programs. */
  submit(): void
  /** Programs pass over it. */
  discard(): void
}

/** Records for bpf_user_ringbuf_drain: what libbpf's user_ring_buffer is to a process. */
export class UserRingBuffer {
  readonly map: HostMap
  readonly #ring: Ring
  readonly #waiter: Waiter
  /** A call of `fill` is under way. */
  #filling = false

  /** Use `openUserRingBuffer`. */
  constructor(map: HostMap) {
    this.map = map
    this.#ring = new Ring(map.arena, map.arena.view.getUint32(map.address + mapLayout.MAP_DATA, true))
    this.#waiter = new Waiter(map)
  }

  get closed(): boolean {
    return this.#waiter.closed
  }

  /** Bytes that programs have not taken, the records' headers (8 bytes each) and padding included. */
  get pending(): number {
    return this.closed ? 0 : this.#ring.available
  }

  #error(
    code: 'E2BIG' | 'ENOSPC' | 'EBADF' | 'EBUSY' | 'EINVAL',
    operation: string,
    detail: string,
  ): MapError {
    return new MapError(code, this.map.name, operation, detail)
  }

  /**
   * Room for a record of `size` bytes. Throws MapError E2BIG when it would not fit an empty ring, ENOSPC when programs have
   * not taken enough yet, EBADF when the map or the writer is closed.
   */
  reserve(size: number): UserRecord {
    return this.#record(this.#claim(size), size)
  }

  /** The address of a busy record's header. */
  #claim(size: number): number {
    this.#mayWrite()
    this.#check(size)
    const header = this.#ring.claim(size)
    if (header >= 0) return header
    throw this.#noRoom(size)
  }

  #mayWrite(): void {
    if (this.closed) throw this.#error('EBADF', 'reserve', 'the map or the writer is closed')
    if (this.#filling)
      throw this.#error('EBUSY', 'reserve', 'writeMany is filling records; write when it has returned')
  }

  #check(size: number): void {
    if (!Number.isInteger(size) || size < 0)
      throw this.#error('EINVAL', 'reserve', `a record has ${size} bytes; give a whole number`)
    const room = this.map.maxEntries
    // Larger numbers would wrap in `recordLength`.
    if (size > room || recordLength(size) > room)
      throw this.#error('E2BIG', 'reserve', `a record of ${size} bytes does not fit a ring of ${room}`)
  }

  /** What is wrong with a record that found no room. */
  #noRoom(size: number): MapError {
    this.#check(size)
    const free = this.map.maxEntries - this.pending
    return this.#error(
      'ENOSPC',
      'reserve',
      `a record of ${size} bytes needs ${recordLength(size)}, and ${free} are free until programs drain the ring`,
    )
  }

  #record(header: number, size: number): UserRecord {
    const { map } = this
    let open = true
    const end = (operation: string, discard: boolean): void => {
      if (map.closed) throw this.#error('EBADF', operation, 'the map is closed')
      if (!open) throw this.#error('EINVAL', operation, 'the record was submitted or discarded before')
      open = false
      this.#ring.commit(header, size, discard)
    }
    return {
      get bytes() {
        const at = header + ringLayout.RECORD_HEADER
        return open && !map.closed ? map.arena.u8.subarray(at, at + size) : new Uint8Array(0)
      },
      submit: () => end('submit', false),
      discard: () => end('discard', true),
    }
  }

  /** Reserves, copies and submits. Throws as `reserve`. */
  write(bytes: Uint8Array): void {
    this.#mayWrite()
    if (!this.#ring.write(bytes)) throw this.#noRoom(bytes.length)
  }

  /**
   * Writes up to `count` records of `size` bytes at once, as many as there is room for, and returns how many: the least for
   * each record. `fill` writes record `n` at `at` in `memory`, which is the whole arena, good during the call. Programs see
   * them when it returns; when `fill` throws, those before that one. Throws as `reserve`, but for ENOSPC.
   *
   *     requests.writeMany(16, 64, (memory, at, n) => memory.setUint32(at, n, true))
   */
  writeMany(size: number, count: number, fill: (memory: DataView, at: number, n: number) => unknown): number {
    this.#mayWrite()
    this.#check(size)
    const fitting = Math.max(0, Math.min(count, this.#ring.roomFor(size)))
    this.#filling = true
    try {
      this.#ring.writeMany(size, fitting, fill)
    } finally {
      this.#filling = false
    }
    return fitting
  }

  /**
   * As `write`, and waits for room until a program drains the ring; a drain with BPF_RB_NO_WAKEUP does not end the wait.
   * Throws MapError E2BIG, and EBADF when the map or the writer is closed meanwhile.
   */
  async send(bytes: Uint8Array): Promise<void> {
    for (;;) {
      try {
        this.write(bytes)
        return
      } catch (error) {
        if (!(error instanceof MapError) || error.code !== 'ENOSPC') throw error
      }
      await this.#waiter.wait()
    }
  }

  /** Ends waits; the map stays. */
  close(): void {
    this.#waiter.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
