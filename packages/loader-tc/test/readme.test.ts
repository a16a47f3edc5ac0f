import { readFileSync } from 'node:fs'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as tc from '../src/index.ts'

const files = {
  readFile: async (name: string) => readFileSync(new URL(`../testdata/${name}`, import.meta.url)),
}

describe('README.md', () =>
  testExamples(examplesOf(readPage(import.meta.url)), {
    '@skep/loader-tc': tc,
    'node:fs/promises': files,
  }))
