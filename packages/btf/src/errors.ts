export type BtfErrorCode =
  /** The bytes are no BTF. */
  | 'BAD_MAGIC'
  /** A header field has no meaning. */
  | 'BAD_HEADER'
  /** Something ends past the data. */
  | 'TRUNCATED'
  /** A kind that Linux 6.18 does not know. */
  | 'BAD_KIND'
  /** A reference to a type that is not there, or a type that contains itself. */
  | 'BAD_TYPE'
  /** A name that is not in the string section, or strings that overlap past reason. */
  | 'BAD_STRING'
  /** A .BTF.ext record that is too small or does not fit. */
  | 'BAD_RECORD'
  /** A description that cannot be written as BTF. */
  | 'BAD_VALUE'

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
