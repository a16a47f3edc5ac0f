import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { probeProviders } from '@skep/hook-kprobe'
import { createRuntime } from '@skep/runtime'
import { importModule } from '../starter.ts'
import { attachProbes } from './attach-probes.ts'
import type { GeneratedTrace } from './generate.ts'
import { type MapResult, readResults } from './results.ts'

/** A trace that is on. */
export interface RunningTrace {
  /** Errors of the host's and of programs so far: they end nothing. */
  readonly problems: ReadonlyMap<string, number>
  /** Takes the probes away, and says what the programs gathered. */
  finish(): readonly MapResult[]
}

/** Loads the programs and attaches them in this process. */
export async function startTrace(
  trace: GeneratedTrace,
  options: { readonly script: string; readonly settlement?: boolean },
): Promise<RunningTrace> {
  const runtime = await createRuntime({ providers: probeProviders })
  const problems = new Map<string, number>()
  runtime.on('exception', (error) => {
    problems.set(error.message, (problems.get(error.message) ?? 0) + 1)
  })
  try {
    const collection = await runtime.load(trace.spec)
    const attached = await attachProbes(collection, trace.probes, options)
    return {
      problems,
      finish: () => {
        attached.close()
        const results = readResults(collection, trace, attached.nameOf)
        runtime.close()
        return results
      },
    }
  } catch (error) {
    runtime.close()
    throw error
  }
}

/** Runs a script in this process as `node SCRIPT ARGS...` would. */
export async function runScript(script: string, args: readonly string[]): Promise<void> {
  const path = resolve(script)
  process.argv = [process.argv[0]!, path, ...args]
  await importModule(pathToFileURL(path).href)
}
