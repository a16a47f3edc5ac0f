import type { CollectionSpec, MapInitial, MapSpec, ProgramSpec } from '@skep/registry'

/** What testdata/libbpf/record.c prints of an object. */
export interface Recorded {
  readonly error?: number
  /** Absent where only the BTF was recorded. */
  readonly maps?: readonly RecordedMap[]
  readonly programs?: readonly RecordedProgram[]
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
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const PERF_EVENT_ARRAY = 4

function initial(map: MapSpec, isGlobals: boolean): unknown[] {
  // libbpf writes the zeros too.
  if (isGlobals && !map.initial) return [{ key: 0, value: hex(new Uint8Array(map.valueSize)) }]
  return (map.initial ?? [])
    .map((i: MapInitial) => {
      if ('value' in i) return { key: 0, value: hex(i.value) }
      return 'program' in i ? { key: i.index, program: i.program } : { key: i.index, map: i.map }
    })
    .sort((a, b) => a.key - b.key)
}

const shape = (map: MapSpec): Record<string, unknown> => ({
  type: map.type === 'array' ? 2 : map.type,
  keySize: map.keySize,
  valueSize: map.valueSize,
  maxEntries: map.maxEntries,
  flags: map.flags ?? 0,
  mapExtra: map.mapExtra ?? 0,
})

function comparableMap(map: MapSpec, recorded: RecordedMap | undefined): Record<string, unknown> {
  const isGlobals = map.name.startsWith('.')
  return {
    name: map.name,
    ...shape(map),
    // One for each CPU, when none are said.
    ...(map.type === PERF_EVENT_ARRAY && map.maxEntries === 0 ? { maxEntries: recorded?.maxEntries } : {}),
    // Types that the kernel does not take for a kind of map are not given to it.
    btfKey: recorded?.btfKey ? (map.btfKey ?? 0) : 0,
    btfValue: recorded?.btfValue ? (map.btfValue ?? 0) : 0,
    ...(map.frozen ? { frozen: true } : {}),
    ...(map.pinning ? { pinning: map.pinning } : {}),
    ...(map.inner ? { inner: shape(map.inner) } : {}),
    initial: initial(map, isGlobals),
  }
}

function comparableProgram(program: ProgramSpec): Record<string, unknown> {
  return {
    name: program.name,
    section: program.section,
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
export function comparable(spec: CollectionSpec, recorded: Recorded): Record<string, unknown> {
  return {
    ...(recorded.maps ? { maps: spec.maps.map((m, i) => comparableMap(m, recorded.maps![i])) } : {}),
    ...(recorded.programs ? { programs: spec.programs.map(comparableProgram) } : {}),
    ...(recorded.btf === undefined ? {} : { btf: spec.btf ? hex(spec.btf) : undefined }),
  }
}

/** A record without what only a platform's tables know: types and flags by section. */
export function expectation(recorded: Recorded): Record<string, unknown> {
  const { maps, programs, btf } = recorded
  const known = (program: RecordedProgram): object =>
    Object.fromEntries(
      Object.entries(program).filter(([key]) => !['type', 'attachType', 'flags'].includes(key)),
    )
  return {
    ...(maps ? { maps } : {}),
    ...(programs ? { programs: programs.map(known) } : {}),
    ...(btf === undefined ? {} : { btf }),
  }
}
