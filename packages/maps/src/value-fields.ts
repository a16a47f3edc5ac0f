import type { Arena } from '@skep/memory'
import {
  control,
  mapLayout as layout,
  type MapRefusal,
  type MapSpec,
  ownsAnything,
  readFieldRecord,
  type ValueField,
} from '@skep/registry'
import { refuse } from './check.ts'
import type { FreeFields } from './host-map-parts.ts'

/** map_check_btf: what programs may only read or only write has no special fields. */
export const checkFields = (
  { flags = 0 }: MapSpec,
  fields: readonly ValueField[] = [],
): MapRefusal | undefined =>
  fields.length > 0 && flags & (layout.BPF_F_RDONLY_PROG | layout.BPF_F_WRONLY_PROG)
    ? refuse('EACCES', 'BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude special fields in the value')
    : undefined

/** What marks a lock's word as an owner's tag (@skep/memory). */
const TAGGED = 0x8000_0000

/** The special fields of the map whose header is at an address. */
export function fieldsAt(arena: Arena, header: number): readonly ValueField[] {
  const record = arena.u32[(header + layout.MAP_FIELDS) >> 2]!
  return record === 0 ? [] : readFieldRecord(arena.view, record)
}

/** Zeroes the special fields of values that lie `stride` bytes apart: the host never sees what is in them. */
export function blankFields(bytes: Uint8Array, fields: readonly ValueField[], stride: number): Uint8Array {
  if (fields.length === 0) return bytes
  for (let value = 0; value < bytes.length; value += stride) {
    for (const { offset, size } of fields) bytes.fill(0, value + offset, value + offset + size)
  }
  return bytes
}

/** Writes a value at an address, all but its special fields. */
export function writeAround(
  u8: Uint8Array,
  address: number,
  value: Uint8Array,
  fields: readonly ValueField[],
): void {
  let from = 0
  for (const { offset, size } of [...fields].sort((a, b) => a.offset - b.offset)) {
    u8.set(value.subarray(from, offset), address + from)
    from = offset + size
  }
  u8.set(value.subarray(from), address + from)
}

/** Whether values of these fields have a lock that BPF_F_LOCK takes. */
export const hasSpinLock = (fields: readonly ValueField[]): boolean =>
  fields.some(({ kind }) => kind === 'bpf_spin_lock')

/**
 * What `copy` gives while this CPU, whose control block is given, holds the bpf_spin_lock of the value at an address, as a
 * program would. Undefined when its holder does not let go.
 */
export function withValueLock<T>(
  map: { readonly arena: Arena; readonly address: number },
  value: number,
  block: number | undefined,
  copy: () => T,
): T | undefined {
  const { arena, address } = map
  if (!arena.shared) return copy()
  const word = (value + arena.u32[(address + layout.MAP_SPIN_LOCK) >> 2]! - 1) >> 2
  const owner = (block === undefined ? 0 : arena.u32[(block + control.CTL_OWNER) >> 2]!) | TAGGED
  while (Atomics.compareExchange(arena.u32, word, 0, owner >>> 0) !== 0) {
    if (arena.exports.wait(word << 2) !== 0) return undefined
  }
  try {
    return copy()
  } finally {
    Atomics.store(arena.u32, word, 0)
  }
}

/**
 * Tells the map's operations what frees the special fields of a value, by its function-table slot; gives it back where there
 * is anything to free.
 */
export function placeFreeFields(
  map: { readonly arena: Arena; readonly address: number },
  fields: readonly ValueField[],
  free: FreeFields | undefined,
  slot: (fn: unknown, name: string, slot?: number) => number,
  opened: boolean,
): FreeFields | undefined {
  const word = (map.address + layout.MAP_FREE_FIELDS) >> 2
  if (free === undefined || (opened ? map.arena.u32[word] === 0 : !ownsAnything(fields))) return undefined
  const placed = slot(free, 'free_fields', opened ? map.arena.u32[word] : undefined)
  if (!opened) map.arena.u32[word] = placed
  return free
}
