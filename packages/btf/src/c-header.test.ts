import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  BTF_KIND,
  BtfError,
  buildBtf,
  formatC,
  formatCDeclaration,
  formatCHeader,
  parseBtf,
} from './index.ts'

const testdata = new URL('../testdata/', import.meta.url)
const btf = parseBtf(new Uint8Array(readFileSync(new URL('types.btf', testdata))))
const expected = readFileSync(new URL('types.h', testdata), 'utf8')
const vmlinux = '/sys/kernel/btf/vmlinux'
const bpftool = '/usr/sbin/bpftool'

const named = (kind: (typeof BTF_KIND)[keyof typeof BTF_KIND], name: string): number =>
  btf.findByName(kind, name)!

/** bpftool 7.1 does not say that an enum has one byte; later ones do. */
const withoutMode = (text: string): string => text.replaceAll(' __attribute__((mode(byte)))', '')

describe('C', () => {
  it('equals bpftool', () => {
    expect(withoutMode(formatCHeader(btf))).toBe(expected)
  })

  it.skipIf(!existsSync(vmlinux) || !existsSync(bpftool))(
    "equals bpftool on the running kernel's types",
    () => {
      const text = execFileSync(bpftool, ['btf', 'dump', 'file', vmlinux, 'format', 'c'], {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      })
      const ours = withoutMode(formatCHeader(parseBtf(new Uint8Array(readFileSync(vmlinux)))))
      const start = text.indexOf('typedef')
      const theirs = withoutMode(text.slice(start, start + text.slice(start).lastIndexOf('#ifndef')))
      expect(ours.length).toBeGreaterThan(100_000)
      // Not expect(ours).toBe(theirs): a difference of two texts of megabytes takes minutes to print.
      const lines = theirs.split('\n')
      expect(ours.split('\n').findIndex((line, i) => line !== lines[i])).toBe(-1)
      expect(ours.length).toBe(theirs.length)
    },
  )

  it('writes the types that are asked for, and what they need', () => {
    const text = formatCHeader(btf, { ids: [named(BTF_KIND.STRUCT, 'list')] })
    expect(text).toBe('struct node;\n\nstruct list {\n\tstruct node *head;\n\tstruct list *next;\n};\n\n')
  })

  it('writes single definitions', () => {
    expect(formatC(btf, named(BTF_KIND.STRUCT, 'tagged'))).toBe('struct tagged {\n\tint member;\n}')
    expect(formatC(btf, named(BTF_KIND.ENUM, 'level'))).toBe('enum level {\n\tLOW = -2,\n\tHIGH = 7,\n}')
    expect(formatC(btf, named(BTF_KIND.ENUM64, 'deep'))).toBe(
      'enum deep {\n\tBOTTOM = -4294967296LL,\n\tTOP = 1LL,\n}',
    )
    expect(formatC(btf, named(BTF_KIND.FUNC, 'twice'))).toBe('static int twice(struct flow *flow, int times)')
    expect(formatC(btf, named(BTF_KIND.VAR, 'constant'))).toBe('volatile const u64 constant')
    expect(formatC(btf, named(BTF_KIND.TYPEDEF, 'callback'))).toBe(
      'typedef int (*callback)(struct flow *, const char *, ...)',
    )
    expect(formatC(btf, named(BTF_KIND.FWD, 'closed'))).toBe('union closed')
  })

  it('writes declarations', () => {
    const flow = named(BTF_KIND.STRUCT, 'flow')
    const node = named(BTF_KIND.STRUCT, 'node')
    const of = (member: string, name?: string): string =>
      formatCDeclaration(btf, btf.member(node, member)!.type, name)
    expect(formatCDeclaration(btf, flow, 'f')).toBe('struct flow f')
    expect(formatCDeclaration(btf, 0)).toBe('void')
    expect(of('matrix', 'm')).toBe('u32 m[2][3]')
    expect(of('to_array', 'p')).toBe('u32 (*p)[4]')
    expect(of('pointers')).toBe('u32 *[4]')
    expect(of('text', 't')).toBe('volatile const char * const t')
    expect(of('tagged', 't')).toBe('u32 __attribute__((btf_type_tag("user"))) *t')
  })

  it('numbers types of one name', () => {
    const twins = parseBtf(
      buildBtf((b) => {
        const int = b.int('int', 4, { signed: true })
        b.struct('twin', [{ name: 'a', type: int }])
        b.struct('twin', [])
        b.enum('e', { A: 1 })
        b.enum('f', { A: 2 })
      }),
    )
    expect(formatCHeader(twins)).toBe(
      'struct twin {\n\tint a;\n};\n\nstruct twin___2 {};\n\nenum e {\n\tA = 1,\n};\n\nenum f {\n\tA___2 = 2,\n};\n\n',
    )
  })

  it.each<[string, () => Uint8Array]>([
    ['a struct in itself', () => buildBtf((b) => b.struct('s', [{ name: 'm', type: 1, bitOffset: 0 }], 4))],
    ['an endless typedef', () => buildBtf((b) => b.typedef('t', 1))],
    ['an endless pointer', () => buildBtf((b) => b.struct('s', [{ name: 'm', type: b.pointer(1) }]))],
    [
      'pointers without end',
      () =>
        buildBtf((b) => {
          for (let i = 0; i < 5000; i++) b.pointer(i + 2)
          b.int('int', 4)
        }),
    ],
    [
      'prototypes that double',
      () =>
        buildBtf((b) => {
          for (let i = 0; i < 60; i++)
            b.funcProto(0, [
              ['a', i + 2],
              ['b', i + 2],
            ])
          b.int('int', 4)
          b.typedef('t', 1)
        }),
    ],
    [
      'anonymous structs that double',
      () =>
        buildBtf((b) => {
          for (let i = 0; i < 60; i++)
            b.struct(
              i === 0 ? 's' : '',
              [
                { name: 'a', type: i + 2, bitOffset: 0 },
                { name: 'b', type: i + 2, bitOffset: 0 },
              ],
              1,
            )
          b.int('char', 1)
        }),
    ],
  ])('refuses %s', (_, build) => {
    expect(() => formatCHeader(parseBtf(build()))).toThrow(BtfError)
  })
})
