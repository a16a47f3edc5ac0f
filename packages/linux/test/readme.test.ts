import { describe } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as linux from '../src/index.ts'
import { missing, named } from './availability.ts'

describe.skipIf(missing)(named('README.md'), () =>
  testExamples(examplesOf(readPage(import.meta.url)), { '@skep/linux': linux }),
)
