export type ArenaErrorCode = 'ENOMEM' | 'BAD_FREE' | 'EDEADLK' | 'EINVAL'

export interface ArenaErrorFields {
  /** Bytes that were asked for. */
  readonly size?: number
  readonly align?: number
  /** Bytes handed out at that moment, and the most that may be. */
  readonly used?: number
  readonly limit?: number
  /** The address that is not the start of a live allocation. */
  readonly address?: number
  /** The CPU whose worker holds the allocator's lock. */
  readonly cpu?: number
}

/**
 * - `ENOMEM`: the request does not fit under the arena's limit; fields size, align, used, limit
 * - `BAD_FREE`: the address begins no live allocation, because it was freed before or never allocated; field address
 * - `EDEADLK`: the allocator's lock belongs to a worker that is gone, or keeps it: make a new runtime; field cpu
 * - `EINVAL`: a size, alignment or option that means nothing
 */
export class ArenaError extends Error {
  override readonly name = 'ArenaError'
  readonly code: ArenaErrorCode
  readonly size: number | undefined
  readonly align: number | undefined
  readonly used: number | undefined
  readonly limit: number | undefined
  readonly address: number | undefined
  readonly cpu: number | undefined

  constructor(code: ArenaErrorCode, message: string, fields: ArenaErrorFields = {}) {
    super(`${code}: ${message}`)
    this.code = code
    this.size = fields.size
    this.align = fields.align
    this.used = fields.used
    this.limit = fields.limit
    this.address = fields.address
    this.cpu = fields.cpu
  }
}
