import { readFile } from 'node:fs/promises'
import * as runtime from '@skep/runtime'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as debug from './index.ts'

describe('README.md', () =>
  testExamples(examplesOf(readPage(import.meta.url)), {
    '@skep/debugger': debug,
    '@skep/runtime': runtime,
    'node:fs/promises': {
      readFile: (name: string) => readFile(new URL(`../testdata/${name}`, import.meta.url)),
    },
  }))
