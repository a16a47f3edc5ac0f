import type { CollectionSpec, MapSpec, ProgramSpec, Reference } from '@skep/registry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../test/availability.ts'
import { functionsBtf } from '../test/btf.ts'
import {
  addImm,
  call,
  callKfunc,
  exit,
  jeqImm,
  load,
  loadMap,
  mov,
  movImm,
  pass,
  program,
  slot,
  storeImm32,
} from '../test/insns.ts'
import { KernelError } from './errors.ts'
import { type Kernel, openKernel } from './kernel.ts'
import { loadCollection } from './load-collection.ts'
import { prepareCollection } from './prepare-collection.ts'

const xdp = (insns: Uint8Array, more: Partial<ProgramSpec> = {}): ProgramSpec => ({
  name: 'main',
  section: 'xdp',
  type: 'xdp',
  license: 'GPL',
  insns,
  references: [],
  functions: [],
  lines: [],
  ...more,
})
const collection = (
  programs: readonly ProgramSpec[],
  maps: readonly MapSpec[] = [],
  more: Partial<CollectionSpec> = {},
): CollectionSpec => ({ programs, maps, variables: [], license: 'GPL', notes: [], ...more })
const array = (name: string): MapSpec => ({ name, type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

describe.skipIf(missing)(named('prepareCollection'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  /** The verdict of the only program. */
  function verdict(spec: CollectionSpec, logLevel = 1): { ok: boolean; log: string; errno?: string } {
    const prepared = prepareCollection(kernel, spec)
    const result = prepared.load(spec.programs[0]!, { logLevel })
    if (result.ok) result.close()
    prepared.close()
    return result
  }

  it('makes maps of maps with their template and first maps', () => {
    const inner = { ...array(''), valueSize: 8 }
    const one = {
      ...inner,
      name: 'one',
      initial: [{ key: u32(0), value: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) }],
    }
    const outer: MapSpec = {
      ...array('outer'),
      type: 'array_of_maps',
      maxEntries: 2,
      inner,
      initial: [{ index: 1, map: 'one' }],
    }
    // outer[1][0]
    const lookup = [mov(2, 10), addImm(2, -4), call(1)]
    const insns = program(
      storeImm32(10, -4, 1),
      loadMap(1),
      ...lookup,
      jeqImm(0, 0, 7),
      mov(1, 0),
      storeImm32(10, -4, 0),
      ...lookup,
      jeqImm(0, 0, 1),
      load(8, 0, 0, 0),
      exit(),
    )
    const references: Reference[] = [{ insn: 1, kind: 'map', map: 'outer' }]
    using loaded = loadCollection(kernel, collection([xdp(insns, { references })], [outer, one]))
    const main = loaded.programs.get('main')!
    if (!main.ok) throw new Error(main.log)
    expect(main.testRun({ dataIn: new Uint8Array(14) }).retval).toBe(7)
  })

  it('sizes maps by the machine', () => {
    const prepared = prepareCollection(
      kernel,
      collection(
        [],
        [
          { ...array('events'), type: 'perf_event_array', maxEntries: 0 },
          { name: 'ring', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 5000 },
        ],
      ),
    )
    expect([...prepared.maps.values()].map((m) => m.maxEntries)).toEqual([kernel.possibleCpus, 8192])
    prepared.close()
    expect(prepared.maps.get('ring')!.closed).toBe(true)
  })

  it('throws when a map cannot be made, and leaves nothing behind', () => {
    const bad = { ...array('bad'), valueSize: 0 }
    expect(() => prepareCollection(kernel, collection([], [array('good'), bad]))).toThrow(KernelError)
    expect(() => prepareCollection(kernel, collection([], [bad]))).toThrow(
      /BPF_MAP_CREATE: EINVAL: map 'bad'/,
    )
  })

  it('gives the source lines of functions', () => {
    const typed = {
      functions: [{ insn: 0, typeId: 3 }],
      lines: [{ insn: 0, file: 'sub', text: 'main', line: 7, column: 3 }],
    }
    const btf = functionsBtf()
    expect(verdict(collection([xdp(program(...pass), typed)], [], { btf }), 2).log).toContain(
      '; main @ sub:7',
    )
    // Past the end: the kernel looks at them.
    const past = { ...typed, lines: [...typed.lines, { ...typed.lines[0]!, insn: 9 }] }
    expect(verdict(collection([xdp(program(...pass), past)], [], { btf }))).toMatchObject({
      ok: false,
      errno: 'EINVAL',
    })
  })

  it('goes on without BTF that the kernel refuses', () => {
    const btf = functionsBtf().slice(0, -4)
    const typed = { functions: [{ insn: 0, typeId: 3 }] }
    const map = { ...array('typed'), btfKey: 1, btfValue: 1 }
    expect(verdict(collection([xdp(program(...pass), typed)], [map], { btf })).ok).toBe(true)
  })

  it('finds symbols of the kernel', () => {
    const insns = program(slot(0x18, 1), slot(0), movImm(0, 0), jeqImm(1, 0, 1), movImm(0, 2), exit())
    const references = (name: string, weak?: true): Reference[] => [
      { insn: 0, kind: 'ksym', name, ...(weak ? { weak } : {}) },
    ]
    const retval = (refs: Reference[]): number => {
      using loaded = loadCollection(kernel, collection([xdp(insns, { references: refs })]))
      const main = loaded.programs.get('main')!
      if (!main.ok) throw new Error(main.log)
      return main.testRun({ dataIn: new Uint8Array(14) }).retval
    }
    expect(retval(references('schedule'))).toBe(2)
    expect(retval(references('no_such_symbol', true))).toBe(0)
    expect(verdict(collection([xdp(insns, { references: references('no_such_symbol') })]))).toEqual({
      ok: false,
      errno: 'ESRCH',
      log: 'no_such_symbol: this kernel has no symbol of that name',
      beforeKernel: true,
    })
  })

  it('resolves kernel functions, and poisons weak ones that are not there', () => {
    const insns = program(movImm(0, 0), jeqImm(0, 0, 1), callKfunc(), movImm(0, 2), exit())
    const references = (name: string, weak: boolean): Reference[] => [{ insn: 2, kind: 'kfunc', name, weak }]
    const result = (name: string, weak: boolean): ReturnType<typeof verdict> =>
      verdict(collection([xdp(insns, { references: references(name, weak) })]))
    expect(result('no_such_kfunc', true).ok).toBe(true)
    expect(result('no_such_kfunc', false)).toMatchObject({ errno: 'ESRCH', beforeKernel: true })
    const called = program(callKfunc(), movImm(0, 2), exit())
    const reached = collection([
      xdp(called, { references: [{ insn: 0, kind: 'kfunc', name: 'no_such_kfunc', weak: true }] }),
    ])
    expect(verdict(reached).log).toContain('invalid func unknown#2002000000')
    const known = collection([xdp(called, { references: [{ insn: 0, kind: 'kfunc', name: 'schedule' }] })])
    expect(verdict(known).log).toContain('calling kernel function schedule is not allowed')
  })

  it('finds what a program attaches to', () => {
    const tracepoint = (attachTo: string): CollectionSpec =>
      collection([
        xdp(program(movImm(0, 0), exit()), { type: 'tracing', attachType: 'trace_raw_tp', attachTo }),
      ])
    expect(verdict(tracepoint('sched_switch')).ok).toBe(true)
    expect(verdict(tracepoint('no_such_event'))).toMatchObject({
      errno: 'ESRCH',
      log: 'main: this kernel has no type btf_trace_no_such_event',
      beforeKernel: true,
    })
  })

  it('places arenas, so that programs may use them', () => {
    const arena: MapSpec = {
      name: 'arena',
      type: 'arena',
      keySize: 0,
      valueSize: 0,
      maxEntries: 2,
      flags: 0x400,
    }
    const insns = program(loadMap(1), ...pass)
    const references: Reference[] = [{ insn: 0, kind: 'map', map: 'arena' }]
    expect(verdict(collection([xdp(insns, { references })], [arena]))).toMatchObject({ ok: true })
  })
})
