import { ANCILLARY, assembleBpfAsm, checkClassic, decode, formatClassic, formatLlvm } from '@skep/isa'
import { createPlatform, defineProgramType, field, type ProgramSpec, struct } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createEngines } from '../test/engines.ts'
import { Random, randomClassic, randomPacket } from '../test/random-program.ts'
import { CbpfError } from './errors.ts'
import { type ClassicPacketInfo, runClassic } from './run-classic.ts'
import { type TranslateOptions, translateClassic } from './translate-classic.ts'

const text = (spec: ProgramSpec): string[] => formatLlvm(decode(spec.insns))
const translated = (asm: string, options?: TranslateOptions): string[] =>
  text(translateClassic(assembleBpfAsm(asm), options))

const { cpu, alu_xor_x, queue, random } = ANCILLARY
const XDP = [cpu, alu_xor_x, random, queue]
const SOCKET = (
  'protocol pkttype ifindex mark queue rxhash cpu alu_xor_x vlan_tag vlan_tag_present random vlan_tpid'.split(
    ' ',
  ) as (keyof typeof ANCILLARY)[]
).map((name) => ANCILLARY[name])

const values = { random: 0xdead_beef, cpu: 3 }
const info: ClassicPacketInfo = {
  protocol: 0x86dd,
  pkttype: 3,
  ifindex: 7,
  mark: 0xffff_0001,
  queue: 9,
  rxhash: 0x8000_0000,
  cpu: values.cpu,
  vlan_tag: 0x2fff,
  vlan_tag_present: 1,
  vlan_tpid: 0x88a8,
  random: () => values.random,
}

interface Kind {
  readonly name: string
  readonly options: TranslateOptions
  readonly extensions: readonly { readonly offset: number }[]
}

const kinds: readonly Kind[] = [
  { name: 'ld_abs in a socket filter', options: {}, extensions: SOCKET },
  { name: 'packet pointers in XDP', options: { type: 'xdp' }, extensions: XDP },
  {
    name: 'packet pointers in tc',
    options: { type: 'sched_cls', style: 'direct' },
    extensions: SOCKET,
  },
]

describe('translated programs', () => {
  for (const { name, options, extensions } of kinds) {
    it(`do what the classic interpreter does: ${name}`, async () => {
      const engines = await createEngines(values)
      const numbers = new Random(1)
      const verdict = (value: number): number => (options.type !== 'xdp' ? value : value === 0 ? 1 : 2)
      let inside = 0
      for (let round = 0; round < 500; round++) {
        const insns = randomClassic(numbers, 1 + numbers.below(30), {
          extensions: extensions.map(({ offset }) => offset),
          headers: true,
          wild: numbers.chance(0.3),
        })
        checkClassic(insns)
        const bench = await engines.load(translateClassic(insns, options))
        for (let n = 0; n < 8; n++) {
          const packet = randomPacket(numbers)
          const about = numbers.chance(0.1) && options.type !== 'xdp' ? { ...info, ifindex: 0 } : info
          const expected = runClassic(insns, packet, about)
          if (expected !== 0) inside++
          const found = bench.run(packet, about)
          if (Object.values(found).some((result) => result !== verdict(expected))) {
            const listing = formatClassic(insns).join('\n')
            expect.fail(
              `${listing}\n${Buffer.from(packet).toString('hex')}: ${expected} ${JSON.stringify(found)}`,
            )
          }
        }
        bench.release()
      }
      expect(inside).toBeGreaterThan(800)
    })
  }
})

describe('the longest programs', () => {
  it('run on every engine', async () => {
    const engines = await createEngines(values)
    const loads = 'ldh [x+0xfffffff]\n'.repeat(4091)
    const insns = assembleBpfAsm(`ldb [0]\njset #1, body\nja end\nbody: ldh [12]\n${loads}end: ret #5`)
    for (const [options, verdicts] of [
      [{}, [5, 0]],
      [{ type: 'xdp' }, [2, 1]],
    ] as const) {
      const bench = await engines.load(translateClassic(insns, options))
      const packet = new Uint8Array(60)
      expect(Object.values(bench.run(packet))).toEqual(Array(3).fill(verdicts[0]))
      packet[0] = 1
      expect(Object.values(bench.run(packet))).toEqual(Array(3).fill(verdicts[1]))
      bench.release()
    }
  })
})

