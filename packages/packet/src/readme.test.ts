import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as packet from './index.ts'

const readme = readPage(import.meta.url)

describe('README.md', () => {
  // One goes on where the other ends.
  testExamples([examplesOf(readme).join('')], { '@skep/packet': packet })

  it('names every code of an error', () => {
    const source = readPage(import.meta.url, 'errors.ts')
    const codes = [...source.matchAll(/^ \* - `([A-Z_]+)`/gm)].map(([, code]) => code!)
    expect(codes.length).toBe(13)
    for (const code of codes) expect(readme).toContain(`| \`${code}\``)
  })
})
