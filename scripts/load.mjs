// Load on maps from several workers, from the sources: packages/runtime/test/load/main.ts says the options.
// usage: node scripts/load.mjs [--seconds N | --minutes N] [--kills N] [--seed N] [--json]
import { runFromSources } from './from-sources.mjs'

await runFromSources({
  entries: ['runtime/test/load/main.ts', 'runtime/test/load/worker.ts'],
  files: ['runtime/testdata/load.o'],
})
