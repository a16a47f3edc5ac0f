import { ANCILLARY, assembleBpfAsm, type ClassicInsn, decode, formatClassic, formatKernel } from '@skep/isa'
import { isKernelAvailable, type Kernel, type KernelProgram, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { Random, randomClassic, randomPacket } from '../test/random-program.ts'
import { type ClassicPacketInfo, runClassic } from './run-classic.ts'
import { type TranslateOptions, translateClassic } from './translate-classic.ts'

const available = await isKernelAvailable()
const missing = available.ok ? undefined : available.reason

const load = (kernel: Kernel, insns: readonly ClassicInsn[], options: TranslateOptions): KernelProgram => {
  const { insns: code, type, license } = translateClassic(insns, options)
  const program = kernel.loadProgram({ type, insns: code, license, lazyLog: true })
  if (!program.ok) {
    const listing = decode(code).map((insn, slot) => `${slot}: ${formatKernel(insn)}`)
    throw new Error([program.errno, program.log, ...formatClassic(insns), ...listing].join('\n'))
  }
  return program
}

const numbersOf = (names: readonly (keyof typeof ANCILLARY)[]): number[] =>
  names.map((name) => ANCILLARY[name].offset)

/** BPF_PROG_TEST_RUN's packets come from the loopback device; socket filters see them from the network header on. */
const DEVICE: ClassicPacketInfo = { ifindex: 1, mark: 0 }
const kinds: readonly {
  name: string
  options: TranslateOptions
  info: ClassicPacketInfo
  extensions: number[]
}[] = [
  {
    name: 'socket_filter',
    options: {},
    info: { ...DEVICE, start: 14 },
    extensions: numbersOf([
      'ifindex',
      'mark',
      'queue',
      'alu_xor_x',
      'vlan_tag',
      'vlan_tag_present',
      'vlan_tpid',
    ]),
  },
  {
    name: 'sched_cls, packet pointers',
    options: { type: 'sched_cls', style: 'direct' },
    info: DEVICE,
    extensions: numbersOf([
      'ifindex',
      'mark',
      'queue',
      'alu_xor_x',
      'vlan_tag',
      'vlan_tag_present',
      'vlan_tpid',
    ]),
  },
  {
    name: 'xdp',
    options: { type: 'xdp' },
    info: DEVICE,
    extensions: numbersOf(['ifindex', 'queue', 'alu_xor_x']),
  },
]

/** BPF_PROG_TEST_RUN takes no packet that is shorter than the header that its EtherType speaks of. */
const leastLength = (packet: Uint8Array): number =>
  ({ 2048: 14 + 20, 34525: 14 + 40 })[(packet[12]! << 8) | packet[13]!] ?? 15

describe.skipIf(missing)(`the kernel${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const { name, options, info, extensions } of kinds) {
    it(`accepts translated programs and runs them as the classic interpreter does: ${name}`, async () => {
      using kernel = await openKernel()
      const random = new Random(4)
      const verdict = (value: number): number => (name !== 'xdp' ? value : value === 0 ? 1 : 2)
      let inside = 0
      for (let round = 0; round < 400; round++) {
        const wild = random.chance(0.3)
        const insns = randomClassic(random, 1 + random.below(40), { extensions, headers: true, wild })
        using program = load(kernel, insns, options)
        for (let n = 0; n < 4; n++) {
          const packet = randomPacket(random, 140)
          if (packet.length < leastLength(packet)) continue
          const expected = runClassic(insns, packet, info)
          if (expected !== 0) inside++
          const { retval } = program.testRun({ dataIn: packet })
          if (retval !== verdict(expected)) {
            const listing = `${formatClassic(insns).join('\n')}\n${Buffer.from(packet).toString('hex')}`
            expect.fail(`${listing}\n${retval} instead of ${verdict(expected)}`)
          }
        }
      }
      expect(inside).toBeGreaterThan(300)
    })
  }

  it('gives the extensions that a translation reads from the context or asks helpers for', async () => {
    using kernel = await openKernel()
    const values = (asm: string, options: TranslateOptions = {}): number => {
      using program = load(kernel, assembleBpfAsm(asm), options)
      const packet = Uint8Array.from([...Array(12).fill(0), 0x86, 0xdd, ...Array(40).fill(0x60)])
      return program.testRun({ dataIn: packet }).retval
    }
    expect(values('ld #proto\nret a')).toBe(0x86dd)
    expect(values('ld #type\nret a')).toBe(0)
    expect(values('ld #len\nret a')).toBe(40)
    expect(values('ld #ifidx\nret a')).toBe(1)
    expect(values('ld #cpu\njge #4096, no\nret #7\nno: ret #8')).toBe(7)
    expect(values('ld #rand\nldx #0\ntax\nld #rand\njeq x, no\nret #7\nno: ret #8')).toBe(7)
    expect(values('ld #len\nret a', { type: 'sched_cls' })).toBe(54)
    expect(values('ld #len\njeq #54, yes\nret #0\nyes: ret #1', { type: 'xdp' })).toBe(2)
    expect(values('ld #cpu\njge #4096, no\nret #7\nno: ret #0', { type: 'xdp' })).toBe(2)
  })

  it('accepts offsets that are far from X', async () => {
    using kernel = await openKernel()
    for (const asm of [
      'ldx #len\nldb [x+0x8e0d8a8d]\nret a',
      'ld [0]\ntax\nadd #0x8e0d8a8d\ntax\nldb [x+0]\nret a',
      'ldb [0]\ntax\nadd #0x7fff\ntax\nldb [x+0x7fff]\nret a',
    ]) {
      using program = load(kernel, assembleBpfAsm(asm), { type: 'xdp' })
      expect(program.testRun({ dataIn: new Uint8Array(60) }).retval).toBe(1)
    }
  })

  it('accepts the longest programs', async () => {
    using kernel = await openKernel()
    const loads = 'ldh [x+0xfffffff]\n'.repeat(4092)
    const far = `ldb [0]\njset #1, body\nja end\nbody: ${loads}end: ret #5`
    for (const type of ['socket_filter', 'xdp']) {
      using program = load(kernel, assembleBpfAsm(far), { type })
      const { retval } = program.testRun({ dataIn: new Uint8Array(60) })
      expect(retval).toBe(type === 'xdp' ? 2 : 5)
    }
  })
})
