import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as loader from '../src/index.ts'
import * as linker from '../src/linker.ts'

const readme = readPage(import.meta.url)
const root = new URL('../../../', import.meta.url)

describe('README.md', () => {
  const files = { readFile: (path: string) => readFile(new URL(path, root)) }
  const modules = { '@skep/loader-elf': loader, '@skep/loader-elf/linker': linker, 'node:fs/promises': files }
  testExamples(examplesOf(readme), modules, 3)

  it('names every code of an error', () => {
    const source = readPage(import.meta.url, '../src/errors.ts')
    const codes = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map((line) => line[1]!)
    expect(codes.length).toBeGreaterThan(10)
    for (const code of codes) expect(readme).toContain(`\`${code}\``)
  })
})
