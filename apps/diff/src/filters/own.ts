import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestCapture } from './captures.ts'
import type { Question } from './reference.ts'

/** An expression that was written by hand, with the group that it is in. */
export interface OwnQuestion extends Question {
  readonly group: string
}

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Reads a text like expressions.txt: `# group`, then `@ 1 113`, the link types that what follows is asked of, then one expression a
 * line.
 */
export function ownQuestions(
  captures: readonly TestCapture[],
  text: string = readExpressions(),
): OwnQuestion[] {
  let group = ''
  let asked: readonly number[] = []
  const questions: OwnQuestion[] = []
  for (const line of text.split('\n')) {
    const words = line.trim()
    if (words.startsWith('# ')) group = words.slice(2)
    else if (words.startsWith('@ ')) {
      asked = words
        .slice(2)
        .split(' ')
        .map((number) => {
          const at = captures.findIndex(({ linkType }) => linkType === Number(number))
          if (at < 0) throw new Error(`expressions.txt: there is no capture of link type ${number}`)
          return at
        })
    } else if (words !== '')
      for (const capture of asked) questions.push({ group, capture, expression: words })
  }
  return questions
}

function readExpressions(): string {
  try {
    return readFileSync(join(here, 'expressions.txt'), 'utf8')
  } catch {
    // From dist/, where the program is bundled.
    return readFileSync(join(here, '../src/filters/expressions.txt'), 'utf8')
  }
}
