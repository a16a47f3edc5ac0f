import { BTF_KIND, type Btf, parseBtf } from '@skep/btf'
import { type ElfObject, type ParseElfOptions, parseElf, readElf } from '@skep/loader-elf'
import type { CollectionSpec, MapInitial, MapSpec, ProgramSpec } from '@skep/registry'
import { type BpfElfMap, innerSlots, readElfMaps } from './elf-maps.ts'
import { TcError } from './errors.ts'
import { BPF_MOUNT, pinnedAt } from './pinning.ts'
import { scanSlot } from './scan-number.ts'
import { sha1 } from './sha1.ts'

/** Program types that iproute2 loads, and the section that each begins in where none is named. */
export const TC_SECTIONS = {
  sched_cls: 'classifier',
  sched_act: 'action',
  xdp: 'prog',
  lwt_in: 'prog',
  lwt_out: 'prog',
  lwt_xmit: 'prog',
  lwt_seg6local: 'prog',
} as const

export type TcProgramType = keyof typeof TC_SECTIONS

export interface ParseTcOptions extends Omit<ParseElfOptions, 'bpfElfMap'> {
  /** The type that the programs are loaded as, whatever their sections say. Default `sched_cls`. */
  readonly type?: TcProgramType
  /** `section NAME`: the program's section; by default that of the type (`classifier`). */
  readonly section?: string
  /** `program NAME`: the program's name, instead of a section. */
  readonly program?: string
  /** Folders of pinning scopes from 3 on, below the mount, as /etc/iproute2/bpf_pinning has them; see `parsePinning`. */
  readonly pinning?: Readonly<Record<number, string>>
  /** The BPF file system that pins are paths in (TC_BPF_MNT). Default `/sys/fs/bpf`. */
  readonly mount?: string
}

/** A program's place in a program array. */
export interface TcSlot {
  readonly map: string
  readonly key: number
  readonly program: string
}

/** A map's path in the BPF file system, where it is taken from or put to. */
export interface TcPin {
  readonly map: string
  readonly path: string
}

/** What iproute2 makes of an object. */
export interface TcSpec extends CollectionSpec {
  /** Name of the program to attach; the others are in slots. */
  readonly entry: string
  readonly section: string
  /** Slots that programs go into when the object is loaded, those of `.maps` included. */
  readonly slots: readonly TcSlot[]
  readonly pins: readonly TcPin[]
  /** Definitions in `SEC("maps")`, in their order: what `export` hands over. */
  readonly elfMaps: readonly BpfElfMap[]
  /** SHA-1 of the object in hex: the folder of pins with scope PIN_OBJECT_NS. */
  readonly object: string
}

const LICENSE_ROOM = 128
const PROG_ARRAY = 3

/**
 * Reads an object as iproute2 does for `tc filter … bpf obj FILE`: the program of the section asked for and those of its
 * tail-call slots (`<id>/<key>`), maps with their pins, and what goes into slots at load. Pure. Throws TcError, and ElfError
 * for what no loader takes.
 */
export function parseTc(bytes: Uint8Array, options: ParseTcOptions = {}): TcSpec {
  const { type = 'sched_cls', program, pinning = {}, mount = BPF_MOUNT, ...elfOptions } = options
  if (!Object.hasOwn(TC_SECTIONS, type))
    throw new TcError('BAD_OPTION', `What type is "${type}"?`, {}, Object.keys(TC_SECTIONS).join(', '))
  const section = options.section ?? TC_SECTIONS[type]
  if (!((bytes as unknown) instanceof Uint8Array))
    throw new TcError('BAD_OPTION', 'the object is no Uint8Array', {}, 'await the file that is read')
  const elf = readElf(bytes)
  checkLicense(elf)
  const elfMaps = readElfMaps(elf)
  const parsed = parseElf(bytes, { ...elfOptions, bpfElfMap: true })
  const notes = [...parsed.notes]

  const entry = parsed.programs.find((p) =>
    program === undefined ? p.section === section : p.name === program,
  )
  if (!entry) throw missing(parsed, section, program)

  const bySection = sectionSlots(parsed.programs, elfMaps, notes)
  const inMaps = parsed.maps.flatMap((map) =>
    (map.initial ?? []).flatMap((first): TcSlot[] =>
      'program' in first ? [{ map: map.name, key: first.index, program: first.program }] : [],
    ),
  )
  const slots = [...inMaps, ...bySection]
  const wanted = new Set([entry.name, ...slots.map((slot) => slot.program)])
  const programs = parsed.programs.filter((p) => wanted.has(p.name)).map((p) => typed(p, type))

  const object = sha1(bytes)
  const first = new Map<string, MapInitial[]>()
  const put = (map: string, value: MapInitial): void => {
    const list = first.get(map)
    if (list) list.push(value)
    else first.set(map, [value])
  }
  for (const slot of bySection) put(slot.map, { index: slot.key, program: slot.program })
  for (const { outer, index, inner } of innerSlots(elfMaps)) put(outer, { index, map: inner })

  const legacy = new Map(elfMaps.map((map) => [map.name, map]))
  const btf = annotated(parsed.btf, elfMaps)
  const pins: TcPin[] = []
  const maps = parsed.maps.map((map): MapSpec => {
    const definition = legacy.get(map.name)
    const path = definition
      ? pinnedAt(map.name, definition.pinning, object, mount, pinning)
      : map.pinning === 'by_name'
        ? pinnedAt(map.name, 2, object, mount, pinning)
        : undefined
    if (path !== undefined) pins.push({ map: map.name, path })
    else if (definition && definition.pinning !== 0)
      notes.push(`map ${map.name} is not pinned: no folder is known for pinning ${definition.pinning}`)
    const more = first.get(map.name)
    return {
      ...map,
      ...(path === undefined ? {} : { pinning: 'by_name', pinPath: path }),
      ...(definition && btf ? btf(map.name) : {}),
      ...(more ? { initial: [...(map.initial ?? []), ...more] } : {}),
    }
  })
  return { ...parsed, programs, maps, notes, entry: entry.name, section, slots, pins, elfMaps, object }
}

