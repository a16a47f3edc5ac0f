import { readFile } from 'node:fs/promises'
import * as hookTc from '@skep/hook-tc'
import * as loaderTc from '@skep/loader-tc'
import * as packet from '@skep/packet'
import * as runtime from '@skep/runtime'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'

const files = {
  readFile: (name: string) =>
    readFile(new URL(`../../../packages/loader-tc/testdata/${name}`, import.meta.url)),
}

describe('docs/guide/tc.md', () =>
  testExamples(
    examplesOf(readPage(import.meta.url, '../../../docs/guide/tc.md')),
    {
      'node:fs/promises': files,
      '@skep/hook-tc': hookTc,
      '@skep/loader-tc': loaderTc,
      '@skep/packet': packet,
      '@skep/runtime': runtime,
    },
    2,
  ))
