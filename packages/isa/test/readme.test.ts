import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as isa from '../src/index.ts'

const readme = readPage(import.meta.url)

describe('README.md', () => {
  testExamples(examplesOf(readme, 'ts'), { '@skep/isa': isa }, 2)

  it('names only what there is', () => {
    const named = [...readme.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap((row) =>
      [...row[1]!.matchAll(/`(\w+)`/g)].map((name) => name[1]!),
    )
    const values = named.filter((name) => !/^(OpName|OpDef|OpKind|Insn)$/.test(name))
    expect(values.length).toBeGreaterThan(20)
    expect(values.filter((name) => !(name in isa))).toEqual([])
  })
})
