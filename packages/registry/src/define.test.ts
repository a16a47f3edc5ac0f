import { describe, expect, expectTypeOf, it } from 'vitest'
import { arg } from './arg.ts'
import { field, struct } from './context.ts'
import { defineHelper, defineMapType, definePlugin, defineProgramType } from './define.ts'
import { DefinitionError } from './definition-error.ts'
import { CollisionError, createPlatform } from './platform.ts'
import { ret } from './ret.ts'

const hash = defineHelper({
  name: 'acme_hash',
  id: 0x1_0001,
  args: [arg.mem({ access: 'read' }), arg.size(), arg.scalar()],
  returns: ret.scalar(),
  programTypes: ['xdp'],
  call: (bytes, seed) => {
    expectTypeOf(bytes).toEqualTypeOf<Uint8Array>()
    expectTypeOf(seed).toEqualTypeOf<number>()
    return bytes.length + seed
  },
})

const xdp = defineProgramType({
  name: 'xdp',
  id: 6,
  context: struct('xdp_md', { data: field.packet(), data_end: field.packetEnd(), ifindex: field.u32() }),
})

describe('define*', () => {
  it('infers the parameters of a helper from its descriptors', () => {
    const wide = defineHelper({
      name: 'acme_wide',
      id: 0x1_0002,
      args: [arg.u64(), arg.mem({ access: 'read', size: 8, nullable: true }), arg.map()],
      returns: ret.u64(),
      call: (a, b, map) => {
        expectTypeOf(a).toEqualTypeOf<bigint>()
        expectTypeOf(b).toEqualTypeOf<Uint8Array | undefined>()
        return a + BigInt(map.id)
      },
    })
    expect(wide.args).toHaveLength(3)
  })

  it('refuses a bad shape with the path to the field', () => {
    const define = (): unknown =>
      defineHelper({
        name: 'acme hash',
        id: -1,
        args: [arg.scalar(), arg.scalar(), arg.scalar(), arg.scalar(), arg.scalar(), arg.scalar()],
        returns: ret.scalar(),
      })
    expect(define).toThrow(DefinitionError)
    try {
      define()
    } catch (error) {
      expect((error as DefinitionError).issues.map((i) => i.path)).toEqual(['name', 'id', 'args'])
    }
  })

  it('names an unknown field', () => {
    const bad = { name: 'x', id: 0x1_0001, check: () => undefined, value: 'plain', colour: 'red' } as const
    expect(() => defineMapType(bad)).toThrow(/colour/)
  })

  it('lays structs out as C does', () => {
    const s = struct('s', { a: field.u8(), b: field.u32(), c: field.array(field.u16(), 3), d: field.u64() })
    expect(s.fields.map((f) => f.offset)).toEqual([0, 4, 8, 16])
    expect(s.size).toBe(24)
  })
})

describe('createPlatform', () => {
  it('finds definitions by name and id and knows what a program type may call', () => {
    const platform = createPlatform([definePlugin({ name: 'acme', helpers: [hash], programTypes: [xdp] })])
    expect(platform.helpers.byId(0x1_0001)).toBe(hash)
    expect(platform.programTypes.get('xdp')).toBe(xdp)
    expect(platform.allows(xdp, hash)).toBe(true)
  })

  it('refuses collisions and names both plugins', () => {
    const one = definePlugin({ name: 'one', helpers: [hash] })
    const two = definePlugin({ name: 'two', helpers: [defineHelper({ ...hash, name: 'other' })] })
    expect(() => createPlatform([one, two])).toThrow(CollisionError)
    expect(() => createPlatform([one, two])).toThrow(
      /id 65537 is defined by plugin "one" and by plugin "two"/,
    )
  })
})
