import { type Btf, BtfError, type BtfExt, parseBtf, parseBtfExt } from '@skep/btf'
import { contents, type ElfObject, isUndefined } from './elf.ts'
import { ElfError } from './errors.ts'

/** What .BTF and .BTF.ext say, as the compiler wrote them. */
export interface CompilerTypes {
  readonly btf: Btf | undefined
  readonly ext: BtfExt | undefined
}

const failure = (error: BtfError, section: string): ElfError =>
  new ElfError('BAD_BTF', error.message, { section }, error)

/**
 * Reads .BTF and .BTF.ext. As in libbpf, types that cannot be read are left out with a note, unless the object's maps or
 * externs are defined by them.
 */
export function readTypes(elf: ElfObject, notes: string[]): CompilerTypes {
  const raw = elf.section('.BTF')
  if (!raw || raw.data.length === 0) return { btf: undefined, ext: undefined }
  let btf: Btf
  try {
    btf = parseBtf(contents(raw))
  } catch (error) {
    if (!(error instanceof BtfError)) throw error
    if (elf.section('.maps') || elf.symbols.some(isUndefined)) throw failure(error, '.BTF')
    notes.push(`section .BTF is left out: ${error.message}`)
    return { btf: undefined, ext: undefined }
  }
  const rawExt = elf.section('.BTF.ext')
  if (!rawExt || rawExt.data.length === 0) return { btf, ext: undefined }
  try {
    return { btf, ext: parseBtfExt(contents(rawExt), btf) }
  } catch (error) {
    if (!(error instanceof BtfError)) throw error
    notes.push(`section .BTF.ext is left out: ${error.message}`)
    return { btf, ext: undefined }
  }
}
