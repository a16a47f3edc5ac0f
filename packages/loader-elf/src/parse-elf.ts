import { type Btf, BtfError, type BtfExt, parseBtf, parseBtfExt } from '@skep/btf'
import type { CollectionSpec, MapSpec, Platform, ProgramSpec } from '@skep/registry'
import { type ElfObject, readElf } from './elf.ts'
import { ElfError } from './errors.ts'
import { FunctionIndex, isCode } from './functions.ts'
import { fixDataSections, readGlobals } from './globals.ts'
import { linkCode } from './link.ts'
import { btfMaps, legacyMaps } from './maps.ts'
import { sectionMeaning } from './sections.ts'

export interface ParseElfOptions {
  /** Where section names and map types are looked up. Without it a program's type is the first word of its section. */
  readonly platform?: Platform
  readonly name?: string
}

const TEXT = '.text'

/**
 * Reads an object made by `clang -target bpf` into a spec, as libbpf would before loading: maps, globals, programs with
 * every function that they reach. Pure. Throws ElfError.
 */
export function parseElf(bytes: Uint8Array, options: ParseElfOptions = {}): CollectionSpec {
  const elf = readElf(bytes)
  const { btf, ext } = readBtf(elf)
  refuseCoRe(ext)
  const { platform } = options
  const context = { elf, btf, typeName: (id: number) => platform?.mapTypes.byId(id)?.name ?? id }
  const placed = [...legacyMaps(context), ...btfMaps(context)]
  const globals = readGlobals(elf, btf)
  const mapNames = new Map(placed.map((m) => [`${m.section}:${m.offset}`, m.spec.name]))
  const dataNames = new Map(globals.maps.map((m) => [m.section, m.spec.name]))
  const maps: MapSpec[] = [...placed.map((m) => m.spec), ...globals.maps.map((m) => m.spec)]
  refuseTwins(maps)

  const license = cText(elf.section('license')?.data) ?? ''
  const version = readVersion(elf)
  const functions = new FunctionIndex(elf, ext)
  const notes: string[] = []
  const programs: ProgramSpec[] = []
  const inText = functions.all.filter((f) => f.section.name === TEXT).length
  for (const fn of functions.all) {
    // In .text a function is a program only when it is the object's only one.
    if (fn.section.name === TEXT && (functions.all.length > 1 || inText > 1)) continue
    if (!fn.global) {
      throw new ElfError('BAD_FUNCTION', 'a program is static; leave `static` out, or the section', {
        section: fn.section.name,
        symbol: fn.name,
      })
    }
    const meaning = sectionMeaning(fn.section.name, platform)
    if (!meaning)
      notes.push(`program ${fn.name}: section ${fn.section.name} names no program type of this platform`)
    const code = linkCode(fn, {
      elf,
      ext,
      functions,
      mapAt: (section, offset) => mapNames.get(`${section}:${offset}`),
      dataMap: (section) => dataNames.get(section),
    })
    programs.push({
      name: fn.name,
      section: fn.section.name,
      type: meaning?.type ?? 0,
      license,
      ...code,
      ...(meaning?.attachType === undefined ? {} : { attachType: meaning.attachType }),
      ...(meaning?.flags === undefined ? {} : { flags: meaning.flags }),
      ...(meaning?.attachTo === undefined ? {} : { attachTo: meaning.attachTo }),
      ...(version === undefined ? {} : { kernelVersion: version }),
      ...(meaning?.autoload === false ? { autoload: false } : {}),
    })
  }
  if (programs.length === 0 && maps.length === 0) {
    const code = elf.sections.filter(isCode).map((s) => s.name)
    throw new ElfError(
      'BAD_FUNCTION',
      code.length > 0
        ? `no function symbols in ${code.join(', ')}`
        : 'the object holds no program and no map',
    )
  }
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    programs,
    maps,
    variables: globals.variables,
    ...(btf ? { btf: fixDataSections(btf, elf) } : {}),
    license,
    notes,
  }
}

function readBtf(elf: ElfObject): { btf: Btf | undefined; ext: BtfExt | undefined } {
  const raw = elf.section('.BTF')
  if (!raw || raw.data.length === 0) return { btf: undefined, ext: undefined }
  const rawExt = elf.section('.BTF.ext')
  let section = '.BTF'
  try {
    const btf = parseBtf(raw.data)
    section = '.BTF.ext'
    return { btf, ext: rawExt && rawExt.data.length > 0 ? parseBtfExt(rawExt.data, btf) : undefined }
  } catch (error) {
    if (!(error instanceof BtfError)) throw error
    throw new ElfError('BAD_BTF', error.message, { section }, error)
  }
}

function refuseCoRe(ext: BtfExt | undefined): void {
  for (const [section, records] of ext?.relocations ?? []) {
    const first = records[0]
    if (!first) continue
    throw new ElfError(
      'UNSUPPORTED',
      `${records.length} CO-RE relocations, which this loader does not apply yet; compile without preserve_access_index`,
      {
        section,
        insn: first.offset / 8,
      },
    )
  }
}

function refuseTwins(maps: readonly MapSpec[]): void {
  const seen = new Set<string>()
  for (const { name } of maps) {
    if (seen.has(name)) throw new ElfError('BAD_MAP', 'two maps have the same name', { symbol: name })
    seen.add(name)
  }
}

function cText(data: Uint8Array | undefined): string | undefined {
  if (!data) return undefined
  const end = data.indexOf(0)
  return new TextDecoder().decode(data.slice(0, end < 0 ? data.length : end))
}

function readVersion(elf: ElfObject): number | undefined {
  const section = elf.section('version')
  if (!section) return undefined
  if (section.data.length !== 4)
    throw new ElfError('BAD_SECTION', `${section.data.length} bytes instead of a u32`, { section: 'version' })
  return new DataView(section.data.buffer, section.data.byteOffset, 4).getUint32(0, true)
}
