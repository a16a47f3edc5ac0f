import {
  attachTypeName,
  type ContextField,
  contextAllows,
  contextFieldAt,
  SOCKET_LAYOUTS,
} from '@skep/registry'
import { describe, expect, it } from 'vitest'
import {
  call,
  exit,
  type Kernel,
  type Load,
  loads,
  missing,
  movImm,
  named,
  openKernel,
  platform,
  program,
  REACHED_END,
  refusal,
  type Slot,
  unknownReturn,
} from './platform.ts'

// SKEP_MATRIX=full compares every offset, about 140,000 programs; otherwise every seventeenth.
const step = process.env['SKEP_MATRIX'] === 'full' ? 1 : 17

const SIZE_CODE: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 }
/** Loads, sign-extending loads, stores of a register and of a constant: base codes. */
const accesses = { ldx: 0x61, ldsx: 0x81, stx: 0x63, st: 0x62 } as const

const SK = 168
const MAP_LOOKUP_ELEM = 1
const SK_FULLSOCK = 95
const TCP_SOCK = 96
/** Ends the program, letting the packet pass, when a register is null. */
const unlessNull = (register: number): readonly Slot[] => [[0x55, register, 0, 2], movImm(0, 1), exit]

/** Past this many bytes records are alike. */
const FAR = 256

const sizeOf = ({ type: { context } }: Load): number =>
  context.kind === 'args' ? context.max * 8 : context.size

function allowed(load: Load, off: number, size: number, kind: keyof typeof accesses): boolean {
  const { context } = load.type
  const write = kind.startsWith('st')
  if (!contextAllows(context, off, size, write, load.attachType)) return false
  if (kind !== 'ldsx' || context.kind !== 'struct') return true
  return !context.fields.find((f) => off >= f.offset && off < f.offset + f.size)?.pointer
}

/** The kind of pointer that the verifier's log calls a field's value. */
function pointerText(field: ContextField): string {
  if (field.pointer === undefined) return 'scalar('
  if (field.pointer === 'btf_id') return `trusted_ptr_${field.btf}(`
  const name = { packet: 'pkt', packet_end: 'pkt_end', packet_meta: 'pkt_meta', socket: 'sock' }[
    field.pointer as string
  ]
  return `${name ?? field.pointer}${field.nullable ? '_or_null' : ''}(`
}

function mismatches(kernel: Kernel): { count: number; found: string[] } {
  let count = 0
  const found: string[] = []
  for (const load of loads(kernel)) {
    if (load.type.context.kind === 'args' && load.type.context.btf) continue
    const end = Math.min(sizeOf(load), FAR) + 8
    let at = 0
    for (const [kind, code] of Object.entries(accesses) as [keyof typeof accesses, number][]) {
      for (const size of kind === 'ldsx' ? [1, 2, 4] : [1, 2, 4, 8]) {
        for (let off = 0; off < end; off++) {
          if (at++ % step) continue
          const registers = kind === 'stx' ? [1, 2] : kind === 'st' ? [1, 0] : [0, 1]
          const insns = program(
            movImm(2, 0),
            [code | SIZE_CODE[size]!, registers[0]!, registers[1]!, off],
            ...unknownReturn,
          )
          const theirs = REACHED_END.test(refusal(kernel, load.options, insns) ?? '')
          count++
          if (theirs === allowed(load, off, size, kind)) continue
          found.push(
            `${load.label}: ${kind} of ${size} bytes at ${off}: kernel ${theirs ? 'allows' : 'refuses'}`,
          )
        }
      }
    }
  }
  return { count, found }
}

