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

type Variables = Readonly<Record<string, string>>

function run(
  script: string,
  args: readonly string[],
  input: string | Uint8Array,
  env: Variables = {},
): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path(script), ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', ...env },
    maxBuffer: 64 * 2 ** 20,
  })
  return { status, stdout, stderr }
}

/** The built command as a user runs it. */
export const skep = (args: readonly string[], input: string | Uint8Array = '', env?: Variables): Outcome =>
  run('../bin/skep.cjs', args, input, env)

export const conformance = (args: readonly string[], input: string): Outcome =>
  run('../bin/skep-conformance.cjs', args, input)
