import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Btf, parseBtf } from '@skep/btf'
import { ElfError, type ParseElfOptions, parseElf, readElf } from '@skep/loader-elf'
import { createDefaultPlatform } from '@skep/runtime'
import type { Random } from '../random.ts'
import { editBytes, editField, type Table } from './edits.ts'
import { type FuzzTarget, hexOf, typed } from './target.ts'

/** An object and where its structures are, the heavy ones more than once. */
export interface ElfSeed {
  readonly bytes: Uint8Array
  readonly tables: readonly Table[]
  /** Names of its sections of code. */
  readonly sections: readonly string[]
}

const TESTDATA = 'packages/loader-elf/testdata'
const FOLDERS = [TESTDATA, 'apps/cli/testdata', 'packages/loader-tc/testdata']
const SHT_NULL = 0
const FIELD_OF_TYPE: Readonly<Record<number, Table['field']>> = { 3: 1 }
const EHDR_SHOFF = 40
const SHDR_SIZE = 64

/** The object without debug sections that no one reads, so that changes hit what counts. */
function withoutDwarf(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  const at = view.getUint32(EHDR_SHOFF, true)
  for (const { name, index } of readElf(bytes).sections)
    if (name.includes('.debug') || name === '.llvm_addrsig')
      view.setUint32(at + index * SHDR_SIZE + 4, SHT_NULL, true)
  return out
}

function tablesOf(bytes: Uint8Array): Table[] {
  const { sections } = readElf(bytes)
  const headers = new DataView(bytes.buffer).getUint32(EHDR_SHOFF, true)
  const tables: Table[] = [
    { start: 0, count: 32, field: 2 },
    { start: headers, count: (sections.length * SHDR_SIZE) / 4, field: 4 },
    { start: headers, count: (sections.length * SHDR_SIZE) / 4, field: 4 },
  ]
  for (const { name, type, data } of sections) {
    if (type === SHT_NULL || data.length === 0) continue
    const field = FIELD_OF_TYPE[type] ?? 4
    const table = { start: data.byteOffset, count: Math.floor(data.length / field), field }
    const weight = /^\.(BTF|BTF\.ext|symtab|rel.*)$/.test(name) ? 3 : 1
    for (let times = 0; times < weight; times++) tables.push(table)
    if (type === 2) tables.push({ ...table, count: Math.floor(data.length / 2), field: 2 })
  }
  return tables
}

const SHF_EXECINSTR = 4

const codeSections = (bytes: Uint8Array): string[] =>
  readElf(bytes)
    .sections.filter(({ flags, size }) => (flags & SHF_EXECINSTR) !== 0 && size > 0)
    .map(({ name }) => name)

/** The objects of this repository's tests. */
export function elfSeeds(root: string): ElfSeed[] {
  return FOLDERS.flatMap((folder) => {
    let names: string[]
    try {
      names = readdirSync(join(root, folder)).sort()
    } catch {
      return []
    }
    return names
      .filter((name) => name.endsWith('.o'))
      .map((name) => withoutDwarf(new Uint8Array(readFileSync(join(root, folder, name)))))
      .filter((bytes) => bytes.length < MOST_BYTES)
      .map((bytes) => ({ bytes, tables: tablesOf(bytes), sections: codeSections(bytes) }))
  })
}

/** Larger objects take their time, and are made of the same parts. */
const MOST_BYTES = 20_000

/** A changed object: mostly one to five fields of its structures. */
export function mutateObject(random: Random, { bytes, tables }: ElfSeed): Uint8Array {
  let out = bytes.slice()
  const kind = random.below(10)
  if (kind < 8) for (let times = 1 + random.below(5); times > 0; times--) editField(random, out, tables)
  if (kind >= 7) out = editBytes(random, out) as typeof out
  return out
}

/** `parseElf`, with and without a platform, the kernel's types and a configuration. */
export function elfTarget(root: string): FuzzTarget {
  const seeds = elfSeeds(root)
  const platform = createDefaultPlatform()
  const kernelBtf: Btf = parseBtf(new Uint8Array(readFileSync(join(root, TESTDATA, 'core_kernel.btf'))))
  const kconfig = readFileSync(join(root, TESTDATA, 'kconfig.txt'), 'utf8')
  const choices: readonly ParseElfOptions[] = [
    { kernelBtf, kconfig },
    { kernelBtf, kconfig, platform },
    { bpfElfMap: true },
  ]
  return {
    name: 'elf',
    make: (random) => {
      const input = mutateObject(random, random.pick(seeds))
      const options = random.pick(choices)
      return { size: input.length, parse: () => parseElf(input, options), show: () => hexOf(input) }
    },
    codeOf: (error) => typed(error, ElfError),
  }
}
