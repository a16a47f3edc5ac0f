import { BTF_KIND, type Btf } from '@skep/btf'
import { type ElfObject, type ElfSection, isCode, STT } from './elf.ts'
import { ElfError } from './errors.ts'
import type { ElfFunction, FunctionIndex } from './functions.ts'

export const isStructOps = (section: ElfSection): boolean =>
  /^\??\.struct_ops(\.link)?$/.test(section.name) && section.size > 0

/**
 * The member of a kernel struct that a program implements, as `struct:member`: from the addresses in the structs of
 * `.struct_ops` and `.struct_ops.link`. Throws ElfError.
 */
export function structOpsMembers(
  elf: ElfObject,
  functions: FunctionIndex,
  btf: Btf | undefined,
): ReadonlyMap<ElfFunction, string> {
  const found = new Map<ElfFunction, string>()
  for (const section of elf.sections.filter(isStructOps)) {
    const types = btf?.findByName(BTF_KIND.DATASEC, section.name)
    if (!btf || types === undefined) continue
    const variables = btf.sectionVariables(types)
    for (const { offset, symbol } of elf.relocations(section)) {
      const variable = variables.find((v) => offset >= v.offset && offset < v.offset + v.size)
      const target = elf.sections[symbol.section]
      if (!variable || symbol.type !== STT.FUNC || !target || !isCode(target)) continue
      const fn = functions.at(target, symbol.value / 8)
      if (!fn) continue
      const struct = btf.resolve(btf.target(variable.type))
      const member = btf.members(struct).find((m) => m.bitOffset === (offset - variable.offset) * 8)
      if (!member) continue
      // A flavour (`tcp_congestion_ops___v2`) is the same struct to the kernel.
      const name = `${btf.name(struct).replace(/___.*$/, '')}:${member.name}`
      const other = found.get(fn)
      if (other !== undefined && other !== name) {
        throw new ElfError(
          'BAD_FUNCTION',
          `the program implements ${other} and ${name}; one program may be one member`,
          {
            section: section.name,
            symbol: fn.name,
          },
        )
      }
      found.set(fn, name)
    }
  }
  return found
}
