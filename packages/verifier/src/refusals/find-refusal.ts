import { kindText } from './kind-text.ts'
import { classify, type RefusalCode, UNCLASSIFIED } from './table.ts'
import { refusalTexts } from './texts/table.ts'

/** What the table says of a decisive log line. */
export interface FoundRefusal {
  readonly code: RefusalCode | typeof UNCLASSIFIED
  readonly title: string
  /** The decisive fact, in one sentence. */
  readonly sentence: string
  readonly mend: readonly string[]
  /** The page about this kind of refusal: its path in the repository. */
  readonly page: string
}

const PAGES = 'docs/reference/refusals'

/**
 * Looks a decisive log line up: of this verifier, or of a running kernel. Lines that no entry matches get the code
 * `UNCLASSIFIED` and themselves as the sentence.
 */
export function findRefusal(line: string): FoundRefusal {
  const found = classify(line)
  if (!found)
    return { code: UNCLASSIFIED, title: 'Refused', sentence: line, mend: [], page: `${PAGES}/README.md` }
  const { code, index, groups } = found
  const { title, sentences, mend } = refusalTexts[code]
  return { code, title, sentence: fill(sentences[index]!, groups), mend, page: `${PAGES}/${code}.md` }
}

function fill(sentence: string, groups: Readonly<Record<string, string | undefined>>): string {
  const text = sentence.replace(/\{(\w+)(?::(kinds?))?\}/g, (_, name: string, form: string | undefined) => {
    const value = groups[name] ?? ''
    if (form === 'kind') return kindText(value)
    if (form === 'kinds') return value.split(', ').map(kindText).join(', or ')
    return value
  })
  // Names stay as they are; a kind of pointer may begin the sentence.
  return /^\{\w+:kind/.test(sentence) ? text.charAt(0).toUpperCase() + text.slice(1) : text
}
