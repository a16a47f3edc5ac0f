// Load on maps from several workers, from the sources: packages/runtime/test/load/main.ts says the options.
// usage: node scripts/load.mjs [--seconds N | --minutes N] [--kills N] [--seed N] [--json]
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const runtime = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages/runtime')
const directory = mkdtempSync(join(tmpdir(), 'skep-load-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
copyFileSync(join(runtime, 'testdata/load.o'), join(directory, 'load.o'))
await build({
  entryPoints: ['main', 'worker'].map((name) => join(runtime, `test/load/${name}.ts`)),
  outdir: directory,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source'],
  logLevel: 'error',
})
await import(pathToFileURL(join(directory, 'main.js')).href)
