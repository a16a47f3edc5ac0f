export type ElfErrorCode =
  | 'NOT_ELF'
  | 'NOT_BPF'
  | 'BIG_ENDIAN'
  | 'NOT_RELOCATABLE'
  | 'TRUNCATED'
  | 'BAD_SECTION'
  | 'BAD_SYMBOL'
  | 'BAD_RELOCATION'
  | 'BAD_FUNCTION'
  | 'BAD_MAP'
  | 'BAD_BTF'
  | 'UNSUPPORTED'

export interface ElfPlace {
  /** Byte offset in the file. */
  readonly offset?: number
  readonly section?: string
  readonly symbol?: string
  /** Slot in the section or program. */
  readonly insn?: number
}

/** An object that cannot be loaded: where, the decisive fact and, where one exists, the mend. */
export class ElfError extends Error {
  override readonly name = 'ElfError'
  readonly code: ElfErrorCode
  readonly place: ElfPlace

  constructor(code: ElfErrorCode, message: string, place: ElfPlace = {}, cause?: unknown) {
    const where = [
      place.section === undefined ? '' : `section ${place.section}`,
      place.symbol === undefined ? '' : `symbol ${place.symbol}`,
      place.insn === undefined ? '' : `insn ${place.insn}`,
      place.offset === undefined ? '' : `offset ${place.offset}`,
    ].filter((s) => s !== '')
    super(
      where.length > 0 ? `${message} (${where.join(', ')})` : message,
      cause === undefined ? undefined : { cause },
    )
    this.code = code
    this.place = place
  }
}
