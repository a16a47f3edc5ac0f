// Runs a program that lies among the tests from the sources, with workers of its own, where nothing is built.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages')

/** `entries`: modules, of which main.ts is imported; `files`: what they read beside them. Paths are those below packages. */
export async function runFromSources({ entries, files }) {
  const directory = mkdtempSync(join(tmpdir(), 'skep-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  for (const file of files) copyFileSync(join(packages, file), join(directory, basename(file)))
  await build({
    entryPoints: entries.map((entry) => join(packages, entry)),
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
}
