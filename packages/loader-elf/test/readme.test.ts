import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import * as loader from '../src/index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map((block) => block[1]!)
const root = new URL('../../../', import.meta.url)

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<void>

describe('README', () => {
  it('has examples', () => {
    expect(examples).toHaveLength(2)
  })

  it.each(examples)('prints what it says', async (example) => {
    const expected = [...example.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map((line) => line[1])
    const printed: string[] = []
    const body = example
      .replace(/^import (\{.*\}) from '@skep\/loader-elf'$/m, 'const $1 = loader')
      .replace(/^import (\{.*\}) from 'node:fs\/promises'$/m, 'const $1 = files')
    const files = { readFile: async (path: string) => readFileSync(new URL(path, root)) }
    const text = (value: unknown): string => (typeof value === 'string' ? value : inspect(value))
    await new AsyncFunction('loader', 'files', 'console', body)(loader, files, {
      log: (...values: unknown[]) => printed.push(values.map(text).join(' ')),
    })
    expect(expected.length).toBeGreaterThan(0)
    expect(printed).toEqual(expected)
  })

  it('names every code of an error', () => {
    const source = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8')
    const codes = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map((line) => line[1]!)
    expect(codes.length).toBeGreaterThan(10)
    for (const code of codes) expect(readme).toContain(`\`${code}\``)
  })
})
