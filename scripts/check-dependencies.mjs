// Keeps the direction of dependencies that docs and CONTRIBUTING.md describe: imports point strictly downward.
// usage: node scripts/check-dependencies.mjs [ROOT]
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

/** Every package and app by the name of its directory, from the bottom up. A layer imports from those below it. */
export const layers = [
  ['isa', 'btf', 'memory', 'packet', 'wasm'],
  ['registry'],
  [
    'verifier',
    'vm-interpreter',
    'jit-wasm',
    'maps',
    'helpers',
    'loader-elf',
    'loader-cbpf',
    'loader-tc',
    'hook-socket',
    'hook-tc',
    'hook-xdp',
    'hook-kprobe',
    'hook-seccomp',
    'linux',
  ],
  ['runtime'],
  ['debugger'],
  ['cli', 'playground', 'bench', 'diff', 'tenants'],
]

/** Imports inside a layer that are meant: importer, imported, and whether types alone may be taken. */
export const exceptions = [
  { from: 'loader-tc', to: 'loader-elf', typesOnly: false },
  { from: 'loader-tc', to: 'loader-cbpf', typesOnly: false },
  { from: 'hook-seccomp', to: 'loader-cbpf', typesOnly: true },
  { from: 'hook-socket', to: 'loader-cbpf', typesOnly: true },
]

/** Where Node's own modules may be imported, tests aside: whole packages, and single files or folders of the others. */
const nodePackages = ['linux', 'cli', 'bench', 'diff', 'tenants']
const nodeFiles = [
  'packages/packet/src/node.ts',
  'packages/hook-kprobe/src/node/perf-event.ts',
  'packages/hook-kprobe/src/node/profiler.ts',
  'packages/hook-kprobe/src/node/sources.ts',
  'packages/runtime/src/node.ts',
  'packages/runtime/src/pin-folder.ts',
  'packages/hook-socket/src/node.ts',
  'packages/hook-socket/src/node/',
  'packages/hook-seccomp/src/node.ts',
  'packages/hook-seccomp/src/node/',
]

const mayUseNode = (file) =>
  nodeFiles.some((one) => file === one || (one.endsWith('/') && file.startsWith(one)))

/** Files of another package's tests that one takes by path: the verifier's small programs, records of libbpf, CPUs that engines run on. */
const lentFiles = [
  { to: 'diff', folder: 'packages/verifier/test/' },
  { to: 'diff', folder: 'packages/loader-cbpf/test/' },
  { to: 'diff', folder: 'packages/loader-elf/test/' },
  { to: 'jit-wasm', folder: 'packages/vm-interpreter/test/' },
  { to: 'loader-cbpf', folder: 'packages/vm-interpreter/test/' },
  { to: 'hook-seccomp', folder: 'packages/vm-interpreter/test/' },
  { to: 'runtime', folder: 'packages/hook-seccomp/test/' },
  { to: 'runtime', folder: 'packages/vm-interpreter/test/' },
]

/** What tests of all packages may take from the root. */
const sharedByTests = /^vitest\.\w+\.ts$/

/** What AssemblyScript may import besides its own folder: files of plain constants. */
const layoutFile = /^packages\/([^/]+)\/src\/layout(\.ts$|\/)/

const scope = '@skep/'
const layerOf = (directory) => layers.findIndex((names) => names.includes(directory))
const posix = (path) => path.split(sep).join('/')
const isTest = (file) => /\.(test|bench)\.ts$/.test(file) || /^[^/]+\/[^/]+\/test\//.test(file)

/** Workspace members: { directory, folder: 'packages/isa', name, manifest }. */
function members(root) {
  const found = []
  for (const parent of ['packages', 'apps']) {
    if (!existsSync(join(root, parent))) continue
    for (const directory of readdirSync(join(root, parent)).sort()) {
      const file = join(root, parent, directory, 'package.json')
      if (!existsSync(file)) continue
      const manifest = JSON.parse(readFileSync(file, 'utf8'))
      found.push({ directory, folder: `${parent}/${directory}`, name: manifest.name, manifest })
    }
  }
  return found
}

function sources(root, folder) {
  const found = []
  const visit = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      const child = `${path}/${entry.name}`
      if (entry.isDirectory()) {
        if (!['node_modules', 'dist', 'generated', 'testdata'].includes(entry.name)) visit(child)
      } else if (/\.(ts|mts|tsx)$/.test(entry.name)) found.push(child)
    }
  }
  for (const part of ['src', 'test', 'assembly'])
    if (existsSync(join(root, folder, part))) visit(`${folder}/${part}`)
  return found
}

