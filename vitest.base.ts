import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const reports = process.env.SKEP_TEST_REPORTS
const root = fileURLToPath(new URL('.', import.meta.url))
const directory = process.cwd()
const name = ['packages', 'apps'].includes(basename(dirname(directory)))
  ? `${basename(dirname(directory))}-${basename(directory)}`
  : basename(directory)

// Tests run on sources (the packages' "source" export condition), so none waits for a build.
export const config: ViteUserConfig = defineConfig({
  // One root for all packages: what one has transformed the others find.
  root,
  resolve: { conditions: ['source'] },
  ssr: {
    resolve: {
      conditions: ['source', 'module', 'node', 'import', 'default'],
      externalConditions: ['node', 'import'],
    },
  },
  test: {
    experimental: { fsModuleCache: true },
    setupFiles: [fileURLToPath(new URL('vitest.setup.ts', import.meta.url))],
    include: ['src', 'test'].map((folder) => `${relative(root, join(directory, folder))}/**/*.test.ts`),
    passWithNoTests: true,
    testTimeout: 30_000,
    // A package's files share a process, and with it the modules: loading them for each file is a third of the time. So no
    // test may change what a module or the process holds without putting it back.
    isolate: false,
    // The root's test script adds these up.
    reporters: reports ? ['default', ['json', { outputFile: join(reports, `${name}.json`) }]] : ['default'],
  },
})
