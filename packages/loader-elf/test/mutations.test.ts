import { readFileSync } from 'node:fs'
import { parseBtf } from '@skep/btf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ElfError, type ParseElfOptions, parseElf, readElf } from '../src/index.ts'

const testdata = new URL('../testdata/', import.meta.url)
const shared = new URL('../../../apps/cli/testdata/', import.meta.url)
const read = (base: URL, name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, base)))

const options: ParseElfOptions = {
  kernelBtf: parseBtf(read(testdata, 'core_kernel.btf')),
  kconfig: readFileSync(new URL('kconfig.txt', testdata), 'utf8'),
}

/** The object without debug sections that no one reads, so that mutations hit what counts. */
function withoutDwarf(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  const elf = readElf(bytes)
  const at = view.getUint32(40, true)
  for (const section of elf.sections) {
    if (section.name.includes('.debug') || section.name === '.llvm_addrsig')
      view.setUint32(at + section.index * 64 + 4, 0, true)
  }
  return out
}

const objects = [
  ...[
    'maps.o',
    'functions.o',
    'data.o',
    'kconfig.o',
    'ksyms.o',
    'core.o',
    'linked.o',
    'legacy.o',
    'exceptions.o',
    'arena.o',
  ].map((name) => withoutDwarf(read(testdata, name))),
  ...['firewall.o', 'tailcall_parser.o'].map((name) => withoutDwarf(read(shared, name))),
]

/** Where structures lie in an object: each range is a table of records of some size. */
interface Table {
  readonly start: number
  readonly count: number
  readonly record: number
}

function tables(bytes: Uint8Array): Table[] {
  const view = new DataView(bytes.buffer)
  const headers = view.getUint32(40, true)
  const elf = readElf(bytes)
  const out: Table[] = [
    { start: 0, count: 16, record: 4 },
    { start: headers, count: elf.sections.length * 16, record: 4 },
  ]
  for (const section of elf.sections) {
    const record = { 2: 8, 3: 1, 9: 8 }[section.type] ?? 4
    if (section.type === 0 || section.data.length < record) continue
    // The tables that steer the reader as often as all others.
    const weight = /^\.(BTF|BTF\.ext|symtab|rel.*)$/.test(section.name) ? 3 : 1
    const table = { start: section.data.byteOffset, count: Math.floor(section.data.length / record), record }
    for (let i = 0; i < weight; i++) out.push(table)
  }
  return out
}

const tablesOf = objects.map(tables)

interface Edit {
  readonly table: number
  readonly record: number
  readonly value: number
}

const interesting = fc.oneof(
  fc.nat(64),
  fc.constantFrom(0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0xffff, 0xff00, 0x1000_0000, 0x0100_0000),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.tuple(fc.nat(20), fc.nat(8)).map(([kind, vlen]) => ((kind << 24) | vlen) >>> 0),
)

const edit = fc.record({ table: fc.nat(60), record: fc.nat(0xffff), value: interesting })

function mutate(which: number, edits: readonly Edit[]): Uint8Array {
  const bytes = objects[which]!.slice()
  const view = new DataView(bytes.buffer)
  const own = tablesOf[which]!
  for (const { table, record, value } of edits) {
    const { start, count, record: size } = own[table % own.length]!
    const at = start + (record % count) * size
    if (size === 1) bytes[at] = value
    else if (at + 4 <= bytes.length) view.setUint32(at, value, true)
  }
  return bytes
}

const taken = { objects: 0, refused: new Map<string, number>() }

function check(bytes: Uint8Array): void {
  try {
    const spec = parseElf(bytes, options)
    taken.objects++
    // What was taken is bounded by the input, zeros of .bss apart.
    const values = spec.maps.flatMap((m) => (m.initial ?? []).map((i) => ('value' in i ? i.value.length : 0)))
    const sound =
      values.every((size) => size <= 1 << 20) &&
      spec.programs.every((p) => p.references.every((r) => r.insn * 8 < p.insns.length))
    if (!sound) throw new Error('a value without measure, or a reference past its program')
  } catch (error) {
    if (!(error instanceof ElfError)) throw error
    taken.refused.set(error.code, (taken.refused.get(error.code) ?? 0) + 1)
    if (error.message.includes('\n')) throw new Error(`a message of two lines: ${error.message}`)
  }
}

describe('10,000 mutated objects', () => {
  it('give a spec or a typed error: fields of their structures', () => {
    fc.assert(
      fc.property(
        fc.nat(objects.length - 1),
        fc.array(edit, { minLength: 1, maxLength: 5 }),
        (which, edits) => check(mutate(which, edits)),
      ),
      { numRuns: 7000, seed: 21 },
    )
    expect(taken.objects).toBeGreaterThan(1000)
    expect([...taken.refused.keys()].sort()).toEqual(
      expect.arrayContaining([
        'BAD_BTF',
        'BAD_FUNCTION',
        'BAD_MAP',
        'BAD_RELOCATION',
        'BAD_SECTION',
        'TRUNCATED',
      ]),
    )
  })

  it('give a spec or a typed error: random bytes', () => {
    const change = fc.tuple(fc.nat(0xf_ffff), fc.nat(255))
    fc.assert(
      fc.property(
        fc.nat(objects.length - 1),
        fc.array(change, { minLength: 1, maxLength: 30 }),
        (which, changes) => {
          const bytes = objects[which]!.slice()
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          check(bytes)
        },
      ),
      { numRuns: 2000, seed: 22 },
    )
  })

  it('give a spec or a typed error: cut and joined', () => {
    fc.assert(
      fc.property(fc.nat(objects.length - 1), fc.nat(0xf_ffff), fc.nat(0xf_ffff), (which, a, b) => {
        const bytes = objects[which]!
        const [from, to] = [a % bytes.length, b % bytes.length].sort((x, y) => x - y) as [number, number]
        check(bytes.slice(0, to))
        const moved = bytes.slice()
        moved.copyWithin(from, to)
        check(moved)
      }),
      { numRuns: 500, seed: 23 },
    )
  })
})
