import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec } from '../src/index.ts'

// Lookups of programs in hashes full of elements: the first of their buckets and those behind, keys that are not there, and
// keys that were.

const ENTRIES = 200

/** The key's bytes begin the packet; r0 is the value's first word, or 0. */
function spec(map: Omit<MapSpec, 'name'>): CollectionSpec {
  const insns = assemble(`
    ldxw r2, [r1+0]
    ldxw r3, [r1+4]
    mov r4, r2
    add r4, ${map.keySize}
    jgt r4, r3, +8
    lddw r1, 0
    call 1
    jeq r0, 0, +4
    ldxw r6, [r0+0]
    add r6, 1
    stxw [r0+0], r6
    ja +1
    mov r6, 0
    mov r0, r6
    exit`)
  insns[5 * 8 + 1]! |= 0x10
  const references = [{ insn: 5, kind: 'map' as const, map: 'm' }]
  const program = { name: 'find', section: 'xdp', type: 'xdp', license: 'GPL', insns, references }
  return {
    programs: [{ ...program, functions: [], lines: [] }],
    maps: [{ name: 'm', ...map }],
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

const types = ['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash']
const rows = types.flatMap((type) => [4, 8, 16, 5].map((keySize) => ({ type, keySize })))

describe.each([{}, { workers: 1 }])('lookups in a hash, runtime with %o', (options) => {
  it.each(rows)('find what is there, $type with keys of $keySize bytes', async ({ type, keySize }) => {
    for (const engine of ['jit', 'interpreter']) {
      const runtime = await createRuntime({ ...options, engine, limit: 8 << 20 })
      const map = { type, keySize, valueSize: 8, maxEntries: ENTRIES + 1 }
      const collection = await runtime.load(spec(map))
      const elements = collection.map('m')
      // Key 0 is that of no element, and of the empty page where none lies.
      const keyOf = (n: number): Uint8Array => {
        const key = new Uint8Array(keySize)
        key[keySize - 1] = n
        key[0] = key[0]! ^ (n >> 3)
        return key
      }
      const values = new Uint32Array(elements.hostValueSize >> 2)
      for (let n = 1; n <= ENTRIES; n++) {
        values.fill(n << 8)
        elements.update(keyOf(n), new Uint8Array(values.buffer))
      }
      for (let n = 3; n <= ENTRIES; n += 3) elements.delete(keyOf(n))
      const find = collection.program('find', 'xdp')
      for (let round = 1; round < 3; round++) {
        for (let n = 0; n <= 255; n++) {
          const data = new Uint8Array(64)
          data.set(keyOf(n))
          const there = n > 0 && n <= ENTRIES && n % 3 !== 0
          const { retval } = find.testRun({ data })
          if (retval !== (there ? (n << 8) + round : 0)) expect({ engine, round, n, retval }).toBe('right')
        }
      }
      runtime.close()
    }
  })
})
