import {
  ANCILLARY,
  assembleBpfAsm,
  type ClassicInsn,
  checkClassic,
  classicDefs,
  formatClassic,
} from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { Random, randomClassic, randomPacket } from '../test/random-program.ts'
import { askSockets, noSockets } from '../test/socket-filters.ts'
import { CbpfError } from './errors.ts'
import { type ClassicPacketInfo, runClassic } from './run-classic.ts'

const EINVAL = 22
/** A datagram between unix sockets: no device, no headers, no protocol. */
const DATAGRAM: ClassicPacketInfo = { networkOffset: 0, linkOffset: null }

const refused = (insns: readonly ClassicInsn[]): boolean => {
  try {
    checkClassic(insns)
    return false
  } catch {
    return true
  }
}

describe.skipIf(noSockets)(`beside SO_ATTACH_FILTER${noSockets ? ` (skipped: ${noSockets})` : ''}`, () => {
  it('gives what the kernel gives, for random programs and packets', () => {
    const random = new Random(2)
    const { cpu, random: rnd, ...known } = ANCILLARY
    const extensions = Object.values(known).map(({ offset }) => offset)
    const runs: { insns: ClassicInsn[]; packets: Uint8Array[] }[] = []
    for (let round = 0; round < 4000; round++) {
      const wild = random.chance(0.3)
      const insns = randomClassic(random, 1 + random.below(30), { extensions, headers: true, wild })
      const packet = randomPacket(random)
      const value = runClassic(insns, packet, DATAGRAM)
      // A socket shows no more of a value than the packet's length: let the program itself compare A.
      const compare = [
        { code: classicDefs.jeq_k.code, jt: 0, jf: 1, k: value },
        { code: classicDefs.ret_k.code, jt: 0, jf: 0, k: 9 },
        { code: classicDefs.ret_k.code, jt: 0, jf: 0, k: 5 },
      ]
      runs.push({ insns: [...insns.slice(0, -1), ...compare], packets: [packet] })
    }
    const answers = askSockets(runs)
    let compared = 0
    for (const [index, { insns, packets }] of runs.entries()) {
      const [packet] = packets as [Uint8Array]
      const value = runClassic(insns, packet, DATAGRAM)
      if (value === 9) compared++
      const received = value === 0 ? null : Math.min(value, packet.length)
      const listing = `${formatClassic(insns).join('\n')}\n${Buffer.from(packet).toString('hex')}`
      expect(answers[index], listing).toEqual({ received: [received] })
    }
    expect(compared).toBeGreaterThan(500)
  })

  it('finds netlink attributes where the kernel finds them', () => {
    const random = new Random(5)
    const attribute = (type: number, payload: Uint8Array): number[] => {
      const length = random.chance(0.9) ? payload.length + 4 : random.below(40)
      const flags = random.pick([0, 0, 0x8000, 0x4000])
      const padding = new Array((4 - (payload.length % 4)) % 4).fill(0)
      return [length & 0xff, length >> 8, type, flags >> 8, ...payload, ...padding]
    }
    const list = (depth: number): Uint8Array =>
      Uint8Array.from(
        Array.from({ length: random.below(5) }, () =>
          attribute(random.below(5), depth > 0 ? list(depth - 1) : randomPacket(random, 9)),
        ).flat(),
      )
    let found = 0
    const runs = Array.from({ length: 2000 }, () => {
      const packet = Uint8Array.of(...new Array(16).fill(0xff), ...list(1))
      const from = random.chance(0.9) ? 16 : random.below(packet.length + 4)
      const name = random.pick(['nla', 'nlan'])
      const search = `ld #${from}\nldx #${random.below(5)}\nld #${name}\n`
      const value = runClassic(assembleBpfAsm(`${search}ret a`), packet, DATAGRAM)
      if (value !== 0) found++
      const insns = assembleBpfAsm(`${search}jeq #${value}, yes\nret #5\nyes: ret #9`)
      return { insns, packets: [packet] }
    })
    for (const [index, answer] of askSockets(runs).entries()) {
      const { insns, packets } = runs[index]!
      expect(answer, `${formatClassic(insns).join('\n')}\n${packets[0]}`).toEqual({ received: [9] })
    }
    expect(found).toBeGreaterThan(200)
  })

  it('refuses the programs that the kernel refuses', () => {
    const random = new Random(3)
    const runs = Array.from({ length: 4000 }, () => {
      const insns = randomClassic(random, 1 + random.below(12), { extensions: [0, 52, 60] })
      const at = random.below(insns.length)
      const field = random.pick(['code', 'jt', 'jf', 'k'] as const)
      const value = { code: 256, jt: 20, jf: 20, k: 40 }[field]
      const changed = {
        ...insns[at]!,
        [field]: random.chance(0.2) && field === 'k' ? random.u32() : random.below(value),
      }
      return { insns: insns.toSpliced(at, 1, changed), packets: [] }
    })
    const answers = askSockets(runs)
    const wrong = runs.filter(({ insns }, index) => refused(insns) !== 'errno' in answers[index]!)
    expect(wrong.map(({ insns }) => formatClassic(insns).join('\n'))).toEqual([])
    const errnos = answers.flatMap((answer) => ('errno' in answer ? [answer.errno] : []))
    expect(errnos.length).toBeGreaterThan(500)
    expect(new Set(errnos)).toEqual(new Set([EINVAL]))
  })
})

