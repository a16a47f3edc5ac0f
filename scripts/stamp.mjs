// A short text that is another one whenever the sources of some packages are others.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages')

function files(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === 'generated' ? [] : files(path)
      return /\.ts$/.test(entry.name) && !/\.test\.ts$/.test(entry.name) ? [path] : []
    })
}

/** Of the sources of the packages in these folders of packages/. */
export function stampOf(names, root = packages) {
  const hash = createHash('sha256')
  for (const name of names)
    for (const part of readdirSync(join(root, name))
      .filter((one) => ['assembly', 'src'].includes(one))
      .sort())
      for (const path of files(join(root, name, part)))
        hash
          .update(`${path.slice(root.length)}\0`)
          .update(readFileSync(path))
          .update('\0')
  return hash.digest('hex').slice(0, 16)
}
