import { readdirSync, readFileSync } from 'node:fs'
import { parseBtf } from '@skep/btf'
import { decode, formatLlvm } from '@skep/isa'
import type { CollectionSpec, ProgramSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { ElfError } from './errors.ts'
import { type ParseElfOptions, parseElf } from './parse-elf.ts'

const shared = new URL('../../../apps/cli/testdata/', import.meta.url)
const own = new URL('../testdata/', import.meta.url)
const read = (directory: URL, name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(name, directory)))
const load = (name: string, options?: ParseElfOptions): CollectionSpec =>
  parseElf(read(shared, name), options)
const loadOwn = (name: string, options?: ParseElfOptions): CollectionSpec =>
  parseElf(read(own, name), options)
const program = (spec: CollectionSpec, name: string): ProgramSpec =>
  spec.programs.find((p) => p.name === name)!

describe('parseElf', () => {
  it('reads the firewall', () => {
    const spec = load('firewall.o')
    expect(spec.programs.map((p) => [p.name, p.section, p.type])).toEqual([['firewall', 'xdp', 'xdp']])
    expect(spec.maps.map((m) => m.name)).toEqual(['traffic', 'blocked', 'shares', '.rodata'])
    expect(spec.maps.find((m) => m.name === 'blocked')).toMatchObject({
      type: 1,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1024,
    })
    expect(spec.variables.map((v) => v.name).sort()).toContain('blocked_udp_port')
    expect(spec.license).toBe('Dual MIT/GPL')
  })

  it('reads a Buffer that lies in the midst of its memory', () => {
    const kernelBtf = read(own, 'core_kernel.btf')
    for (const name of ['core.o', 'kconfig.o']) {
      const bytes = read(own, name)
      const memory = Buffer.alloc(bytes.length + 24)
      memory.set(bytes, 8)
      const kconfig = readFileSync(new URL('kconfig.txt', own), 'utf8')
      const inside = memory.subarray(8, bytes.length + 8)
      expect(parseElf(inside, { kernelBtf, kconfig })).toEqual(parseElf(bytes, { kernelBtf, kconfig }))
      expect(inside).toEqual(Buffer.from(bytes))
    }
  })

  it.each([
    ...readdirSync(shared).flatMap((f) => (f.endsWith('.o') ? [[f, shared] as const] : [])),
    // Halves of linked.o are nothing by themselves.
    ...readdirSync(own).flatMap((f) => (/(?<!linked_.)\.o$/.test(f) ? [[f, own] as const] : [])),
  ])('%s: every program decodes after linking', (file, directory) => {
    const spec = parseElf(read(directory, file), {
      kernelBtf: read(own, 'core_kernel.btf'),
      kconfig: readFileSync(new URL('kconfig.txt', own), 'utf8'),
    })
    expect(spec.programs.length + spec.maps.length).toBeGreaterThan(0)
    for (const { insns, references, functions, lines } of spec.programs) {
      expect(decode(insns).length).toBeGreaterThan(1)
      const names = new Set(spec.maps.map((m) => m.name))
      for (const r of references) if ('map' in r) expect(names).toContain(r.map)
      expect(functions[0]!.insn).toBe(0)
      for (const list of [functions, lines]) {
        const slots = list.map((i) => i.insn)
        expect(slots).toEqual([...slots].sort((a, b) => a - b))
        for (const slot of slots) expect(slot).toBeLessThan(insns.length / 8)
      }
    }
    if (spec.btf) expect(() => parseBtf(spec.btf!)).not.toThrow()
  })
})

