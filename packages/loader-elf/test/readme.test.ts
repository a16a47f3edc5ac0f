import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as loader from '../src/index.ts'

const readme = readPage(import.meta.url)
const root = new URL('../../../', import.meta.url)

describe('README.md', () => {
  const files = { readFile: (path: string) => readFile(new URL(path, root)) }
  testExamples(examplesOf(readme), { '@skep/loader-elf': loader, 'node:fs/promises': files }, 2)

  it('names every code of an error', () => {
    const source = readPage(import.meta.url, '../src/errors.ts')
    const codes = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map((line) => line[1]!)
    expect(codes.length).toBeGreaterThan(10)
    for (const code of codes) expect(readme).toContain(`\`${code}\``)
  })
})
