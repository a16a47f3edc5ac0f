import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Tests run on sources (the packages' "source" export condition), so none waits for a build.
export const config: ViteUserConfig = defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'import', 'default'], externalConditions: ['node', 'import'] } },
  test: { include: ['src/**/*.test.ts', 'test/**/*.test.ts'], testTimeout: 30_000 },
})
