import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createMemoryCache, createRuntime, type MapSpec } from '../src/index.ts'
import { joinRuntime } from '../src/worker.ts'

// Lookups of programs in per-CPU arrays and arrays of maps, which engines may write in place of the call: every index, and those
// past the end.

const ENTRIES = 10

/** Index and inner index begin the packet; r0 is the value's first word, or 1 where there is no element, 2 where no inner one. */
function spec(map: Omit<MapSpec, 'name'>, nested: boolean): CollectionSpec {
  const inner = `
    mov r1, r0
    mov r2, r6
    add r2, 4
    call 1
    mov r7, 2
    jeq r0, 0, +1`
  const insns = assemble(`
    mov r7, 0
    ldxw r6, [r1+0]
    ldxw r3, [r1+4]
    mov r2, r6
    mov r4, r6
    add r4, 8
    jgt r4, r3, +${nested ? 12 : 6}
    lddw r1, 0
    mov r7, 1
    call 1
    jeq r0, 0, +${nested ? 7 : 1}
    ${nested ? inner : ''}
    ldxw r7, [r0+0]
    mov r0, r7
    exit`)
  insns[7 * 8 + 1]! |= 0x10
  const references = [{ insn: 7, kind: 'map' as const, map: 'm' }]
  const program = { name: 'find', section: 'xdp', type: 'xdp', license: 'GPL', insns, references }
  return {
    programs: [{ ...program, functions: [], lines: [] }],
    maps: [{ name: 'm', ...map }, ...(map.inner ? [{ ...map.inner, name: 'inner' }] : [])],
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)
const indices = [0, 1, ENTRIES - 1, ENTRIES, ENTRIES + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

describe.each([{ engine: 'jit' }, { engine: 'interpreter' }, { engine: 'jit', workers: 1 }])(
  'lookups in arrays, %o',
  (options) => {
    it.each([4, 8, 12])('give each CPU its own value of %i bytes', async (valueSize) => {
      const runtime = await createRuntime({ ...options, cpus: 2 })
      const map = { type: 'percpu_array', keySize: 4, valueSize, maxEntries: ENTRIES }
      const collection = await runtime.load(spec(map, false))
      const elements = collection.map('m')
      for (let n = 0; n < ENTRIES; n++) {
        const values = new Uint32Array(elements.hostValueSize >> 2).fill(0x7000 + n)
        values[0] = 0x100 + n
        elements.update(u32(n), new Uint8Array(values.buffer))
      }
      const find = collection.program('find', 'xdp')
      for (const index of indices) {
        const { retval } = find.testRun({ data: u32(index, 0, 0, 0) })
        expect(retval, `${index}`).toBe(index < ENTRIES ? 0x100 + index : 1)
      }
      runtime.close()
    })

    it('find maps in maps, and nothing where there is none', async () => {
      const runtime = await createRuntime(options)
      const inner = { name: '', type: 'array', keySize: 4, valueSize: 8, maxEntries: ENTRIES }
      const map = { type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: ENTRIES, inner }
      const collection = await runtime.load(spec(map, true))
      collection.map('inner').update(u32(3), u32(0x333, 0))
      for (const n of [0, 1, ENTRIES - 1]) collection.map('m').setMap(u32(n), collection.map('inner'))
      collection.map('m').delete(u32(1))
      const find = collection.program('find', 'xdp')
      for (const index of indices) {
        const there = index === 0 || index === ENTRIES - 1
        for (const [at, result] of [
          [3, 0x333],
          [0, 0],
          [ENTRIES, 2],
        ] as const) {
          const { retval } = find.testRun({ data: u32(index, at, 0, 0) })
          expect(retval, `${index} ${at}`).toBe(there ? result : 1)
        }
      }
      runtime.close()
    })
  },
)

describe.each(['array_of_maps', 'hash_of_maps'])('the elements of an %s', (type) => {
  const kinds: readonly Omit<MapSpec, 'name'>[] = [
    { type: 'hash', keySize: 4, valueSize: 8, maxEntries: ENTRIES },
    { type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 64 },
    { type: 'percpu_array', keySize: 4, valueSize: 12, maxEntries: ENTRIES },
    // BPF_F_INNER_MAP: the template has as many entries as it likes.
    { type: 'array', keySize: 4, valueSize: 12, maxEntries: 1, flags: 0x1000 },
  ]
  it.each(kinds)('are of their own template, $type, compiled anew, kept or on another CPU', async (kind) => {
    const outer = { type, keySize: 4, valueSize: 4, maxEntries: ENTRIES, inner: { name: '', ...kind } }
    const made = spec(outer, true)
    // Templates are counted: another one stands before.
    const other = { name: '', type: 'queue', keySize: 0, valueSize: 4, maxEntries: 1 }
    const before: MapSpec = { name: 'before', type, keySize: 4, valueSize: 4, maxEntries: 1, inner: other }
    const elements = { name: 'inner', ...kind, maxEntries: Math.max(kind.maxEntries, ENTRIES) }
    const collection = { ...made, maps: [before, made.maps[0]!, elements] }
    const cache = createMemoryCache()
    for (const _ of ['compiled', 'kept']) {
      const runtime = await createRuntime({ workers: 1, limit: 16 << 20, cache })
      const loaded = await runtime.load(collection)
      const inner = loaded.map('inner')
      const value = new Uint32Array(inner.hostValueSize >> 2).fill(0x333)
      inner.update(u32(3), new Uint8Array(value.buffer))
      for (const n of [0, 1]) loaded.map('m').setMap(u32(n), inner)
      loaded.map('m').delete(u32(1))
      const worker = await joinRuntime(runtime.share())
      for (const program of [loaded.program('find', 'xdp'), worker.program('find', 'xdp')]) {
        const find = (index: number, at: number): number =>
          program.testRun({ data: u32(index, at, 0, 0) }).retval
        expect([find(0, 3), find(1, 3), find(ENTRIES, 3)]).toEqual([0x333, 1, 1])
        expect([find(0, ENTRIES), find(0, 0xffff_ffff)]).toEqual([2, 2])
        expect(find(0, 4)).toBe(`${kind.type}`.endsWith('array') ? 0 : 2)
      }
      worker.close()
      runtime.close()
    }
  })
})
