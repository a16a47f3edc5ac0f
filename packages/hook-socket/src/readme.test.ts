import { readFileSync } from 'node:fs'
import * as registry from '@skep/registry'
import { describe, expect, it } from 'vitest'
import * as skep from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const source = /```js\n(.*?)```/s.exec(readme)?.[1] ?? ''

describe('README.md', () => {
  it('has an example that prints what it says', () => {
    const printed: string[] = []
    const body = source
      .replace(/import (\{.*\}) from '@skep\/hook-socket'/, 'const $1 = skep')
      .replace(/import (\{.*\}) from '@skep\/registry'/, 'const $1 = registry')
      .replaceAll('console.log', 'print')
    const print = (...values: unknown[]): number => printed.push(values.map(String).join(' '))
    new Function('skep', 'registry', 'print', body)(skep, registry, print)
    expect(printed).toEqual([...source.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text))
    expect(printed.length).toBeGreaterThan(0)
  })
})
