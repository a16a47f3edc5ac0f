import { describe, expect, it } from 'vitest'
import { refusals } from '../../src/refusals/table.ts'
import { refusalTemplates } from './templates.ts'

/** The codes that a line falls into. */
const codesOf = (line: string): readonly string[] =>
  Object.entries(refusals)
    .filter(([, refusal]) => refusal.lines.some(([pattern]) => pattern.test(line)))
    .map(([code]) => code)

const HOW =
  'add its line to the refusal that it belongs to in src/refusals, or a new code there with a page in docs/reference/refusals'

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
    expect(Object.keys(refusals).filter((code) => !used.has(code) && !chosen.includes(code))).toEqual([])
  })

  it('matches whole lines', () => {
    for (const [code, { lines }] of Object.entries(refusals)) {
      for (const [pattern] of lines) {
        expect(`${code} ${pattern.source.startsWith('^') && pattern.source.endsWith('$')}`).toBe(
          `${code} true`,
        )
      }
    }
  })
})
