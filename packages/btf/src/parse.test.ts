import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BTF_KIND, type Btf, BtfBuilder, BtfError, buildBtf, joinBtf, parseBtf } from './index.ts'

const testdata = new URL('../testdata/', import.meta.url)
const raw = new Uint8Array(readFileSync(new URL('types.btf', testdata)))
const bpftool = JSON.parse(readFileSync(new URL('types.json', testdata), 'utf8')).types as Record<
  string,
  unknown
>[]

const LINKAGES = ['static', 'global', 'extern']
const anonymous = (name: string): string => name || '(anon)'

/** A type as `bpftool -j btf dump` writes it. */
function describeType(btf: Btf, id: number): Record<string, unknown> {
  const kind = btf.kindName(id)
  const out: Record<string, unknown> = { id, kind: kind.toUpperCase(), name: anonymous(btf.name(id)) }
  switch (btf.kind(id)) {
    case BTF_KIND.INT: {
      const { bits, bitOffset, signed, char, bool } = btf.integer(id)
      const encoding = signed ? 'SIGNED' : char ? 'CHAR' : bool ? 'BOOL' : '(none)'
      return { ...out, size: btf.size(id), bits_offset: bitOffset, nr_bits: bits, encoding }
    }
    case BTF_KIND.FLOAT:
      return { ...out, size: btf.size(id) }
    case BTF_KIND.ARRAY: {
      const { element, index, count } = btf.array(id)
      return { ...out, type_id: element, index_type_id: index, nr_elems: count }
    }
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION: {
      const members = btf.members(id).map((m) => ({
        name: anonymous(m.name),
        type_id: m.type,
        bits_offset: m.bitOffset,
        ...(m.bitSize ? { bitfield_size: m.bitSize } : {}),
      }))
      return { ...out, size: btf.size(id), vlen: members.length, members }
    }
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64: {
      const values = btf.enumerators(id).map((v) => ({ name: v.name, val: Number(v.value) }))
      const encoding = btf.flag(id) ? 'SIGNED' : 'UNSIGNED'
      return { ...out, encoding, size: btf.size(id), vlen: values.length, values }
    }
    case BTF_KIND.FWD:
      return { ...out, fwd_kind: btf.flag(id) ? 'union' : 'struct' }
    case BTF_KIND.FUNC:
      return { ...out, type_id: btf.target(id), linkage: LINKAGES[btf.linkage(id)] }
    case BTF_KIND.FUNC_PROTO: {
      const params = btf.params(id).map((p) => ({ name: anonymous(p.name), type_id: p.type }))
      return { ...out, ret_type_id: btf.target(id), vlen: params.length, params }
    }
    case BTF_KIND.VAR:
      return { ...out, type_id: btf.target(id), linkage: LINKAGES[btf.linkage(id)] }
    case BTF_KIND.DATASEC: {
      const vars = btf.sectionVariables(id).map((v) => ({ type_id: v.type, offset: v.offset, size: v.size }))
      return { ...out, size: btf.size(id), vlen: vars.length, vars }
    }
    case BTF_KIND.DECL_TAG:
      return { ...out, type_id: btf.target(id), component_idx: btf.componentIndex(id) }
    default:
      return { ...out, type_id: btf.target(id) }
  }
}

const types = (btf: Btf): Record<string, unknown>[] =>
  Array.from({ length: btf.count - 1 }, (_, i) => describeType(btf, i + 1))

/** bpftool reads the section sizes and offsets from the object, and clang leaves them to the loader. */
const withoutPlaces = (list: Record<string, unknown>[]): Record<string, unknown>[] =>
  list.map((t) =>
    t.kind === 'DATASEC'
      ? { ...t, size: 0, vars: (t.vars as { type_id: number }[]).map((v) => v.type_id) }
      : t,
  )

/** The same BTF as a big-endian compiler writes it. */
function bigEndian(bytes: Uint8Array): Uint8Array {
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out = bytes.slice()
  const to = new DataView(out.buffer)
  to.setUint16(0, from.getUint16(0, true))
  const types = 24 + from.getUint32(8, true)
  for (let at = 4; at < 24; at += 4) to.setUint32(at, from.getUint32(at, true))
  for (let at = types; at < types + from.getUint32(12, true); at += 4)
    to.setUint32(at, from.getUint32(at, true))
  return out
}

