import { type ElfSymbol, STB } from '../elf.ts'
import { ElfError } from '../errors.ts'
import type { LinkInput } from './input.ts'
import { ONCE } from './sections.ts'

/** A symbol of one of the objects. */
export interface InputSymbol {
  readonly input: LinkInput
  readonly symbol: ElfSymbol
}

/** A global symbol of the result. */
export interface GlobalSymbol extends InputSymbol {
  /** Hidden in one of the objects: hidden in the result. */
  readonly hidden: boolean
}

const isOnce = ({ input, symbol }: InputSymbol): boolean =>
  ONCE.includes(input.elf.sections[symbol.section]?.name ?? '')
const isDefined = ({ symbol }: InputSymbol): boolean => symbol.section !== 0
const isWeak = ({ symbol }: InputSymbol): boolean => symbol.binding === STB.WEAK

/**
 * Which definition each global name has: a strong one before weak ones, the first of weak ones, and where there is none a
 * declaration, a strong one before weak ones. Throws ElfError for two strong definitions.
 */
export function resolveGlobals(inputs: readonly LinkInput[]): Map<string, GlobalSymbol> {
  const out = new Map<string, GlobalSymbol>()
  for (const input of inputs) {
    for (const symbol of input.elf.symbols) {
      if (symbol.binding === STB.LOCAL || symbol.name === '') continue
      const next = { input, symbol, hidden: symbol.hidden }
      const known = out.get(symbol.name)
      if (!known) {
        out.set(symbol.name, next)
        continue
      }
      const better = isBetter(known, next) ? next : known
      out.set(symbol.name, { ...better, hidden: known.hidden || next.hidden })
    }
  }
  return out
}

function isBetter(known: InputSymbol, next: InputSymbol): boolean {
  if (isDefined(known) !== isDefined(next)) return isDefined(next)
  if (isDefined(known) && !isWeak(known) && !isWeak(next)) {
    if (isOnce(known) && isOnce(next)) return false
    throw new ElfError(
      'BAD_SYMBOL',
      `${known.input.name} and ${next.input.name} both define it; make one static or __weak`,
      { symbol: next.symbol.name },
    )
  }
  return isWeak(known) && !isWeak(next)
}
