import type { TcProgram } from '@skep/hook-tc'
import { CbpfError } from '@skep/loader-cbpf'
import {
  type BpfElfMap,
  type BpfProgramWords,
  parseTc,
  parseTcBytecode,
  pinPathOf,
  TcError,
  type TcSpec,
} from '@skep/loader-tc'
import {
  type Collection,
  type CollectionSpec,
  type MapHandle,
  type MapSpec,
  PinError,
  Program,
  VerifierError,
} from '@skep/runtime'
import { errnoText, TcFailure } from './failure.ts'
import type { TcState } from './state.ts'

const UNABLE = 'Unable to load program'
const UNPARSED = 'Unable to parse bpf command line'
/** Most of a log that tc shows unasked. */
const MOST_LOG = 4096

/** A loaded program and the section that it is of, where it has one. */
export interface TcLoaded {
  readonly program: Program
  readonly section?: string
  /** What it was loaded with; absent where it was there before. */
  readonly collection?: Collection
}

const isText = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && typeof (error as { code?: unknown }).code === 'string'

/** Loads what the words of a command name, and reports failures as tc does. Throws TcFailure. */
export async function loadWords(state: TcState, words: BpfProgramWords): Promise<TcLoaded> {
  const { source, type } = words
  if (source.mode === 'pinned') return { program: await openPinned(state, source.path, type) }
  if (source.mode === 'object') return loadObject(state, words, source)
  const spec = await readBytecode(state, source, type === 'sched_act' ? type : 'sched_cls')
  const collection = await load(state, spec, words.verbose)
  return { program: collection.program(spec.programs[0]!.name, type), collection }
}

async function readBytecode(
  state: TcState,
  source:
    | { readonly mode: 'bytecode'; readonly text: string }
    | { readonly mode: 'bytecode-file'; readonly file: string },
  type: 'sched_cls' | 'sched_act',
): Promise<CollectionSpec> {
  try {
    if (source.mode === 'bytecode') return parseTcBytecode(source.text, { type })
    const bytes = await state.options.read(source.file).catch(() => {
      throw new TcFailure(1, 'Cannot fopen: No such file or directory', UNPARSED)
    })
    return parseTcBytecode(bytes, { type, file: true })
  } catch (error) {
    if (error instanceof TcError)
      throw new TcFailure(1, ...(error.says === UNPARSED ? [] : [error.says]), UNPARSED)
    // The kernel refuses the program.
    if (error instanceof CbpfError)
      throw new TcFailure(
        2,
        'RTNETLINK answers: Invalid argument',
        'We have an error talking to the kernel',
        error.message,
      )
    throw error
  }
}

async function loadObject(
  state: TcState,
  words: BpfProgramWords,
  source: { readonly file: string; readonly section?: string; readonly program?: string },
): Promise<TcLoaded> {
  const bytes = await state.options.read(source.file).catch((error) => {
    throw new TcFailure(
      1,
      `Error opening object ${source.file}: ${errnoText(String((error as NodeJS.ErrnoException).code))}`,
      'Cannot initialize ELF context!',
      UNABLE,
    )
  })
  const spec = parse(state, words, source, bytes)
  if (words.verbose) state.trace.push(...spec.notes.map((note) => `note: ${note}`))
  const collection = await load(state, spec, words.verbose)
  if (words.export !== undefined) hand(state, words.export, source.file, spec, collection)
  return { program: collection.program(spec.entry, words.type), section: spec.section, collection }
}

function parse(
  state: TcState,
  { type }: BpfProgramWords,
  { section, program }: { readonly section?: string; readonly program?: string },
  bytes: Uint8Array,
): TcSpec {
  const { pinning } = state.options
  try {
    return parseTc(bytes, {
      platform: state.runtime.platform,
      type,
      ...(section === undefined ? {} : { section }),
      ...(program === undefined ? {} : { program }),
      ...(pinning ? { pinning } : {}),
    })
  } catch (error) {
    if (error instanceof TcError) throw new TcFailure(1, error.message, UNABLE)
    if (isText(error)) throw new TcFailure(1, error.message, 'Error fetching ELF ancillary data!', UNABLE)
    throw error
  }
}