/** Each import of a file: { specifier, line, typesOnly }, and all its string literals. */
function importsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const imports = []
  const strings = new Set()
  const add = (node, typesOnly) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
    imports.push({ specifier: node.text, line: line + 1, typesOnly })
  }
  const allTypes = (elements) => elements?.length > 0 && elements.every((element) => element.isTypeOnly)
  const visit = (node) => {
    if (ts.isStringLiteralLike(node)) strings.add(node.text)
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause
      const named = clause?.namedBindings
      const typed =
        clause?.isTypeOnly || (!clause?.name && named && ts.isNamedImports(named) && allTypes(named.elements))
      add(node.moduleSpecifier, Boolean(typed))
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      const named = node.exportClause
      add(
        node.moduleSpecifier,
        node.isTypeOnly || Boolean(named && ts.isNamedExports(named) && allTypes(named.elements)),
      )
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true)
    else if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        node.expression.getText(source) === 'require') &&
      node.arguments[0] &&
      ts.isStringLiteralLike(node.arguments[0])
    )
      add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { imports, strings }
}

/** The package that a specifier names: `@skep/packet/node` → `@skep/packet`. */
const packageOf = (specifier) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

const declared = (manifest, ...kinds) => new Set(kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {})))

/** Why `from` may not import `to`, or undefined where it may. */
function direction(from, to, typesOnly, test) {
  if (from === to) return test ? undefined : 'a package imports its own files by path'
  const [upper, lower] = [layerOf(from), layerOf(to)]
  if (upper > lower) return undefined
  const exception = exceptions.find((one) => one.from === from && one.to === to)
  if (exception)
    return exception.typesOnly && !typesOnly && !test ? `take types alone: import type { … }` : undefined
  if (upper < lower) return 'imports point downward'
  // A test may compare a package with a neighbour; the packages themselves meet in runtime.
  if (test) return undefined
  return 'packages of one layer do not import each other; meet through registry'
}

/**
 * How the package is built: the development dependencies of which a part goes into its dist/, and for a program, which
 * takes all of them along, what it finds beside it.
 */
function buildOf(root, folder) {
  const config = join(root, folder, 'tsup.config.ts')
  const text = existsSync(config) ? readFileSync(config, 'utf8') : ''
  const list = (found) => [...(found?.[1] ?? '').matchAll(/'([^']+)'/g)].map(([, name]) => name)
  const program = /program: \{ external: \[([^\]]*)\]/.exec(text)
  return { bundled: list(/bundled: \[([^\]]*)\]/.exec(text)), program: program && list(program) }
}

function checkFile(root, file, member, byName, shared) {
  const { imports, strings } = importsOf(file, readFileSync(join(root, file), 'utf8'))
  const problems = []
  const used = new Set()
  const test = isTest(file)
  const { manifest, directory, folder } = member
  const own = declared(manifest, 'dependencies', 'optionalDependencies', 'peerDependencies')
  const dev = declared(manifest, 'devDependencies')
  const { bundled, program } = buildOf(root, folder)
  for (const name of program ? dev : bundled) if (dev.has(name)) own.add(name)
  for (const { specifier, line, typesOnly } of imports) {
    const report = (why) => problems.push(`${file}:${line}: '${specifier}': ${why}`)
    if (specifier.startsWith('.')) {
      const target = posix(relative(root, resolve(root, dirname(file), specifier)))
      if (file.startsWith(`${folder}/assembly/`)) {
        const layout = layoutFile.exec(target.endsWith('.ts') ? target : `${target}.ts`)
        if (target.startsWith(`${folder}/assembly/`)) continue
        if (!layout)
          report('assembly imports its own folder, and constants from src/layout.ts or src/layout/')
        else if (layout[1] !== directory) {
          const name = `${scope}${layout[1]}`
          used.add(name)
          if (!own.has(name)) report(`${name} is not among the dependencies in package.json`)
          const why = direction(directory, layout[1], true, false)
          if (why) report(why)
        }
      } else if (
        !target.startsWith(`${folder}/`) &&
        !(test && sharedByTests.test(target)) &&
        !lentFiles.some((lent) => lent.to === directory && target.startsWith(lent.folder))
      )
        report("another package's file; import what it exports by name")
      continue
    }
    const bare = specifier.replace(/^node:/, '')
    if (specifier.startsWith('node:') || builtinModules.includes(bare)) {
      if (!specifier.startsWith('node:')) report(`write node:${bare}`)
      if (!test && !nodePackages.includes(directory) && !mayUseNode(file))
        report('this package runs in browsers too; take what it needs as a parameter')
      continue
    }
    const name = packageOf(specifier)
    used.add(name)
    const other = byName.get(name)
    if (name.startsWith(scope) && !other) report(`no package of this workspace is named ${name}`)
    if (other) {
      if (
        specifier !== name &&
        !Object.hasOwn(other.manifest.exports ?? {}, `.${specifier.slice(name.length)}`)
      )
        report(`${name} does not export it`)
      const why = direction(directory, other.directory, typesOnly, test)
      if (why) report(why)
    }
    if (other === member || own.has(name)) continue
    if (!test) report(`${name} is not among the dependencies in package.json`)
    else if (!dev.has(name) && !shared.has(name))
      report(`${name} is not among the devDependencies in package.json`)
  }
  return { problems, used, strings, test }
}

