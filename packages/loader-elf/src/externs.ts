import { BTF_KIND, BTF_LINKAGE, type Btf } from '@skep/btf'
import { type ElfObject, type ElfSymbol, isUndefined, STB } from './elf.ts'
import { ElfError } from './errors.ts'

/** An undefined symbol, by what BTF says that it is. */
export interface Extern {
  readonly name: string
  readonly weak: boolean
  /** Its VAR or FUNC. */
  readonly typeId: number
  readonly kind: 'kconfig' | 'function' | 'variable' | 'address'
}

export const KCONFIG = '.kconfig'
export const KSYMS = '.ksyms'

/** Undefined symbols by name. Throws ElfError for those that no section of externs holds. */
export function readExterns(elf: ElfObject, btf: Btf | undefined): Map<string, Extern> {
  const out = new Map<string, Extern>()
  const undefinedSymbols = elf.symbols.filter(isUndefined)
  if (undefinedSymbols.length === 0) return out
  const sections = externSections(btf)
  for (const symbol of undefinedSymbols) {
    if (!out.has(symbol.name)) out.set(symbol.name, describe(symbol, btf, sections))
  }
  return out
}

/** The section of each VAR and FUNC that lies in one. */
function externSections(btf: Btf | undefined): Map<number, string> {
  const sections = new Map<number, string>()
  for (let id = 1; btf && id < btf.count; id++) {
    if (btf.kind(id) !== BTF_KIND.DATASEC) continue
    const name = btf.name(id)
    for (const variable of btf.sectionVariables(id))
      if (!sections.has(variable.type)) sections.set(variable.type, name)
  }
  return sections
}

function describe(symbol: ElfSymbol, btf: Btf | undefined, sections: ReadonlyMap<number, string>): Extern {
  const { name } = symbol
  const bad = (message: string): ElfError => new ElfError('BAD_EXTERN', message, { symbol: name })
  if (!btf) throw bad('undefined, and the object has no BTF that says what it is; compile with -g')
  const typeId = btf.find(name).find((id) => btf.kind(id) === BTF_KIND.VAR || btf.kind(id) === BTF_KIND.FUNC)
  if (typeId === undefined) throw bad('undefined, and BTF has no variable or function of that name')
  if (btf.linkage(typeId) !== BTF_LINKAGE.EXTERN) throw bad('undefined, but BTF has it defined')
  const section = sections.get(typeId)
  const isFunction = btf.kind(typeId) === BTF_KIND.FUNC
  const weak = symbol.binding === STB.WEAK
  if (section === KSYMS) {
    if (isFunction) return { name, weak, typeId, kind: 'function' }
    return { name, weak, typeId, kind: btf.resolve(btf.target(typeId)) === 0 ? 'address' : 'variable' }
  }
  if (section === KCONFIG) {
    if (isFunction) throw bad('a function in .kconfig')
    return { name, weak, typeId, kind: 'kconfig' }
  }
  throw bad(
    section === undefined || section.startsWith('.')
      ? 'not defined in this object; link the objects with bpftool gen object, or declare it __ksym or __kconfig'
      : `undefined, in section ${section}, which holds no externs`,
  )
}
