/**
 * What is wrong. `NO_SECTION` and `NO_PROGRAM`: the object lacks what was asked for. `BAD_MAP`: a `struct bpf_elf_map` that
 * is none. `TOO_MANY_MAPS`: more than 64. `NO_INNER_MAP`: a map of maps without a template. `BAD_SLOT`: a slot outside its
 * map. `BAD_LICENSE`: longer than 128 bytes. `BAD_PINNING`: a table of pinning scopes that is none. `BAD_BYTECODE`: a classic
 * program that tc does not read. `BAD_WORDS`: a command that tc does not take. `BAD_OPTION`: what a host gave is none.
 */
export type TcErrorCode =
  | 'NO_SECTION'
  | 'NO_PROGRAM'
  | 'BAD_MAP'
  | 'TOO_MANY_MAPS'
  | 'NO_INNER_MAP'
  | 'BAD_SLOT'
  | 'BAD_LICENSE'
  | 'BAD_PINNING'
  | 'BAD_BYTECODE'
  | 'BAD_WORDS'
  | 'BAD_OPTION'

export interface TcPlace {
  readonly section?: string
  readonly map?: string
  /** Index of the classic instruction. */
  readonly insn?: number
  /** Line of a text, counted from 1. */
  readonly line?: number
  /** Index of the word in the command. */
  readonly word?: number
}

const LONGEST = 1000

/** Names and words come from others and may hold anything. */
const clean = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\u0000-\u001f\u007f]/g, '?').slice(0, LONGEST)

/** What tc refuses: in its own words where it has some (`says`), then the place and the mend. */
export class TcError extends Error {
  override readonly name = 'TcError'
  readonly code: TcErrorCode
  readonly place: TcPlace
  /** What iproute2 prints, as far as it says something. */
  readonly says: string

  constructor(code: TcErrorCode, says: string, place: TcPlace = {}, mend = '', cause?: unknown) {
    const where = Object.entries(place).map(([what, value]) => `${what} ${value}`)
    const text = `${says}${where.length > 0 ? ` (${where.join(', ')})` : ''}${mend === '' ? '' : `; ${mend}`}`
    super(clean(text), cause === undefined ? undefined : { cause })
    this.code = code
    this.place = place
    this.says = clean(says)
  }
}
