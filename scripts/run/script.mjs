// Runs one script of the package in the working directory, as `pnpm run NAME` would. Turbo starts every task through the
// pnpm that it finds, and pnpm takes half a second to start: a quarter of the time of all tests. scripts/run/bin/pnpm
// stands in for it there, and hands anything else to pnpm itself.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, resolve } from 'node:path'
import { root } from './process.mjs'

const [command, name, ...rest] = process.argv.slice(2)
const { scripts = {} } = JSON.parse(readFileSync('package.json', 'utf8'))
const PATH = [resolve('node_modules/.bin'), resolve(root, 'node_modules/.bin'), process.env.PATH].join(
  delimiter,
)
const options = { stdio: 'inherit', env: { ...process.env, PATH } }
const { status, signal } =
  command === 'run' && Object.hasOwn(scripts, name) && rest.length === 0
    ? spawnSync(scripts[name], { ...options, shell: true })
    : spawnSync(
        process.execPath,
        [resolve(root, 'node_modules/pnpm/bin/pnpm.cjs'), ...process.argv.slice(2)],
        options,
      )
process.exitCode = status ?? 128 + (constants.signals[signal] ?? 0)
