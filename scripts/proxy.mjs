// Bytes through a process between two sockets, by a sockmap's program and by pipe(): packages/runtime/test/sockets/proxy.
// usage: node scripts/proxy.mjs [--megabytes N] [--rounds N] [--json]
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages')
const directory = mkdtempSync(join(tmpdir(), 'skep-proxy-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
copyFileSync(join(packages, 'hook-socket/testdata/steer.o'), join(directory, 'steer.o'))
await build({
  entryPoints: ['main', 'ends'].map((name) => join(packages, `runtime/test/sockets/proxy/${name}.ts`)),
  outdir: directory,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source'],
  external: ['koffi'],
  logLevel: 'error',
})
await import(pathToFileURL(join(directory, 'main.js')).href)
