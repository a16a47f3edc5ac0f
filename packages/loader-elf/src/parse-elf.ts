import { BTF_KIND, type Btf, BtfError, parseBtf } from '@skep/btf'
import type { CollectionSpec, MapSpec, Platform, ProgramSpec } from '@skep/registry'
import { readArena } from './arena.ts'
import { applyCore } from './core.ts'
import { contents, type ElfObject, isCode, readElf } from './elf.ts'
import { ElfError } from './errors.ts'
import { type Extern, readExterns } from './externs.ts'
import { finishTypes } from './finish-types.ts'
import { type ElfFunction, FunctionIndex } from './functions.ts'
import { isMappable, readGlobals } from './globals.ts'
import { type KconfigOptions, readKconfig } from './kconfig.ts'
import { legacyMaps } from './legacy-maps.ts'
import { Linker } from './link.ts'
import { btfMaps, type PlacedMap } from './maps.ts'
import { sectionMeaning } from './sections.ts'
import {
  isStructOps,
  readStructOps,
  type StructVariable,
  structOpsMembers,
  structOpsSpecs,
} from './struct-ops.ts'
import { readTypes } from './types.ts'

export interface ParseElfOptions extends KconfigOptions {
  /**
   * Where section names and map types are looked up. Without it a program's type is the first word of its section, a map's
   * type its number.
   */
  readonly platform?: Platform
  /** The collection's name. */
  readonly name?: string
  /** The kernel's types, that CO-RE relocates against: raw or parsed, and those of its modules behind it. */
  readonly kernelBtf?: Uint8Array | Btf | readonly Btf[]
  /** Definitions in `SEC("maps")` are iproute2's `struct bpf_elf_map`, of any version. */
  readonly bpfElfMap?: boolean
}

const TEXT = '.text'
const BPF_F_RDONLY_PROG = 0x80
const BPF_F_MMAPABLE = 0x400

/**
 * Reads an object made by `clang -target bpf` into a spec, as libbpf would before loading: maps, globals, programs with
 * every function that they reach, relocations done. Pure. Throws ElfError, and BtfError for a `kernelBtf` that is none.
 */
export function parseElf(bytes: Uint8Array, options: ParseElfOptions = {}): CollectionSpec {
  if (!((bytes as unknown) instanceof Uint8Array)) {
    throw new ElfError(
      'NOT_ELF',
      'the object is no Uint8Array; await the file that is read, and give its bytes',
    )
  }
  const kernel = kernelTypes(options.kernelBtf)
  try {
    return parse(bytes, options, kernel)
  } catch (error) {
    if (error instanceof BtfError) throw new ElfError('BAD_BTF', error.message, { section: '.BTF' }, error)
    throw error
  }
}

function kernelTypes(given: ParseElfOptions['kernelBtf']): readonly Btf[] | undefined {
  if (given === undefined) return undefined
  if (given instanceof Uint8Array) return [parsedOnce(given)]
  return Array.isArray(given) ? given : [given as Btf]
}

const parsed = new WeakMap<Uint8Array, Btf>()

/** The kernel's types are large, and the same for object after object. */
function parsedOnce(bytes: Uint8Array): Btf {
  let btf = parsed.get(bytes)
  if (!btf) parsed.set(bytes, (btf = parseBtf(bytes)))
  return btf
}

