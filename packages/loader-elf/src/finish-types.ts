import { BTF_KIND, BTF_LINKAGE, type Btf, buildBtf, joinBtf, parseBtf } from '@skep/btf'
import { type ElfObject, type ElfSymbol, STB, STT } from './elf.ts'
import { KCONFIG, KSYMS } from './externs.ts'

const DUMMY = 'dummy_ksym'
const VARIABLE_SIZE = 12

/** Sizes and offsets of .kconfig's variables. */
export interface KconfigLayout {
  readonly offsets: ReadonlyMap<string, number>
  readonly size: number
}

/**
 * The object's BTF with what the compiler leaves to the loader, so that the kernel takes it: sizes of data sections and
 * offsets of their variables, hidden symbols as static ones, externs as if they were defined (libbpf's
 * bpf_object_fixup_btf and bpf_object__collect_externs). Type ids stay.
 */
export function finishTypes(btf: Btf, elf: ElfObject, kconfig: KconfigLayout | undefined): Btf {
  const ksyms = externFunctions(btf)
  const grown = ksyms ? withDummy(btf) : { btf, dummy: 0 }
  const bytes = grown.btf.bytes.slice()
  new Finisher(grown.btf, bytes, elf, kconfig, grown.dummy).run()
  return parseBtf(bytes)
}

function externFunctions(btf: Btf): boolean {
  const section = btf.findByName(BTF_KIND.DATASEC, KSYMS)
  return (
    section !== undefined && btf.sectionVariables(section).some((v) => btf.kind(v.type) === BTF_KIND.FUNC)
  )
}

function int32(btf: Btf): number | undefined {
  for (let id = 1; id < btf.count; id++)
    if (btf.kind(id) === BTF_KIND.INT && btf.integer(id).bits === 32) return id
  return undefined
}

/** A variable that stands for functions in a DATASEC, where the kernel wants variables. */
function withDummy(btf: Btf): { btf: Btf; dummy: number } {
  let dummy = 0
  const more = buildBtf((b) => {
    dummy = b.variable(DUMMY, int32(btf) ?? b.int('int', 4, { signed: true }))
  }, btf)
  return { btf: parseBtf(joinBtf(parseBtf(more, btf))), dummy }
}

class Finisher {
  readonly #btf: Btf
  readonly #view: DataView
  readonly #elf: ElfObject
  readonly #kconfig: KconfigLayout | undefined
  readonly #dummy: number
  readonly #int: number
  readonly #symbols = new Map<string, ElfSymbol>()

  constructor(
    btf: Btf,
    bytes: Uint8Array,
    elf: ElfObject,
    kconfig: KconfigLayout | undefined,
    dummy: number,
  ) {
    this.#btf = btf
    this.#view = new DataView(bytes.buffer)
    this.#elf = elf
    this.#kconfig = kconfig
    this.#dummy = dummy
    this.#int = int32(btf) ?? 0
    for (const symbol of elf.symbols) if (symbol.binding !== STB.LOCAL) this.#symbols.set(symbol.name, symbol)
  }

  run(): void {
    const btf = this.#btf
    for (let id = 1; id < btf.count; id++) {
      if (btf.kind(id) === BTF_KIND.FUNC) this.#function(id)
      if (btf.kind(id) !== BTF_KIND.DATASEC) continue
      if (btf.name(id) === KSYMS) this.#ksyms(id)
      else if (btf.name(id) === KCONFIG) this.#kconfigSection(id)
      else this.#data(id)
    }
  }

  /** Hidden functions are verified where they are called, as static ones are. */
  #function(id: number): void {
    const symbol = this.#symbols.get(this.#btf.name(id))
    if (symbol?.hidden && symbol.type === STT.FUNC && this.#elf.sections[symbol.section]?.name === '.text')
      this.#setLinkage(id, BTF_LINKAGE.STATIC)
  }

