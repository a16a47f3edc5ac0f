// The running kernel's results (BPF_PROG_TEST_RUN) in the form of `skep run --jsonl`.
// usage: node scripts/kernel/run.mjs < programs.jsonl
import { loadLinux, openOrExit, serve } from './jsonl.mjs'

const linux = await loadLinux()
const kernel = await openOrExit(linux)
await serve((row) => linux.runRow(kernel, row), { retval: 0 })
