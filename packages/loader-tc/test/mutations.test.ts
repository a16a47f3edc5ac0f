import { readFileSync } from 'node:fs'
import { CbpfError } from '@skep/loader-cbpf'
import { ElfError } from '@skep/loader-elf'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parsePinning, parseTc, parseTcBytecode, TcError } from '../src/index.ts'

const objects = ['cyclic', 'graft', 'jumps', 'nested', 'nested_legacy', 'sizes_6', 'sizes_9'].map(
  (name) => new Uint8Array(readFileSync(new URL(`../testdata/${name}.o`, import.meta.url))),
)

const runs = { numRuns: Number(process.env['SKEP_MUTATIONS'] ?? 400), seed: 20_261_123 }

/** A spec, or one of this package's errors or those of the loaders below it. */
function answers(act: () => unknown): void {
  try {
    act()
  } catch (error) {
    const typed = error instanceof TcError || error instanceof ElfError || error instanceof CbpfError
    if (!typed) throw error
    expect(error.message).not.toMatch(/\n/)
  }
}

it('objects with changed bytes give a spec or a typed error', () => {
  const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 36, 127, 128, 255)))
  fc.assert(
    fc.property(
      fc.constantFrom(...objects),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.option(fc.double({ min: 0.2, max: 1, noNaN: true }), { nil: 1 }),
      (object, changes, part) => {
        const bytes = object.slice(0, Math.ceil(object.length * part))
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        for (const section of ['classifier', 'ingress'])
          answers(() => parseTc(bytes, { section, pinning: { 3: 'x' } }))
      },
    ),
    runs,
  )
})

it('texts give a program or a typed error', () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789 ,,  \n\t+-x6'), maxLength: 60 })
  fc.assert(
    fc.property(text, fc.boolean(), (input, file) => {
      answers(() => parseTcBytecode(input, { file }))
      answers(() => parseTcBytecode(`2,${input},6 0 0 0`, { file }))
      answers(() => parsePinning(input))
    }),
    runs,
  )
})
