import { readFileSync } from 'node:fs'
import { guardPlugin, guardProgramType } from '@skep/hook-seccomp'
import { createDefaultPlatform } from '@skep/runtime'
import { expect, it } from 'vitest'
import { contextHeader } from '../context-header.ts'

it('the header that the guard’s programs are compiled with is what gen header writes', () => {
  const header = new URL('../../../../packages/hook-seccomp/testdata/guard/guard.h', import.meta.url)
  const platform = createDefaultPlatform([guardPlugin])
  expect(contextHeader(guardProgramType, platform)).toBe(readFileSync(header, 'utf8'))
})