describe.skipIf(missing)(named('contexts'), () => {
  it('may be accessed as in the kernel, at each offset and width', async () => {
    using kernel = await openKernel()
    const { count, found } = mismatches(kernel)
    expect(count).toBeGreaterThan(130_000 / step)
    expect(found).toEqual([])
  })

  it("hold the kernel's kinds of pointers", async () => {
    using kernel = await openKernel()
    const found: string[] = []
    for (const load of loads(kernel)) {
      const { context } = load.type
      if (context.kind !== 'struct') continue
      for (const field of context.fields) {
        const size = field.unit ?? field.size
        if (!contextAllows(context, field.offset, size, false, load.attachType)) continue
        const insns = program([0x61 | SIZE_CODE[size]!, 0, 1, field.offset], ...unknownReturn)
        const loaded = kernel.loadProgram({ ...load.options, insns, logLevel: 2 })
        const log = loaded.ok ? '' : loaded.log
        const theirs = /R0(?:_w)?=(\w+\()/.exec(log)?.[1] ?? log
        if (theirs !== pointerText(field))
          found.push(`${load.label}: ${field.name}: kernel ${theirs}, ${pointerText(field)}`)
      }
    }
    expect(found).toEqual([])
  })
})

/** Programs that get a pointer of a kind into r0, not null, and go on; by the kind's name. */
const sources: Readonly<Record<keyof typeof SOCKET_LAYOUTS, readonly Slot[]>> = {
  sock_common: [[0x79, 0, 1, SK]],
  sock: [[0x79, 1, 1, SK], ...unlessNull(1), call(SK_FULLSOCK)],
  tcp_sock: [[0x79, 1, 1, SK], ...unlessNull(1), call(TCP_SOCK)],
  xdp_sock: [
    [0x62, 10, 0, -4, 0],
    [0xbf, 2, 10],
    [0x07, 2, 0, 0, -4],
    [0x18, 1, 1, 0, 0],
    [0],
    call(MAP_LOOKUP_ELEM),
  ],
}

describe.skipIf(missing)(named('sockets'), () => {
  it('may be read as in the kernel, at each offset and width', async () => {
    using kernel = await openKernel()
    using sockets = kernel.createMap({ type: 'xskmap', keySize: 4, valueSize: 4, maxEntries: 1 })
    const found: string[] = []
    for (const [name, source] of Object.entries(sources) as [
      keyof typeof SOCKET_LAYOUTS,
      readonly Slot[],
    ][]) {
      const slots = source.map((slot): Slot => (slot[0] === 0x18 ? [0x18, 1, 1, 0, sockets.fd] : slot))
      for (const size of [1, 2, 4, 8]) {
        for (let off = -4; off < SOCKET_LAYOUTS[name].size + 8; off++) {
          const insns = program(
            ...slots,
            ...unlessNull(0),
            [0x61 | SIZE_CODE[size]!, 2, 0, off],
            ...unknownReturn,
          )
          const log = refusal(kernel, { type: name === 'xdp_sock' ? 'xdp' : 'cgroup_skb' }, insns) ?? ''
          const theirs = REACHED_END.test(log)
          const ours = contextFieldAt(SOCKET_LAYOUTS[name], off, size, false, '') !== undefined
          if (theirs !== ours)
            found.push(`${name}: ${size} bytes at ${off}: kernel ${theirs ? 'allows' : 'refuses'}`)
        }
      }
    }
    expect(found).toEqual([])
  })
})

describe.skipIf(missing)(named('return values'), () => {
  it("have the kernel's bounds", async () => {
    using kernel = await openKernel()
    const found: string[] = []
    for (const load of loads(kernel)) {
      const range = load.type.attachTypes?.[load.attachType]?.returns ?? load.type.returns
      for (const value of [-1, 0, 1, 2, 3, 4]) {
        const theirs = refusal(kernel, load.options, program(movImm(0, value), exit)) === undefined
        const ours = range === undefined || (value >= range.min && value <= range.max)
        if (theirs !== ours) found.push(`${load.label}: ${value}: kernel ${theirs ? 'accepts' : 'refuses'}`)
      }
    }
    expect(found).toEqual([])
  })
})

describe.skipIf(missing)(named('attach types'), () => {
  it('are accepted at load as the kernel does', async () => {
    using kernel = await openKernel()
    const found: string[] = []
    for (const type of platform.programTypes) {
      if (type.context.kind === 'args' && type.context.btf) continue
      const flags = type.sleepable === true ? 0x10 : 0
      for (let attachType = 0; attachType < 60; attachType++) {
        const options = { type: type.id, attachType, flags }
        const theirs = refusal(kernel, options, program(...unknownReturn)) !== ''
        const ours = attachTypeName(type, attachType) !== false
        if (theirs !== ours)
          found.push(`${type.name}: ${attachType}: kernel ${theirs ? 'accepts' : 'refuses'}`)
      }
    }
    expect(found).toEqual([])
  })
})
