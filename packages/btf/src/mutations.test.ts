import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Btf, BtfError, codecFor, formatCHeader, parseBtf, parseBtfExt } from './index.ts'

const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../testdata/${name}`, import.meta.url)))
const raw = read('types.btf')
const ext = read('types.btfext')
const sound = parseBtf(raw)

/** What a reader of unknown BTF does with it. Only BtfError may come out. */
function use(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof BtfError)) throw error
  }
}

function useAll(btf: Btf): void {
  use(() => void formatCHeader(btf))
  use(() => void btf.find('flow'))
  for (let id = 0; id < btf.count; id++) {
    use(() => void btf.align(id))
    use(() => {
      const codec = codecFor(btf, id, { strings: true, enumNames: true })
      if (codec.size > 4096) return
      codec.decode(new DataView(new ArrayBuffer(codec.size)), 0)
    })
    btf.size(id)
    btf.array(id)
    btf.integer(id)
    use(() => void [btf.members(id), btf.params(id), btf.enumerators(id), btf.sectionVariables(id)])
  }
}

/** Words and bytes of the type section; 0xffffffff and small numbers are what hurts most. */
const edits = (length: number): fc.Arbitrary<[number, number][]> =>
  fc.array(
    fc.tuple(
      fc.nat(Math.floor(length / 4) - 1),
      fc.oneof(
        fc.nat(80),
        fc.constantFrom(0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0xffff),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        // Another kind with the same count of elements: structs as unions, pointers as typedefs.
        fc.tuple(fc.nat(31), fc.nat(12)).map(([kind, vlen]) => ((kind << 24) | vlen) >>> 0),
      ),
    ),
    { minLength: 1, maxLength: 6 },
  )

const mutate = (bytes: Uint8Array, changes: [number, number][]): Uint8Array => {
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  for (const [word, value] of changes) view.setUint32(word * 4, value, true)
  return out
}

describe('mutated BTF', () => {
  it('gives typed errors alone', () => {
    let parsed = 0
    fc.assert(
      fc.property(edits(raw.length), (changes) => {
        use(() => {
          const btf = parseBtf(mutate(raw, changes))
          parsed++
          useAll(btf)
        })
      }),
      { numRuns: 3000, seed: 11 },
    )
    expect(parsed).toBeGreaterThan(300)
  })

  it('gives typed errors alone for BTF.ext', () => {
    fc.assert(
      fc.property(edits(ext.length), fc.nat(ext.length), (changes, length) => {
        use(() => void parseBtfExt(mutate(ext, changes).subarray(0, length), sound))
        use(() => void parseBtfExt(mutate(ext, changes), sound))
      }),
      { numRuns: 4000, seed: 12 },
    )
  })

  it('gives typed errors alone for cut BTF', () => {
    for (let length = 0; length < raw.length; length++)
      expect(() => parseBtf(raw.slice(0, length))).toThrow(BtfError)
  })
})
