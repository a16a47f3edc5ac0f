import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as btf from '../src/index.ts'

const readme = readPage(import.meta.url)

describe('README.md', () => {
  testExamples(examplesOf(readme), { '@skep/btf': btf }, 2)

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
