import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as btf from '../src/index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map((block) => block[1]!)

describe('README', () => {
  it('has examples', () => {
    expect(examples).toHaveLength(2)
  })

  it.each(examples)('prints what it says', (example) => {
    const expected = [...example.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map((line) => line[1])
    const printed: string[] = []
    const run = new Function(
      'skep',
      'console',
      example.replace(/^import (\{.*\}) from '@skep\/btf'$/m, 'const $1 = skep'),
    )
    run(btf, { log: (...values: unknown[]) => printed.push(values.join(' ')) })
    expect(expected.length).toBeGreaterThan(0)
    expect(printed).toEqual(expected)
  })

  it('names only what there is', () => {
    const named = [...readme.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap((row) =>
      [...row[1]!.matchAll(/`(\w+)`/g)].map((name) => name[1]!),
    )
    expect(named.filter((name) => !(name in btf))).toEqual([])
    const methods = readme.match(/`kind`, `name`[\s\S]*?take type ids/)![0].matchAll(/`(\w+)`/g)
    const known = Object.getOwnPropertyNames(btf.Btf.prototype)
    for (const [, method] of methods) expect(known).toContain(method)
  })
})
