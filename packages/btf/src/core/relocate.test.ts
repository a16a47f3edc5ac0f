import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BTF_KIND,
  type Btf,
  type BtfBuilder,
  BtfError,
  buildBtf,
  CoreError,
  CoreRelocator,
  parseBtf,
  patchCore,
} from '../index.ts'

/** Every kind against real objects is compared with libbpf in @skep/loader-elf; here is what compilers do not write. */

const build = (describe_: (b: BtfBuilder) => void, base?: Btf): Btf =>
  parseBtf(buildBtf(describe_, base), base)
const struct = (btf: Btf, name: string): number => btf.findByName(BTF_KIND.STRUCT, name)!

const local = build((b) => {
  const int = b.int('int', 4, { signed: true })
  b.struct('task', [
    { name: 'pid', type: int },
    { name: 'many', type: b.array(int, 4, int) },
    { name: 'bits', type: int, bitSize: 3 },
  ])
  b.struct('', [{ name: 'a', type: int }])
  b.enum('state', { ON: 1, OFF: 2 })
})

const kernel = build((b) => {
  const int = b.int('int', 4, { signed: true })
  b.struct('task', [
    { name: 'state', type: int },
    { name: 'pid', type: int },
    { name: 'many', type: b.array(int, 2, int) },
  ])
})

const record = (access: string, kind: number, type = struct(local, 'task')) => ({
  offset: 0,
  type,
  access,
  kind,
})

function failure(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof CoreError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'nothing was thrown'
}

const instruction = (...bytes: number[]): DataView => new DataView(Uint8Array.from(bytes).buffer)

describe('CoreRelocator', () => {
  it('finds fields where they are', () => {
    const { before, after, poison } = new CoreRelocator(local, [kernel]).resolve(record('0:0', 0))
    expect([before, after, poison]).toEqual([0n, 4n, false])
  })

  it('poisons what is past the end of a shorter array', () => {
    const relocator = new CoreRelocator(local, [kernel])
    expect(relocator.resolve(record('0:1:1', 0))).toMatchObject({ poison: false, after: 12n })
    expect(relocator.resolve(record('0:1:3', 0)).poison).toBe(true)
  })

  it('needs no target for local ids', () => {
    expect(new CoreRelocator(local, []).resolve(record('0', 6)).after).toBe(BigInt(struct(local, 'task')))
    expect(new CoreRelocator(local, []).resolve(record('0', 8)).after).toBe(0n)
  })

  it('looks into modules for what the kernel has not', () => {
    const module = build((b) => b.enum('state', { ON: 7 }), kernel)
    const state = local.findByName(BTF_KIND.ENUM, 'state')!
    const relocator = new CoreRelocator(local, [kernel, module])
    expect(relocator.resolve(record('0', 11, state)).after).toBe(7n)
    expect(relocator.resolve(record('1', 10, state)).after).toBe(0n)
    expect(relocator.resolve(record('0', 7, state)).after).toBe(BigInt(kernel.count))
    expect(relocator.resolve(record('0:0', 0)).after).toBe(4n)
  })

  it('refuses candidates that differ, and takes those that agree', () => {
    const twins = build((b) => {
      const int = b.int('int', 4, { signed: true })
      b.struct('task', [
        { name: 'pid', type: int },
        { name: 'many', type: int },
      ])
      b.struct('task___other', [{ name: 'pid', type: int }])
      b.struct('task___third', [
        { name: 'x', type: int },
        { name: 'many', type: b.array(int, 4, int) },
      ])
    })
    const relocator = new CoreRelocator(local, [twins])
    expect(relocator.resolve(record('0:0', 0)).after).toBe(0n)
    const other = build((b) => {
      const int = b.int('int', 4, { signed: true })
      b.struct('task', [{ name: 'pid', type: int }])
      b.struct('task___2', [
        { name: 'x', type: int },
        { name: 'pid', type: int },
      ])
    })
    expect(failure(() => new CoreRelocator(local, [other]).resolve(record('0:0', 0)))).toMatch(
      /^AMBIGUOUS: .*task\.pid \(0:0 @ offset 0\).* gives 0, .*task___2\.pid \(0:1 @ offset 4\) gives 4$/,
    )
  })

  it.each([
    ['', 0, 'BAD_ACCESS: access "" of [3] struct task: not numbers with colons between them'],
    ['0:x', 0, 'BAD_ACCESS'],
    ['0:9', 0, 'type 3 has no member 9'],
    ['0:1:4', 0, 'has 4 elements'],
    ['0:0:0', 0, 'is a int and has no parts'],
    ['1', 8, 'a type is accessed as "0"'],
    ['0', 11, 'names no enumerator'],
    ['0:0', 13, 'UNKNOWN_KIND: CO-RE relocation kind 13 is unknown'],
    [Array(70).fill(0).join(':'), 0, 'more than 64 steps'],
    ['0:1:1', 3, 'BAD_VALUE: signed has no meaning for an element of an array'],
  ])('refuses access %j of kind %i', (access, kind, message) => {
    expect(failure(() => new CoreRelocator(local, [kernel]).resolve(record(access, kind)))).toContain(message)
  })

  it('refuses types without a name', () => {
    const anonymous = struct(local, 'task') + 1
    expect(local.name(anonymous)).toBe('')
    expect(failure(() => new CoreRelocator(local, [kernel]).resolve(record('0:0', 0, anonymous)))).toContain(
      'types without a name have no counterpart',
    )
  })
})

