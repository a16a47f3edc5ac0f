export type BtfErrorCode =
  | 'BAD_MAGIC'
  | 'BIG_ENDIAN'
  | 'TRUNCATED'
  | 'BAD_KIND'
  | 'BAD_TYPE'
  | 'BAD_STRING'
  | 'BAD_RECORD'

/** Malformed BTF or BTF.ext, with the byte offset where it was seen. */
export class BtfError extends Error {
  override readonly name = 'BtfError'
  readonly code: BtfErrorCode
  readonly offset: number

  constructor(code: BtfErrorCode, offset: number, message: string) {
    super(`${message} (offset ${offset})`)
    this.code = code
    this.offset = offset
  }
}
