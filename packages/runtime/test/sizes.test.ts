import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../../scripts/bundle-sizes.mjs', import.meta.url))

interface Size {
  readonly name: string
  readonly gzip: number
  readonly limit: number
}

it('what a browser downloads stays within its limits', () => {
  const sizes = JSON.parse(execFileSync(process.execPath, [script, '--json'], { encoding: 'utf8' })) as Size[]
  expect(sizes).toHaveLength(3)
  for (const { name, gzip, limit } of sizes) expect(gzip, name).toBeLessThanOrEqual(limit)
})
