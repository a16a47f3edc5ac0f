import type { TcError } from './errors.ts'
import { TC_SECTIONS, type TcProgramType } from './parse-tc.ts'
import { parseClassid, Words } from './words.ts'

/** Where a program comes from. */
export type BpfSource =
  | { readonly mode: 'object'; readonly file: string; readonly section?: string; readonly program?: string }
  | { readonly mode: 'pinned'; readonly path: string }
  | { readonly mode: 'bytecode'; readonly text: string }
  | { readonly mode: 'bytecode-file'; readonly file: string }

/** A program as `obj FILE sec NAME …` names it. */
export interface BpfProgramWords {
  readonly source: BpfSource
  readonly type: TcProgramType
  /** `export UDS_FILE`. */
  readonly export?: string
  readonly verbose: boolean
}

/** An action behind a filter. */
export type ActionWords =
  /** What to do, as TC_ACT_*; a chain to go to for `goto chain N`. */
  | { readonly kind: 'gact'; readonly verdict: number; readonly chain?: number }
  | {
      readonly kind: 'mirred'
      readonly direction: 'ingress' | 'egress'
      readonly action: 'mirror' | 'redirect'
      readonly dev: string
    }
  | { readonly kind: 'bpf'; readonly program: BpfProgramWords; readonly otherwise: number }

/** The words behind `filter … bpf`. */
export interface BpfFilterWords {
  readonly program: BpfProgramWords | undefined
  readonly directAction: boolean
  /** `classid`, `flowid`. */
  readonly classid?: number
  readonly skipHw: boolean
  readonly skipSw: boolean
  readonly actions: readonly ActionWords[]
}

/** Short names of types for `type` of `exec bpf graft`. */
const TYPES: Readonly<Record<string, TcProgramType>> = {
  cls: 'sched_cls',
  act: 'sched_act',
  ...Object.fromEntries(
    (Object.keys(TC_SECTIONS) as TcProgramType[]).filter((t) => !t.startsWith('sched')).map((t) => [t, t]),
  ),
}

/** TC_ACT_*, by the words of gact and of other actions' controls. */
const CONTROLS: Readonly<Record<string, number>> = {
  continue: -1,
  pass: 0,
  ok: 0,
  reclassify: 1,
  drop: 2,
  shot: 2,
  pipe: 3,
  trap: 8,
}
const PIPE = 3
const UNSPEC = -1

/** Reads where a program comes from: `obj FILE …`, `pinned PATH`, `bytecode TEXT`, `bytecode-file FILE`. */
function readProgram(words: Words, type: TcProgramType | 'asked', classic: boolean): BpfProgramWords {
  const plain = { type: type === 'asked' ? 'sched_cls' : type, verbose: false } as const
  if (classic && (words.is('bytecode') || words.isExactly('bc')))
    return { ...plain, source: { mode: 'bytecode', text: words.takeNext() } }
  if (classic && (words.is('bytecode-file') || words.isExactly('bcf')))
    return { ...plain, source: { mode: 'bytecode-file', file: words.takeNext() } }
  const object = words.is('object-file') || words.isExactly('obj')
  if (!object && !words.is('object-pinned') && !words.is('pinned') && !words.is('fd'))
    throw words.bad(`What mode is "${words.word}"?`, 'give obj FILE, pinned PATH or bytecode TEXT')
  const file = words.takeNext()
  let actual: TcProgramType = plain.type
  if (type === 'asked' && words.is('type')) {
    const name = words.next()
    const found = Object.keys(TYPES).find((t) => t.startsWith(name))
    if (!found) throw words.bad(`What type is "${name}"?`, Object.keys(TYPES).join(', '))
    actual = TYPES[found]!
    words.at++
  }
  const option = (found: boolean): string | undefined => (found ? words.takeNext() : undefined)
  const section = option(words.is('section'))
  const program = option(words.isExactly('program'))
  const uds = option(actual.startsWith('sched') && words.is('export'))
  const verbose = words.is('verbose')
  if (verbose) words.at++
  return {
    type: actual,
    verbose,
    ...(uds === undefined ? {} : { export: uds }),
    source: object
      ? {
          mode: 'object',
          file,
          ...(section === undefined ? {} : { section }),
          ...(program === undefined ? {} : { program }),
        }
      : { mode: 'pinned', path: file },
  }
}

/**
 * Reads the words behind `filter … bpf`, and `run`, where it may stand: the program first or last among the options, as in
 * tc. Throws TcError BAD_WORDS.
 */
