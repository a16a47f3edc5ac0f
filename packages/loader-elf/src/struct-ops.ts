import { BTF_KIND, type Btf, type BtfMember } from '@skep/btf'
import type { StructMethodSpec, StructOpsSpec } from '@skep/registry'
import { type ElfObject, type ElfSection, isCode, STT } from './elf.ts'
import { ElfError } from './errors.ts'
import type { ElfFunction, FunctionIndex } from './functions.ts'

export const isStructOps = (section: ElfSection): boolean =>
  /^\??\.struct_ops(\.link)?$/.test(section.name) && section.size > 0

/** A variable that is a struct of functions, and which functions of the object they are. */
export interface StructVariable {
  readonly name: string
  readonly struct: string
  readonly section: string
  readonly value: Uint8Array
  readonly functions: readonly { readonly member: BtfMember; readonly fn: ElfFunction }[]
}

/** The structs of `.struct_ops` and `.struct_ops.link`, as far as BTF says what they are. */
export function readStructOps(
  elf: ElfObject,
  functions: FunctionIndex,
  btf: Btf | undefined,
): readonly StructVariable[] {
  if (!btf) return []
  return elf.sections.filter(isStructOps).flatMap((section) => {
    const types = btf.findByName(BTF_KIND.DATASEC, section.name)
    const relocations = elf.relocations(section)
    return (types === undefined ? [] : btf.sectionVariables(types)).map((variable) => {
      const { offset: start, size, type } = variable
      const struct = btf.resolve(btf.target(type))
      const members = btf.members(struct)
      const found = relocations.flatMap(({ offset, symbol }) => {
        const target = elf.sections[symbol.section]
        if (offset < start || offset >= start + size) return []
        if (symbol.type !== STT.FUNC || !target || !isCode(target)) return []
        const fn = functions.at(target, symbol.value / 8)
        const member = members.find((m) => m.bitOffset === (offset - start) * 8)
        return fn && member ? [{ member, fn }] : []
      })
      return {
        name: btf.name(type),
        // A flavour (`tcp_congestion_ops___v2`) is the same struct to the kernel.
        struct: btf.name(struct).replace(/___.*$/, ''),
        section: section.name,
        value: section.data.slice(start, start + size),
        functions: found,
      }
    })
  })
}

/** The member of a kernel struct that a program implements, as `struct:member`. Throws ElfError. */
export function structOpsMembers(variables: readonly StructVariable[]): ReadonlyMap<ElfFunction, string> {
  const members = new Map<ElfFunction, string>()
  for (const { struct, section, functions } of variables) {
    for (const { member, fn } of functions) {
      const name = `${struct}:${member.name}`
      const other = members.get(fn)
      if (other !== undefined && other !== name) {
        throw new ElfError(
          'BAD_FUNCTION',
          `the program implements ${other} and ${name}; one program may be one member`,
          { section, symbol: fn.name },
        )
      }
      members.set(fn, name)
    }
  }
  return members
}

/** What a collection says of them: methods are the members that are programs. */
export const structOpsSpecs = (
  variables: readonly StructVariable[],
  btf: Btf,
  programs: ReadonlySet<string>,
): readonly StructOpsSpec[] =>
  variables.map(({ name, struct, value, functions }) => ({
    name,
    struct,
    value,
    methods: functions.flatMap(({ member, fn }) =>
      programs.has(fn.name) ? methodOf(btf, member, fn.name) : [],
    ),
  }))

function methodOf(btf: Btf, { name: member, type }: BtfMember, program: string): StructMethodSpec[] {
  const pointer = btf.resolve(type)
  const proto = btf.kind(pointer) === BTF_KIND.PTR ? btf.resolve(btf.target(pointer)) : 0
  if (btf.kind(proto) !== BTF_KIND.FUNC_PROTO) return []
  const result = btf.resolve(btf.target(proto))
  const signed = btf.kind(result) === BTF_KIND.INT ? btf.integer(result).signed : btf.flag(result)
  const returns = { size: btf.size(result) ?? 0, signed }
  return [{ member, program, args: btf.params(proto).length, returns }]
}
