// Bundles the verifier with all its mutants in it, its tests, and what runs them in one process.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import asc from 'assemblyscript/asc'
import { build } from 'esbuild'
import { stalePackages } from '../assembled.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
const vitest = createRequire(createRequire(join(root, 'package.json')).resolve('vitest/package.json'))

const tests = (directory) =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'generated' ? [] : tests(path)
    return entry.name.endsWith('.test.ts') ? [path] : []
  })

/**
 * Tests that ask the running kernel are left out: a score should not depend on the machine. So are those of the texts about
 * refusals, what subject.mjs does by itself, and tests that load modules anew, of which there is one copy here.
 */
const isLeftOut = (path) =>
  /'@skep\/linux'|vi\.resetModules/.test(readFileSync(path, 'utf8')) ||
  /refusals|explain|kernel/.test(relative(root, path)) ||
  basename(path).startsWith('recorded')

/** What the AssemblyScript sources need for their switches. */
const assemblyHeader = (coverage) =>
  ["import { mutant } from './mutant'", ...(coverage ? ["import { cover } from './mutant'"] : []), ''].join(
    ';',
  )
const assemblyMutant = `export let mutant: i32 = 0
@external("env", "cover") declare function noteCovered(id: i32): void
export function cover(id: i32): void { noteCovered(id) }
`

async function assemble(home, instrumented, coverage) {
  const files = new Map()
  const read = (name, base) => {
    const path = join(base, name)
    const inPackage = relative(home, path)
    if (basename(path) === 'mutant.ts') return assemblyMutant
    if (instrumented.has(inPackage) && inPackage.startsWith('assembly')) {
      const text = instrumented.text(
        inPackage,
        (id) => `(mutant == ${id})`,
        (ids) => (coverage ? ids.map((id) => `cover(${id})`).join(', ') : '0'),
      )
      return (
        assemblyHeader(coverage) + (inPackage === 'assembly/index.ts' ? `export { mutant };${text}` : text)
      )
    }
    try {
      const text = readFileSync(path, 'utf8')
      return inPackage === 'assembly/index.ts' ? `export { mutant } from './mutant';${text}` : text
    } catch {
      return null
    }
  }
  const { error, stderr } = await asc.main(
    [
      'assembly/index.ts',
      ...['--baseDir', home, '--runtime', 'stub', '--importMemory', '--importTable', '-O1', '--noAssert'],
      ...['--enable', 'simd,bulk-memory,sign-extension,nontrapping-f2i,mutable-globals,tail-calls'],
      ...['--use', 'abort=', '--use', 'SHARED=0', '--initialMemory', '1', '--outFile', 'out.wasm'],
    ],
    {
      readFile: read,
      writeFile: (name, contents) => void files.set(basename(name), contents),
    },
  )
  if (error) throw new Error(`the mutated AssemblyScript does not compile:\n${stderr}`)
  return Buffer.from(files.get('out.wasm')).toString('base64')
}

/**
 * Writes the bundle of `home` (a package's directory) to a file and returns its path; `coverage` says whether it notes
 * which mutants are reached.
 */
export async function buildSubject(home, instrumented, coverage, file) {
  // The other packages' modules need not be new: no test of the verifier runs them.
  for (const stale of stalePackages(root))
    if (!existsSync(join(stale, 'src/generated/module.ts')))
      throw new Error(`${stale}: run its script "assemble" first`)
  const wasm = await assemble(home, instrumented, coverage)
  const unit = tests(home).filter((path) => !isLeftOut(path))
  const mutations = {
    name: 'mutants',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^vitest$/ }, () => ({ path: join(here, 'vitest-in-process.mjs') }))
      onResolve({ filter: /^(@vitest\/expect|chai)$/ }, ({ path }) => {
        try {
          return { path: vitest.resolve(path) }
        } catch {
          return { path: createRequire(vitest.resolve('@vitest/expect')).resolve(path) }
        }
      })
      const parts = {
        mutant: join(here, 'switch.mjs'),
        verifier: join(home, 'src/index.ts'),
        case: join(home, 'test/case.ts'),
        platform: join(home, 'test/platform.ts'),
        programs: join(home, 'test/programs/index.ts'),
        recorded: join(home, 'test/recorded.ts'),
        seed: join(home, 'test/recorded/seed.ts'),
        seeds: join(home, 'test/recorded/seeds/index.ts'),
      }
      onResolve({ filter: /^skep:/ }, ({ path }) => {
        const file = parts[path.slice('skep:'.length)]
        return file ? { path: file } : { path, namespace: 'skep' }
      })
      onLoad({ filter: /^skep:generators$/, namespace: 'skep' }, () => ({
        contents: ['draft', 'grammar/program', 'mutate', 'random']
          .map((name) => `export * from ${JSON.stringify(join(root, 'apps/diff/src', `${name}.ts`))}`)
          .join('\n'),
        loader: 'js',
        resolveDir: root,
      }))
      onLoad({ filter: /^skep:random$/, namespace: 'skep' }, () => ({
        contents: `export { createScalarDomainSync } from ${JSON.stringify(join(home, 'src/scalar/index.ts'))}
export { randomProgram } from ${JSON.stringify(join(home, 'src/scalar/random-programs.ts'))}`,
        loader: 'js',
        resolveDir: root,
      }))
      onLoad({ filter: /^skep:tests$/, namespace: 'skep' }, () => ({
        contents: `export const files = [\n${unit.map((path) => `[${JSON.stringify(relative(home, path))}, () => import(${JSON.stringify(path)})]`).join(',\n')}]`,
        loader: 'js',
        resolveDir: root,
      }))
      onResolve({ filter: /^koffi$/ }, ({ path }) => ({ path, external: true }))
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const name = relative(home, path)
        if (name === join('src', 'generated', 'module.ts')) {
          const contents = `export const moduleBytes = () => Uint8Array.from(atob('${wasm}'), (char) => char.charCodeAt(0))`
          return { contents, loader: 'ts' }
        }
        if (name.endsWith('.test.ts')) {
          const url = JSON.stringify(pathToFileURL(path).href)
          return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url), loader: 'ts' }
        }
        if (!instrumented.has(name)) return undefined
        const text = instrumented.text(
          name,
          (id) => `(__active === ${id} && __hit())`,
          (ids) => (coverage ? `__cover(${ids.join(', ')})` : '0'),
        )
        return {
          contents: `import { active as __active, hit as __hit, cover as __cover } from 'skep:mutant'\n${text}`,
          loader: 'ts',
        }
      })
    },
  }
  await build({
    entryPoints: [join(here, 'subject.mjs')],
    bundle: true,
    outfile: file,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source', 'module'],
    define: { HOME: JSON.stringify(home) },
    banner: {
      js: "import { createRequire as skepRequire } from 'node:module'; const require = skepRequire(import.meta.url);",
    },
    tsconfigRaw: { compilerOptions: { target: 'ES2022', verbatimModuleSyntax: true } },
    minifySyntax: true,
    logLevel: 'error',
    plugins: [mutations],
  })
}
