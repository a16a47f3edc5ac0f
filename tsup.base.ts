import { defineConfig, type Options } from 'tsup'
import { writeDeclarations } from './scripts/declarations.mjs'

/**
 * The build every package shares: ESM for Node 20 and browsers, with declarations beside it. Dependencies stay imports,
 * so that two packages that use one get the same one.
 */
export const build = (options: Options = {}, declarations = true): ReturnType<typeof defineConfig> => {
  const entry = (options.entry as string[] | undefined) ?? ['src/index.ts']
  return defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: false,
    clean: true,
    sourcemap: true,
    ...options,
    esbuildPlugins: [
      {
        name: 'declarations',
        setup({ onEnd }): void {
          onEnd(({ errors }) => {
            if (!declarations || errors.length > 0) return
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
