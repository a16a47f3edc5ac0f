import type { MapHandle } from '@skep/registry'
import { mapLayout, ringLayout as ring } from '@skep/registry'
import { MapError } from './errors.ts'
import { HostMap } from './host-map.ts'
import { userRingbuf } from './user-ringbuf.ts'
import { Waiter } from './waiter.ts'

const up8 = (n: number): number => (n + 7) & ~7

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
  readonly #ring: number
  readonly #waiter: Waiter

  /** Use `openUserRingBuffer`. */
  constructor(map: HostMap) {
    this.map = map
    this.#ring = map.arena.view.getUint32(map.address + mapLayout.MAP_DATA, true)
    this.#waiter = new Waiter(map)
  }

  get closed(): boolean {
    return this.#waiter.closed
  }

  /** Bytes that programs have not taken, the records' headers (8 bytes each) and padding included. */
  get pending(): number {
    if (this.closed) return 0
    return Number(this.#position(ring.RING_PRODUCER) - this.#position(ring.RING_CONSUMER))
  }

  #position(offset: number): bigint {
    const { arena } = this.map
    const at = this.#ring + offset
    return arena.shared
      ? Atomics.load(new BigUint64Array(arena.memory.buffer), at >> 3)
      : arena.view.getBigUint64(at, true)
  }

  #tell(at: number, word: number): void {
    const { arena } = this.map
    if (arena.shared) Atomics.store(arena.u32, at >> 2, word)
    else arena.u32[at >> 2] = word
  }

  #error(code: 'E2BIG' | 'ENOSPC' | 'EBADF' | 'EINVAL', operation: string, detail: string): MapError {
    return new MapError(code, this.map.name, operation, detail)
  }

  /**
   * Room for a record of `size` bytes. Throws MapError E2BIG when it would not fit an empty ring, ENOSPC when programs have
   * not taken enough yet, EBADF when the map or the writer is closed.
   */
  reserve(size: number): UserRecord {
    if (this.closed) throw this.#error('EBADF', 'reserve', 'the map or the writer is closed')
    if (!Number.isInteger(size) || size < 0)
      throw this.#error('EINVAL', 'reserve', `a record has ${size} bytes; give a whole number`)
    const room = this.map.maxEntries
    const length = up8(size + ring.RECORD_HEADER)
    if (size > room || length > room)
      throw this.#error('E2BIG', 'reserve', `a record of ${size} bytes does not fit a ring of ${room}`)
    if (length > room - this.pending) {
      const free = room - this.pending
      throw this.#error(
        'ENOSPC',
        'reserve',
        `a record of ${size} bytes needs ${length}, and ${free} are free until programs drain the ring`,
      )
    }
    const { arena } = this.map
    const position = this.#position(ring.RING_PRODUCER)
    const header = this.#ring + ring.RING_DATA + Number(position % BigInt(room))
    this.#tell(header, (size | ring.RECORD_BUSY) >>> 0)
    arena.u32[(header >> 2) + 1] = 0
    const after = position + BigInt(length)
    const at = this.#ring + ring.RING_PRODUCER
    if (arena.shared) Atomics.store(new BigUint64Array(arena.memory.buffer), at >> 3, after)
    else arena.view.setBigUint64(at, after, true)
    return this.#record(header, size)
  }

  #record(header: number, size: number): UserRecord {
    const { map } = this
    let open = true
    const end = (operation: string, word: number): void => {
      if (map.closed) throw this.#error('EBADF', operation, 'the map is closed')
      if (!open) throw this.#error('EINVAL', operation, 'the record was submitted or discarded before')
      open = false
      this.#tell(header, word)
    }
    return {
      get bytes() {
        const at = header + ring.RECORD_HEADER
        return open && !map.closed ? map.arena.u8.subarray(at, at + size) : new Uint8Array(0)
      },
      submit: () => end('submit', size),
      discard: () => end('discard', (size | ring.RECORD_DISCARDED) >>> 0),
    }
  }

  /** Reserves, copies and submits. Throws as `reserve`. */
  write(bytes: Uint8Array): void {
    const record = this.reserve(bytes.length)
    record.bytes.set(bytes)
    record.submit()
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
