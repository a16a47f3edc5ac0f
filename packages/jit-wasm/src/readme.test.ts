import { readFileSync } from 'node:fs'
import * as isa from '@skep/isa'
import { expect, it } from 'vitest'
import * as jit from './index.ts'

it('the README’s example prints what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, source] = /```js\n(.*?)```/s.exec(readme)!
  const printed: unknown[] = []
  const body = source!
    .replaceAll(/import (\{.*\}) from '@skep\/(.*)'/g, "const $1 = modules['$2']")
    .replaceAll('console.log', 'print')
  const print = (value: unknown): unknown => printed.push(`${value}`)
  new Function('modules', 'print', body)({ isa, 'jit-wasm': jit }, print)
  expect(printed).toEqual([...source!.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text))
  expect(printed).toHaveLength(1)
})
