import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'
import { writeDeclarations } from './scripts/declarations.mjs'
import { stampOf } from './scripts/stamp.mjs'

export interface BuildRules {
  /** False: no declarations. */
  readonly declarations?: boolean
  /** Development dependencies of which a part goes into dist/, with their licences beside it. */
  readonly bundled?: readonly string[]
  /** Packages whose sources `SKEP_BUILD` stands for: other sources, another text. */
  readonly stamp?: readonly string[]
  /** Sources that keep the registry that checks definitions: what they give on is for other people's. */
  readonly checked?: readonly string[]
}

/**
 * The build every package shares: ESM for Node 20 and browsers, with declarations beside it. Dependencies stay imports,
 * so that two packages that use one get the same one. It is minified, since engines scan a module before they run it;
 * the source maps have the sources.
 */
export const build = (options: Options = {}, rules: BuildRules = {}): ReturnType<typeof defineConfig> => {
  const { declarations = true, bundled = [], checked = [], stamp } = rules
  const entry = (options.entry as string[] | undefined) ?? ['src/index.ts']
  return defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: false,
    clean: true,
    sourcemap: true,
    minify: true,
    // Wasm modules are text of one character a byte (scripts/assemble.mjs): escapes would take four.
    esbuildOptions: (esbuild) => {
      esbuild.charset = 'utf8'
    },
    ...(stamp ? { define: { SKEP_BUILD: JSON.stringify(stampOf(stamp)) } } : {}),
    noExternal: [/^@skep\/registry$/, ...bundled.map((name) => new RegExp(`^${name}(/|$)`))],
    ...options,
    esbuildPlugins: [
      {
        // The tests have checked this package's definitions, from its sources: they need no check at every start.
        name: 'prechecked',
        setup({ onResolve }): void {
          onResolve({ filter: /^@skep\/registry$/ }, ({ importer, path }) => {
            const keep = checked.some((file) => importer.replaceAll('\\', '/').endsWith(`/${file}`))
            return { path: keep ? path : `${path}/prechecked`, external: true }
          })
        },
      },
      {
        name: 'declarations',
        setup({ onEnd }): void {
          onEnd(({ errors }) => {
            if (errors.length > 0) return
            mkdirSync('dist', { recursive: true })
            for (const name of bundled)
              copyFileSync(join('node_modules', name, 'LICENSE'), join('dist', `NOTICE-${name}`))
            if (!declarations) return
            try {
              writeDeclarations(entry, 'src', 'dist')
            } catch (error) {
              return { errors: [{ text: (error as Error).message }] }
            }
          })
        },
      },
      ...(options.esbuildPlugins ?? []),
    ],
  })
}
