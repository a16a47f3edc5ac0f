import { checkClassic } from '@skep/isa'
import type { CollectionSpec } from '@skep/registry'
import { CbpfError, refusing } from './errors.ts'
import { type ClassicFormat, type ClassicInput, readClassic } from './parse-classic.ts'
import { type TranslateOptions, translateClassic } from './translate-classic.ts'

export interface ParseCbpfOptions extends TranslateOptions {
  /** The form of the input; found out from its beginning when absent. */
  readonly format?: ClassicFormat
}

/**
 * Reads a classic program in any of its forms, checks it as Linux does before it attaches one to a socket, and translates
 * it: a collection of one program. Pure.
 *
 * @throws CbpfError with the line and column, or the index of the classic instruction (and its line, where it has one)
 */
export function parseCbpf(input: ClassicInput, options: ParseCbpfOptions = {}): CollectionSpec {
  const { insns, lines } = readClassic(input, options.format)
  const lineOf = (insn: number): number | undefined => lines?.[insn]
  refusing(() => checkClassic(insns), lineOf)
  const program = placed(() => translateClassic(insns, options), lineOf)
  return {
    name: program.name,
    programs: [program],
    maps: [],
    variables: [],
    license: program.license,
    notes: [],
  }
}

/** Adds the line to what a translation refuses. */
function placed<T>(act: () => T, lineOf: (insn: number) => number | undefined): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof CbpfError) || error.insn === undefined || error.line !== undefined) throw error
    const line = lineOf(error.insn)
    if (line === undefined) throw error
    const fact = error.message.replace(/^insn \d+: /, '')
    throw new CbpfError(error.code, fact, { insn: error.insn, line }, error)
  }
}