  #setLinkage(func: number, linkage: number): void {
    const at = this.#btf.typeOffset(func) + 4
    this.#view.setUint32(at, ((this.#view.getUint32(at, true) & ~0xffff) | linkage) >>> 0, true)
  }

  #setSize(id: number, size: number): void {
    this.#view.setUint32(this.#btf.typeOffset(id) + 8, size, true)
  }

  #data(id: number): void {
    const btf = this.#btf
    const section = this.#elf.section(btf.name(id))
    if (!section) return
    const variables = btf.sectionVariables(id).map((v) => ({ ...v }))
    // Objects that were linked have sizes and offsets; the compiler gives them to static variables alone.
    const unfinished = btf.size(id) === 0
    if (unfinished) this.#setSize(id, section.size)
    for (const variable of variables) {
      if (btf.kind(variable.type) !== BTF_KIND.VAR || btf.linkage(variable.type) !== BTF_LINKAGE.GLOBAL)
        continue
      const symbol = this.#symbols.get(btf.name(variable.type))
      if (!symbol || symbol.section !== section.index) continue
      if (unfinished) variable.offset = symbol.value
      if (symbol.hidden) this.#view.setUint32(btf.typeOffset(variable.type) + 12, BTF_LINKAGE.STATIC, true)
    }
    this.#setVariables(
      id,
      variables.sort((a, b) => a.offset - b.offset),
    )
  }

  #setVariables(id: number, variables: readonly { type: number; offset: number; size: number }[]): void {
    for (const [i, { type, offset, size }] of variables.entries()) {
      const at = this.#btf.typeOffset(id) + 12 + i * VARIABLE_SIZE
      this.#view.setUint32(at, type, true)
      this.#view.setUint32(at + 4, offset, true)
      this.#view.setUint32(at + 8, size, true)
    }
  }

  /** Each extern as an int of 4 bytes. */
  #ksyms(id: number): void {
    const btf = this.#btf
    const variables = btf.sectionVariables(id).map(({ type }, i) => {
      if (btf.kind(type) === BTF_KIND.FUNC) {
        this.#setLinkage(type, BTF_LINKAGE.GLOBAL)
        this.#nameParams(btf.target(type))
        return { type: this.#dummy, offset: i * 4, size: 4 }
      }
      if (btf.kind(type) === BTF_KIND.VAR) {
        this.#view.setUint32(btf.typeOffset(type) + 8, this.#int, true)
        this.#view.setUint32(btf.typeOffset(type) + 12, BTF_LINKAGE.GLOBAL, true)
      }
      return { type, offset: i * 4, size: 4 }
    })
    this.#setVariables(id, variables)
    this.#setSize(id, variables.length * 4)
  }

  /** The kernel wants names for the parameters of functions that are not extern. */
  #nameParams(proto: number): void {
    const btf = this.#btf
    if (btf.kind(proto) !== BTF_KIND.FUNC_PROTO) return
    const name = this.#view.getUint32(btf.typeOffset(this.#dummy), true)
    for (const [i, param] of btf.params(proto).entries()) {
      const at = btf.typeOffset(proto) + 12 + i * 8
      if (param.type !== 0 && this.#view.getUint32(at, true) === 0) this.#view.setUint32(at, name, true)
    }
  }

  #kconfigSection(id: number): void {
    const btf = this.#btf
    const variables = btf.sectionVariables(id).map((v) => ({
      ...v,
      offset: this.#kconfig?.offsets.get(btf.name(v.type)) ?? v.offset,
    }))
    for (const { type } of variables) {
      if (btf.kind(type) === BTF_KIND.VAR)
        this.#view.setUint32(btf.typeOffset(type) + 12, BTF_LINKAGE.GLOBAL, true)
    }
    this.#setSize(id, this.#kconfig?.size ?? 0)
    this.#setVariables(
      id,
      variables.sort((a, b) => a.offset - b.offset),
    )
  }
}
