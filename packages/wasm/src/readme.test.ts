import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as skep from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, source]) => source!)

describe('README', () => {
  it.each(examples.map((source, n) => [n + 1, source] as const))(
    'example %i prints what it says',
    (_, source) => {
      const printed: string[] = []
      const print = (value: unknown): unknown =>
        printed.push(typeof value === 'bigint' ? `${value}n` : `${value}`)
      const body = source
        .replace(/import (\{.*\}) from '@skep\/wasm'/, 'const $1 = skep')
        .replaceAll('console.log', 'print')
      new Function('skep', 'print', body)(skep, print)
      expect(printed).toEqual([...source.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text))
      expect(printed.length).toBeGreaterThan(0)
    },
  )
})
