import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { call, root } from './process.mjs'

/** Written after an install, it holds the hash of what was installed. */
const stamp = join(root, 'node_modules/.skep-install')

function wanted() {
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)))
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return { hash: hash.update(packageManager).digest('hex'), packageManager }
}

/**
 * Installs the workspace's dependencies as the lockfile has them, unless they are; resolves to an exit status. pnpm
 * itself comes from npx, in the version that package.json names.
 */
export async function install() {
  const { hash, packageManager } = wanted()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return 0
  const terminal = process.stdout.isTTY && !process.env.CI
  const lines = []
  console.log(`installing the dependencies with ${packageManager}`)
  const status = await call(
    'npx',
    [
      '--yes',
      '--loglevel=error',
      packageManager,
      'install',
      '--frozen-lockfile',
      '--prefer-offline',
      '--prod=false',
      '--config.confirm-modules-purge=false',
      ...(terminal ? [] : ['--reporter=append-only']),
    ],
    { shell: process.platform === 'win32', ...(terminal ? {} : { onLine: (line) => lines.push(line) }) },
  )
  if (status === 0) writeFileSync(stamp, hash)
  else console.error([...lines, `run: the install failed with status ${status}`].join('\n'))
  return status
}