const failure = (act: () => unknown): CbpfError => {
  try {
    act()
  } catch (error) {
    if (error instanceof CbpfError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('translateClassic', () => {
  it('makes socket filters with legacy loads', () => {
    expect(translated('ldh [12]\njeq #0x800, ok\nret #0\nok: ret #-1')).toEqual([
      'r6 = r1',
      'r0 = *(u16 *)skb[0xc]',
      'if w0 == 0x800 goto +0x2',
      'w0 = 0x0',
      'exit',
      'w0 = -0x1',
      'exit',
    ])
  })

  it('checks bounds once, and leaves values in network byte order that are only compared', () => {
    const asm = `
      ldh [12]
      jeq #0x800, ip, no
  ip: ldx 4*([14]&0xf)
      ldh [x+16]
      jset #0x180, no
      ldh [x+14]
      jge #1024, no, yes
 yes: ret #1
  no: ret #0`
    expect(translated(asm, { type: 'xdp' })).toEqual([
      'r8 = *(u32 *)(r1 + 0x0)',
      'r9 = *(u32 *)(r1 + 0x4)',
      'r2 = r8',
      'r2 += 0xe',
      'if r2 > r9 goto +0x14',
      'r0 = *(u16 *)(r8 + 0xc)',
      'if w0 != 0x8 goto +0x12',
      'r2 = r8',
      'r2 += 0xf',
      'if r2 > r9 goto +0xf',
      'r7 = *(u8 *)(r8 + 0xe)',
      'w7 &= 0xf',
      'w7 <<= 0x2',
      'r5 = r8',
      'r5 += r7',
      'r2 = r5',
      'r2 += 0x12',
      'if r2 > r9 goto +0x7',
      'r0 = *(u16 *)(r5 + 0x10)',
      'if w0 & 0x8001 goto +0x5',
      'r0 = *(u16 *)(r5 + 0xe)',
      'r0 = be16 r0',
      'if w0 >= 0x400 goto +0x2',
      'w0 = 0x2',
      'exit',
      'w0 = 0x1',
      'exit',
    ])
  })

  it('leaves out what no path reaches', () => {
    expect(translated('ja end\nld [x+7]\nld #len\nend: ret a', { type: 'sched_cls' })).toEqual([
      'w0 = 0x0',
      'exit',
    ])
    // The load is outside every packet that a program can prove anything of.
    expect(translated('ld [70000]\nret a', { type: 'xdp' })).toEqual([
      'r8 = *(u32 *)(r1 + 0x0)',
      'r9 = *(u32 *)(r1 + 0x4)',
      'w0 = 0x1',
      'exit',
    ])
  })

  it('returns verdicts instead of values', () => {
    const verdicts = { accept: 7, reject: 9 }
    expect(translated('ret #1', { type: 'xdp' })).toEqual(['w0 = 0x2', 'exit'])
    expect(translated('ret #5', { type: 'sched_cls', style: 'direct', verdicts })).toEqual([
      'w0 = 0x7',
      'exit',
    ])
    expect(translated('ret a', { type: 'xdp', verdicts })).toEqual([
      'w0 = 0x0',
      'if w0 == 0x0 goto +0x2',
      'w0 = 0x7',
      'exit',
      'w0 = 0x9',
      'exit',
    ])
  })

  it('takes constants for what the context does not have', () => {
    expect(translated('ld #hatype\nret a', { constants: { hatype: 1 } })).toEqual([
      'r6 = r1',
      'w0 = 0x1',
      'exit',
    ])
    const constants = { vlan_tag_present: 0 }
    expect(translated('ld #vlan_avail\nret a', { type: 'xdp', constants })).toContain('w0 = 0x0')
  })

  it('knows the program types of a platform', () => {
    const context = struct(
      'frame',
      { kind: field.u32(), data: field.packet(), data_end: field.packetEnd(), mark: field.u32() },
      { packet: { data: 'data', end: 'data_end' } },
    )
    const frame = defineProgramType({ name: 'frame', id: 0x1_0000, context, packetAccess: 'read' })
    const platform = createPlatform([{ name: 'frames', programTypes: [frame] }])
    expect(translated('ld #mark\nret a', { type: 'frame', platform })).toEqual([
      'r6 = r1',
      'r0 = *(u32 *)(r6 + 0xc)',
      'exit',
    ])
    expect(translated('ldb [0]\nret a', { type: 'frame', platform }).slice(0, 2)).toEqual([
      'r8 = *(u32 *)(r1 + 0x4)',
      'r9 = *(u32 *)(r1 + 0x8)',
    ])
  })

  it('keeps the listing as the source of each instruction', () => {
    const { lines, name, functions } = translateClassic(assembleBpfAsm('ldb [9]\nja end\nend: ret #1'), {
      name: 'mine',
    })
    expect(name).toBe('mine')
    expect(functions).toEqual([{ name: 'mine', insn: 0, typeId: 0 }])
    expect(lines).toEqual([
      { insn: 0, file: 'mine', text: '(000) ldb      [9]', line: 1, column: 1 },
      { insn: 2, file: 'mine', text: '(002) ret      #1', line: 3, column: 1 },
    ])
  })

  it.each<[asm: string, options: TranslateOptions, code: string, insn: number | undefined, mend: RegExp]>([
    ['tax\nld #hatype\nret a', {}, 'NO_CONTEXT_FIELD', 1, /hatype.*constants.hatype/],
    [
      'ld #nla\nret a',
      {},
      'NO_CONTEXT_FIELD',
      0,
      /socket_filter \(__sk_buff\) have nothing for extension nlattr$/,
    ],
    ['ld #mark\nret a', { type: 'xdp' }, 'NO_CONTEXT_FIELD', 0, /xdp_md.*constants.mark/],
    ['ret #1', { type: 'kprobe' }, 'BAD_OPTION', undefined, /socket_filter, sched_cls, sched_act, xdp/],
    ['ret #1', { type: 'xdp', style: 'legacy' }, 'BAD_OPTION', undefined, /take style direct/],
    ['ret #1', { style: 'direct' }, 'BAD_OPTION', undefined, /take style legacy/],
    ['ret #1', { verdicts: { accept: 1, reject: 2 } }, 'BAD_OPTION', undefined, /take style direct/],
    ['ld M[3]\nret a', {}, 'UNINITIALIZED_MEMORY', 0, /M\[3\]/],
  ])('%s, %j: %s', (asm, options, code, insn, mend) => {
    const error = failure(() => translateClassic(assembleBpfAsm(asm), options))
    expect(error).toMatchObject({ code, insn })
    expect(error.message).toMatch(mend)
  })
})
