import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as skep from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, source]) => source!)

it("README's examples, one after the other, print what they say", async () => {
  const printed: string[] = []
  const body = examples.join('').replace(/import (\{.*\}) from '@skep\/packet'/g, 'const $1 = skep')
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor
  const run = new AsyncFunction('skep', 'print', body.replaceAll('console.log', 'print'))
  await run(skep, (...values: unknown[]) => printed.push(values.join(' ')))
  expect(printed).toEqual([...body.matchAll(/console\.log.* \/\/ (.*)/g)].map(([, text]) => text))
  expect(printed.length).toBe(2)
})

it('README names every code of an error', () => {
  const source = readFileSync(new URL('errors.ts', import.meta.url), 'utf8')
  const codes = [...source.matchAll(/^ \* - `([A-Z_]+)`/gm)].map(([, code]) => code!)
  expect(codes.length).toBe(11)
  for (const code of codes) expect(readme).toContain(`| \`${code}\``)
})
