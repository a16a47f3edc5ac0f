import { describe, expect, it } from 'vitest'
import { bytesOf, conformanceCases } from '../../../vitest.conformance.ts'
import { assemble, decode, encode, formatMnemonic, IsaError } from '../src/index.ts'

const cases = conformanceCases ?? []
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const title = conformanceCases
  ? 'bpf_conformance'
  : 'bpf_conformance (skipped: the corpus is not beside the work tree)'

describe.skipIf(!conformanceCases)(title, () => {
  const programs = cases.filter((row) => row.asm !== null)
  const refused = cases.filter((row) => row.expected_error !== null)

  it('has the cases', () => {
    expect(programs).toHaveLength(313)
    expect(refused).toHaveLength(45)
  })

  it.each(programs.map((row) => [row.name, row] as const))('assembles %s', (_, row) => {
    expect(hex(assemble(row.asm!, { syntax: 'mnemonic' }))).toBe(row.insns)
    expect(hex(assemble(row.asm!))).toBe(row.insns)
  })

  it.each(programs.map((row) => [row.name, row] as const))('decodes and prints %s', (_, row) => {
    const insns = decode(bytesOf(row.insns))
    expect(hex(encode(insns))).toBe(row.insns)
    expect(hex(assemble(insns.map(formatMnemonic).join('\n')))).toBe(row.insns)
  })

  it('puts instructions in the groups and versions that the suite does', () => {
    const includes: Record<string, string> = { base64: 'base32', divmul64: 'divmul32', atomic64: 'atomic32' }
    const wrong = new Set<string>()
    for (const { insns, groups, cpu_version } of programs) {
      const allowed = groups!.flatMap((group) => [group, includes[group]])
      for (const { def } of decode(bytesOf(insns))) {
        if (!allowed.includes(def.group) || Number(def.since.slice(1)) > cpu_version!) wrong.add(def.name)
      }
    }
    // RFC 9669 section 4.1 has all of ALU64 in base64 unless it says otherwise, and it does not for neg.
    expect([...wrong]).toEqual(['neg64'])
  })

  it.each(refused.map((row) => [row.name, row] as const))('refuses %s', (_, row) => {
    expect(() => decode(bytesOf(row.insns))).toThrow(IsaError)
  })
})
