// Checks the packages as they would be published: packed, unpacked beside their dependencies, and used from there.
//   publint       what package.json says is in the package
//   attw          types resolve as the code does, for Node and for bundlers
//   tsc           a consumer type-checks under node16 and bundler resolution, without Node's types where none are due
//   esbuild       a browser bundles every package that is not for Node alone
//   node          plain Node imports every entry; there is no default export
// usage: node scripts/check-exports.mjs [--sizes]   (after a build)
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Entries that need Node; all others must do in a browser. */
const forNode = [
  '@skep/linux',
  '@skep/hook-kprobe/node',
  '@skep/hook-seccomp/node',
  '@skep/hook-socket/node',
  '@skep/packet/node',
  '@skep/runtime/node',
]

const problems = []
const report = (name, why) => problems.push(`${name}: ${why}`)
const work = mkdtempSync(join(tmpdir(), 'skep-exports-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: root,
    ...options,
  })
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim(), stdout }
}

/** Packs what is published and unpacks it into work/node_modules, where it finds its dependencies. */
function packAll() {
  const members = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent))
      .map((name) => join(root, parent, name))
      .filter((folder) => existsSync(join(folder, 'package.json')))
      .map((folder) => ({
        folder,
        manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')),
      })),
  )
  const published = members.filter(({ manifest }) => !manifest.private)
  const pnpm = join(root, 'node_modules/pnpm/bin/pnpm.cjs')
  const filters = published.map(({ manifest }) => `--filter=${manifest.name}`)
  const packed = run(process.execPath, [pnpm, '-r', ...filters, 'pack', '--pack-destination', work])
  if (!packed.ok) {
    console.error(packed.output)
    process.exit(1)
  }
  return published.map(({ folder, manifest: { name, version } }) => {
    const tarball = join(work, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
    const target = join(work, 'node_modules', name)
    mkdirSync(target, { recursive: true })
    const unpacked = run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
    if (!unpacked.ok) report(name, unpacked.output)
    const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'))
    for (const other of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const [from, to] = [join(folder, 'node_modules', other), join(work, 'node_modules', other)]
      if (published.some((one) => one.manifest.name === other) || existsSync(to) || !existsSync(from))
        continue
      mkdirSync(dirname(to), { recursive: true })
      symlinkSync(realpathSync(from), to, 'junction')
    }
    return { name, target, tarball, manifest }
  })
}

function checkContents({ name, target, manifest }) {
  for (const file of ['LICENSE', 'package.json'])
    if (!existsSync(join(target, file))) report(name, `no ${file} in the package`)
  const text = JSON.stringify(manifest)
  if (/"workspace:/.test(text)) report(name, 'a dependency is still workspace:')
  if (/"source":/.test(JSON.stringify(manifest.exports ?? {})))
    report(name, 'exports still has the "source" condition; publishConfig.exports must replace it')
  if (existsSync(join(target, 'src'))) report(name, 'src is in the package')
}

async function checkPublint({ name, target }) {
  const { messages, pkg } = await publint({ pkgDir: target, level: 'warning', strict: true, pack: false })
  for (const message of messages) report(name, `publint: ${formatMessage(message, pkg, { color: false })}`)
}

async function checkTypesResolve({ name, tarball, manifest }) {
  if (!manifest.exports) return
  const { problems: found = [] } = await checkPackage(
    createPackageFromTarballData(new Uint8Array(readFileSync(tarball))),
  )
  for (const { kind, entrypoint, resolutionKind, resolutionOption } of found) {
    // ESM alone, for consumers that read "exports".
    if (kind === 'CJSResolvesToESM' || resolutionKind === 'node10' || resolutionOption === 'node10') continue
    report(name, `attw: ${kind} ${entrypoint ?? ''} ${resolutionKind ?? resolutionOption ?? ''}`.trimEnd())
  }
}

/** Type-checks a file that imports every entry; only what our packages and the file get wrong is reported. */
function checkConsumer(label, entries, moduleKind, moduleResolution, types) {
  const file = join(work, `consumer-${label.replaceAll(' ', '-')}.mts`)
  const lines = entries.map(
    (entry, index) => `import * as m${index} from '${entry}'\nexport const n${index}: object = m${index}`,
  )
  writeFileSync(file, `${lines.join('\n')}\n`)
  const program = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
    module: moduleKind,
    moduleResolution,
    strict: true,
    noEmit: true,
    skipDefaultLibCheck: true,
    exactOptionalPropertyTypes: true,
    types,
    typeRoots: [join(root, 'node_modules/@types')],
  })
  for (const { file: at, start, messageText } of ts.getPreEmitDiagnostics(program)) {
    const path = at?.fileName ?? ''
    if (at && !path.includes('/node_modules/@skep/') && path !== file.replaceAll('\\', '/')) continue
    const line = at ? at.getLineAndCharacterOfPosition(start ?? 0).line + 1 : 0
    report(
      `tsc ${label}`,
      `${path.replace(/^.*\/node_modules\//, '')}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    )
  }
}

async function bundle(entry) {
  try {
    const { outputFiles } = await build({
      stdin: { contents: `export * from '${entry}'`, resolveDir: work },
      bundle: true,
      write: false,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      logLevel: 'silent',
    })
    const code = outputFiles[0].contents
    return { entry, bytes: code.length, gzip: gzipSync(code).length }
  } catch (error) {
    for (const { text, location } of error.errors ?? [{ text: String(error) }])
      report(
        entry,
        `browser bundle: ${text}${location ? ` (${location.file.replace(/^.*node_modules\//, '')})` : ''}`,
      )
    return { entry, bytes: 0, gzip: 0 }
  }
}

/** Imports every entry in one plain Node process. */
function importAll(entries) {
  const file = join(work, 'import.mjs')
  writeFileSync(
    file,
    `for (const entry of ${JSON.stringify(entries)}) {
  try {
    if ('default' in (await import(entry))) console.log(entry + ': it has a default export')
  } catch (error) {
    console.log(entry + ': import: ' + error.message)
  }
}
`,
  )
  const { ok, output } = run(process.execPath, [file], {
    cwd: work,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  if (!ok || output) problems.push(output || 'node: the import of all entries failed')
}

const packages = packAll()
for (const one of packages) {
  checkContents(one)
  await checkPublint(one)
  await checkTypesResolve(one)
}
const entries = packages.flatMap(({ name, manifest }) =>
  Object.keys(manifest.exports ?? {})
    .filter((key) => key !== './package.json')
    .map((key) => `${name}${key.slice(1)}`),
)
const portable = entries.filter((entry) => !forNode.includes(entry))
checkConsumer('node16', portable, ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16, [])
checkConsumer('bundler', portable, ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler, [])
checkConsumer('node16 for Node', entries, ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16, ['node'])
const sizes = []
for (const entry of portable) sizes.push(await bundle(entry))
importAll(entries)

if (process.argv.includes('--sizes'))
  for (const { entry, bytes, gzip } of sizes)
    console.log(
      `${entry.padEnd(24)} ${String(bytes).padStart(8)} B minified ${String(gzip).padStart(8)} B gzipped`,
    )
for (const problem of problems) console.error(problem)
console.log(
  problems.length > 0
    ? `exports: ${problems.length} problems`
    : `exports: ${packages.length} packages, ${entries.length} entries, ${portable.length} of them in a browser bundle too`,
)
process.exitCode = problems.length > 0 ? 1 : 0
