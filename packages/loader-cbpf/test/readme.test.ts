import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as filter from '../src/filter.ts'
import * as cbpf from '../src/index.ts'

describe('README.md', () =>
  testExamples(
    examplesOf(readPage(import.meta.url)),
    { '@skep/loader-cbpf': cbpf, '@skep/loader-cbpf/filter': filter },
    2,
  ))
