import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { skep, testdata } from './run-skep.ts'

describe('the bytecode that a command leaves for the next', () => {
  let home = ''
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'skep-cache-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  const disasm = (env: Readonly<Record<string, string>> = {}) =>
    skep(['disasm', testdata('pass_drop.o')], '', { XDG_CACHE_HOME: home, ...env })
  const kept = () => readdirSync(join(home, 'skep')).map((name) => join(home, 'skep', name))

  it('changes nothing', () => {
    const first = disasm()
    expect(first.status).toBe(0)
    expect(first.stdout).toContain('exit')
    expect(kept()).toHaveLength(1)
    const bytes = readFileSync(kept()[0]!)
    expect(disasm()).toEqual(first)
    expect(readFileSync(kept()[0]!).equals(bytes)).toBe(true)
  })

  it('is made anew where it is damaged, or of another build', () => {
    const first = disasm()
    const [file] = kept()
    const whole = readFileSync(file!)
    const other = Buffer.concat([Buffer.from('another build'.padEnd(64)), whole.subarray(64)])
    for (const bytes of [Buffer.alloc(0), whole.subarray(0, 1000), other]) {
      writeFileSync(file!, bytes)
      expect(disasm()).toEqual(first)
      expect(readFileSync(file!).length).toBeGreaterThan(whole.length / 2)
    }
  })

  it('is not made where nobody wants it, of a command that failed, or where it cannot be written', () => {
    const first = disasm({ SKEP_NO_CACHE: '1' })
    expect(first.status).toBe(0)
    expect(skep(['disasm', 'missing.o'], '', { XDG_CACHE_HOME: home }).status).toBe(1)
    expect(readdirSync(home)).toEqual([])
    writeFileSync(join(home, 'file'), '')
    expect(disasm({ XDG_CACHE_HOME: join(home, 'file') })).toEqual(first)
  })

  it('stands beside what was proved and compiled of programs', () => {
    // A capture without packets.
    const pcap = join(home, 'none.pcap')
    const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')
    writeFileSync(pcap, header)
    const run = (env: Readonly<Record<string, string>> = {}) =>
      skep(['run', testdata('pass_drop.o'), '--program', 'pass', '--pcap', pcap], '', {
        XDG_CACHE_HOME: home,
        ...env,
      })
    const plain = run({ SKEP_NO_CACHE: '1' })
    expect(plain.status).toBe(0)
    expect(run()).toEqual(plain)
    const programs = readdirSync(join(home, 'skep/programs'))
    // A proof of each of the three programs, and a module.
    expect(programs).toHaveLength(4)
    expect(run()).toEqual(plain)
    expect(readdirSync(join(home, 'skep/programs'))).toEqual(programs)
  })
})
