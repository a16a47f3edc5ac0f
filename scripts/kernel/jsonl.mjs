// What the reference tools share: @skep/linux from its sources, and JSON lines from standard input to standard output.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const linux = join(root, 'packages/linux')

/** What a module of this text in a folder exports, bundled with the sources that it imports: no build is needed. */
export const loadSources = async (contents, folder) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    tsconfigRaw: {},
    plugins: [
      {
        name: 'koffi',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^koffi$/ }, ({ path }) => ({
            path: pathToFileURL(createRequire(join(linux, 'package.json')).resolve(path)).href,
            external: true,
          })),
      },
    ],
  })
  const cache = join(root, 'node_modules/.cache/skep-kernel')
  const file = join(cache, `sources-${process.pid}.mjs`)
  mkdirSync(cache, { recursive: true })
  writeFileSync(file, outputFiles[0].contents)
  try {
    return await import(pathToFileURL(file).href)
  } finally {
    rmSync(file, { force: true })
  }
}

/** The module @skep/linux. */
export const loadLinux = () => loadSources("export * from './src/index.ts'", linux)

/** Answers each line of standard input with a line, in order. One that is no JSON gets an error and the fields of `nothing`. */
export const serve = async (answer, nothing) => {
  process.stdout.on('error', () => process.exit(1))
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (!line.trim()) continue
    let out
    try {
      out = answer(JSON.parse(line))
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      out = { name: '', ...nothing, error: { code: 'JSON', message: error.message } }
    }
    if (!process.stdout.write(`${JSON.stringify(out)}\n`))
      await new Promise((resume) => process.stdout.once('drain', resume))
  }
}

/** A kernel, or exit status 1 with the reason. */
export const openOrExit = async ({ openKernel, LinuxUnavailableError }) => {
  try {
    return await openKernel()
  } catch (error) {
    if (!(error instanceof LinuxUnavailableError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}