describe('functions', () => {
  const spec = loadOwn('functions.o')
  const names = (name: string): (string | undefined)[] => program(spec, name).functions.map((f) => f.name)

  it('come behind their first caller, depth first, once for each program', () => {
    expect(names('first')).toEqual(['first', 'shared', 'leaf', 'inside'])
    expect(names('second')).toEqual(['second', 'again', 'each', 'leaf', 'each_global', 'replaceable'])
    expect(names('third')).toEqual(['third', 'inside', 'shared', 'leaf', 'again', 'each'])
    expect(names('alone')).toEqual(['alone'])
  })

  it('keep their linkage, hidden ones being static', () => {
    const linkage = Object.fromEntries(program(spec, 'first').functions.map((f) => [f.name, f.linkage]))
    expect(linkage).toEqual({ first: 1, shared: 1, leaf: 0, inside: 0 })
    const btf = parseBtf(spec.btf!)
    for (const { typeId, linkage } of program(spec, 'first').functions)
      expect(btf.linkage(typeId)).toBe(linkage)
  })

  it('are referred to by address', () => {
    const second = program(spec, 'second')
    const starts = second.functions.map((f) => f.insn)
    const targets = second.references.flatMap((r) => (r.kind === 'func' ? [r.target] : []))
    expect(targets).toHaveLength(3)
    for (const target of targets) expect(starts).toContain(target)
  })

  it('are called at the right place', () => {
    const { insns, functions } = program(spec, 'first')
    const calls = decode(insns).flatMap((insn, slot) =>
      insn.def.name === 'call_local' ? [slot + insn.imm + 1] : [],
    )
    expect(calls.length).toBeGreaterThan(3)
    for (const target of calls) expect(functions.map((f) => f.insn)).toContain(target)
  })

  it('have their source lines', () => {
    const { lines, functions } = program(spec, 'first')
    const leaf = functions.find((f) => f.name === 'leaf')!
    const line = lines.find((l) => l.insn >= leaf.insn)!
    expect(line).toMatchObject({
      file: './functions.bpf.c',
      text: expect.stringContaining('int leaf(int a)'),
    })
  })

  it('are not loaded by themselves where the section says so', () => {
    expect(program(spec, 'not_by_itself')).toMatchObject({ section: 'xdp', type: 'xdp', autoload: false })
    expect(program(spec, 'first').autoload).toBeUndefined()
    expect(program(spec, 'first').kernelVersion).toBe(0x60102)
  })

  it('run when a program throws', () => {
    const throws = loadOwn('exceptions.o').programs[0]!
    expect(throws.functions.map((f) => f.name)).toEqual(['program', 'on_throw', 'helped'])
    expect(throws.references).toEqual([{ insn: 1, kind: 'kfunc', name: 'bpf_throw' }])
  })
})

describe('maps', () => {
  it('are static, too', () => {
    const spec = loadOwn('maps_more.o')
    expect(spec.maps.map((m) => [m.name, m.type, m.maxEntries])).toEqual([
      ['program.local', 1, 1],
      ['of_file', 2, 3],
      ['bloom', 30, 64],
      ['read_local.local', 2, 3],
    ])
    expect(spec.maps[2]!.mapExtra).toBe(0x1_0000_0003)
    const used = program(spec, 'program').references.map((r) => ('map' in r ? r.map : ''))
    expect(used).toEqual(['program.local', 'of_file', 'read_local.local'])
  })

  it('are defined before BTF', () => {
    expect(loadOwn('legacy.o').maps).toEqual([
      { name: 'one', type: 2, keySize: 4, valueSize: 8, maxEntries: 16 },
      { name: 'two', type: 1, keySize: 6, valueSize: 2, maxEntries: 32, flags: 1 },
    ])
    expect(loadOwn('legacy.o').programs[0]!.references.map((r) => ('map' in r ? r.map : ''))).toEqual([
      'one',
      'two',
    ])
  })

  it('have templates and first values', () => {
    const spec = loadOwn('maps.o')
    const outer = spec.maps.find((m) => m.name === 'outer_array')!
    expect(outer.inner).toMatchObject({ name: 'outer_array.inner', type: 2, maxEntries: 3, valueSize: 8 })
    expect(outer.initial).toEqual([
      { index: 1, map: 'one' },
      { index: 5, map: 'two' },
    ])
    expect(spec.maps.find((m) => m.name === 'programs')!.initial).toEqual([
      { index: 0, program: 'target_one' },
      { index: 3, program: 'target_two' },
    ])
    expect(spec.maps.find((m) => m.name === 'typed')).toMatchObject({ pinning: 'by_name', flags: 1 })
    const btf = parseBtf(spec.btf!)
    expect(btf.name(btf.resolve(spec.maps.find((m) => m.name === 'typed')!.btfKey!))).toBe('key')
  })

  it('hold globals of an arena', () => {
    const spec = loadOwn('arena.o')
    expect(spec.maps).toEqual([
      {
        name: 'arena',
        type: 33,
        keySize: 0,
        valueSize: 0,
        maxEntries: 16,
        flags: 0x400,
        initial: [{ key: new Uint8Array(0), value: Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0) }],
      },
    ])
    expect(spec.variables.map((v) => [v.name, v.map, v.offset, v.size])).toEqual([
      ['in_arena', 'arena', 0, 8],
      ['next', 'arena', 8, 4],
    ])
    const offsets = spec.programs[0]!.references.flatMap((r) => (r.kind === 'map_value' ? [r.offset] : []))
    expect(offsets.sort()).toEqual([0, 8])
  })

  it('of two files have two names, where the files named them alike', () => {
    // One object with its static map twice: the second definition is renamed.
    const bytes = read(own, 'maps_more.o')
    const text = new TextDecoder('latin1').decode(bytes)
    for (const part of ['read_local.local\0']) {
      for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1))
        bytes.set(new TextEncoder().encode('program.local\0'), at)
    }
    const spec = parseElf(bytes)
    expect(spec.maps.map((m) => m.name)).toEqual(['program.local', 'of_file', 'bloom', 'program.local.2'])
    expect(spec.notes).toEqual([
      'map program.local is there twice: the one at offset 96 is called program.local.2',
    ])
    expect(spec.programs[0]!.references.map((r) => ('map' in r ? r.map : ''))).toEqual([
      'program.local',
      'of_file',
      'program.local.2',
    ])
  })
})

