import { readFileSync } from 'node:fs'
import * as memory from '@skep/memory'
import { describe, expect, it } from 'vitest'
import * as maps from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, source]) => source!)

describe('README', () => {
  it.each(examples.map((source, n) => [n + 1, source] as const))(
    'example %i prints what it says',
    (_, source) => {
      const printed: string[] = []
      const body = source
        .replace(/import (\{.*\}) from '@skep\/memory'/, 'const $1 = memory')
        .replace(/import (\{.*\}) from '@skep\/maps'/, 'const $1 = maps')
        .replaceAll('console.log', 'print')
      const print = (...values: unknown[]): unknown => printed.push(values.join(' '))
      new Function('memory', 'maps', 'print', body)(memory, maps, print)
      expect(printed).toEqual([...source.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text))
      expect(printed.length).toBeGreaterThan(0)
    },
  )
})
