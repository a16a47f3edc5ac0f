import * as memory from '@skep/memory'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as maps from './index.ts'

describe('README.md', () =>
  testExamples(examplesOf(readPage(import.meta.url)), { '@skep/maps': maps, '@skep/memory': memory }))
