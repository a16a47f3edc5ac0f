import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createDefaultPlatform } from '../src/index.ts'
import { folder, helperRows, kfuncRows, page, testedNames } from './reference.ts'

// The tables of helpers and kernel functions are as the platform and the tests are: `node scripts/reference.mjs` makes them.

const platform = createDefaultPlatform()
const tested = testedNames()
const helpers = helperRows(platform, tested)
const kfuncs = kfuncRows(platform, tested)
const pages = {
  'helpers.md': page(
    'Helpers',
    `The ${helpers.length} helpers of Linux 6.18 (\`enum bpf_func_id\`), what runs of them and how that is known`,
    helpers,
  ),
  'kfuncs.md': page(
    'Kernel functions',
    `The ${kfuncs.length} kernel functions (kfuncs) of Linux 6.18 that programs may call`,
    kfuncs,
  ),
}

describe('the tables of helpers and kernel functions', () => {
  it.each(Object.entries(pages))('%s is as the code is (node scripts/reference.mjs)', (name, text) => {
    const file = join(folder, name)
    if (process.env['SKEP_WRITE']) writeFileSync(file, text)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })
})