export function parseBpfWords(args: readonly string[], at = 0): BpfFilterWords {
  const words = new Words(args, at)
  let program: BpfProgramWords | undefined
  let classid: number | undefined
  let [directAction, skipHw, skipSw] = [false, false, false]
  const actions: ActionWords[] = []
  while (!words.done) {
    if (words.is('run')) {
      words.next()
      program = readProgram(words, 'sched_cls', true)
    } else if (words.is('classid') || words.is('flowid')) {
      classid = parseClassid(words.next())
      if (classid === undefined) throw words.bad('Illegal "classid"', 'give MAJOR:MINOR in hexadecimal')
      words.at++
    } else if (words.is('direct-action') || words.isExactly('da')) {
      directAction = true
      words.at++
    } else if (words.is('skip_hw')) {
      skipHw = true
      words.at++
    } else if (words.is('skip_sw')) {
      skipSw = true
      words.at++
    } else if (words.is('action')) {
      words.next()
      actions.push(...readActions(words))
    } else if (words.is('police')) {
      throw words.bad('Illegal "police"', 'rates are not measured here; write an action instead')
    } else if (!program) program = readProgram(words, 'sched_cls', true)
    else throw words.bad(`What is "${words.word}"?`)
  }
  return {
    program,
    directAction,
    skipHw,
    skipSw,
    actions,
    ...(classid === undefined ? {} : { classid }),
  }
}

/** Actions up to the end of the command; further ones begin with `action`. */
function readActions(words: Words): ActionWords[] {
  const actions: ActionWords[] = []
  for (;;) {
    actions.push(readAction(words))
    if (!words.is('action') || words.done) return actions
    words.next()
  }
}

function readAction(words: Words): ActionWords {
  const illegal = (mend: string): TcError => words.bad('Illegal "action"', mend)
  if (words.isExactly('gact')) words.next()
  const control = readControl(words)
  if (control) return { kind: 'gact', ...control }
  if (words.isExactly('mirred')) return readMirred(words)
  if (words.isExactly('bpf')) {
    words.next()
    if (words.is('run')) words.next()
    const program = readProgram(words, 'sched_act', true)
    const otherwise = readControl(words)
    return { kind: 'bpf', program, otherwise: otherwise?.verdict ?? PIPE }
  }
  throw illegal(
    `action "${words.word}" is not known; give ${Object.keys(CONTROLS).join(', ')}, mirred or bpf`,
  )
}

function readControl(words: Words): { readonly verdict: number; readonly chain?: number } | undefined {
  if (words.isExactly('goto')) {
    if (words.next() !== 'chain') throw words.bad('Illegal "action"', 'write goto chain NUMBER')
    words.next()
    return { verdict: UNSPEC, chain: words.takeNumber('invalid chain index value', 0x0fff_ffff) }
  }
  if (words.done || !Object.hasOwn(CONTROLS, words.word)) return undefined
  return { verdict: CONTROLS[words.take()]! }
}

function readMirred(words: Words): ActionWords {
  const direction = words.next()
  if (direction !== 'ingress' && direction !== 'egress')
    throw words.bad('Illegal "action"', 'write mirred ingress or mirred egress')
  const action = words.next()
  if (action !== 'mirror' && action !== 'redirect')
    throw words.bad('Illegal "action"', 'write mirror or redirect')
  if (words.next() !== 'dev') throw words.bad('Illegal "action"', 'write dev NAME')
  words.next()
  return { kind: 'mirred', direction, action, dev: words.take() }
}

/** `exec bpf graft MAP_FILE [ key KEY ] …`. */
export interface GraftWords {
  readonly map: string
  readonly key?: number
  readonly program: BpfProgramWords
}

/** Reads the words behind `graft`. Throws TcError BAD_WORDS. */
export function parseGraftWords(args: readonly string[], at = 0): GraftWords {
  const words = new Words(args, at)
  const map = words.take()
  words.need()
  let key: number | undefined
  if (words.is('key')) {
    words.next()
    key = words.takeNumber('Illegal "key"')
    words.need()
  }
  const program = readProgram(words, 'asked', false)
  return { map, program, ...(key === undefined ? {} : { key }) }
}

const VERDICTS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(CONTROLS)
    .filter(([word]) => word !== 'ok' && word !== 'shot')
    .map(([word, verdict]) => [verdict, word]),
)

/** An action in the words that make it. */
export function formatAction(action: ActionWords): string {
  if (action.kind === 'mirred') return `mirred ${action.direction} ${action.action} dev ${action.dev}`
  if (action.kind === 'bpf') return `bpf ${formatProgram(action.program)} ${VERDICTS[action.otherwise]}`
  return `gact ${action.chain === undefined ? VERDICTS[action.verdict] : `goto chain ${action.chain}`}`
}

/** How tc names a program in its lists: `FILE:[SECTION]`. */
export function formatProgram({ source, type }: BpfProgramWords): string {
  const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
  if (source.mode === 'object') return `${base(source.file)}:[${source.section ?? TC_SECTIONS[type]}]`
  if (source.mode === 'pinned') return `${base(source.path)}:[*fsobj]`
  return source.mode === 'bytecode' ? `bytecode '${source.text}'` : `bytecode-file ${base(source.file)}`
}
