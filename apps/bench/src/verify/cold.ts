import { execFile } from 'node:child_process'
import { type CollectionSpec, createDefaultPlatform } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { BenchError } from '../errors.ts'
import { inputOf, readObject, runningKernelBtf } from './subjects.ts'

/** What a new process took to verify the programs of an object once each, in nanoseconds. */
export interface ColdVerification {
  /** The platform's tables and the verifier. */
  readonly create: number
  readonly parse: number
  readonly verify: number
  /** The same programs a second time. */
  readonly again: number
  /** Most bytes of memory that the process had, all of V8 and this bench's code included. */
  readonly rss: number
}

/** First argument of a process that verifies the programs of an object. */
export const COLD = 'verify-cold'

interface Task {
  readonly file: string
  /** Names of programs. */
  readonly programs: readonly string[]
  readonly cpus: number
  /** The programs need the kernel's types. */
  readonly types: boolean
}

/** Types of programs for which the verifier needs the kernel's types. */
const typed: readonly (string | number)[] = ['tracing', 'lsm', 'struct_ops', 'ext']

const needsKernelTypes = ({ programs }: CollectionSpec, names: readonly string[]): boolean =>
  programs.some(
    ({ name, type, references }) =>
      names.includes(name) &&
      (typed.includes(type) || references.some(({ kind }) => kind === 'kfunc' || kind === 'ksym')),
  )

/** In the new process: verifies the programs, and prints the figures as JSON. */
export async function runCold(args: readonly string[]): Promise<void> {
  const task = JSON.parse(args[0] ?? '') as Task
  const { file, programs, cpus } = task
  const kernelBtf = task.types ? runningKernelBtf() : undefined
  const times = [performance.now()]
  const lap = (): void => void times.push(performance.now())
  const platform = createDefaultPlatform()
  const verifier = await createVerifier(platform, { cpus, ...(kernelBtf ? { kernelBtf } : {}) })
  lap()
  const spec = readObject(file, platform, kernelBtf, cpus)
  lap()
  const chosen = spec.programs.filter(({ name }) => programs.includes(name))
  const inputs = chosen.map((program) => inputOf({ spec, program }))
  for (let i = 0; i < 2; i++) {
    for (const input of inputs) verifier.verify(input)
    lap()
  }
  const took = (from: number): number => (times[from + 1]! - times[from]!) * 1e6
  const cold: ColdVerification = {
    create: took(0),
    parse: took(1),
    verify: took(2),
    again: took(3),
    rss: process.resourceUsage().maxRSS * 1024,
  }
  process.stdout.write(JSON.stringify(cold))
}

/** Verifies programs of an object in a new process; `main` is the module that calls `runCold`. */
export function verifyCold(
  main: string,
  file: string,
  spec: CollectionSpec,
  programs: readonly string[],
  cpus: number,
): Promise<ColdVerification> {
  const task: Task = { file, programs, cpus, types: needsKernelTypes(spec, programs) }
  const args = [...process.execArgv, main, COLD, JSON.stringify(task)]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      if (error) reject(new BenchError('WORKER', `a new process: ${stderr.trim() || error.message}`, error))
      else resolve(JSON.parse(stdout) as ColdVerification)
    })
  })
}
