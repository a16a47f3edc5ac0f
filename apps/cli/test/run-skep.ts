import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** A file of testdata. */
export const testdata = (name: string): string => path(`../testdata/${name}`)

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(script: string, args: readonly string[], input: string | Uint8Array): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path(script), ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
    maxBuffer: 64 * 2 ** 20,
  })
  return { status, stdout, stderr }
}

/** The built command as a user runs it. */
export const skep = (args: readonly string[], input: string | Uint8Array = ''): Outcome =>
  run('../bin/skep.mjs', args, input)

export const conformance = (args: readonly string[], input: string): Outcome =>
  run('../bin/skep-conformance.mjs', args, input)
