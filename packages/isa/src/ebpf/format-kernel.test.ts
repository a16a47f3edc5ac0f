import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { insn } from './build.ts'
import { decodeLenient } from './decode.ts'
import { formatKernel } from './format-kernel.ts'

const recorded = readFileSync(new URL('../../testdata/kernel/log.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const)

const names: Record<number, string> = { 0: 'bpf_unspec', 1: 'bpf_map_lookup_elem', 4: 'bpf_probe_read' }
const options = { helperName: (id: number) => names[id], kfuncName: () => '' }

describe('formatKernel', () => {
  it('has a recording', () => {
    expect(recorded.length).toBeGreaterThan(500)
  })

  it('writes every instruction, good or bad, as Linux 6.18 logs it', () => {
    const ours = recorded.map(([hex]) => {
      const slot = decodeLenient(Uint8Array.from(Buffer.from(hex, 'hex')))[0]!
      return [hex, formatKernel(slot, options)]
    })
    expect(ours).toEqual(recorded.map(([hex, text]) => [hex, text]))
  })

  it('takes names and values from the caller', () => {
    const load = insn.ld_imm64(1, 5, 1)[0]
    expect(formatKernel(load)).toBe('(18) r1 = 0x5')
    expect(formatKernel(load, { imm64: (of) => `map[id:${of.imm}]` })).toBe('(18) r1 = map[id:5]')
    expect(formatKernel(insn.call_helper(1))).toBe('(85) call unknown#1')
    expect(formatKernel(insn.call_kfunc(0, 77))).toBe('(85) call kernel-function#77')
    expect(formatKernel(insn.call_kfunc(2, 77), { kfuncName: (id, off) => `f${id}_${off}` })).toBe(
      '(85) call f77_2#77',
    )
  })
})
