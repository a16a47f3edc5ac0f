import { type ClassicInsn, checkClassic, classicDef, formatClassic, formatDdd } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { traffic } from '../test/capture.ts'
import { createEngines } from '../test/engines.ts'
import { accepted, EXPRESSIONS, noTcpdump, programText } from '../test/tcpdump.ts'
import { formatCArray } from './c-array.ts'
import { parseCbpf } from './parse-cbpf.ts'
import { detectClassic, parseClassic } from './parse-classic.ts'
import { runClassic } from './run-classic.ts'

/** Without what the machine does not read: libpcap leaves a number in some `tax`. */
const readable = (insn: ClassicInsn): ClassicInsn => {
  const { kind } = classicDef(insn.code)!
  return kind === 'tax' || kind === 'txa' || kind === 'neg' ? { ...insn, k: 0 } : insn
}

const joined = (packets: readonly Uint8Array[]): string => Buffer.concat(packets).toString('base64')

describe.skipIf(noTcpdump)(`beside tcpdump${noTcpdump ? ` (skipped: ${noTcpdump})` : ''}`, () => {
  it('reads its three forms alike, and writes them again', () => {
    for (const expression of EXPRESSIONS) {
      const ddd = programText('-ddd', expression)
      const dd = programText('-dd', expression)
      const d = programText('-d', expression)
      expect([detectClassic(ddd), detectClassic(dd), detectClassic(d)]).toEqual(['ddd', 'c', 'listing'])
      const insns = parseClassic(ddd)
      checkClassic(insns)
      expect(parseClassic(dd), expression).toEqual(insns)
      // A listing does not tell what instructions hold that the machine does not read.
      expect(formatDdd(parseClassic(d)), expression).toBe(formatDdd(insns.map(readable)))
      expect(formatDdd(insns)).toBe(ddd)
      expect(formatCArray(insns)).toBe(dd)
      expect(`${formatClassic(insns).join('\n')}\n`).toBe(d)
    }
  })

  it('accepts the packets that it accepts, interpreted and translated', async () => {
    const engines = await createEngines({ random: 0, cpu: 0 })
    const packets = traffic()
    let some = 0
    for (const expression of EXPRESSIONS) {
      const text = programText('-ddd', expression)
      const expected = accepted(expression)
      const insns = parseClassic(text)
      const wanted = packets.map((packet) => runClassic(insns, packet) !== 0)
      const found = packets.filter((_, at) => wanted[at])
      expect([found.length, joined(found)], expression).toEqual([expected.length, joined(expected)])
      if (expected.length > 0 && expected.length < packets.length) some++
      for (const type of ['socket_filter', 'xdp']) {
        const bench = await engines.load(parseCbpf(text, { type }).programs[0]!)
        const verdicts = type === 'xdp' ? { accept: 2, reject: 1 } : { accept: 0x40000, reject: 0 }
        for (let at = 0; at < packets.length; at++) {
          const results = Object.values(bench.run(packets[at]!))
          const verdict = wanted[at] ? verdicts.accept : verdicts.reject
          if (results.some((result) => result !== verdict)) {
            expect.fail(`${expression} as ${type}, packet ${at}: ${results} instead of ${verdict}`)
          }
        }
        bench.release()
      }
    }
    expect(some).toBeGreaterThan(EXPRESSIONS.length / 2)
  })
})
