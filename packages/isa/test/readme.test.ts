import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as isa from '../src/index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((block) => block[1]!)

describe('README', () => {
  it('has examples', () => {
    expect(examples).toHaveLength(2)
  })

  it.each(examples)('prints what it says', (example) => {
    const expected = [...example.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map((line) => line[1])
    const printed: string[] = []
    const body = example.replace(/^import (\{.*\}) from '@skep\/isa'$/m, 'const $1 = isa')
    const run = new Function('isa', 'console', body)
    run(isa, { log: (value: unknown) => printed.push(`${value}`) })
    expect(expected.length).toBeGreaterThan(1)
    expect(printed).toEqual(expected)
  })

  it('names only what there is', () => {
    const named = [...readme.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap((row) =>
      [...row[1]!.matchAll(/`(\w+)`/g)].map((name) => name[1]!),
    )
    const values = named.filter((name) => !/^(OpName|OpDef|OpKind|Insn)$/.test(name))
    expect(values.length).toBeGreaterThan(20)
    expect(values.filter((name) => !(name in isa))).toEqual([])
  })
})
