import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { createScalarDomainSync } from './index.ts'
import { parseLog, randomProgram } from './random-programs.ts'

const script = new URL('../../../../scripts/kernel/verify.mjs', import.meta.url).pathname

const count = Number(process.env['SCALAR_PROGRAMS'] ?? 200)
const start = Number(process.env['SCALAR_SEED'] ?? 1)

interface Answer {
  readonly verdict: string
  readonly line?: string
  readonly log?: string
}

const verify = (rows: readonly object[]): Answer[] =>
  execFileSync(process.execPath, [script, '--log', '--log-level', '2'], {
    input: rows.map((row) => JSON.stringify(row)).join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)

const hex = (insns: readonly Uint8Array[]): string =>
  insns.map((bytes) => Buffer.from(bytes).toString('hex')).join('')

const hasKernel = (): boolean => {
  try {
    const [answer] = verify([
      { name: 'probe', type: 'xdp', license: 'GPL', insns: 'b7000000000000009500000000000000' },
    ])
    return answer?.verdict === 'accept'
  } catch {
    return false
  }
}

describe.skipIf(!hasKernel())('the running kernel (needs Linux, root, bpf(2))', () => {
  it('prints the same register states for random programs', () => {
    const memory = new WebAssembly.Memory({ initial: 1 })
    const domain = createScalarDomainSync(memory)
    const programs = Array.from({ length: count }, (_, index) =>
      randomProgram(domain, memory, start + index, Number(process.env['SCALAR_LENGTH'] ?? 24)),
    )
    const answers = verify(
      programs.map(({ insns }, index) => ({
        name: `seed ${start + index}`,
        type: 'xdp',
        license: 'GPL',
        insns: hex(insns),
      })),
    )
    let compared = 0
    for (const [index, { expected, refused }] of programs.entries()) {
      const { verdict, line, log = '' } = answers[index]!
      expect.soft(verdict, `seed ${start + index}: ${line}`).toBe(refused ? 'reject' : 'accept')
      const states = parseLog(log)
      for (const { insn, arrival, reg, text } of expected) {
        const shown = states.get(`${arrival ? '>' : ''}${insn}`)?.get(reg)
        if (shown === undefined && !arrival) continue
        compared++
        if (shown !== text) {
          expect.unreachable(
            `seed ${start + index}, insn ${insn}, R${reg}: kernel ${shown}, domain ${text}\n${log}`,
          )
        }
      }
    }
    expect(compared).toBeGreaterThan(count * 10)
  })
})
