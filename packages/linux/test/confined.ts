import { compilePolicy, type PolicyRule } from '@skep/hook-seccomp'
import type { ConfinedProcess, SpawnConfinedOptions } from '../src/index.ts'
import { loadLibc } from '../src/seccomp/libc.ts'

/** Why tests of seccomp cannot run here. */
export const missing: string | undefined = await loadLibc().then(
  () => undefined,
  (error: { reason: string }) => error.reason,
)

/** A filter that lets all pass but these. */
export const allBut = (...rules: PolicyRule[]): SpawnConfinedOptions['filter'] =>
  compilePolicy({ architectures: [process.arch], default: 'allow', rules })

/** All that a process prints, and its exit code or signal. */
export async function output({ child }: ConfinedProcess): Promise<string> {
  let text = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8')
    stream.on('data', (more: string) => {
      text += more
    })
  }
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...end: [number | null, string | null]) => resolve(end)),
  )
  return `${text}${signal ?? code}`
}