const failure = (act: () => unknown): BtfError => {
  try {
    act()
  } catch (error) {
    if (error instanceof BtfError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parseBtf', () => {
  it('reads every kind as bpftool does', () => {
    expect(withoutPlaces(types(parseBtf(raw)))).toEqual(withoutPlaces(bpftool))
    expect(new Set(bpftool.map((t) => t.kind)).size).toBe(19)
  })

  it('reads big-endian BTF', () => {
    const big = bigEndian(raw)
    expect(big).not.toEqual(raw)
    expect(types(parseBtf(big))).toEqual(types(parseBtf(raw)))
    expect(parseBtf(big).bytes).toEqual(raw)
  })

  it('finds by name and kind, and resolves through typedefs', () => {
    const btf = parseBtf(raw)
    const flow = btf.findByName(BTF_KIND.STRUCT, 'flow')!
    expect(btf.name(flow)).toBe('flow')
    expect(btf.findByName(BTF_KIND.UNION, 'flow')).toBeUndefined()
    expect(btf.find('flow', BTF_KIND.STRUCT)).toEqual([flow])
    const u64 = btf.findByName(BTF_KIND.TYPEDEF, 'u64')!
    expect(btf.name(btf.resolve(u64))).toBe('unsigned long long')
    expect(btf.size(u64)).toBe(8)
    expect(btf.member(flow, 'ports')).toEqual({
      name: 'ports',
      type: expect.any(Number),
      bitOffset: 64,
      bitSize: 0,
    })
  })

  it('knows alignments', () => {
    const btf = parseBtf(raw)
    const align = (name: string): number => btf.align(btf.find(name, BTF_KIND.STRUCT)[0]!)
    expect(align('flow')).toBe(8)
    expect(align('packed')).toBe(1)
    expect(align('bits')).toBe(8)
    expect(align('tagged')).toBe(4)
  })

  it('continues a base with split BTF, and joins both', () => {
    const base = parseBtf(raw)
    const flow = base.findByName(BTF_KIND.STRUCT, 'flow')!
    const split = parseBtf(
      buildBtf((b) => {
        expect(b.nextId).toBe(base.count)
        const pointer = b.pointer(flow)
        b.struct('pair', [
          { name: 'one', type: flow },
          { name: 'other', type: pointer },
        ])
      }, base),
      base,
    )
    const pair = split.findByName(BTF_KIND.STRUCT, 'pair')!
    expect(pair).toBe(base.count + 1)
    expect(split.size(pair)).toBe(48)
    expect(split.members(pair)).toMatchObject([
      { name: 'one', type: flow },
      { name: 'other', bitOffset: 320 },
    ])
    expect(split.find('flow')).toEqual([flow])
    const joined = parseBtf(joinBtf(split))
    expect(types(joined)).toEqual(types(split))
  })

  it('walks cycles to an end', () => {
    const btf = parseBtf(
      buildBtf((b) => {
        b.typedef('ouroboros', 1)
        b.const(2)
        b.struct('itself', [{ name: 'me', type: 3, bitOffset: 0 }], 4)
        b.array(4, 2, 0)
      }),
    )
    expect(btf.resolve(1)).toBe(0)
    expect(btf.size(1)).toBeUndefined()
    expect(btf.size(2)).toBeUndefined()
    expect(btf.size(4)).toBeUndefined()
    expect(failure(() => btf.align(3)).code).toBe('BAD_TYPE')
    expect(failure(() => btf.align(4)).code).toBe('BAD_TYPE')
  })

  it('counts bytes to 32 bits', () => {
    const btf = parseBtf(
      buildBtf((b) => {
        const char = b.int('char', 1)
        let array = b.array(char, 0xffff_ffff, char)
        for (let i = 0; i < 40; i++) array = b.array(array, 0xffff_ffff, char)
      }),
    )
    expect([btf.size(1), btf.size(2), btf.size(3), btf.size(41)]).toEqual([
      1,
      0xffff_ffff,
      undefined,
      undefined,
    ])
  })

  it.each<[string, (bytes: Uint8Array, view: DataView) => Uint8Array | undefined, string, number]>([
    ['nothing', () => new Uint8Array(0), 'TRUNCATED', 0],
    ['other magic', (b) => void b.set([1, 2]), 'BAD_MAGIC', 0],
    ['another version', (b) => void b.set([9], 2), 'BAD_HEADER', 2],
    ['a small header', (_, v) => void v.setUint32(4, 8, true), 'BAD_HEADER', 4],
    ['types past the end', (_, v) => void v.setUint32(12, 0xffff_fff0, true), 'TRUNCATED', 8],
    ['strings past the end', (_, v) => void v.setUint32(20, 0x1000_0000, true), 'TRUNCATED', 16],
    ['an unknown kind', (_, v) => void v.setUint32(28, 25 << 24, true), 'BAD_KIND', 24],
    ['too many elements', (_, v) => void v.setUint32(28, (4 << 24) | 0xffff, true), 'TRUNCATED', 24],
    ['a name outside', (_, v) => void v.setUint32(24, 0xffff, true), 'BAD_STRING', 24],
    ['a reference outside', (_, v) => void v.setUint32(32, 5000, true), 'BAD_TYPE', 32],
    ['an open last string', (b) => void b.fill(65, b.length - 1), 'BAD_STRING', raw.length - 1],
    ['cut short', (b) => b.slice(0, 40), 'TRUNCATED', 8],
  ])('refuses %s', (_, change, code, offset) => {
    const bytes = raw.slice()
    const changed = change(bytes, new DataView(bytes.buffer)) ?? bytes
    const error = failure(() => parseBtf(changed))
    expect([error.code, error.offset]).toEqual([code, offset])
    expect(error.message).toContain(`(offset ${offset})`)
    expect(error.message).not.toContain('\n')
  })

  it('refuses strings that overlap without measure', () => {
    const builder = new BtfBuilder()
    const at = builder.string('x'.repeat(20_000))
    const bytes = builder.build()
    // 4,000 empty enums, each named by the rest of one string.
    const types = new DataView(new ArrayBuffer(4000 * 12))
    for (let i = 0; i < 4000; i++) {
      types.setUint32(i * 12, at + i, true)
      types.setUint32(i * 12 + 4, BTF_KIND.ENUM << 24, true)
      types.setUint32(i * 12 + 8, 4, true)
    }
    const joined = new Uint8Array(bytes.length + types.byteLength)
    joined.set(bytes.subarray(0, 24))
    joined.set(new Uint8Array(types.buffer), 24)
    joined.set(bytes.subarray(24), 24 + types.byteLength)
    const view = new DataView(joined.buffer)
    view.setUint32(12, types.byteLength, true)
    view.setUint32(16, types.byteLength, true)
    const btf = parseBtf(joined)
    expect(failure(() => btf.find('x')).code).toBe('BAD_STRING')
  })
})
