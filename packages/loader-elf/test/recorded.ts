import {
  type AttachTypeName,
  attachTypeId,
  type CollectionSpec,
  type MapInitial,
  type MapSpec,
  type Platform,
  type ProgramSpec,
} from '@skep/registry'

/** What testdata/libbpf/record.c prints of an object. */
export interface Recorded {
  readonly error?: number
  /** Absent where only the BTF was recorded. */
  readonly maps?: readonly RecordedMap[]
  readonly programs?: readonly RecordedProgram[]
  /** Programs that libbpf did not load, as the kernel lacks what they attach to. */
  readonly left?: readonly string[]
  readonly btf?: string
}

interface RecordedMap {
  readonly name: string
  readonly btfKey: number
  readonly btfValue: number
  readonly type: number
  readonly maxEntries: number
  readonly initial: readonly unknown[]
}

interface RecordedProgram {
  readonly name: string
  readonly section: string
  readonly license: string
  /** enum bpf_prog_type; 0 where libbpf knows no type for the section. */
  readonly type: number
  readonly attachType: number
  readonly flags: number
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const MAP_TYPE = { ARRAY: 2, PERF_EVENT_ARRAY: 4 } as const

/** With a platform, types are compared by its numbers, and maps as it completes them for a number of CPUs. */
export interface Knowledge {
  readonly platform: Platform
  readonly cpus: number
}

/** An arena's first contents, without the zeros behind them. */
function trimmed(value: Uint8Array): Uint8Array {
  let end = value.length
  while (end > 0 && value[end - 1] === 0) end--
  return value.subarray(0, end)
}

function initial(map: MapSpec, isGlobals: boolean): unknown[] {
  // libbpf writes the zeros too.
  if (isGlobals && !map.initial) return [{ key: 0, value: hex(new Uint8Array(map.valueSize)) }]
  return (map.initial ?? [])
    .map((i: MapInitial) => {
      if ('value' in i) return { key: 0, value: hex(isGlobals ? i.value : trimmed(i.value)) }
      return 'program' in i ? { key: i.index, program: i.program } : { key: i.index, map: i.map }
    })
    .filter((one) => isGlobals || !('value' in one) || one.value !== '')
    .sort((a, b) => a.key - b.key)
}

const typeNumber = (type: string | number, known: Knowledge | undefined): string | number =>
  type === 'array' ? MAP_TYPE.ARRAY : (known?.platform.mapTypes.get(type)?.id ?? type)

const shape = (map: MapSpec, known?: Knowledge): Record<string, unknown> => ({
  type: typeNumber(map.type, known),
  keySize: map.keySize,
  valueSize: map.valueSize,
  maxEntries: map.maxEntries,
  flags: map.flags ?? 0,
  mapExtra: map.mapExtra ?? 0,
})

function completed(map: MapSpec, known: Knowledge | undefined): { maxEntries?: number } {
  const complete = known?.platform.mapTypes.get(map.type)?.complete
  return complete ? { maxEntries: complete(map, known.cpus).maxEntries } : {}
}

function comparableMap(
  map: MapSpec,
  recorded: RecordedMap | undefined,
  known: Knowledge | undefined,
): Record<string, unknown> {
  const isGlobals = map.name.startsWith('.')
  return {
    name: map.name,
    ...shape(map, known),
    // One for each CPU, when none are said, and a ring's pages in a power of two: the map types of a platform say so.
    ...completed(map, known),
    ...(!known && map.type === MAP_TYPE.PERF_EVENT_ARRAY && map.maxEntries === 0
      ? { maxEntries: recorded?.maxEntries }
      : {}),
    // Types that the kernel does not take for a kind of map are not given to it.
    btfKey: recorded?.btfKey ? (map.btfKey ?? 0) : 0,
    btfValue: recorded?.btfValue ? (map.btfValue ?? 0) : 0,
    ...(map.frozen ? { frozen: true } : {}),
    ...(map.pinning ? { pinning: map.pinning } : {}),
    ...(map.inner ? { inner: { ...shape(map.inner, known), ...completed(map.inner, known) } } : {}),
    initial: initial(map, isGlobals),
  }
}

/** The numbers that a platform's tables give for a section. */
function typesOf(
  program: ProgramSpec,
  recorded: RecordedProgram | undefined,
  { platform }: Knowledge,
): object {
  // Of a section that it does not know libbpf says nothing.
  if (recorded?.type === 0) return { type: 0, attachType: recorded.attachType, flags: recorded.flags }
  const def = platform.programTypes.get(program.type)
  const attach = program.attachType ?? 0
  return {
    type: def?.id ?? program.type,
    attachType: typeof attach === 'string' ? attachTypeId(attach as AttachTypeName) : attach,
    flags: program.flags ?? 0,
  }
}

function comparableProgram(
  program: ProgramSpec,
  recorded: RecordedProgram | undefined,
  known: Knowledge | undefined,
): Record<string, unknown> {
  return {
    name: program.name,
    section: program.section,
    ...(known ? typesOf(program, recorded, known) : {}),
    license: program.license,
    references: program.references.map((r) => {
      switch (r.kind) {
        case 'map':
          return { insn: r.insn, kind: r.kind, name: r.map }
        case 'map_value':
          return { insn: r.insn, kind: r.kind, name: r.map, offset: r.offset }
        case 'func':
          return { insn: r.insn, kind: r.kind, target: r.target }
        default:
          return { insn: r.insn, kind: r.kind, name: r.name }
      }
    }),
    insns: hex(program.insns),
    functions: program.functions.filter((f) => f.typeId !== 0).map((f) => [f.insn, f.typeId]),
    lines: program.lines.map((l) => [l.insn, l.file, l.line, l.column]),
  }
}

/** A spec in the form of a record. */
export function comparable(
  spec: CollectionSpec,
  recorded: Recorded,
  known?: Knowledge,
): Record<string, unknown> {
  const { maps, programs, btf } = recorded
  return {
    ...(maps ? { maps: spec.maps.map((m, i) => comparableMap(m, maps[i], known)) } : {}),
    ...(programs ? { programs: spec.programs.map((p, i) => comparableProgram(p, programs[i], known)) } : {}),
    ...(btf === undefined ? {} : { btf: spec.btf ? hex(spec.btf) : undefined }),
  }
}

/** A record; without a platform, without what only its tables know: types and flags by section. */
export function expectation(recorded: Recorded, known?: Knowledge): Record<string, unknown> {
  const { maps, programs, btf } = recorded
  const kept = (program: RecordedProgram): object =>
    Object.fromEntries(
      Object.entries(program).filter(([key]) => known || !['type', 'attachType', 'flags'].includes(key)),
    )
  return {
    ...(maps ? { maps } : {}),
    ...(programs ? { programs: programs.map(kept) } : {}),
    ...(btf === undefined ? {} : { btf }),
  }
}
