import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'
import { annotateFile } from './scripts/annotate-pure.mjs'
import { writeDeclarations } from './scripts/declarations.mjs'
import { denseTables } from './scripts/dense-tables.mjs'
import { escapeBeyondLatin1 } from './scripts/latin1.mjs'
import { writeNotices } from './scripts/notices.mjs'
import { stampOf } from './scripts/stamp.mjs'

export interface BuildRules {
  /** False: no declarations. */
  readonly declarations?: boolean
  /** Development dependencies of which a part goes into dist/, with their licences beside it. */
  readonly bundled?: readonly string[]
  /** A program: one CommonJS file an entry, with all that it needs but native modules and these. */
  readonly program?: { readonly external: readonly string[] }
  /** Packages whose sources `SKEP_BUILD` stands for: other sources, another text. */
  readonly stamp?: readonly string[]
  /** Sources that keep the registry that checks definitions: what they give on is for other people's. */
  readonly checked?: readonly string[]
}

/**
 * The build every package shares: ESM for Node 20 and browsers, with declarations beside it. Dependencies stay imports,
 * so that two packages that use one get the same one. Names and syntax are minified, since engines scan a module before they
 * run it; white space is not, since with it go the comments that let bundlers leave out what is not used. The source maps
 * have the sources.
 */
export const build = (options: Options = {}, rules: BuildRules = {}): ReturnType<typeof defineConfig> => {
  const { declarations = true, bundled = [], checked = [], stamp, program } = rules
  const entry = (options.entry as string[] | undefined) ?? ['src/index.ts']
  return defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: false,
    clean: true,
    sourcemap: true,
    minify: program !== undefined,
    // Wasm modules are text of one character a byte (scripts/assemble.mjs): escapes would take four.
    esbuildOptions: (esbuild) => {
      esbuild.charset = 'utf8'
      esbuild.minifyIdentifiers = esbuild.minifySyntax = true
      // A program comes out of V8's cache, where import() does not work.
      if (program) esbuild.supported = { 'dynamic-import': false }
    },
    ...(stamp ? { define: { SKEP_BUILD: JSON.stringify(stampOf(stamp)) } } : {}),
    noExternal: program
      ? [new RegExp(`^(?!(${program.external.join('|')})(/|$))`)]
      : [/^@skep\/registry$/, ...bundled.map((name) => new RegExp(`^${name}(/|$)`))],
    ...(program ? { format: 'cjs', splitting: false, shims: true, external: [...program.external] } : {}),
    onSuccess: async () => {
      for (const file of readdirSync('dist')) {
        if (!/\.c?js$/.test(file)) continue
        if (!program) annotateFile(join('dist', file))
        escapeBeyondLatin1(join('dist', file))
      }
    },
    ...options,
    esbuildPlugins: [
      denseTables,
      {
        // The tests have checked this package's definitions, from its sources: they need no check at every start.
        name: 'prechecked',
        setup({ onResolve }): void {
          if (program) return
          onResolve({ filter: /^@skep\/registry$/ }, ({ importer, path }) => {
            const keep = checked.some((file) => importer.replaceAll('\\', '/').endsWith(`/${file}`))
            return { path: keep ? path : `${path}/prechecked`, external: true }
          })
        },
      },
      {
        name: 'beside the code',
        setup({ onEnd }): void {
          onEnd(({ errors, metafile }) => {
            if (errors.length > 0) return
            try {
              writeNotices(metafile!.outputs, 'dist')
              if (declarations) writeDeclarations(entry, 'src', 'dist')
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
