import { parseArgs } from 'node:util'
import { decode } from '@skep/isa'
import { createRuntime } from '@skep/runtime'
import { EXIT, reportError, UsageError } from './report.ts'

// The plugin protocol of the bpf_conformance runner: program bytes as hex on standard input, memory as hex in the first
// argument, r0 in hex on standard output.

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    // The runner passes options of other plugins.
    strict: false,
    options: { engine: { type: 'string', default: 'interpreter' } },
  })
  const engine = String(values['engine'])
  if (engine !== 'interpreter' && engine !== 'jit')
    throw new UsageError(`--engine ${engine}: give interpreter or jit`)
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const insns = decode(bytes(Buffer.concat(chunks).toString('utf8')))
  const runtime = await createRuntime({ engine })
  const r0 = await runtime.runBare(insns, bytes(positionals[0] ?? ''))
  runtime.close()
  process.stdout.write(`${r0.toString(16)}\n`)
}

main().then(
  () => {
    process.exitCode = EXIT.fine
  },
  (error: unknown) => {
    process.exitCode = reportError(error)
  },
)
