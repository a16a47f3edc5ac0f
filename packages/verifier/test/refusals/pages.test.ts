import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type Kernel, loadCollection, openKernel, verifyRow } from '@skep/linux'
import { parseElf } from '@skep/loader-elf'
import type { CollectionSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import {
  createVerifier,
  specFromRow,
  type Verdict,
  type Verifier,
  type VerifyInput,
} from '../../src/index.ts'
import { refusalLines } from '../../src/refusals/table.ts'
import { subjects } from '../../src/refusals/texts/table.ts'
import { platform } from '../platform.ts'
import { noKernel, kernelBtf as types } from '../reference.ts'
import { type PageProgram, pageRow, readPages } from './pages.ts'

// The programs on the pages of docs/reference/refusals get what the pages say: here, and from a running Linux 6.18.

const OBJECTS = new URL('../../testdata/refusals/', import.meta.url)
const pages = readPages()
const programs = pages.flatMap((page) => page.programs)

/** Codes whose pages say why no program is there. */
const WITHOUT_PROGRAM = [
  'BOUNDS_CONTRADICT',
  'DYNPTR_KIND',
  'DYNPTR_READ_ONLY',
  'FUNC_INFO',
  'KFUNC_SIGNATURE',
  'RCU_POINTER_REQUIRED',
  'TOO_MANY_MAPS',
  'VERIFIER_BUG',
]

describe('the pages of refusals', () => {
  it('are one for each code', () => {
    expect(pages.map((page) => page.code)).toEqual(Object.keys(refusalLines).sort())
  })

  it('have a program that is refused and one that is accepted', () => {
    for (const { code, text, programs } of pages) {
      expect(text.split('\n')[0]).toBe(`# ${code}`)
      if (WITHOUT_PROGRAM.includes(code)) {
        expect(text, code).toContain('\nNo small program shows it.')
        expect(programs, code).toEqual([])
        continue
      }
      expect(
        programs.some((p) => p.refused && p.line !== undefined),
        code,
      ).toBe(true)
      expect(
        programs.some((p) => !p.refused),
        code,
      ).toBe(true)
    }
  })

  it('are listed in the index', async () => {
    const sections = Object.entries(subjects).map(([subject, table]) => {
      const rows = Object.entries(table).map(([code, { title }]) => `- [${code}](${code}.md): ${title}`)
      return `## ${subject}\n\n${rows.join('\n')}\n`
    })
    const index = readFileSync(
      new URL('../../../../docs/reference/refusals/README.md', import.meta.url),
      'utf8',
    )
    expect(index.slice(index.indexOf('\n## ') + 1)).toBe(sections.join('\n'))
  })

  it('have objects that were compiled from their C', () => {
    const compiled = JSON.parse(readFileSync(new URL('sources.json', OBJECTS), 'utf8'))
    const written = programs
      .filter((p) => p.language === 'c')
      .map((p) => [p.name, createHash('sha256').update(p.text).digest('hex')])
    expect(compiled, 'run node packages/verifier/test/refusals/compile.mjs').toEqual(
      Object.fromEntries(written),
    )
  })
})

const kernelBtf = noKernel ? undefined : types
const verifiers = new Map<string, Verifier>()

/** A verifier with the limits that the program's options name. */
async function verifierFor({ options }: PageProgram): Promise<Verifier> {
  const limits = Object.fromEntries(
    Object.entries(options)
      .filter(([name]) => name.endsWith('Limit'))
      .map(([name, value]) => [name, Number(value)]),
  )
  const key = JSON.stringify(limits)
  const known = verifiers.get(key)
  if (known) return known
  const made = await createVerifier(platform, {
    cpus: availableParallelism(),
    ...(kernelBtf ? { kernelBtf } : {}),
    ...limits,
  })
  verifiers.set(key, made)
  return made
}

const object = ({ name }: PageProgram): CollectionSpec =>
  parseElf(readFileSync(new URL(`${name}.o`, OBJECTS)), { platform, ...(kernelBtf ? { kernelBtf } : {}) })

function inputOf(program: PageProgram): VerifyInput {
  if (program.language === 'bpf') return specFromRow(pageRow(program), platform)
  const spec = object(program)
  return { program: spec.programs[0]!, maps: spec.maps, ...(spec.btf ? { btf: spec.btf } : {}) }
}

const told = (verdict: Verdict): object =>
  verdict.verdict === 'accept'
    ? { verdict: 'accept' }
    : { code: verdict.code, line: verdict.line, errno: verdict.errno }

const expected = (program: PageProgram): object =>
  program.refused
    ? { code: program.name.split('.')[0], line: program.line, errno: program.errno }
    : { verdict: 'accept' }

describe('programs on the pages of refusals', () => {
  const here = programs.filter((p) => kernelBtf || p.options['kernel'] === undefined)
  it.each(here.map((p) => [p.name, p] as const))('%s', async (_, program) => {
    const verifier = await verifierFor(program)
    const verdict = verifier.verify(inputOf(program))
    expect(told(verdict)).toEqual(expected(program))
    if (verdict.verdict === 'reject') expect((await verdict.explain()).code).toBe(verdict.code)
  })
})

function kernelSays(kernel: Kernel, program: PageProgram): object {
  if (program.language === 'bpf') {
    const { verdict, line, errno } = verifyRow(kernel, pageRow(program), { logLevel: 1 })
    return verdict === 'accept' ? { verdict } : { line, errno }
  }
  const spec = object(program)
  using loaded = loadCollection(kernel, spec, { logLevel: 1 })
  const live = loaded.programs.get(spec.programs[0]!.name)!
  return live.ok ? { verdict: 'accept' } : { line: decisive(live.log, program.line), errno: live.errno }
}

/** The page's line, when the log has it. */
const decisive = (log: string, line: string | undefined): string | undefined =>
  log.split('\n').find((it) => it === line) ?? log

describe.skipIf(noKernel)(`the running kernel${noKernel ? ` (skipped: ${noKernel})` : ''}`, () => {
  const there = programs.filter(
    (p) => p.options['skep'] === undefined && !Object.keys(p.options).some((name) => name.endsWith('Limit')),
  )
  it.each(there.map((p) => [p.name, p] as const))('agrees on %s', async (_, program) => {
    using kernel = await openKernel()
    const { code: _code, ...rest } = expected(program) as Record<string, unknown>
    expect(kernelSays(kernel, program)).toEqual(rest)
  })
})
