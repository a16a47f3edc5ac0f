// Bytes through a process between two sockets, by a sockmap's program and by pipe(): packages/runtime/test/sockets/proxy.
// usage: node scripts/proxy.mjs [--megabytes N] [--rounds N] [--json]
import { runFromSources } from './from-sources.mjs'

await runFromSources({
  entries: ['runtime/test/sockets/proxy/main.ts', 'runtime/test/sockets/proxy/ends.ts'],
  files: ['hook-socket/testdata/steer.o'],
})
