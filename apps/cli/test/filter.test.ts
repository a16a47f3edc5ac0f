import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCapture } from '@skep/packet'
import { afterAll, describe, expect, it } from 'vitest'
import { skep, testdata } from './run-skep.ts'

const folder = mkdtempSync(join(tmpdir(), 'skep-filter-'))
afterAll(() => rmSync(folder, { recursive: true }))

const traffic = testdata('traffic.pcap')

describe('skep filter', () => {
  it('counts and writes the packets that an expression accepts', () => {
    const kept = join(folder, 'kept.pcap')
    expect(skep(['filter', 'tcp port 80', traffic]).stdout).toBe('260 of 3422 packets\n')
    expect(skep(['filter', 'ip and tcp port 80', traffic, '-w', kept]).status).toBe(0)
    const packets = [...parseCapture(readFileSync(kept))]
    expect(packets.length).toBeGreaterThan(100)
    for (const { data } of packets) expect([data[12], data[13], data[23]]).toEqual([8, 0, 6])
    const answer = skep(['filter', 'not tcp port 80', traffic, '--json']).stdout
    expect(JSON.parse(answer)).toMatchObject({ packets: 3422, passed: 3162 })
  })

  it('shows the code in all forms, for the link type it is told', () => {
    const code = (...args: string[]): string[] =>
      skep(['filter', ...args])
        .stdout.trimEnd()
        .split('\n')
    expect(code('-d', '-y', 'LINUX_SLL', 'arp')[0]).toBe('(000) ldh      [14]')
    expect(code('-dd', 'arp')[0]).toBe('{ 0x28, 0, 0, 0x0000000c },')
    expect(code('-ddd', 'arp').slice(0, 2)).toEqual(['4', '40 0 0 12'])
    expect(code('-d', '-s', '96', 'arp')).toContain('(002) ret      #96')
    expect(code('-O', '-d', 'ip and ip')).toHaveLength(6)
    expect(code('--graph', 'arp')[0]).toBe('digraph filter {')
    expect(code('--target', 'xdp', 'ip protochain 6').join('\n')).toContain('may_goto')
  })

  it('underlines the word that is wrong', () => {
    const { status, stderr } = skep(['filter', 'tcp prt 80', traffic])
    expect(status).toBe(1)
    expect(stderr).toContain("'prt' cannot stand here")
    expect(stderr).toContain('\ntcp prt 80\n    ^^^ [SYNTAX]')
    expect(skep(['filter', 'ip']).status).toBe(2)
    expect(skep(['filter', '-d', '-y', 'nothing', 'ip']).status).toBe(2)
  })
})
