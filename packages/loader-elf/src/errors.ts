export type ElfErrorCode =
  /** Other bytes than ELF. */
  | 'NOT_ELF'
  /** ELF for another machine or word size. */
  | 'NOT_BPF'
  /** An object of `-target bpfeb`. */
  | 'BIG_ENDIAN'
  /** Linked or a core file, not an object. */
  | 'NOT_RELOCATABLE'
  /** Something ends past the file. */
  | 'TRUNCATED'
  | 'BAD_SECTION'
  | 'BAD_SYMBOL'
  | 'BAD_RELOCATION'
  | 'BAD_FUNCTION'
  | 'BAD_MAP'
  /** .BTF or .BTF.ext is malformed and needed. */
  | 'BAD_BTF'
  /** A CO-RE relocation that cannot be applied. */
  | 'BAD_CORE'
  /** An undefined symbol that is neither kernel function, kernel variable nor configuration. */
  | 'BAD_EXTERN'
  /** Something that objects may hold and this loader does not take; the message names it. */
  | 'UNSUPPORTED'

export interface ElfPlace {
  /** Byte offset in the file, or in the section where one is named. */
  readonly offset?: number
  readonly section?: string
  readonly symbol?: string
  /** Slot of the function that `symbol` names, or of the section. */
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
    const text = where.length > 0 ? `${message} (${where.join(', ')})` : message
    // Names come from the object and may hold anything.
    super(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      text.replace(/[\u0000-\u001f\u007f]/g, '?').slice(0, 1000),
      cause === undefined ? undefined : { cause },
    )
    this.code = code
    this.place = place
  }
}
