import { readFile } from 'node:fs/promises'
import * as runtime from '@skep/runtime'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as debug from './index.ts'

describe.each(['../README.md', '../../../docs/guide/debugging.md'])('%s', (page) =>
  testExamples(examplesOf(readPage(import.meta.url, page)), {
    '@skep/debugger': debug,
    '@skep/runtime': runtime,
    'node:fs/promises': {
      readFile: (name: string) => readFile(new URL(`../testdata/${name}`, import.meta.url)),
    },
  }),
)
