// Rules for files and manifests that no linter knows: size, names, licences, what a package must hold.
// usage: node scripts/check-files.mjs [ROOT]
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Past this many lines a file has two subjects. */
const mostLines = 600

/** Tables may be as long as what they list: a file with one of these in its name, or in a folder named so. */
const table = /(^|[/-])tables?([/.-]|$)|[/-]numbers\.ts$/

/** Longest line of AssemblyScript, which the formatter cannot read. */
const mostColumns = 120

/** Licences that a published package's dependencies may have. */
const licences = ['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0']

function* files(root, folder) {
  if (!existsSync(join(root, folder))) return
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (!entry.isDirectory()) yield path
    else if (!['node_modules', 'dist', 'generated', 'testdata', '.cache', '.turbo'].includes(entry.name))
      yield* files(root, path)
  }
}

function checkText(path, text) {
  const problems = []
  const lines = text.split('\n')
  if (lines.length - 1 > mostLines && !table.test(path))
    problems.push(`${path}: ${lines.length - 1} lines; past ${mostLines} a file has two subjects`)
  if (path.includes('/assembly/'))
    lines.forEach((line, index) => {
      if (/\s$/.test(line)) problems.push(`${path}:${index + 1}: space at the end of the line`)
      if (/\t/.test(line)) problems.push(`${path}:${index + 1}: a tab; indent with two spaces`)
      if (line.length > mostColumns)
        problems.push(`${path}:${index + 1}: ${line.length} columns; ${mostColumns} at most`)
    })
  return problems
}

/** The licence that an installed package states, or undefined where it is not installed. */
function licenceOf(folder, name) {
  const paths = createRequire(join(folder, 'package.json')).resolve.paths(name) ?? []
  const file = paths.map((path) => join(path, name, 'package.json')).find(existsSync)
  return file && (JSON.parse(readFileSync(file, 'utf8')).license ?? 'none stated')
}

function checkManifest(root, folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const problems = []
  const report = (why) => problems.push(`${folder}/package.json: ${why}`)
  const wanted = { license: 'MIT', type: 'module', ...(manifest.private ? {} : { sideEffects: false }) }
  if (manifest.bin) delete wanted.sideEffects
  for (const [key, value] of Object.entries(wanted))
    if (manifest[key] !== value)
      report(`"${key}" is ${JSON.stringify(manifest[key])}, not ${JSON.stringify(value)}`)
  if (manifest.engines?.node !== '>=20.19') report('"engines.node" is not ">=20.19"')
  if (!manifest.private && !manifest.description) report('no "description"')
  // Exact versions, so that what was tested is what is installed.
  for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies'])
    for (const [name, range] of Object.entries(manifest[kind] ?? {})) {
      if (range.startsWith('workspace:')) continue
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range)) report(`${name}: "${range}" is not one exact version`)
      const licence = kind === 'devDependencies' ? undefined : licenceOf(join(root, folder), name)
      if (licence && !licences.includes(licence))
        report(`${name} is under ${licence}, which is not among ${licences}`)
    }
  const index = join(root, folder, 'src/index.ts')
  const content = existsSync(index) && readFileSync(index, 'utf8').trim() !== 'export {}'
  if (!manifest.private && content && !existsSync(join(root, folder, 'README.md')))
    problems.push(`${folder}: no README.md`)
  return problems
}

/** Every broken rule under root, one line each. */
export function checkFiles(root) {
  const problems = []
  for (const parent of ['packages', 'apps', 'scripts'])
    for (const path of files(root, parent))
      if (/\.(ts|tsx|mts|mjs|js)$/.test(path))
        problems.push(...checkText(path, readFileSync(join(root, path), 'utf8')))
  for (const parent of ['packages', 'apps'])
    if (existsSync(join(root, parent)))
      for (const name of readdirSync(join(root, parent)))
        if (existsSync(join(root, parent, name, 'package.json')))
          problems.push(...checkManifest(root, `${parent}/${name}`))
  const { packageManager, devDependencies, license } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  if (license !== 'MIT') problems.push('package.json: "license" is not "MIT"')
  if (!existsSync(join(root, 'LICENSE'))) problems.push('no LICENSE')
  if (packageManager !== `pnpm@${devDependencies?.pnpm}`)
    problems.push(
      `package.json: "packageManager" is ${packageManager}, the devDependency pnpm ${devDependencies?.pnpm}`,
    )
  return problems
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = checkFiles(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))))
  for (const problem of problems) console.error(problem)
  console.log(problems.length > 0 ? `files: ${problems.length} problems` : 'files: in order')
  process.exitCode = problems.length > 0 ? 1 : 0
}