function checkLicense(elf: ElfObject): void {
  const size = elf.section('license')?.size ?? 0
  if (size > LICENSE_ROOM)
    throw new TcError(
      'BAD_LICENSE',
      `the license has ${size} bytes`,
      { section: 'license' },
      `tc takes ${LICENSE_ROOM}`,
    )
}

const listed = (names: readonly string[]): string => [...new Set(names)].slice(0, 20).join(', ')

function missing(parsed: CollectionSpec, section: string, program: string | undefined): TcError {
  const { programs } = parsed
  if (program !== undefined)
    return new TcError(
      'NO_PROGRAM',
      `object file doesn't contain prog ${program}`,
      {},
      `it has ${listed(programs.map((p) => p.name)) || 'none'}`,
    )
  return new TcError(
    'NO_SECTION',
    `object file doesn't contain sec ${section}`,
    {},
    `its programs are in ${listed(programs.map((p) => p.section)) || 'none'}; name one with sec`,
  )
}

/** Loaded as the type asked for, whatever its section is called. */
function typed(program: ProgramSpec, type: TcProgramType): ProgramSpec {
  if (program.type === type) return { ...program, autoload: true }
  const { attachType: _, flags: __, attachTo: ___, ...rest } = program
  return { ...rest, type, autoload: true }
}

/** Programs whose sections are called `<id>/<key>`. */
function sectionSlots(
  programs: readonly ProgramSpec[],
  elfMaps: readonly BpfElfMap[],
  notes: string[],
): TcSlot[] {
  const taken = new Set<string>()
  return programs.flatMap((program): TcSlot[] => {
    const slot = scanSlot(program.section)
    // Of two programs in one section iproute2 loads the section, which begins with the first.
    if (!slot || taken.has(program.section)) return []
    taken.add(program.section)
    const map = elfMaps.find((m) => m.type === PROG_ARRAY && m.id === slot.id)
    if (!map) {
      notes.push(`program ${program.name} is left out: unable to find map id ${slot.id} for tail call`)
      return []
    }
    if (slot.key >= map.maxElem)
      throw new TcError(
        'BAD_SLOT',
        `Tail call key ${slot.key} for map ${slot.id} out of bounds?`,
        { section: program.section, map: map.name },
        `its keys go to ${map.maxElem - 1}`,
      )
    return [{ map: map.name, key: slot.key, program: program.name }]
  })
}

/** Types of keys and values that BPF_ANNOTATE_KV_PAIR names: `struct ____btf_map_NAME { key; value; }`. */
function annotated(
  bytes: Uint8Array | undefined,
  maps: readonly BpfElfMap[],
): ((map: string) => Partial<MapSpec>) | undefined {
  if (!bytes || maps.length === 0) return undefined
  const btf: Btf = parseBtf(bytes)
  return (map) => {
    const struct = btf.findByName(BTF_KIND.STRUCT, `____btf_map_${map}`)
    if (struct === undefined) return {}
    const [key, value, ...more] = btf.members(struct)
    if (key?.name !== 'key' || value?.name !== 'value' || more.length > 0) return {}
    return { btfKey: key.type, btfValue: value.type }
  }
}
