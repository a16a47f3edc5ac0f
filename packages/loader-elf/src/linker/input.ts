import { type Btf, BtfError, type BtfExt, parseBtf, parseBtfExt } from '@skep/btf'
import { contents, type ElfObject, readElf } from '../elf.ts'
import { ElfError } from '../errors.ts'

export interface ObjectToLink {
  /** For messages, and for the symbol of the file. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** An object as it is read. */
export interface LinkInput {
  readonly name: string
  readonly elf: ElfObject
  readonly btf: Btf | undefined
  readonly ext: BtfExt | undefined
}

/** Throws ElfError. */
export function readInput({ name, bytes }: ObjectToLink): LinkInput {
  try {
    const elf = readElf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    const types = elf.section('.BTF')
    const ext = elf.section('.BTF.ext')
    const btf = types ? parseBtf(contents(types)) : undefined
    return { name, elf, btf, ext: btf && ext ? parseBtfExt(contents(ext), btf) : undefined }
  } catch (error) {
    if (error instanceof ElfError) throw new ElfError(error.code, `${name}: ${error.message}`, {}, error)
    if (error instanceof BtfError)
      throw new ElfError('BAD_BTF', `${name}: ${error.message}`, { section: '.BTF' }, error)
    throw error
  }
}