describe('globals', () => {
  it('have places, sizes and types', () => {
    const spec = loadOwn('data.o')
    const place = Object.fromEntries(spec.variables.map((v) => [v.name, [v.map, v.offset, v.size]]))
    expect(place).toMatchObject({
      limit: ['.rodata', 0, 4],
      origin: ['.rodata', 8, 16],
      'program.format': ['.rodata', 40, 6],
      table: ['.rodata.table', 0, 5],
      state: ['.data', 0, 8],
      hidden: ['.data', 32, 4],
      custom: ['.data.custom', 0, 2],
      buffer: ['.bss', 16, 300],
      more_zero: ['.bss.more', 0, 4],
    })
    const btf = parseBtf(spec.btf!)
    for (const v of spec.variables) expect(btf.size(v.typeId!)).toBe(v.size)
    expect(spec.notes).toEqual([
      'section .rodata: 2 addresses in its initial values stay unresolved, as in libbpf',
      'section .data: 1 addresses in its initial values stay unresolved, as in libbpf',
    ])
  })

  it('are found by symbols alone', () => {
    const [typed, untyped] = [loadOwn('data.o'), loadOwn('data.nodebug.o')]
    expect(untyped.btf).toBeUndefined()
    const places = (spec: CollectionSpec): unknown[] =>
      spec.variables.map((v) => [v.name, v.map, v.offset, v.size])
    expect(places(untyped)).toEqual(places(typed))
  })

  it('cost nothing in .bss', () => {
    const spec = loadOwn('data.o')
    expect(spec.maps.find((m) => m.name === '.bss')).not.toHaveProperty('initial')
    expect(spec.maps.find((m) => m.name === '.rodata')).toMatchObject({ frozen: true, flags: 0x480 })
  })
})