describe('runClassic', () => {
  const packet = Uint8Array.from({ length: 40 }, (_, at) => at)
  const value = (asm: string, info?: ClassicPacketInfo): number =>
    runClassic(assembleBpfAsm(asm), packet, info)

  it.each<[asm: string, info: ClassicPacketInfo, expected: number]>([
    ['ld [36]\nret a', {}, 0x24252627],
    ['ld [37]\nret a', {}, 0],
    ['ld [0x7fffffff]\nret a', {}, 0],
    ['ld [0xfff00000]\nret a', {}, 0x0e0f1011],
    ['ld [0xfff00000]\nret a', { networkOffset: 20 }, 0x14151617],
    ['ld [0xffe00000]\nret a', {}, 0x00010203],
    ['ld [0xffe00000]\nret a', { start: 14 }, 0x00010203],
    ['ld [0xffe00000]\nret a', { start: 14, linkOffset: null }, 0],
    ['ldb [0]\nret a', { start: 14 }, 14],
    ['ld #len\nret a', { start: 14 }, 26],
    ['ld #len\nret a', { length: 1500 }, 1500],
    ['ldx 4*([14]&0xf)\ntxa\nret a', {}, 56],
    ['ldx #2\nldb [x+5]\nret a', {}, 7],
    ['ldx #0xfffffffe\nldb [x+5]\nret a', {}, 3],
    ['ld #7\nldx #0\ndiv x\nret #1', {}, 0],
    ['ld #7\nldx #0\nmod x\nret #1', {}, 0],
    ['ld #1\nldx #33\nlsh x\nret a', {}, 2],
    ['ld #1\nneg\nret a', {}, 0xffff_ffff],
    ['ld #0xffffffff\nmul #0xffffffff\nret a', {}, 1],
    ['ld #5\nld #ifidx\nret #1', {}, 5],
    ['ld #5\nld #hatype\nret #1', {}, 5],
    ['ld #hatype\nret a', { hatype: 1 }, 1],
    ['ld #hatype\nret a', { ifindex: 2 }, 0],
    ['ld #rand\nret a', { random: () => -1 }, 0xffff_ffff],
    ['ld #vlan_avail\nret a', { vlan_tag_present: 4 }, 1],
    ['ld #poff\nret a', { pay_offset: 54 }, 54],
  ])('%s, %j: %d', (asm, info, expected) => {
    expect(value(asm, info)).toBe(expected)
  })

  it('is safe with programs that no kernel takes', () => {
    const code = (...insns: Partial<ClassicInsn>[]): ClassicInsn[] =>
      insns.map((insn) => ({ code: 0, jt: 0, jf: 0, k: 0, ...insn }))
    const error = (insns: ClassicInsn[]): CbpfError => {
      try {
        runClassic(insns, packet)
      } catch (thrown) {
        if (thrown instanceof CbpfError) return thrown
        throw thrown
      }
      throw new Error('accepted')
    }
    expect(error([])).toMatchObject({ code: 'NO_RETURN' })
    expect(error(code({ code: 0x05, k: 0xffff_ffff }))).toMatchObject({ code: 'NO_RETURN' })
    expect(error(code({}, { code: 0xff }))).toMatchObject({ code: 'UNKNOWN_OPCODE', insn: 1 })
    expect(error(code({ code: 0x60, k: 16 }))).toMatchObject({ code: 'BAD_MEMORY', insn: 0 })
  })
})
