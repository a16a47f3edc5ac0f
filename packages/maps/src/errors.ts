import type { ErrnoName } from '@skep/registry'

/** What the host may do about an errno; for what the operation itself does not know better. */
const mends: Readonly<Partial<Record<ErrnoName, string>>> = {
  E2BIG: 'the map is full, or the index is past max_entries; delete elements or raise max_entries',
  EBADF: 'give the address of a live object: a loaded program’s record, an open map’s header',
  ENODEV: 'there is no such CPU or device',
  EOVERFLOW: 'the value is larger than the map type takes',
  EBUSY: 'it was done before',
  EEXIST: 'an element of this key is there; use BPF_ANY or BPF_EXIST',
  EINVAL: 'the map type, its sizes or the flags do not allow it',
  ENOENT: 'no element of this key is there; use BPF_ANY or BPF_NOEXIST',
  ENOMEM: 'raise the runtime’s memory limit, or make maps smaller',
  ENOSPC: 'the map is full; delete elements or raise max_entries',
  ENOTSUPP: 'this map type has no such operation',
  EOPNOTSUPP: 'this map type has no such operation',
  EPERM: 'the map is frozen, or its flags keep the host from this',
}

/** An operation on a map failed; `code` is the errno that bpf(2) gives. */
export class MapError extends Error {
  override readonly name = 'MapError'
  readonly code: ErrnoName
  /** The map's name. */
  readonly map: string
  readonly operation: string
  readonly mend: string

  constructor(code: ErrnoName, map: string, operation: string, detail?: string) {
    const mend = detail ?? mends[code] ?? 'see bpf(2)'
    super(`map "${map}": ${operation}: ${code}: ${mend}`)
    this.code = code
    this.map = map
    this.operation = operation
    this.mend = mend
  }
}
