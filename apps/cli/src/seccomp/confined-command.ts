import { constants } from 'node:os'
import { learnPolicy, type SeccompPolicy } from '@skep/hook-seccomp'
import { observeSyscalls, spawnConfined } from '@skep/linux'
import type { ClassicInsn } from '@skep/loader-cbpf'

type End = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** As shells count: the command's own status, or 128 and its signal's number. */
export const statusOf = ({ code, signal }: End): number =>
  signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0)

/** Runs a command under a filter, with this process's standard streams. */
export async function runConfined(
  words: readonly string[],
  filter: readonly ClassicInsn[],
  log: boolean,
): Promise<End> {
  const { exited } = await spawnConfined(words[0]!, words.slice(1), { filter, stdio: 'inherit', log })
  return exited
}

export interface LearnedPolicy {
  readonly policy: SeccompPolicy
  /** How often each call was made, by its name. */
  readonly calls: number
  readonly end: End
}

/** Runs a command, and makes the policy of what it called. Its standard output goes where `output` says. */
export async function learnFrom(
  words: readonly string[],
  output: number | 'inherit',
  also: readonly string[],
): Promise<LearnedPolicy> {
  const observed = await observeSyscalls(words[0]!, words.slice(1), { stdio: ['inherit', output, 'inherit'] })
  // What a terminal sends is the command's: there would be no policy else.
  const ignore = (): void => {}
  process.on('SIGINT', ignore)
  try {
    const end = await observed.exited
    await observed.supervisor?.done
    const calls = observed.calls()
    return {
      policy: learnPolicy(calls, { also }),
      calls: calls.reduce((sum, { count }) => sum + count, 0),
      end,
    }
  } finally {
    process.off('SIGINT', ignore)
  }
}
