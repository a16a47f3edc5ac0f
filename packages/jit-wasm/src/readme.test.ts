import * as isa from '@skep/isa'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as jit from './index.ts'

describe('README.md', () =>
  testExamples(examplesOf(readPage(import.meta.url)), { '@skep/isa': isa, '@skep/jit-wasm': jit }))
