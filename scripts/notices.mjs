// The licences of other people's code that a bundle has in it, beside the bundle.
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const inModules = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//

/** Copies them to `folder`/NOTICE-NAME. `outputs`: of esbuild's metafile. Throws where a package has no licence file. */
export function writeNotices(outputs, folder) {
  const homes = new Map()
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const found = inModules.exec(path)
      if (found && bytesInOutput > 0) homes.set(found[1], found[0])
    }
  }
  mkdirSync(folder, { recursive: true })
  for (const [name, home] of homes) {
    const licence = readdirSync(home).find((file) => /^licen[cs]e/i.test(file))
    if (!licence) throw new Error(`${name} is in the bundle and has no licence file in ${home}`)
    copyFileSync(join(home, licence), join(folder, `NOTICE-${name.replace('/', '-')}`))
  }
}
