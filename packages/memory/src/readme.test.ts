import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as memory from './index.ts'

describe('README.md', () => testExamples(examplesOf(readPage(import.meta.url)), { '@skep/memory': memory }))
