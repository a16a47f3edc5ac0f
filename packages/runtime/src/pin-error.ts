export type PinErrorCode =
  | 'BAD_PATH'
  | 'EXISTS'
  | 'ABSENT'
  | 'FOREIGN'
  | 'MISMATCH'
  | 'DAMAGED'
  | 'VERSION'
  | 'STORE'

/** The errno that bpf(2) or libbpf gives for it. */
const errnos: Readonly<Record<PinErrorCode, string>> = {
  BAD_PATH: 'EPERM',
  EXISTS: 'EEXIST',
  ABSENT: 'ENOENT',
  FOREIGN: 'EBADF',
  MISMATCH: 'EINVAL',
  DAMAGED: 'EIO',
  VERSION: 'EIO',
  STORE: 'EIO',
}

/**
 * Pinning failed. BAD_PATH: the path is none. EXISTS: something is pinned there. ABSENT: nothing is. FOREIGN: no open object of
 * this runtime was given. MISMATCH: another map than the one asked for is pinned there; `attributes` says what differs.
 * DAMAGED and VERSION: the stored bytes are not whole, or of a format that this version does not read. STORE: the store failed
 * (`cause`).
 */
export class PinError extends Error {
  override readonly name = 'PinError'
  readonly code: PinErrorCode
  readonly path: string
  readonly errno: string
  /** As bpf_map_info and its kin spell them: `value_size`, `max_entries`, …. Empty for all codes but MISMATCH. */
  readonly attributes: readonly string[]

  constructor(
    code: PinErrorCode,
    path: string,
    message: string,
    detail: { readonly attributes?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(`pin "${path}": ${message}`, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.path = path
    this.errno = errnos[code]
    this.attributes = detail.attributes ?? []
  }
}