describe('patchCore', () => {
  const resolution = {
    poison: false,
    before: 8n,
    after: 16n,
    sizeBefore: 4,
    sizeAfter: 4,
    sizeRefused: false,
    text: '',
  }

  it('writes immediates, offsets and sizes', () => {
    const add = instruction(0x07, 1, 0, 0, 8, 0, 0, 0)
    expect(patchCore(add, 0, resolution)).toBe(true)
    expect(add.getInt32(4, true)).toBe(16)
    const load = instruction(0x61, 0x10, 8, 0, 0, 0, 0, 0)
    patchCore(load, 0, { ...resolution, sizeAfter: 2 })
    expect([load.getUint8(0), load.getInt16(2, true)]).toEqual([0x69, 16])
    const wide = instruction(0x18, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    patchCore(wide, 0, { ...resolution, after: -2n })
    expect([wide.getUint32(4, true), wide.getUint32(12, true)]).toEqual([0xffff_fffe, 0xffff_ffff])
  })

  it('poisons both halves of an ld_imm64', () => {
    const wide = instruction(0x18, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    expect(patchCore(wide, 0, { ...resolution, poison: true })).toBe(false)
    for (const at of [0, 8])
      expect([wide.getUint32(at, true), wide.getUint32(at + 4, true)]).toEqual([0x85, 0xbad2310])
  })

  it.each([
    ['another value', instruction(0x07, 1, 0, 0, 9, 0, 0, 0), {}, 'BAD_INSN: the instruction holds 9, not 8'],
    ['registers', instruction(0x0f, 1, 0, 0, 8, 0, 0, 0), {}, 'takes no immediate'],
    ['jumps', instruction(0x05, 0, 8, 0, 0, 0, 0, 0), {}, 'has nothing to relocate'],
    ['half an ld_imm64', instruction(0x18, 1, 0, 0, 8, 0, 0, 0), {}, 'no ld_imm64 of a number'],
    [
      'far offsets',
      instruction(0x61, 0x10, 8, 0, 0, 0, 0, 0),
      { after: 40_000n },
      'BAD_VALUE: 40000 does not fit',
    ],
    [
      'odd sizes',
      instruction(0x61, 0x10, 8, 0, 0, 0, 0, 0),
      { sizeAfter: 3 },
      'no instruction accesses 3 bytes',
    ],
    ['other sizes', instruction(0x71, 0x10, 8, 0, 0, 0, 0, 0), { sizeAfter: 8 }, 'does not access 4 bytes'],
    ['nothing', instruction(), {}, 'past the code'],
  ])('refuses %s', (_, view, change, message) => {
    expect(failure(() => patchCore(view, 0, { ...resolution, ...change }))).toContain(message)
  })
})

describe('hostile types', () => {
  it('cost little', () => {
    // Structs that hold twice the one below, under names that all match.
    const deep = build((b) => {
      b.int('int', 4)
      for (let i = 1; i <= 40; i++)
        b.struct(
          's',
          [
            { name: 'a', type: i, bitOffset: 0 },
            { name: 'b', type: i, bitOffset: 0 },
          ],
          4,
        )
    })
    const relocator = new CoreRelocator(deep, [deep])
    expect(failure(() => relocator.resolve({ offset: 0, type: 41, access: '0', kind: 12 }))).toMatch(
      /BAD_ACCESS/,
    )
  })

  it('give typed errors alone', () => {
    const bytes = kernel.bytes
    const any = fc.record({
      changes: fc.array(
        fc.tuple(
          fc.integer({ min: 6, max: 45 }),
          fc.oneof(fc.nat(12), fc.integer({ min: 0, max: 0xffff_ffff })),
        ),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
      access: fc.constantFrom('0', '0:0', '0:1', '0:1:2', '0:2', '3:1', '1'),
      kind: fc.nat(13),
      type: fc.nat(8),
    })
    fc.assert(
      fc.property(any, ({ changes, access, kind, type }) => {
        const own = bytes.slice()
        const view = new DataView(own.buffer)
        for (const [word, value] of changes)
          if (word * 4 + 4 <= own.length) view.setUint32(word * 4, value, true)
        try {
          const mutated = parseBtf(own)
          new CoreRelocator(local, [mutated]).resolve({ offset: 0, type, access, kind })
          new CoreRelocator(mutated, [local]).resolve({ offset: 0, type, access, kind })
        } catch (error) {
          if (!(error instanceof CoreError) && !(error instanceof BtfError)) throw error
        }
      }),
      { numRuns: 4000, seed: 31 },
    )
  })
})
