import type { Kernel } from '@skep/linux'
import type { Row } from '@skep/registry'
import { createDefaultPlatform } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { expect, it } from 'vitest'
import { Judge } from './judge.ts'
import { compareAll, Tally } from './run.ts'

const RANDOM = '8500000007000000'
const SIGN = 'c7000000 3f000000'.replace(' ', '')
const AND_7 = '5700000007000000'
const JUMP = '1500000000000000'
const EXIT = 'b700000000000000 9500000000000000'.replace(' ', '')
/** More than the paths that may wait (BPF_COMPLEXITY_LIMIT_JMP_SEQ). */
const MANY = 8200

const row = (insns: string): Row => ({
  name: 'many',
  type: 'socket_filter',
  license: 'GPL',
  insns,
  maps: [],
  refs: [],
})

it('keeps from the kernel what it would not live through', async () => {
  const platform = createDefaultPlatform()
  const verifier = await createVerifier(platform)
  const judge = new Judge(
    new Proxy({} as Kernel, {
      get: () => {
        throw new Error('the kernel was asked')
      },
    }),
    verifier,
    platform,
  )
  const forks = row(`${(RANDOM + SIGN + AND_7).repeat(MANY)}${EXIT}`)
  expect(judge.skep(forks)).toMatchObject({ line: 'The sequence of 8193 jumps is too complex.', fatal: true })
  expect(judge.skep(row(`${(RANDOM + JUMP).repeat(MANY)}${EXIT}`))).not.toHaveProperty('fatal')
  const tally = new Tally()
  compareAll(judge, [{ index: 0, row: forks }], tally, () => {})
  expect(tally).toMatchObject({ programs: 0, spared: 1 })
})
