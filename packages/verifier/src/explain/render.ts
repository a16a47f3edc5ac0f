import type { LineInfo } from '@skep/registry'
import type { ExplainedPlace, ExplainedStep, Explanation } from './explanation.ts'

/** How parts of the text are set off: functions that take text and give it back with colours, say. */
export interface ExplanationStyle {
  readonly error: (text: string) => string
  readonly strong: (text: string) => string
  readonly source: (text: string) => string
  readonly dim: (text: string) => string
}

const same = (text: string): string => text
const PLAIN: ExplanationStyle = { error: same, strong: same, source: same, dim: same }

/** An explanation as text: the fact, the place, the path with its source lines and states, and what mends it. */
export function renderExplanation(explanation: Explanation, style: Partial<ExplanationStyle> = {}): string {
  const s = { ...PLAIN, ...style }
  const { place, path } = explanation
  const lines = [`${s.error(`${explanation.code}:`)} ${s.strong(explanation.sentence)}`]
  lines.push(s.dim(`  ${whereText(place)}`), '')
  const failure: ExplainedStep | ExplainedPlace = path.at(-1)?.kind === 'failure' ? path.at(-1)! : place
  lines.push(...frame(failure, s, undefined))
  lines.push(`      ${s.error(`^ ${explanation.line}`)} ${s.dim(`(${explanation.errno})`)}`)
  const before = path.filter((step) => step.kind !== 'failure')
  if (before.length > 0) {
    lines.push('', s.strong('How it came to this'))
    let last: LineInfo | undefined
    for (const step of before) {
      lines.push(...frame(step, s, last))
      last = step.source
    }
  }
  if (explanation.mend.length > 0) {
    lines.push('', s.strong('What usually mends it'))
    for (const hint of explanation.mend) lines.push(`  - ${hint}`)
  }
  lines.push('', s.dim(`More: ${explanation.page}`))
  return `${lines.join('\n')}\n`
}

const fileName = (line: LineInfo): string => line.file.slice(line.file.lastIndexOf('/') + 1)

function whereText(place: ExplainedPlace): string {
  const { source } = place
  const at = source ? `${fileName(source)}:${source.line}${source.column ? `:${source.column}` : ''}, ` : ''
  return `at ${at}instruction ${place.insn}${place.function ? ` of ${place.function}` : ''}`
}

function frame(
  step: ExplainedStep | ExplainedPlace,
  s: ExplanationStyle,
  last: LineInfo | undefined,
): readonly string[] {
  const lines: string[] = []
  const { source } = step
  if (source && !(last && last.file === source.file && last.line === source.line)) {
    lines.push(`  ${s.dim(`${String(source.line).padStart(4)} |`)} ${s.source(source.text.trim())}`)
  }
  const note = 'note' in step && step.kind !== 'failure' ? `  ${s.dim('; ')}${step.note}` : ''
  lines.push(`  ${String(step.insn).padStart(6)}: ${step.text}${note}`)
  if ('registers' in step) {
    for (const { name, before, after } of step.registers) {
      const changed = after !== undefined && after !== before
      const text = !changed ? before : before === undefined || isNew(step) ? after : `${before} -> ${after}`
      if (text !== undefined) lines.push(s.dim(`          ${name} = ${text}`))
    }
  }
  return lines
}

/** What was in the register before does not matter where a value begins. */
const isNew = (step: ExplainedStep): boolean =>
  step.kind === 'value' || step.kind === 'copy' || step.kind === 'result' || step.kind === 'acquire'
