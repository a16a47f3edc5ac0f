import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec } from '../src/index.ts'

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
