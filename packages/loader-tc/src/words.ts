import { TcError } from './errors.ts'
import { scanInteger } from './scan-number.ts'

/** Whether a word stands for a longer one: iproute2 takes any beginning. */
export const matches = (word: string, whole: string): boolean => whole.startsWith(word)

/** A word that the command does not take, in tc's own words. */
export const badWords = (says: string, word: number, mend = ''): TcError =>
  new TcError('BAD_WORDS', says, { word }, mend)

/** The words of a command, read from left to right. */
export class Words {
  readonly #words: readonly string[]
  at: number

  constructor(words: readonly string[], at = 0) {
    this.#words = words
    this.at = at
  }

  get done(): boolean {
    return this.at >= this.#words.length
  }

  /** The word at hand; '' behind the last. */
  get word(): string {
    return this.#words[this.at] ?? ''
  }

  is(whole: string): boolean {
    return !this.done && matches(this.word, whole)
  }

  isExactly(...words: readonly string[]): boolean {
    return !this.done && words.includes(this.word)
  }

  /** Goes on to a word that must be there. Throws TcError BAD_WORDS. */
  next(): string {
    this.at++
    return this.need()
  }

  need(): string {
    if (this.done) throw badWords('Command line is not complete. Try option "help"', this.at)
    return this.word
  }

  /** The word at hand, and on to the next, if there is one. */
  take(): string {
    const word = this.need()
    this.at++
    return word
  }

  /** The word behind the one at hand, and on to what follows it. */
  takeNext(): string {
    this.next()
    return this.take()
  }

  bad(says: string, mend = ''): TcError {
    return badWords(says, this.at, mend)
  }

  /** Takes a u32 as strtoul with base 0 reads it. */
  takeNumber(says: string, most = 0xffff_ffff): number {
    const word = this.need()
    const found = scanInteger(word, 0)
    if (!found || found.end !== word.length || word.startsWith('-') || found.value > most)
      throw this.bad(says)
    this.at++
    return found.value
  }
}

/** TC_H_ROOT. */
const ROOT = 0xffff_ffff

/** A class id or handle, `MAJOR:MINOR` in hexadecimal, `root` or `none`; undefined for what is none. */
export function parseClassid(text: string): number | undefined {
  if (text === 'root') return ROOT
  if (text === 'none') return 0
  const found = /^(?:0x)?([0-9a-f]{0,8})(?:(:)(?:0x)?([0-9a-f]{0,8}))?$/i.exec(text)
  if (!found || text === '') return undefined
  const [, major, colon, minor] = found
  if (!colon) return major === '' ? undefined : Number.parseInt(major!, 16)
  const [high, low] = [Number.parseInt(major || '0', 16), Number.parseInt(minor || '0', 16)]
  return high > 0xffff || low > 0xffff ? undefined : high * 0x1_0000 + low
}

/** The same as tc prints it. */
export function formatClassid(id: number): string {
  if (id === ROOT) return 'root'
  if (id === 0) return 'none'
  const [major, minor] = [(id >>> 16).toString(16), (id & 0xffff).toString(16)]
  if (id >>> 16 === 0) return `:${minor}`
  return `${major}:${(id & 0xffff) === 0 ? '' : minor}`
}
