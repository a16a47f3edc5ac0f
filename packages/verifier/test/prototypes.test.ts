import { BTF_KIND, parseBtf } from '@skep/btf'
import { beforeAll, describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type Verifier } from '../src/index.ts'
import { rowOf } from './case.ts'
import { helpers, platform } from './prototypes/helpers.ts'
import { DYNPTRS, MEMORY, PLACES } from './prototypes/memory.ts'
import type { Program } from './prototypes/row.ts'
import { BUFFERS, STRUCTS, TARGETS, VARIABLES } from './prototypes/structs.ts'
import { kernelTypes } from './prototypes/types.ts'

// Every kind of argument and result, in helpers of a plugin, with the types of a kernel that is made up here: what the
// verifier says of them does not depend on the machine.

const kernelBtf = kernelTypes()
const types = parseBtf(kernelBtf)

const SYMBOL = 0x5eef0000

/**
 * What the verifier says of a program: the refusal, or what r8 and r9 are, one state after the other. `call NAME` calls a
 * helper of the plugin, `rN = variable NAME` is a variable of the kernel.
 */
function told(verifier: Verifier, asm: string, program: Program): string {
  const text = `${asm}\nr0 = 0\nexit`
    .replaceAll(/call (\w+)$/gm, (all, name) => {
      const id = helpers.find((one) => one.name === name)?.id
      return id === undefined ? all : `call ${id}`
    })
    .replaceAll(/(r\d) = variable (\w+)/g, (_, reg, name) => {
      return `lddw ${reg}, ${SYMBOL + types.findByName(BTF_KIND.VAR, name)!}`
    })
  const row = rowOf({ name: 'program', asm: text, type: 'demo', ...program })
  const insns = Buffer.from(row.insns, 'hex')
  for (let at = 0; at < insns.length; at += 8) {
    if (insns[at] !== 0x18) continue
    const id = insns.readInt32LE(at + 4) - SYMBOL
    if (id > 0 && id < 1000) {
      insns[at + 1]! |= 3 << 4
      insns.writeInt32LE(id, at + 4)
    }
    at += 8
  }
  const verdict = verifier.verify({
    ...specFromRow({ ...row, insns: insns.toString('hex') }, platform),
    logLevel: 2,
  })
  if (verdict.verdict === 'reject') return `${verdict.errno}: ${verdict.line}`
  const states = (reg: string): readonly string[] => {
    const all = [...verdict.log().matchAll(new RegExp(` ${reg}=(.*?)(?= R\\d+=| fp-\\d+=| refs=|$)`, 'gm'))]
    return all.map(([, state]) => state!).filter((state, i, list) => list.indexOf(state) === i)
  }
  const known = ['R8', 'R9'].map((reg) => [reg, states(reg).join(' then ')] as const)
  return ['accept', ...known.filter(([, text]) => text !== '').map(([reg, text]) => `${reg}=${text}`)].join(
    ' ',
  )
}

describe('prototypes', () => {
  let verifier: Verifier
  beforeAll(async () => {
    verifier ??= await createVerifier(platform, { kernelBtf, cpus: 2 })
  })

  describe.each([
    ['structs', STRUCTS],
    ['variables', VARIABLES],
    ['arguments of targets', TARGETS],
    ['buffers', BUFFERS],
    ['memory', MEMORY],
    ['dynptrs', DYNPTRS],
    ['places', PLACES],
  ] as const)('%s', (_, rows) => {
    it.each(rows.map((row) => [...row]))('%s', (_name, asm, expected, program) => {
      expect(told(verifier, asm as string, (program ?? {}) as Program)).toBe(expected)
    })
  })
})
