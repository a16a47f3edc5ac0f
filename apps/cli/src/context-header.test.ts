import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guardPlugin, seccompPlugin } from '@skep/hook-seccomp'
import { createDefaultPlatform } from '@skep/runtime'
import { describe, expect, it } from 'vitest'
import { contextHeader } from './context-header.ts'

const platform = createDefaultPlatform([guardPlugin, seccompPlugin])
const named = [...platform.programTypes].filter((type) => type.context.kind !== 'args')
const clang = spawnSync('clang-19', ['--version']).status === 0

/** What linux/types.h declares of this. */
const TYPES = Object.entries({ 8: 'char', 16: 'short', 32: 'int', 64: 'long long' })
  .map(([bits, type]) => `typedef unsigned ${type} __u${bits};\ntypedef signed ${type} __s${bits};\n`)
  .join('')

describe('contextHeader', () => {
  it('declares what helpers of plugins take, and what they only read', () => {
    const text = contextHeader(platform.programTypes.byName('guard')!, platform)
    expect(text).toMatch(/\(\*const guard_within\)\(void \*, const void \*, __u32\) = /)
  })

  it('has the verdicts and the sections of a type', () => {
    const text = contextHeader(platform.programTypes.byName('sched_cls')!, platform)
    expect(text).toContain('struct __sk_buff {')
    expect(text).toContain('SEC("tc")')
    expect(text).toMatch(/TC_ACT_SHOT = 2,/)
  })

  it('gives names that C takes to verdicts', () => {
    const text = contextHeader(platform.programTypes.byName('cgroup_skb')!, platform)
    expect(text).toContain('\tCGROUP_SKB_DROP = 0,\n')
    expect(text).toContain('/* 2: DROP | CN */')
  })

  it.skipIf(!clang)('is what clang takes, with the layout that the verifier knows, for every type', () => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-header-'))
    try {
      mkdirSync(join(folder, 'linux'))
      writeFileSync(join(folder, 'linux/types.h'), TYPES)
      expect(named.length).toBeGreaterThan(15)
      const args = [
        '-target',
        'bpf',
        '-Wall',
        '-Werror',
        '-nostdinc',
        `-I${folder}`,
        '-fsyntax-only',
        '-x',
        'c',
        '-',
      ]
      for (const type of named) {
        writeFileSync(join(folder, 'context.h'), contextHeader(type, platform))
        const { stderr, status } = spawnSync('clang-19', args, { input: '#include "context.h"\n' })
        expect(stderr.toString(), type.name).toBe('')
        expect(status).toBe(0)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
