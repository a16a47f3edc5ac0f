import { attachTc, ETH_P_ALL, type TcAction, type TcActionProgram, TcAttachError } from '@skep/hook-tc'
import {
  type ActionWords,
  type BpfFilterWords,
  matches,
  parseBpfWords,
  parseClassid,
  Words,
} from '@skep/loader-tc'
import type { Collection } from '@skep/runtime'
import { kernelErrno, kernelError, TcFailure } from './failure.ts'
import { showFilters } from './filter-list.ts'
import { asClassifier, loadWords, type TcLoaded } from './load.ts'
import { parseProtocol } from './protocols.ts'
import { sideOf } from './qdisc.ts'
import { type InstalledFilter, removeFilter, type TcDevice, type TcState } from './state.ts'

/** The words of a filter before its kind. */
export interface FilterSelector {
  readonly device: TcDevice | undefined
  readonly parent: number | undefined
  readonly priority?: number
  readonly protocol?: number
  readonly chain?: number
  readonly handle?: number
  readonly kind?: string
  /** Where the words behind the kind begin. */
  readonly at: number
}

/** How results are shown: `-s` with counters, `-j` as JSON. */
export interface ShowOptions {
  readonly stats: boolean
  readonly json: boolean
}

const KIND = 'bpf'
const NOT_FOUND = 'Filter with specified priority/protocol not found'

/** `tc filter …`. Throws TcFailure and TcError. */
export async function runFilter(
  state: TcState,
  args: readonly string[],
  show: ShowOptions,
): Promise<{ readonly out: string[]; readonly err: string[] }> {
  const [command = 'show', ...rest] = args
  const done = { out: [], err: [] }
  if (matches(command, 'add')) return { out: [], err: await install(state, rest, 'add') }
  if (matches(command, 'change')) return { out: [], err: await install(state, rest, 'change') }
  if (matches(command, 'replace')) return { out: [], err: await install(state, rest, 'replace') }
  if (matches(command, 'delete')) {
    remove(state, rest)
    return done
  }
  if (['show', 'list', 'lst', 'get'].some((word) => matches(command, word)))
    return { out: list(state, rest, show), err: [] }
  throw new TcFailure(255, `Command "${command}" is unknown, try "tc filter help".`)
}

const PARENTS: Readonly<Record<string, number>> = {
  root: 0xffff_ffff,
  ingress: 0xffff_fff2,
  egress: 0xffff_fff3,
}

function read(state: TcState, args: readonly string[]): FilterSelector {
  const words = new Words(args)
  const found: Record<string, number | undefined> = {}
  let device: TcDevice | undefined
  let name: string | undefined
  let kind: string | undefined
  const once = (what: string): void => {
    if (found[what] !== undefined)
      throw new TcFailure(255, `Error: duplicate "${what}": "${words.word}" is the second value.`)
  }
  while (!words.done) {
    if (words.isExactly('dev')) {
      if (name !== undefined)
        throw new TcFailure(255, `Error: duplicate "dev": "${words.next()}" is the second value.`)
      name = words.takeNext()
    } else if (words.isExactly(...Object.keys(PARENTS))) {
      if (found['parent'] !== undefined)
        throw new TcFailure(255, `Error: "${words.word}" is duplicate parent ID`)
      found['parent'] = PARENTS[words.take()]
    } else if (words.isExactly('parent')) {
      words.next()
      once('parent')
      const id = parseClassid(words.word)
      if (id === undefined)
        throw new TcFailure(255, `Error: argument "${words.word}" is wrong: Invalid parent ID`)
      found['parent'] = id
      words.at++
    } else if (words.isExactly('handle')) {
      words.next()
      once('handle')
      found['handle'] = words.takeNumber('Illegal "handle"')
    } else if (words.is('preference') || words.is('priority')) {
      words.next()
      once('priority')
      found['priority'] = words.takeNumber(
        `Error: argument "${words.word}" is wrong: invalid priority value`,
        0xffff,
      )
    } else if (words.is('protocol')) {
      words.next()
      once('protocol')
      const protocol = parseProtocol(words.word)
      if (protocol === undefined)
        throw new TcFailure(255, `Error: argument "${words.word}" is wrong: invalid protocol`)
      found['protocol'] = protocol
      words.at++
    } else if (words.is('chain')) {
      words.next()
      once('chain')
      found['chain'] = words.takeNumber(
        `Error: argument "${words.word}" is wrong: invalid chain index value`,
        0x0fff_ffff,
      )
    } else {
      kind = words.take()
      break
    }
  }
  if (name !== undefined) device = state.device(name)
  const { parent, ...rest } = found
  return {
    device,
    parent,
    ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as object),
    ...(kind === undefined ? {} : { kind }),
    at: words.at,
  }
}

function checkKind({ kind, handle, at }: FilterSelector, args: readonly string[]): void {
  if (kind === KIND) return
  if (kind === undefined) {
    if (handle !== undefined) throw new TcFailure(255, 'Must specify filter type when using "handle"')
    return
  }
  if (at < args.length)
    throw new TcFailure(1, `Unknown filter "${kind}", hence option "${args[at]}" is unparsable`)
  throw kernelError('TC classifier not found')
}

