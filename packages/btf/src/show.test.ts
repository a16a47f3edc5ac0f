import { describe, expect, it } from 'vitest'
import { BtfBuilder } from './builder.ts'
import { parseBtf } from './parse.ts'
import { BTF_SHOW, createKernelTypes, showType } from './show.ts'

// Byte for byte beside the kernel: packages/runtime/test/print-types.test.ts.

const builder = new BtfBuilder()
const int = builder.int('int', 4, { signed: true })
const char = builder.int('char', 1, { signed: true })
const name = builder.array(char, 8, int)
const color = builder.enum('color', { RED: 0, GREEN: 1 })
const point = builder.struct('point', [
  { name: 'x', type: int },
  { name: 'y', type: int },
])
const thing = builder.struct('thing', [
  { name: 'name', type: name },
  { name: 'at', type: point },
  { name: 'color', type: color },
  { name: 'next', type: builder.pointer(point) },
])
const incomplete = builder.forward('hidden')
const btf = parseBtf(builder.build())

const object = new Uint8Array(32)
object.set([0x61, 0x62, 0x01])
object[12] = 0xff
object[16] = 1

const show = (id: number, flags = 0, address = 100): { text: string; status: number } => {
  let text = ''
  const status = showType(btf, id, address, flags, {
    read: (from, size) =>
      from >= 100 && from + size <= 132 ? object.subarray(from - 100, from - 100 + size) : undefined,
    write: (more) => {
      text += more
    },
  })
  return { text, status }
}

describe('objects of types as text', () => {
  it('by lines, with what is not zero', () => {
    expect(show(thing)).toEqual({
      status: 0,
      text: `(struct thing){
 .name = (char[])[
  'a',
  'b',
  1,
 ],
 .at = (struct point){
  .y = (int)255,
 },
 .color = (enum color)GREEN,
}
`,
    })
  })

  it('in one, without names, with zeros', () => {
    expect(show(thing, BTF_SHOW.COMPACT | BTF_SHOW.NONAME | BTF_SHOW.ZERO).text).toBe(
      "{['a','b',1,],{0,255,},GREEN,0x0000000000000000,}",
    )
  })

  it('says what it cannot show', () => {
    expect(show(thing, 0, 200)).toEqual({ text: '', status: -34 })
    expect(show(thing, 0, 2 ** 64 - 4096)).toEqual({ text: '', status: -14 })
    expect(show(incomplete)).toEqual({ text: '<unsupported kind:7>', status: 0 })
  })

  it('prints what a struct btf_ptr points to, as far as there is room', () => {
    const types = createKernelTypes(builder.build())
    const u8 = new Uint8Array(200)
    const view = new DataView(u8.buffer)
    view.setBigUint64(0, 100n, true)
    view.setUint32(8, point, true)
    const to = new Uint8Array(12).fill(0x7e)
    const print = (size = 16, flags = 0) => types.print({ u8, contains: () => true }, 0, size, flags, to)
    u8[100] = 5
    expect(print(16, BTF_SHOW.COMPACT)).toEqual({ status: 0, length: 28 })
    expect(new TextDecoder().decode(to)).toBe('(struct poi\0')
    expect([print(8).status, print(16, 16).status]).toEqual([-22, -22])
    view.setUint32(8, 9999, true)
    expect(print().status).toBe(-2)
  })
})