/** The first cycle of packages by their manifests, as names, or undefined. */
function cycle(packages, byName) {
  const state = new Map()
  const walk = (name, path) => {
    if (state.get(name) === 'done') return undefined
    if (state.get(name) === 'open') return [...path.slice(path.indexOf(name)), name]
    state.set(name, 'open')
    for (const next of declared(
      byName.get(name).manifest,
      'dependencies',
      'devDependencies',
      'peerDependencies',
    )) {
      const found = byName.has(next) ? walk(next, [...path, name]) : undefined
      if (found) return found
    }
    state.set(name, 'done')
    return undefined
  }
  for (const { name } of packages) {
    const found = walk(name, [])
    if (found) return found
  }
  return undefined
}

/** Every broken rule under root, one line each: the place, the import, the mend. */
export function checkDependencies(root) {
  const problems = []
  const packages = members(root)
  const byName = new Map(packages.map((member) => [member.name, member]))
  const workspace = join(root, 'package.json')
  const shared = existsSync(workspace)
    ? declared(JSON.parse(readFileSync(workspace, 'utf8')), 'devDependencies')
    : new Set()
  for (const member of packages) {
    const { directory, folder, manifest } = member
    const file = `${folder}/package.json`
    if (layerOf(directory) < 0) {
      problems.push(
        `${file}: ${directory} has no layer; add it to the table in scripts/check-dependencies.mjs`,
      )
      continue
    }
    const used = new Set()
    const usedByTests = new Set()
    let content = false
    for (const name of buildOf(root, folder).program ?? []) used.add(name)
    for (const source of sources(root, folder)) {
      const found = checkFile(root, source, member, byName, shared)
      problems.push(...found.problems)
      const names = [...found.used, ...[...found.strings].filter((text) => text === packageOf(text))]
      for (const name of names) (found.test ? usedByTests : used).add(name)
      content ||= found.strings.size > 0
    }
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (!byName.has(name)) continue
      if (!range.startsWith('workspace:'))
        problems.push(`${file}: ${name}: write "workspace:^", not "${range}"`)
      const why = direction(
        directory,
        byName.get(name).directory,
        true,
        Object.hasOwn(manifest.devDependencies ?? {}, name),
      )
      if (why) problems.push(`${file}: ${name}: ${why}`)
    }
    // An empty package declares what it will need.
    if (!content) continue
    for (const name of declared(manifest, 'dependencies', 'optionalDependencies')) {
      if (used.has(name)) continue
      if (usedByTests.has(name))
        problems.push(`${file}: ${name}: tests alone import it; move it to devDependencies`)
      else problems.push(`${file}: ${name}: nothing imports it; remove it`)
    }
    for (const name of declared(manifest, 'devDependencies'))
      if (!usedByTests.has(name) && !used.has(name))
        problems.push(`${file}: ${name}: no test imports it; remove it`)
  }
  const round = cycle(packages, byName)
  if (round) problems.push(`packages depend on each other in a circle: ${round.join(' → ')}`)
  return problems
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)))
  const problems = checkDependencies(root)
  for (const problem of problems) console.error(problem)
  console.log(problems.length > 0 ? `dependencies: ${problems.length} problems` : 'dependencies: in order')
  process.exitCode = problems.length > 0 ? 1 : 0
}
