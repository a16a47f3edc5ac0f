import { readFileSync } from 'node:fs'
import * as isa from '@skep/isa'
import * as memory from '@skep/memory'
import * as registry from '@skep/registry'
import { describe, expect, it } from 'vitest'
import * as interpreter from './index.ts'

const modules: Readonly<Record<string, object>> = {
  '@skep/isa': isa,
  '@skep/memory': memory,
  '@skep/registry': registry,
  '@skep/vm-interpreter': interpreter,
}
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, source]) => source!)
const AsyncFunction = (async () => {}).constructor as new (
  ...source: string[]
) => (modules: object, print: (...values: unknown[]) => void) => Promise<void>

describe('README', () => {
  it.each(examples.map((source, n) => [n + 1, source] as const))(
    'example %i prints what it says',
    async (_, source) => {
      const printed: string[] = []
      const body = source
        .replaceAll(/import (\{.*\}) from ('[^']+')/g, 'const $1 = modules[$2]')
        .replaceAll('console.log', 'print')
      await new AsyncFunction('modules', 'print', body)(modules, (...values) =>
        printed.push(values.join(' ')),
      )
      expect(printed).toEqual([...source.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text))
      expect(printed.length).toBeGreaterThan(0)
    },
  )

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
