import {
  BTF_KIND,
  BTF_LINKAGE,
  type Btf,
  type BtfExt,
  BtfMerger,
  buildBtfExt,
  type MergedBtf,
  type MergedVariable,
} from '@skep/btf'
import { STB } from '../elf.ts'
import { ElfError } from '../errors.ts'
import type { LinkInput } from './input.ts'
import type { Layout } from './sections.ts'
import type { GlobalSymbol } from './symbols.ts'

/** .BTF and .BTF.ext of the result; undefined where no object has types. Throws ElfError. */
export function mergeTypes(
  inputs: readonly LinkInput[],
  layout: Layout,
  globals: ReadonlyMap<string, GlobalSymbol>,
): { readonly btf: Uint8Array; readonly ext: Uint8Array | undefined } | undefined {
  const typed = inputs.filter((input) => input.btf)
  if (typed.length === 0) return undefined
  const merger = new BtfMerger()
  const parts = new Map(typed.map((input) => [input, merger.add(input.btf!)]))
  replaceDeclarations(typed, parts, globals, merger)
  for (const [name, { size, variables }] of dataSections(typed, parts, layout, globals))
    merger.dataSection(name, size, variables)
  // Strings of .BTF.ext go into .BTF, whose types are numbered when it is built.
  const first = merger.build()
  const ext = typed.some((input) => input.ext)
    ? buildBtfExt(mergedExt(typed, parts, layout, first), (text) => merger.string(text))
    : undefined
  return { btf: merger.build().bytes, ext }
}

const isNamed = (btf: Btf, id: number): boolean =>
  (btf.kind(id) === BTF_KIND.VAR && btf.linkage(id) !== BTF_LINKAGE.STATIC) ||
  (btf.kind(id) === BTF_KIND.FUNC && btf.linkage(id) !== BTF_LINKAGE.STATIC)

/** Variables and functions that are not static, by name. */
function named(btf: Btf): Map<string, number> {
  const out = new Map<string, number>()
  for (let id = 1; id < btf.count; id++) if (isNamed(btf, id)) out.set(btf.name(id), id)
  return out
}

/** One type for each global name: that of its definition. */
function replaceDeclarations(
  inputs: readonly LinkInput[],
  parts: ReadonlyMap<LinkInput, number>,
  globals: ReadonlyMap<string, GlobalSymbol>,
  merger: BtfMerger,
): void {
  const byInput = new Map(inputs.map((input) => [input, named(input.btf!)]))
  for (const [input, names] of byInput) {
    for (const [name, id] of names) {
      const owner = globals.get(name)?.input
      const definition = owner && byInput.get(owner)?.get(name)
      if (!owner || definition === undefined || owner === input) continue
      checkAlike(name, input, id, owner, definition)
      merger.replace({ part: parts.get(input)!, id }, { part: parts.get(owner)!, id: definition })
    }
  }
}

function checkAlike(name: string, a: LinkInput, idA: number, b: LinkInput, idB: number): void {
  const shape = ({ btf }: LinkInput, id: number): string => {
    const kind = btf!.kind(id)
    const target = btf!.target(id)
    if (kind === BTF_KIND.FUNC) return `a function of ${btf!.params(target).length} parameters`
    const size = btf!.size(target)
    return size === undefined || isOpen(btf!, target) ? 'a variable' : `a variable of ${size} bytes`
  }
  const [one, other] = [shape(a, idA), shape(b, idB)]
  if (one === other || (one.startsWith('a variable') && other === 'a variable') || one === 'a variable')
    return
  throw new ElfError('BAD_SYMBOL', `${one} in ${a.name}, but ${other} in ${b.name}`, { symbol: name })
}

/** An array without a length: `extern int numbers[]`. */
const isOpen = (btf: Btf, id: number): boolean => {
  const type = btf.resolve(id)
  return btf.kind(type) === BTF_KIND.ARRAY && btf.array(type).count === 0
}

interface DataSection {
  size: number
  readonly variables: MergedVariable[]
}

function dataSections(
  inputs: readonly LinkInput[],
  parts: ReadonlyMap<LinkInput, number>,
  layout: Layout,
  globals: ReadonlyMap<string, GlobalSymbol>,
): Map<string, DataSection> {
  const out = new Map<string, DataSection>()
  const externs = new Set<string>()
  for (const input of inputs) {
    const { btf, elf } = input as { btf: Btf; elf: LinkInput['elf'] }
    const symbols = new Map(elf.symbols.filter((s) => s.binding !== STB.LOCAL).map((s) => [s.name, s]))
    for (let id = 1; id < btf.count; id++) {
      if (btf.kind(id) !== BTF_KIND.DATASEC) continue
      const name = btf.name(id)
      const section = elf.section(name)
      const place = section && layout.place(input, section.index)
      const merged = out.get(name) ?? { size: 0, variables: [] }
      out.set(name, merged)
      merged.size = place?.output.size ?? btf.size(id) ?? 0
      // A license is one text, whoever brings it.
      if (place && merged.variables.length > 0 && place.offset === 0) continue
      for (const variable of btf.sectionVariables(id)) {
        const symbol = symbols.get(btf.name(variable.type))
        const global = isNamed(btf, variable.type) && symbol ? globals.get(symbol.name) : undefined
        const isExtern = btf.linkage(variable.type) === BTF_LINKAGE.EXTERN
        // What another object defines is described there; what none defines, once.
        if (global && global.input !== input && (isExtern || global.symbol.section !== 0)) continue
        if (isExtern && externs.has(btf.name(variable.type))) continue
        if (isExtern) externs.add(btf.name(variable.type))
        const within =
          symbol && btf.linkage(variable.type) === BTF_LINKAGE.GLOBAL ? symbol.value : variable.offset
        merged.variables.push({
          part: parts.get(input)!,
          id: variable.type,
          offset: isExtern ? variable.offset : within + (place?.offset ?? 0),
          size: variable.size,
        })
      }
    }
  }
  for (const { variables } of out.values()) variables.sort((a, b) => a.offset - b.offset)
  return out
}

/** Records of all objects by section, at their new places. */
function mergedExt(
  inputs: readonly LinkInput[],
  parts: ReadonlyMap<LinkInput, number>,
  layout: Layout,
  merged: MergedBtf,
): BtfExt {
  function collect<T extends { readonly offset: number }>(
    pick: (ext: BtfExt) => ReadonlyMap<string, readonly T[]>,
    move: (record: T, part: number, at: number) => T,
  ): Map<string, T[]> {
    const out = new Map<string, T[]>()
    for (const input of inputs) {
      for (const [name, records] of input.ext ? pick(input.ext) : []) {
        const section = input.elf.section(name)
        const place = section && layout.place(input, section.index)
        if (!place) continue
        const list = out.get(name) ?? []
        out.set(name, list)
        for (const record of records) list.push(move(record, parts.get(input)!, record.offset + place.offset))
      }
    }
    return out
  }
  return {
    functions: collect(
      (ext) => ext.functions,
      (r, part, offset) => ({ offset, type: merged.id(part, r.type) }),
    ),
    lines: collect(
      (ext) => ext.lines,
      (r, _, offset) => ({ ...r, offset }),
    ),
    relocations: collect(
      (ext) => ext.relocations,
      (r, part, offset) => ({ ...r, offset, type: merged.id(part, r.type) }),
    ),
  }
}