function parse(
  bytes: Uint8Array,
  options: ParseElfOptions,
  kernel: readonly Btf[] | undefined,
): CollectionSpec {
  const { platform } = options
  // A Buffer's slice() shares its memory, and that of a pool.
  const elf = readElf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const notes: string[] = []
  const { btf: compilerBtf, ext } = readTypes(elf, notes)
  const externs = readExterns(elf, compilerBtf)
  const kconfig = readKconfig(externs.values(), compilerBtf, options)
  const btf = compilerBtf && finishTypes(compilerBtf, elf, kconfig)

  const typeName = (id: number): string | number => platform?.mapTypes.byId(id)?.name ?? id
  const context = { elf, btf, typeName, notes, bpfElfMap: options.bpfElfMap ?? false }
  const typeNumber = (type: string | number): number | undefined =>
    typeof type === 'number' ? type : platform?.mapTypes.byName(type)?.id
  const defined = uniqueNames([...legacyMaps(context), ...btfMaps(context)], notes)
  const arena = readArena(elf, btf, defined, typeNumber)
  const placed = defined.map((m) => (m.spec.name === arena?.map ? arena.placed : m))
  const globals = readGlobals(elf, btf)
  const maps: MapSpec[] = [...placed.map((m) => m.spec), ...globals.maps.map((m) => m.spec)]
  if (kconfig) {
    const mappable = isMappable(btf, kconfig.map.btfValue) ? BPF_F_MMAPABLE : 0
    maps.push({ ...kconfig.map, flags: BPF_F_RDONLY_PROG | mappable })
  }

  const functions = new FunctionIndex(elf, ext)
  const code = applyCore(elf, functions, btf, ext, kernel)
  const mapNames = new Map(placed.map((m) => [`${m.section}:${m.offset}`, m.spec.name]))
  const dataNames = new Map(globals.maps.map((m) => [m.section, m.spec.name]))
  if (arena) dataNames.set(arena.section, arena.map)
  const linker = new Linker(elf, functions, code, {
    mapAt: (section, offset) => mapNames.get(`${section}:${offset}`),
    dataMap: (section) => dataNames.get(section),
    extern: (name) => externs.get(name),
    missing: ({ name, kind }) => kernel !== undefined && !inKernel(kernel, name, kind),
    numberOf: ({ name }) => numberOf(name, externs),
    kconfigOffset: (name) => kconfig?.offsets.get(name),
  })
  const structs = readStructOps(elf, functions, btf)
  noteWhatIsLeft(elf, functions, dataNames, structs, notes)

  const license = cText(elf, 'license')
  const programs = readPrograms(elf, functions, btf, structs, linker, platform, license, notes)
  checkFirstPrograms(maps, programs)
  if (programs.length === 0 && maps.length === 0 && structs.length === 0)
    noteEmptiness(elf, functions, btf !== undefined, notes)
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    programs,
    maps,
    variables: [...globals.variables, ...(arena?.variables ?? []), ...(kconfig?.variables ?? [])],
    ...(btf && structs.length > 0
      ? { structOps: structOpsSpecs(structs, btf, new Set(programs.map(({ name }) => name))) }
      : {}),
    ...(btf ? { btf: btf.bytes } : {}),
    license,
    notes,
  }
}

/** As in libbpf, types or functions of .text are enough to be an object. Throws ElfError where there are none. */
function noteEmptiness(elf: ElfObject, functions: FunctionIndex, typed: boolean, notes: string[]): void {
  const unsupported = elf.sections.find(isStructOps)
  if (unsupported)
    throw new ElfError('UNSUPPORTED', 'struct_ops, and the object holds nothing else', {
      section: unsupported.name,
    })
  const code = elf.sections.filter(isCode).map((s) => s.name)
  if (functions.all.length > 0)
    notes.push(
      `no program: ${code.join(', ')} has functions alone; give one a section of its own, SEC("xdp")`,
    )
  else if (code.length === 0 && typed) notes.push('no program and no map: the object has types alone')
  else
    throw new ElfError(
      'BAD_FUNCTION',
      code.length > 0
        ? `no program: ${code.join(', ')} has no function symbols`
        : 'the object holds no program and no map',
    )
}

/** Its number among the object's externs, as libbpf sorts them: those of .kconfig, then the others by name. */
function numberOf(name: string, externs: ReadonlyMap<string, Extern>): number {
  const all = [...externs.values()]
  return all.filter((e) => e.kind === 'kconfig' || e.name < name).length
}

function inKernel(kernel: readonly Btf[], name: string, kind: Extern['kind']): boolean {
  const btfKind = kind === 'function' ? BTF_KIND.FUNC : BTF_KIND.VAR
  return kernel.some((btf) => btf.findByName(btfKind, name) !== undefined)
}

/** Static maps of files that were linked, and of functions, may have one name. */
function uniqueNames(maps: readonly PlacedMap[], notes: string[]): PlacedMap[] {
  const used = new Set(maps.map((m) => m.spec.name))
  const seen = new Set<string>()
  return maps.map((map) => {
    const { name } = map.spec
    if (!seen.has(name)) {
      seen.add(name)
      return map
    }
    let number = 2
    while (used.has(`${name}.${number}`)) number++
    const own = `${name}.${number}`
    used.add(own)
    seen.add(own)
    notes.push(`map ${name} is there twice: the one at offset ${map.offset} is called ${own}`)
    return { ...map, spec: { ...map.spec, name: own } }
  })
}

/** A program array may begin with programs, not with functions of .text. */
function checkFirstPrograms(maps: readonly MapSpec[], programs: readonly ProgramSpec[]): void {
  const names = new Set(programs.map((p) => p.name))
  for (const { name, initial } of maps) {
    for (const first of initial ?? []) {
      if (!('program' in first) || names.has(first.program)) continue
      throw new ElfError(
        'BAD_MAP',
        `slot ${first.index} is ${first.program}, which is a function but no program`,
        {
          symbol: name,
        },
      )
    }
  }
}

