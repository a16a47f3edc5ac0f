import { defineConfig, type Options } from 'tsup'

/** The build every package shares: ESM for Node 20 and browsers, with declarations. */
export const build = (options: Options = {}): ReturnType<typeof defineConfig> =>
  defineConfig({
    entry: ['src/index.ts'],
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: true,
    clean: true,
    sourcemap: true,
    treeshake: true,
    ...options,
  })
