// Writes docs/reference/helpers.md, kfuncs.md and examples.md anew, from the tables and the tests that run them.
// usage: node scripts/reference.mjs
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { status } = spawnSync('npx', ['vitest', 'run', 'test/reference.test.ts', 'test/examples.test.ts'], {
  cwd: join(root, 'packages/runtime'),
  env: { ...process.env, SKEP_WRITE: '1' },
  stdio: 'inherit',
})
process.exit(status ?? 1)
