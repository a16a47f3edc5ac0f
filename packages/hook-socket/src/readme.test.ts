import * as registry from '@skep/registry'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as socket from './index.ts'

describe('README.md', () =>
  testExamples(examplesOf(readPage(import.meta.url)), {
    '@skep/hook-socket': socket,
    '@skep/registry': registry,
  }))