describe('externs', () => {
  it('are functions and variables of the kernel', () => {
    const { references, insns } = loadOwn('ksyms.o').programs[0]!
    expect(references).toEqual([
      { insn: 1, kind: 'kfunc', name: 'bpf_task_from_pid' },
      { insn: 4, kind: 'kfunc', name: 'bpf_task_release' },
      { insn: 5, kind: 'ksym', name: 'bpf_never_was', weak: true },
      { insn: 8, kind: 'kfunc', name: 'bpf_never_was', weak: true },
      { insn: 10, kind: 'ksym', name: 'never_was', weak: true },
      { insn: 14, kind: 'ksym', name: 'bpf_prog_active' },
      { insn: 16, kind: 'ksym', name: 'schedule' },
    ])
    // An extern void is a number, others are pointers with a type.
    expect(formatLlvm(decode(insns))[16]).toContain('r2 = 0x0 ll')
    expect(insns[16 * 8 + 1]! >> 4).toBe(0)
    expect(insns[14 * 8 + 1]! >> 4).toBe(3)
  })

  const value = (kconfig: string): Uint8Array => {
    const spec = loadOwn('kconfig.o', { kconfig })
    const [first] = spec.maps.find((m) => m.name === '.kconfig')!.initial!
    return 'value' in first! ? first.value : new Uint8Array(0)
  }
  const variable = (name: string): { offset: number; size: number } =>
    loadOwn('kconfig.o', { kconfig: 'CONFIG_BPF=y\nCONFIG_BPF_SYSCALL=m' }).variables.find(
      (v) => v.name === name,
    )!

  it('are values of the configuration', () => {
    const bytes = value(
      '# CONFIG_HZ is not set\nCONFIG_BPF=n\nCONFIG_BPF_SYSCALL=m\nCONFIG_DEFAULT_HOSTNAME="ab"\n',
    )
    const at = (name: string): Uint8Array => {
      const { offset, size } = variable(name)
      return bytes.slice(offset, offset + size)
    }
    expect(at('LINUX_KERNEL_VERSION')).toEqual(Uint8Array.of(0, 18, 6, 0))
    expect(at('CONFIG_BPF')).toEqual(Uint8Array.of(0))
    expect(at('CONFIG_BPF_SYSCALL')).toEqual(Uint8Array.of(2, 0, 0, 0))
    expect(at('CONFIG_DEFAULT_HOSTNAME')).toEqual(Uint8Array.of(97, 98, 0, 0, 0, 0, 0, 0))
    expect(at('CONFIG_HZ')).toEqual(new Uint8Array(4))
  })

  it.each([
    ['CONFIG_BPF=m\nCONFIG_BPF_SYSCALL=y', 'm is for a bool, tristate or char, but the variable is a bool'],
    ['CONFIG_BPF=1\nCONFIG_BPF_SYSCALL=y', '1 is a number, but the variable is a bool'],
    ['CONFIG_BPF="y"\nCONFIG_BPF_SYSCALL=y', '"y" is text, but the variable is no char[]'],
    ['CONFIG_BPF=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_NEGATIVE=40000', '40000 does not fit in 2 bytes'],
    ['CONFIG_BPF=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_HZ=ten', 'ten is no integer'],
    ['CONFIG_BPF=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_DEFAULT_HOSTNAME="a', '"a has no closing quote'],
    ['CONFIG_BPF=y', 'no value is known'],
  ])('refuse %j', (kconfig, message) => {
    expect(() => value(kconfig)).toThrow(ElfError)
    expect(() => value(kconfig)).toThrow(message)
  })
})

describe('CO-RE', () => {
  const kernelBtf = read(own, 'core_kernel.btf')

  it('poisons what the kernel has not, and says so', () => {
    const spec = loadOwn('core.o', { kernelBtf })
    const absent = program(spec, 'absent')
    const poisoned = decode(absent.insns, { checkTargets: false }).filter((i) => i.imm === 0xbad2310)
    expect(poisoned.length).toBeGreaterThan(2)
    const notes = spec.notes.filter((n) => n.startsWith('program absent: '))
    expect(notes).toHaveLength(poisoned.length)
    expect(notes[0]).toMatch(
      /^program absent: insn \d+ is poisoned, failed to resolve CO-RE relocation <byte_off> \[\d+\] struct lost\.goes \(0:1 @ offset 4\)$/,
    )
    expect(notes.find((n) => n.includes('signed_grows'))).toContain('only pointers and unsigned integers may')
  })

  it('takes types that are parsed, and those of modules behind the kernel', () => {
    const kernel = parseBtf(kernelBtf)
    const raw = loadOwn('core.o', { kernelBtf })
    expect(loadOwn('core.o', { kernelBtf: kernel })).toEqual(raw)
    expect(loadOwn('core.o', { kernelBtf: [kernel, parseBtf(kernelBtf)] })).toEqual(raw)
  })

  it('needs the types of a kernel', () => {
    expect(() => loadOwn('core.o')).toThrow(/\d+ CO-RE relocations need the kernel's types/)
    expect(() => loadOwn('core.o', { kernelBtf: new Uint8Array(5) })).toThrow(/BTF has 5 bytes/)
  })
})
