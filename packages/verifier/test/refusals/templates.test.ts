import { describe, expect, it } from 'vitest'
import { type RefusalCode, refusalLines } from '../../src/refusals/table.ts'
import { refusalTexts } from '../../src/refusals/texts/table.ts'
import { refusalTemplates } from './templates.ts'

/** The codes that a line falls into. */
const codesOf = (line: string): readonly string[] =>
  Object.entries(refusalLines)
    .filter(([, patterns]) => patterns.some((pattern) => pattern.test(line)))
    .map(([code]) => code)

const HOW =
  'add its line to the refusal that it belongs to in src/refusals, and its sentence to src/refusals/texts, or a new code in both with a page in docs/reference/refusals'

describe('the table of refusals', () => {
  const { templates, unread } = refusalTemplates()

  it('reads every place that refuses', () => {
    expect(unread, 'write the text out in the call, or in a constant beside it').toEqual([])
    expect(templates.length).toBeGreaterThan(250)
  })

  it('has one code for every text', () => {
    const wrong = templates
      .map(({ place, text }) => ({ place, text, codes: codesOf(text) }))
      .filter(({ codes }) => codes.length !== 1)
      .map(({ place, text, codes }) => `${place}: "${text}" has ${codes.join(' and ') || 'no code'}`)
    expect(wrong, HOW).toEqual([])
  })

  it('has no code that nothing refuses with', () => {
    const used = new Set(templates.flatMap(({ text }) => codesOf(text)))
    // Types choose these at run time; the lines of references are gathered in a list.
    const chosen = [
      'ARGUMENT_MAYBE_NULL',
      'NUMBER_AS_POINTER',
      'POINTER_MAYBE_NULL',
      'SOCKET_FIELD',
      'UNRELEASED_REFERENCE',
    ]
    expect(Object.keys(refusalLines).filter((code) => !used.has(code) && !chosen.includes(code))).toEqual([])
  })

  it('has a sentence for each line, with groups that the line has', () => {
    for (const [code, patterns] of Object.entries(refusalLines)) {
      const { sentences } = refusalTexts[code as RefusalCode]
      expect(sentences, code).toHaveLength(patterns.length)
      for (const [n, sentence] of sentences.entries()) {
        const asked = [...sentence.matchAll(/\{(\w+)(?::kinds?)?\}/g)].map(([, name]) => name)
        const named = [...patterns[n]!.source.matchAll(/\(\?<(\w+)>/g)].map(([, name]) => name)
        expect(named, `${code}: ${sentence}`).toEqual(expect.arrayContaining(asked))
      }
    }
  })

  it('matches whole lines', () => {
    for (const [code, patterns] of Object.entries(refusalLines)) {
      for (const pattern of patterns) {
        expect(`${code} ${pattern.source.startsWith('^') && pattern.source.endsWith('$')}`).toBe(
          `${code} true`,
        )
      }
    }
  })
})