async function load(state: TcState, spec: CollectionSpec, verbose: boolean): Promise<Collection> {
  try {
    const collection = await state.runtime.load(spec)
    return collection
  } catch (error) {
    if (error instanceof VerifierError) throw rejected(state, spec, error, verbose)
    if (error instanceof PinError && error.code === 'MISMATCH') throw await differs(state, spec, error)
    if (isText(error)) throw new TcFailure(1, error.message, UNABLE)
    throw error
  }
}

const errnos: Readonly<Record<string, number>> = { EPERM: 1, E2BIG: 7, EACCES: 13, EINVAL: 22 }

/** What the verifier says, as tc prints it. */
function rejected(state: TcState, spec: CollectionSpec, error: VerifierError, verbose: boolean): TcFailure {
  const program = spec.programs.find((p) => p.name === error.program)!
  const type = state.runtime.platform.programTypes.get(program.type)?.id ?? 0
  const insns = program.insns.length / 8
  const log = error.log()
  const skipped = verbose ? 0 : Math.max(log.length - MOST_LOG, 0)
  return new TcFailure(
    1,
    '',
    `Prog section '${program.section}' rejected: ${errnoText(error.errno)} (${errnos[error.errno] ?? 22})!`,
    ` - Type:         ${type}`,
    ` - Instructions: ${insns} (${Math.max(insns - 4096, 0)} over limit)`,
    ` - License:      ${program.license}`,
    '',
    'Verifier analysis:',
    '',
    ...(skipped > 0
      ? [`Skipped ${skipped} bytes, use 'verb' option for the full verbose log.`, '[...]']
      : []),
    log.slice(skipped),
    'Error fetching program/map!',
    UNABLE,
  )
}

/** Attributes of a map, in tc's words, from a pinned map and from an object's. */
const attributes: readonly (readonly [
  name: string,
  pinned: (map: MapHandle) => number,
  wanted: (map: MapSpec) => number,
  hex?: boolean,
])[] = [
  ['Size key:     ', (m) => m.keySize, (m) => m.keySize],
  ['Size value:   ', (m) => m.valueSize, (m) => m.valueSize],
  ['Max elems:    ', (m) => m.maxEntries, (m) => m.maxEntries],
  ['Flags:        ', (m) => m.flags, (m) => m.flags ?? 0, true],
]

async function differs(
  state: TcState,
  spec: CollectionSpec,
  { path, message }: PinError,
): Promise<TcFailure> {
  const wanted = spec.maps.find((m) => m.pinPath?.replace(/^\/+/, '') === path)
  const pinned = await state.runtime.openPin(path)
  if (!wanted || pinned instanceof Program) return new TcFailure(1, message, UNABLE)
  const types = state.runtime.platform.mapTypes
  const [here, there] = [types.get(wanted.type)?.id, types.byName(pinned.type)?.id]
  const lines = here === there ? [] : [` - Type:         ${here} (obj) != ${there} (pin)`]
  for (const [name, ofPin, ofSpec, hex] of attributes) {
    const [mine, theirs] = [ofSpec(wanted), ofPin(pinned)]
    const show = (n: number): string => (hex && n !== 0 ? `0x${n.toString(16)}` : String(n))
    if (mine !== theirs) lines.push(` - ${name}${show(mine)} (obj) != ${show(theirs)} (pin)`)
  }
  return new TcFailure(
    1,
    'Map specification differs from pinned file!',
    ...lines,
    '',
    `Map '${wanted.name}' self-check failed!`,
    'Error fetching ELF ancillary data!',
    UNABLE,
  )
}

async function openPinned(state: TcState, path: string, type: string): Promise<Program> {
  const found = await state.runtime.openPin(pinPathOf(path)).catch((error: unknown) => {
    if (!(error instanceof PinError)) throw error
    throw new TcFailure(1, `Couldn't retrieve pinned program '${path}': ${errnoText(error.errno)}`, UNPARSED)
  })
  if (!(found instanceof Program) || found.type !== type)
    throw new TcFailure(1, `Couldn't retrieve pinned program '${path}': Invalid argument`, UNPARSED)
  return found
}

function hand(state: TcState, path: string, object: string, spec: TcSpec, collection: Collection): void {
  const known: readonly Pick<BpfElfMap, 'id' | 'name'>[] = spec.elfMaps
  state.exported.set(path, {
    object,
    maps: known.map(({ id, name }) => ({ id, name, map: collection.map(name).id })),
  })
}

/** A program that is a classifier, for a filter. */
export const asClassifier = (program: Program): TcProgram => program as Program<'sched_cls'>
