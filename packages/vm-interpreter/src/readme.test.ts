import * as isa from '@skep/isa'
import * as memory from '@skep/memory'
import * as registry from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as interpreter from './index.ts'

const readme = readPage(import.meta.url)
const modules: Readonly<Record<string, object>> = {
  '@skep/isa': isa,
  '@skep/memory': memory,
  '@skep/registry': registry,
  '@skep/vm-interpreter': interpreter,
}

describe('README.md', () => {
  testExamples(examplesOf(readme), modules, 1)

  it('names every error code and fault', () => {
    for (const code of [
      'BAD_PROGRAM',
      'BAD_STEPPER',
      'BAD_VALUE',
    ] satisfies interpreter.InterpreterErrorCode[])
      expect(readme).toContain(`\`${code}\``)
    for (const fault of ['ACCESS', 'BUDGET', 'STACK', 'ILLEGAL', 'ALIGNMENT'])
      expect(readme).toContain(`\`FAULT_${fault}\``)
  })
})
