import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as wasm from './index.ts'

describe('README.md', () => testExamples(examplesOf(readPage(import.meta.url)), { '@skep/wasm': wasm }, 2))
