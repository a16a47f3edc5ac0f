// What a browser downloads of Skep: esbuild's bundles of some choices, minified and gzipped, from the packages as they
// are published: build them first. What is loaded when it is asked for (`import()`) is told beside it, and not part of it.
// Fails where one is past its limit.
// usage: node scripts/bundle-sizes.mjs [--json] [--files NAME]   --files: what of each file is in a bundle
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** `aim`: bytes, gzipped, that a bundle is meant to have at most; `limit`: what it has, and a little room. */
const bundles = [
  {
    name: 'runtime, JIT, verifier',
    aim: 120_000,
    limit: 171_000,
    code: `export { createRuntime } from '@skep/runtime/core'
      export { jit } from '@skep/jit-wasm'
      export { createVerifier } from '@skep/verifier'`,
  },
  {
    name: 'runtime, interpreter',
    aim: 60_000,
    limit: 66_000,
    code: `export { createRuntime } from '@skep/runtime/core'
      export { interpreterEngine } from '@skep/vm-interpreter'`,
  },
  { name: 'everything', limit: 318_000, code: `export * from '@skep/runtime'` },
]

/** The entry and what it imports before it runs; `import()` is for what is asked for. */
function closure(outputs, entry) {
  const found = new Set([entry])
  for (const file of found)
    for (const { path, kind } of outputs[file].imports) if (kind === 'import-statement') found.add(path)
  return found
}

async function measure({ name, code, aim, limit }) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: join(root, 'packages/runtime') },
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    charset: 'utf8',
    platform: 'browser',
    target: 'es2022',
    outdir: '/',
    logLevel: 'error',
  })
  const { outputs } = metafile
  const [entry] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === '<stdin>')
  const first = closure(outputs, entry)
  const bytes = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]))
  const sum = (files, size) => files.reduce((all, file) => all + size(bytes.get(basename(file))), 0)
  const gzip = (contents) => gzipSync(contents, { level: 9 }).length
  const files = [...first]
    .flatMap((file) => Object.entries(outputs[file].inputs))
    .map(([path, { bytesInOutput }]) => [path.replace(/^.*?packages\//, ''), bytesInOutput])
    .sort(([, one], [, other]) => other - one)
  return {
    name,
    minified: sum([...first], (contents) => contents.length),
    gzip: sum([...first], gzip),
    onDemand: sum(
      Object.keys(outputs).filter((file) => !first.has(file)),
      gzip,
    ),
    aim,
    limit,
    files,
  }
}

if (!existsSync(join(root, 'packages/runtime/dist/core.js'))) {
  console.error('bundle-sizes: the packages are not built; run "npm run build" first')
  process.exit(2)
}
const sizes = []
for (const bundle of bundles) sizes.push(await measure(bundle))

const args = process.argv.slice(2)
const detail = args.includes('--files') ? args[args.indexOf('--files') + 1] : undefined
if (args.includes('--json')) console.log(JSON.stringify(sizes.map(({ files: _, ...size }) => size)))
else
  for (const { name, minified, gzip, onDemand, aim, files } of sizes) {
    const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`
    console.log(
      `${name.padEnd(24)} ${kb(minified).padStart(9)} minified ${kb(gzip).padStart(9)} gzipped${aim ? `, aim ${kb(aim)}` : ''}; ${kb(onDemand)} more on demand`,
    )
    if (name === detail)
      for (const [path, bytes] of files) console.log(`  ${String(bytes).padStart(7)} ${path}`)
  }
const large = sizes.filter(({ gzip, limit }) => gzip > limit)
for (const { name, gzip, limit } of large)
  console.error(`bundle-sizes: ${name}: ${gzip} bytes, past the limit of ${limit}`)
process.exitCode = large.length > 0 && !args.includes('--json') ? 1 : 0