async function install(
  state: TcState,
  args: readonly string[],
  mode: 'add' | 'change' | 'replace',
): Promise<string[]> {
  const selector = read(state, args)
  checkKind(selector, args)
  const { device, kind, priority, handle, chain } = selector
  if (!device) throw kernelErrno('No such device')
  if (kind === undefined) throw kernelErrno('Invalid argument')
  const words = parseBpfWords(args, selector.at)
  // As tc does it: what the object is comes before what the kernel says about the place.
  const loaded = words.program && (await loadWords(state, words.program))
  const side = sideOf(device, selector.parent)
  if (!loaded) throw kernelErrno('Invalid argument')
  if (words.skipSw && words.skipHw) throw kernelErrno('Invalid argument')
  if (words.skipSw) throw kernelErrno('Operation not supported')
  const protocol = selector.protocol ?? ETH_P_ALL
  const old = device.filters[side].find(
    ({ link }) =>
      link.priority === priority &&
      link.chain === (chain ?? 0) &&
      (handle === undefined || link.handle === handle),
  )
  if (mode === 'change' && !old) throw kernelError(NOT_FOUND)
  const loadedHere = [loaded]
  const actions: TcAction[] = []
  for (const action of words.actions) actions.push(await actionOf(state, action, loadedHere))
  const attach = {
    direction: side,
    directAction: words.directAction,
    actions: words.directAction ? [] : actions,
    protocol,
    replace: mode !== 'add',
    redirect: state.byIndex,
    ...(words.classid === undefined ? {} : { classid: words.classid }),
    ...(priority === undefined ? {} : { priority }),
    ...(chain === undefined ? {} : { chain }),
    // Without a handle, replace takes the place of what has the priority.
    ...(handle !== undefined ? { handle } : mode !== 'add' && old ? { handle: old.link.handle } : {}),
    ...(device.pass ? { pass: device.pass } : {}),
  }
  try {
    const link = attachTc(asClassifier(loaded.program), device.device, attach)
    const collections = loadedHere.flatMap(({ collection }) =>
      collection && isAlone(collection) ? [collection] : [],
    )
    const installed: InstalledFilter = { link, words, protocol, collections }
    for (const filter of device.filters[side]) if (filter.link.closed) removeFilter(filter)
    device.filters[side] = [...device.filters[side].filter((f) => !f.link.closed), installed]
  } catch (error) {
    if (!(error instanceof TcAttachError)) throw error
    if (error.code === 'EXISTS')
      throw kernelError(error.message.startsWith('Filter') ? 'Filter already exists' : NOT_FOUND)
    throw new TcFailure(
      2,
      'RTNETLINK answers: Invalid argument',
      'We have an error talking to the kernel',
      error.message,
    )
  }
  return advice(words)
}

/** Programs in arrays, as in the kernel, outlive the filter that they were loaded for. */
const isAlone = ({ spec }: Collection): boolean =>
  !spec.maps.some(({ type }) => type === 'prog_array' || type === 3)

/** What is right for tc, and probably not meant. */
function advice(words: BpfFilterWords): string[] {
  if (words.directAction)
    return words.actions.length > 0
      ? ['Note: actions have no effect with direct-action; the program decides.']
      : []
  if (words.classid !== undefined || words.actions.length > 0 || words.program?.source.mode !== 'object')
    return []
  return [
    'Note: without direct-action (da) what the program returns is a class, not a verdict: 2 is class :2, and no TC_ACT_SHOT.',
  ]
}

async function actionOf(state: TcState, action: ActionWords, loadedHere: TcLoaded[]): Promise<TcAction> {
  if (action.kind === 'gact') return action
  if (action.kind === 'mirred') {
    const { direction, action: what, dev } = action
    return { kind: 'mirred', direction, action: what, device: state.device(dev).device }
  }
  const loaded = await loadWords(state, action.program)
  loadedHere.push(loaded)
  const { program } = loaded
  return { kind: 'bpf', program: program as unknown as TcActionProgram, otherwise: action.otherwise }
}

function remove(state: TcState, args: readonly string[]): void {
  const selector = read(state, args)
  checkKind(selector, args)
  const { device, priority, handle, chain, protocol } = selector
  if (!device) throw kernelErrno('No such device')
  const side = sideOf(device, selector.parent)
  const chosen = device.filters[side].filter(
    ({ link, protocol: own }) =>
      (priority === undefined || link.priority === priority) &&
      (chain === undefined ? priority === undefined || link.chain === 0 : link.chain === chain) &&
      (protocol === undefined || own === protocol) &&
      (handle === undefined || link.handle === handle),
  )
  if (chosen.length === 0) {
    if (priority === undefined) return
    throw kernelError(
      handle !== undefined && device.filters[side].some(({ link }) => link.priority === priority)
        ? 'Specified filter handle not found'
        : NOT_FOUND,
    )
  }
  for (const filter of chosen) removeFilter(filter)
  device.filters[side] = device.filters[side].filter((f) => !chosen.includes(f))
}

function list(state: TcState, args: readonly string[], show: ShowOptions): string[] {
  const selector = read(state, args)
  const { device, parent } = selector
  if (!device) throw new TcFailure(1, 'Must specify netdevice "dev" or block index "block"')
  if (!device.qdisc) return show.json ? ['[]'] : []
  const side = parent === undefined ? undefined : sideOf(device, parent)
  return showFilters(device, side, selector, show)
}