function noteWhatIsLeft(
  elf: ElfObject,
  functions: FunctionIndex,
  data: ReadonlyMap<number, string>,
  structs: readonly StructVariable[],
  notes: string[],
): void {
  const withFunctions = new Set(functions.all.map((f) => f.section))
  for (const section of elf.sections) {
    if (isCode(section) && !withFunctions.has(section))
      notes.push(`section ${section.name} is left out: it has code, but no symbol names a function in it`)
    if (isStructOps(section) && !structs.some((struct) => struct.section === section.name))
      notes.push(`section ${section.name} is left out: no BTF says what its structs are`)
    if (!data.has(section.index)) continue
    const count = elf.relocations(section).length
    if (count > 0)
      notes.push(
        `section ${section.name}: ${count} addresses in its initial values stay unresolved, as in libbpf`,
      )
  }
}

function readPrograms(
  elf: ElfObject,
  functions: FunctionIndex,
  btf: Btf | undefined,
  structs: readonly StructVariable[],
  linker: Linker,
  platform: Platform | undefined,
  license: string,
  notes: string[],
): ProgramSpec[] {
  const version = readVersion(elf)
  const callbacks = exceptionCallbacks(btf)
  const members = structOpsMembers(structs)
  const names = new Set<string>()
  return functions.all.flatMap((fn): ProgramSpec[] => {
    const place = { section: fn.section.name, symbol: fn.name }
    // In .text a function is a program only when it is the object's only one.
    if (fn.section.name === TEXT && functions.all.length > 1) return []
    if (!fn.global)
      notes.push(
        `program ${fn.name} is static, which libbpf does not take; leave \`static\` out, or the section`,
      )
    if (names.has(fn.name)) throw new ElfError('BAD_FUNCTION', 'two programs have the same name', place)
    names.add(fn.name)
    const meaning = sectionMeaning(fn.section.name, platform)
    if (meaning.type === undefined)
      notes.push(`program ${fn.name}: section ${fn.section.name} names no program type of this platform`)
    else if (meaning.loose)
      notes.push(
        `program ${fn.name}: section ${fn.section.name} is taken as ${meaning.loose}, as libbpf did before 1.0; rename it`,
      )
    const attachTo = members.get(fn) ?? meaning.attachTo
    const code = linker.link(fn, exceptionCallback(fn, callbacks, functions), notes)
    return [
      {
        name: fn.name,
        section: meaning.section,
        type: meaning.type ?? 0,
        license,
        ...code,
        ...(meaning.attachType === undefined ? {} : { attachType: meaning.attachType }),
        ...(meaning.flags === undefined ? {} : { flags: meaning.flags }),
        ...(attachTo === undefined ? {} : { attachTo }),
        ...(version === undefined ? {} : { kernelVersion: version }),
        ...(meaning.autoload ? {} : { autoload: false }),
      },
    ]
  })
}

const EXCEPTION = 'exception_callback:'

/** The names in `__exception_cb(f)`, by the FUNC that they tag. */
function exceptionCallbacks(btf: Btf | undefined): Map<number, string[]> {
  const out = new Map<number, string[]>()
  for (let id = 1; btf && id < btf.count; id++) {
    if (btf.kind(id) !== BTF_KIND.DECL_TAG || btf.componentIndex(id) !== -1) continue
    const tag = btf.name(id)
    if (!tag.startsWith(EXCEPTION)) continue
    const names = out.get(btf.target(id)) ?? []
    names.push(tag.slice(EXCEPTION.length))
    out.set(btf.target(id), names)
  }
  return out
}

/** With two of them none is appended: the verifier refuses the program. */
function exceptionCallback(
  main: ElfFunction,
  callbacks: ReadonlyMap<number, readonly string[]>,
  functions: FunctionIndex,
): ElfFunction | undefined {
  const names = main.typeId === 0 ? [] : (callbacks.get(main.typeId) ?? [])
  if (names.length !== 1) return undefined
  const found = functions.all.find((f) => f.section.name === TEXT && f.name === names[0])
  const place = { section: main.section.name, symbol: main.name }
  if (!found) throw new ElfError('BAD_FUNCTION', `the exception callback "${names[0]}" is not there`, place)
  if (!found.global || found.hidden)
    throw new ElfError(
      'BAD_FUNCTION',
      `the exception callback ${found.name} must be global and not hidden`,
      place,
    )
  return found
}

function cText(elf: ElfObject, name: string): string {
  const section = elf.section(name)
  if (!section) return ''
  const data = contents(section)
  const end = data.indexOf(0)
  return new TextDecoder().decode(data.slice(0, end < 0 ? data.length : end))
}

function readVersion(elf: ElfObject): number | undefined {
  const section = elf.section('version')
  if (!section) return undefined
  const data = contents(section)
  if (data.length !== 4)
    throw new ElfError('BAD_SECTION', `${data.length} bytes instead of a u32`, { section: 'version' })
  return new DataView(data.buffer, data.byteOffset, 4).getUint32(0, true)
}
