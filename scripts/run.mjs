// The root scripts. They need Node and npm alone: what else they use they install first.
// usage: node scripts/run.mjs TASK [ARGS...]
//   build | test | types [--verbose] [PACKAGE...]   all packages, or those named: test isa jit-wasm
//   lint | check:exports | check:plugin
//   demo | bench | load | mutation | diff:kernel | diff:objects | diff:classic | diff:filters | fuzz:loaders [ARGS...] arguments go to the program
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { install } from './run/install.mjs'
import { call, fail, root } from './run/process.mjs'
import { printTotals, reports } from './run/totals.mjs'
import { turbo } from './run/turbo.mjs'

const node = (file, args = []) => call(process.execPath, [join(root, file), ...args])

/** Splits a task's arguments: package names become turbo filters. */
function selection(args) {
  const verbose = args.includes('--verbose')
  const names = args.filter((arg) => arg !== '--verbose')
  const wrong = names.find((name) => name.startsWith('-'))
  if (wrong) fail(`no option ${wrong}; give --verbose or names of packages`)
  const filters = names.map((name) => {
    // The workspace itself, whose tests are those of the scripts, goes by // with turbo.
    const special = { cli: 'skep', skep: 'skep', scripts: '//' }[name]
    return `--filter=${special ?? (name.startsWith('@') ? name : `@skep/${name}`)}`
  })
  return { verbose, filters, all: names.length === 0 }
}

async function test(args) {
  const { verbose, filters, all } = selection(args)
  rmSync(reports, { recursive: true, force: true })
  const status = await turbo(['build', 'test', 'test:scripts'], {
    title: 'building and testing',
    filters,
    verbose,
    keepGoing: true,
    env: { SKEP_TEST_REPORTS: reports },
  })
  const failed = printTotals(all)
  return status || (failed ? 1 : 0)
}

/** All packages at once: each source is checked once, where package by package each would be again in its users. */
async function types(args) {
  const { verbose, filters, all } = selection(args)
  if (!all) return turbo(['types'], { title: 'checking types', filters, verbose, keepGoing: true })
  const status = await turbo(['assemble'], { title: 'compiling AssemblyScript', verbose })
  if (status !== 0) return status
  console.log('checking types')
  const statuses = [
    await node('node_modules/typescript/bin/tsc'),
    await node('node_modules/typescript/bin/tsc', ['-p', 'scripts']),
  ]
  return statuses.find((one) => one !== 0) ?? 0
}

/** Runs every check, so that one run shows all there is to mend. */
async function lint() {
  const statuses = [
    await call(process.execPath, [
      join(root, 'node_modules/@biomejs/biome/bin/biome'),
      'ci',
      '--error-on-warnings',
      '--max-diagnostics=100',
      ...(process.stdout.isTTY ? [] : ['--colors=off']),
    ]),
    await node('scripts/check-dependencies.mjs'),
    await node('scripts/check-files.mjs'),
  ]
  return statuses.find((status) => status !== 0) ?? 0
}

async function program(filter, file, args) {
  return (
    (await turbo(['build'], { title: 'building', filters: [`--filter=${filter}...`] })) || node(file, args)
  )
}

const tasks = {
  build: (args) => {
    const { verbose, filters } = selection(args)
    return turbo(['build'], { title: 'building', filters, verbose })
  },
  test,
  types,
  lint,
  'check:exports': async () =>
    (await turbo(['build'], { title: 'building' })) || node('scripts/check-exports.mjs'),
  'check:plugin': async () =>
    (await turbo(['build'], { title: 'building' })) || node('scripts/plugin-outside.mjs'),
  demo: (args) => program('skep', 'apps/cli/bin/skep.cjs', ['demo', ...args]),
  load: async (args) =>
    (await turbo(['assemble'], { title: 'compiling AssemblyScript' })) || node('scripts/load.mjs', args),
  mutation: async (args) =>
    (await turbo(['assemble'], { title: 'compiling AssemblyScript' })) ||
    node('scripts/mutation/main.mjs', args),
  'diff:kernel': (args) => program('@skep/diff', 'apps/diff/dist/main.js', args),
  'diff:objects': (args) => program('@skep/diff', 'apps/diff/dist/objects.js', args),
  'diff:classic': (args) => program('@skep/diff', 'apps/diff/dist/classic.js', args),
  'diff:filters': (args) => program('@skep/diff', 'apps/diff/dist/filters.js', args),
  'fuzz:loaders': (args) => program('@skep/diff', 'apps/diff/dist/fuzz-loaders.js', args),
  bench: (args) => program('@skep/bench', 'apps/bench/dist/main.js', args),
}

const [name, ...args] = process.argv.slice(2)
if (!Object.hasOwn(tasks, name ?? ''))
  fail(`usage: node scripts/run.mjs ${Object.keys(tasks).join('|')} [ARGS...]`)
// A package's task that calls a root script would start every package's task, itself among them, without end.
if (process.env.TURBO_HASH) fail(`"${name}" was started from inside one of the tasks that it runs`)

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19))
  fail(`Node ${process.versions.node} is too old; 20.19 or newer is needed`)

// An interrupt goes to the whole process group; the child's end decides ours.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
process.exitCode = (await install()) || (await tasks[name](args))
