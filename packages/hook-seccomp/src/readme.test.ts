import * as isa from '@skep/isa'
import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as seccomp from './index.ts'

describe('README.md', () =>
  testExamples(examplesOf(readPage(import.meta.url)), { '@skep/hook-seccomp': seccomp, '@skep/isa': isa }, 2))
