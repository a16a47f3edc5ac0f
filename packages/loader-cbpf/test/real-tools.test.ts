import { spawnSync } from 'node:child_process'
import { ANCILLARY } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { formatDdd, parseClassic } from '../src/index.ts'
import { Random, randomClassic } from './random-program.ts'

const inNamespace = (script: string): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('unshare', ['--net', 'sh', '-ec', script], { encoding: 'utf8' })

const TC = 'tc qdisc add dev lo clsact'
const tc = inNamespace(TC)
const noTc =
  tc.status === 0 ? undefined : `tc in a network namespace: ${(tc.stderr || 'unshare fails').trim()}`

const IPTABLES = `iptables -A INPUT -m bpf --bytecode '1,6 0 0 0' -j DROP`
const noIptables = inNamespace(IPTABLES).status === 0 ? undefined : 'iptables with xt_bpf is not there'

/** Rules of iptables have little room. */
const programs = (longest: number): ReturnType<typeof randomClassic>[] => {
  const random = new Random(31)
  const extensions = Object.values(ANCILLARY).map(({ offset }) => offset)
  return Array.from({ length: 12 }, () =>
    randomClassic(random, 1 + random.below(longest), { extensions, headers: true, wild: true }),
  )
}

describe('the comma form', () => {
  it.skipIf(noTc)(`is what tc takes and shows${noTc ? ` (skipped: ${noTc})` : ''}`, () => {
    const all = programs(200)
    const add = all.map(
      (insns) => `tc filter add dev lo ingress bpf bytecode '${formatDdd(insns, 'commas')}'`,
    )
    const { stdout, stderr } = inNamespace([TC, ...add, 'tc filter show dev lo ingress'].join('\n'))
    expect(stderr).toBe('')
    const shown = [...stdout.matchAll(/bytecode ('.*?')/g)].map(([, text]) => parseClassic(text!))
    // The last one that was added is the first one shown.
    expect(shown).toEqual(all.toReversed())
  })

  it.skipIf(noIptables)(
    `is what iptables takes and shows${noIptables ? ` (skipped: ${noIptables})` : ''}`,
    () => {
      const all = programs(40)
      const add = all.map(
        (insns) => `iptables -A INPUT -m bpf --bytecode '${formatDdd(insns, 'commas')}' -j DROP`,
      )
      const { stdout, stderr } = inNamespace([...add, 'iptables -S INPUT'].join('\n'))
      expect(stderr).toBe('')
      const shown = [...stdout.matchAll(/--bytecode (".*?")/g)].map(([, text]) => parseClassic(text!))
      expect(shown).toEqual(all)
    },
  )
})
