import { TcError } from '@skep/loader-tc'
import { runExec } from './exec.ts'
import { TcFailure } from './failure.ts'
import { runFilter, type ShowOptions } from './filter.ts'
import { runQdisc } from './qdisc.ts'
import type { TcState } from './state.ts'

/** What a command printed, and its exit status: tc's. */
export interface TcOutcome {
  readonly status: number
  readonly out: readonly string[]
  readonly err: readonly string[]
}

/** One command of tc over a state: the words behind `tc`. Never throws for what the command says. */
export async function runTc(state: TcState, words: readonly string[]): Promise<TcOutcome> {
  const { args, show } = split(words)
  const [object = '', ...rest] = args
  try {
    const begins = (...names: readonly string[]): boolean =>
      object !== '' && names.some((name) => name.startsWith(object))
    if (begins('qdisc')) return { status: 0, out: runQdisc(state, rest), err: [] }
    if (begins('filter')) return { status: 0, ...(await runFilter(state, rest, show)) }
    if (begins('exec')) return { status: 0, out: await runExec(state, rest), err: [] }
    if (object === 'replay') return { status: 0, out: await replay(state, rest), err: [] }
    return refused(255, `Object "${object}" is unknown, try "tc help".`)
  } catch (error) {
    if (error instanceof TcFailure) return refused(error.status, ...error.says)
    // Words that tc stops at: its own text, then what would do.
    if (error instanceof TcError)
      return refused(error.says.startsWith('Command line') ? 255 : 1, error.message)
    throw error
  }
}

const refused = (status: number, ...err: readonly string[]): TcOutcome => ({ status, out: [], err })

const FLAGS: Readonly<Record<string, keyof ShowOptions>> = {
  '-s': 'stats',
  '-stats': 'stats',
  '-statistics': 'stats',
  '-j': 'json',
  '-json': 'json',
  '--json': 'json',
}

/** The options before the object, in tc's form. */
function split(words: readonly string[]): { readonly args: readonly string[]; readonly show: ShowOptions } {
  const show = { stats: false, json: false }
  let at = 0
  for (; words[at]?.startsWith('-'); at++) {
    const flag = FLAGS[words[at]!]
    if (flag) show[flag] = true
    else if (!['-d', '-details', '-p', '-pretty'].includes(words[at]!)) break
  }
  return { args: words.slice(at), show }
}

/** `replay [dev NAME] [count N]`: packets come now; what tc has no word for. */
async function replay(state: TcState, args: readonly string[]): Promise<string[]> {
  let count = Number.POSITIVE_INFINITY
  let only: string | undefined
  for (let at = 0; at < args.length; at += 2) {
    const [word, value] = [args[at]!, args[at + 1]]
    if (word === 'dev' && value !== undefined) {
      state.device(value)
      only = value
    } else if (word === 'count' && value !== undefined && /^[1-9]\d*$/.test(value)) count = Number(value)
    else throw new TcFailure(1, `What is "${word}"?`, 'write replay [dev NAME] [count N]')
  }
  await state.replay(count, only)
  return []
}

/** The commands of a batch file: one on a line, `#` for comments, words in quotes, `\` at the end goes on. */
export function readBatch(text: string): { readonly line: number; readonly words: readonly string[] }[] {
  const commands: { line: number; words: readonly string[] }[] = []
  let begun: { line: number; text: string } | undefined
  for (const [n, raw] of text.split('\n').entries()) {
    const line: { line: number; text: string } = begun
      ? { line: begun.line, text: `${begun.text} ${raw}` }
      : { line: n + 1, text: raw }
    if (/\\\s*$/.test(line.text)) {
      begun = { ...line, text: line.text.replace(/\\\s*$/, '') }
      continue
    }
    begun = undefined
    const words = wordsOf(line.text)
    if (words.length > 0) commands.push({ line: line.line, words })
  }
  return commands
}

function wordsOf(text: string): string[] {
  const words: string[] = []
  for (const [whole, double, single] of text.matchAll(/"([^"]*)"|'([^']*)'|#.*|\S+/g)) {
    if (whole.startsWith('#')) break
    words.push(double ?? single ?? whole)
  }
  return words
}
