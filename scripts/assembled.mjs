// Which packages hold AssemblyScript, and whether what was made of it is older than its sources.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Sources outside a package's own assembly/ that its modules may import. */
const shared = ['packages/registry/src/layout', 'scripts/assemble.mjs', 'scripts/assemble/encode.mjs']

/** The latest change under a path, in milliseconds; 0 where there is nothing. */
function changed(path) {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => changed(join(path, name))))
}

/** Directories of the packages whose src/generated/module.ts is missing or older than its sources. */
export function stalePackages(root) {
  const packages = join(root, 'packages')
  const common = Math.max(...shared.map((path) => changed(join(root, path))))
  return readdirSync(packages)
    .map((name) => join(packages, name))
    .filter((directory) => existsSync(join(directory, 'assembly/index.ts')))
    .filter((directory) => {
      const made = changed(join(directory, 'src/generated/module.ts'))
      const own = ['assembly', 'src/layout', 'src/layout.ts'].map((path) => changed(join(directory, path)))
      return made < Math.max(common, ...own)
    })
}
