// Runs the command line from its sources, without a build.
// usage: node scripts/dev.mjs [--app cli|bench] [--entry main] [--] ARGS...
//   node scripts/dev.mjs verify --jsonl < programs.jsonl
//   node scripts/dev.mjs --entry conformance --engine jit
//   node scripts/dev.mjs --app bench --path        the file to give to node, for who runs it often
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { stalePackages } from './assembled.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const args = process.argv.slice(2)
const options = { app: 'cli', entry: 'main' }
while (args[0] === '--app' || args[0] === '--entry') options[args.shift().slice(2)] = args.shift()
const pathOnly = args[0] === '--path'
if (args[0] === '--') args.shift()

for (const cwd of stalePackages(root)) {
  const script = join(root, 'scripts/assemble.mjs')
  const { status } = spawnSync(process.execPath, [script], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}

// A package's file finds its neighbours from dist/ once built, and must find the same ones here.
const sources = {
  name: 'sources',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /[\\/](packages|apps)[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const [home] = /^.*?[\\/](?:packages|apps)[\\/][^\\/]+(?=[\\/]src[\\/])/.exec(path)
      const url = JSON.stringify(pathToFileURL(join(home, 'dist/index.js')).href)
      return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' }
    })
    // A native module cannot be bundled.
    onResolve({ filter: /^koffi$/ }, ({ importer, path }) => {
      try {
        return { path: createRequire(importer).resolve(path), external: true }
      } catch {
        return { path, external: true }
      }
    })
  },
}

const entry = join(root, 'apps', options.app, 'src', `${options.entry}.ts`)
if (!existsSync(entry)) {
  console.error(`dev: no apps/${options.app}/src/${options.entry}.ts`)
  process.exit(2)
}
const result = await build({
  entryPoints: [entry],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source', 'module'],
  // The compiler options of the workspace concern types alone.
  tsconfigRaw: { compilerOptions: { target: 'ES2022', verbatimModuleSyntax: true } },
  banner: {
    js: "import { createRequire as __skepRequire } from 'node:module'; const require = __skepRequire(import.meta.url);",
  },
  sourcemap: 'inline',
  sourcesContent: false,
  logLevel: 'error',
  plugins: [sources],
}).catch(() => process.exit(1))

const code = result.outputFiles[0].contents
const cache = join(root, 'node_modules/.cache/skep-dev')
const file = join(
  cache,
  `${options.app}-${options.entry}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`,
)
if (!existsSync(file)) {
  mkdirSync(cache, { recursive: true })
  for (const name of readdirSync(cache)) {
    const old = join(cache, name)
    if (statSync(old, { throwIfNoEntry: false })?.mtimeMs < Date.now() - 3_600_000)
      rmSync(old, { force: true })
  }
  // Written aside and renamed: two runs may start at once.
  writeFileSync(`${file}.${process.pid}`, code)
  renameSync(`${file}.${process.pid}`, file)
}

if (pathOnly) console.log(file)
else {
  process.setSourceMapsEnabled(true)
  process.argv = [process.execPath, file, ...args]
  await import(pathToFileURL(file).href)
}
