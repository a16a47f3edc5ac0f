import { filterCapture } from '@skep/hook-socket'
import { runClassic } from '@skep/loader-cbpf'
import {
  compileClassicFilter,
  compileFilter,
  evaluateFilter,
  FilterError,
  generateFilter,
} from '@skep/loader-cbpf/filter'
import type { Runtime } from '@skep/runtime'
import type { TestCapture } from './captures.ts'
import { reasonFor } from './known.ts'
import type { Answer, Question } from './reference.ts'

/** What of ours is compared: with libpcap without its optimiser, then with it. */
export type Side = 'meaning' | 'plain classic' | 'classic' | 'eBPF'

/** A disagreement about one expression. */
export interface Difference {
  readonly question: Question
  readonly kind: 'refused by us' | 'refused by libpcap' | 'error' | Side
  readonly what: string
}

export class Tally {
  expressions = 0
  /** Refused by both sides, and by one alone. */
  refused = 0
  otherwiseRefused = 0
  /** What libpcap's code reads memory for that it has not written: nobody knows what it accepts. */
  unsure = 0
  /** Accepted by both, and with the same packets as by tcpdump: classic code, where there is one, and eBPF. */
  compiled = 0
  samePackets = 0
  /** Those with other packets, by the reason that is known; '' where none is. */
  readonly otherPackets: Map<string, number> = new Map()
  /** Expressions with the same packets, side by side. */
  readonly agreed: Record<Side, number> = { meaning: 0, 'plain classic': 0, classic: 0, eBPF: 0 }
  packets = 0
  /** What only eBPF has a way for. */
  loops = 0
  /** With classic code on both sides. */
  measured = 0
  notLonger = 0
  shorter = 0
  /** Instructions, of what both have as classic code. */
  ours = 0
  theirs = 0
  readonly differences: Difference[] = []
  /** Our code is longer. */
  readonly longer: { readonly question: Question; readonly ours: number; readonly theirs: number }[] = []
}

/** What libpcap says with and without its optimiser. */
export interface Answers {
  readonly best: Answer
  readonly plain: Answer
}

export async function compare(
  runtime: Runtime,
  captures: readonly TestCapture[],
  question: Question,
  answers: Answers,
  tally: Tally,
): Promise<void> {
  const capture = captures[question.capture]!
  const { expression } = question
  const options = { linkType: capture.linkType, netmask: 0 }
  tally.expressions++
  const differs = (kind: Difference['kind'], what: string): void => {
    tally.differences.push({ question, kind, what })
  }
  const best = attempt(() => compileClassicFilter(expression, options))
  const refusal = best.error instanceof FilterError ? best.error : undefined
  if (answers.best.refused !== undefined || refusal !== undefined) {
    if (answers.best.refused !== undefined && refusal !== undefined) tally.refused++
    else {
      tally.otherwiseRefused++
      if (refusal) differs('refused by us', refusal.message)
      else differs('refused by libpcap', answers.best.refused!)
    }
    return
  }
  if (answers.best.unsure || (answers.plain.refused === undefined && answers.plain.unsure)) {
    tally.unsure++
    return
  }
  tally.compiled++
  tally.packets += capture.packets.length
  const agreed = await packetsAgree(runtime, capture, expression, options, answers, best.value, differs)
  for (const side of agreed) tally.agreed[side]++
  if (agreed.has('eBPF') && (best.value === undefined || agreed.has('classic'))) tally.samePackets++
  else {
    const reason = reasonFor(expression) ?? ''
    tally.otherPackets.set(reason, (tally.otherPackets.get(reason) ?? 0) + 1)
  }
  if (best.value === undefined) {
    tally.loops++
    return
  }
  const [ours, theirs] = [best.value.length, answers.best.insns]
  tally.measured++
  tally.ours += ours
  tally.theirs += theirs
  if (ours <= theirs) tally.notLonger++
  else tally.longer.push({ question, ours, theirs })
  if (ours < theirs) tally.shorter++
}

async function packetsAgree(
  runtime: Runtime,
  capture: TestCapture,
  expression: string,
  options: { readonly linkType: number; readonly netmask: number },
  { best, plain }: Answers,
  code: ReturnType<typeof compileClassicFilter> | undefined,
  differs: (kind: Difference['kind'], what: string) => void,
): Promise<ReadonlySet<Side>> {
  const agreed = new Set<Side>()
  const check = (side: Side, answer: Answer, accepts: (at: number) => boolean): void => {
    const accepted = answer.accepted ?? capture.packets.map(() => false)
    const wrong = capture.packets.findIndex((_, at) => accepts(at) !== accepted[at])
    if (wrong < 0) {
      agreed.add(side)
      return
    }
    const [verb, length] = [accepted[wrong] ? 'accepts' : 'rejects', capture.packets[wrong]!.data.length]
    const data = Buffer.from(capture.packets[wrong]!.data.subarray(0, 120)).toString('hex')
    differs(side, `libpcap ${verb} packet ${wrong} of ${length} bytes: ${data}`)
  }
  const packet = (at: number) => {
    const { data, length } = capture.packets[at]!
    return [data, { length }] as const
  }
  try {
    const meaning = generateFilter(expression, options)
    check('meaning', plain, (at) => evaluateFilter(meaning, ...packet(at)) !== 0)
    if (code !== undefined) {
      const word = compileClassicFilter(expression, { ...options, optimise: false })
      check('plain classic', plain, (at) => runClassic(word, ...packet(at)) !== 0)
      check('classic', best, (at) => runClassic(code, ...packet(at)) !== 0)
    }
    const kept = await runFast(runtime, capture, expression, options)
    check('eBPF', best, (at) => kept[at] === true)
  } catch (error) {
    differs('error', String(error))
  }
  return agreed
}

/** Which packets our eBPF on the JIT keeps, run as `skep filter` runs it. */
async function runFast(
  runtime: Runtime,
  capture: TestCapture,
  expression: string,
  options: { readonly linkType: number; readonly netmask: number },
): Promise<boolean[]> {
  const collection = await runtime.load(compileFilter(expression, options))
  const written: Uint8Array[] = []
  const source = { read: reading(marked(capture)) }
  await filterCapture(collection.program('filter', 'socket_filter'), source, {
    pass: { write: (bytes) => void written.push(bytes.slice()) },
  })
  collection.close()
  const accepted = capture.packets.map(() => false)
  const file = Buffer.concat(written)
  for (let at = 24; at + 16 <= file.length; ) {
    accepted[file.readUInt32LE(at)] = true
    at += 16 + file.readUInt32LE(at + 8)
  }
  return accepted
}

/** The capture, in which the seconds of each packet's time are its number. */
function marked({ bytes, packets }: TestCapture): Uint8Array {
  const out = Buffer.from(bytes)
  let at = 24
  packets.forEach(({ data }, index) => {
    out.writeUInt32LE(index, at)
    at += 16 + data.length
  })
  return out
}

function reading(bytes: Uint8Array): (into: Uint8Array) => number {
  let at = 0
  return (into) => {
    const part = bytes.subarray(at, at + into.length)
    into.set(part)
    at += part.length
    return part.length
  }
}

function attempt<T>(act: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: act() }
  } catch (error) {
    return { error }
  }
}
