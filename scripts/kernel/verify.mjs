// The running kernel's verdicts in the form of `skep verify --jsonl`.
// usage: node scripts/kernel/verify.mjs [--log] [--log-level N] [--unprivileged] < programs.jsonl
//   --log            answer with the log
//   --log-level N    1: the path that fails (default); 2: every path
//   --unprivileged   every program as if loaded without CAP_PERFMON
import { parseArgs } from 'node:util'
import { loadLinux, openOrExit, serve } from './jsonl.mjs'

const { values } = parseArgs({
  options: { log: { type: 'boolean' }, 'log-level': { type: 'string' }, unprivileged: { type: 'boolean' } },
})
const linux = await loadLinux()
const kernel = await openOrExit(linux)
const options = { log: values.log ?? false, logLevel: Number(values['log-level'] ?? 1) }
await serve(
  (row) => linux.verifyRow(kernel, values.unprivileged ? { ...row, unprivileged: true } : row, options),
  { verdict: 'reject', processed: 0 },
)
