import { execFile } from 'node:child_process'
import { createDefaultPlatform } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { BenchError } from '../errors.ts'
import { inputOf, readObject, runningKernelBtf, type VerifySubject } from './subjects.ts'

/** What a new process took to verify one program, in nanoseconds. */
export interface ColdVerification {
  /** The platform's tables and the verifier. */
  readonly create: number
  readonly parse: number
  readonly verify: number
  /** The same program a second time. */
  readonly again: number
  /** Most bytes of memory that the process had, all of V8 and this bench's code included. */
  readonly rss: number
}

/** First argument of a process that verifies one program. */
export const COLD = 'verify-cold'

/** Types of programs for which the verifier needs the kernel's types. */
const typed: readonly (string | number)[] = ['tracing', 'lsm', 'struct_ops', 'ext']

export const needsKernelTypes = ({ program }: Pick<VerifySubject, 'program'>): boolean =>
  typed.includes(program.type) || program.references.some(({ kind }) => kind === 'kfunc' || kind === 'ksym')

/** In the new process: verifies the program, and prints the figures as JSON. */
export async function runCold(args: readonly string[]): Promise<void> {
  const [file, name, cpus, types] = args
  const kernelBtf = types === 'types' ? runningKernelBtf() : undefined
  const times = [performance.now()]
  const lap = (): void => void times.push(performance.now())
  const platform = createDefaultPlatform()
  const verifier = await createVerifier(platform, {
    cpus: Number(cpus),
    ...(kernelBtf ? { kernelBtf } : {}),
  })
  lap()
  const spec = readObject(file!, platform, kernelBtf, Number(cpus))
  lap()
  const program = spec.programs.find((p) => p.name === name)
  if (!program) throw new BenchError('NOT_FOUND', `no program ${name}`)
  const input = inputOf({ spec, program })
  lap()
  verifier.verify(input)
  lap()
  verifier.verify(input)
  lap()
  const took = (from: number): number => (times[from + 1]! - times[from]!) * 1e6
  const cold: ColdVerification = {
    create: took(0),
    parse: took(1),
    verify: took(3),
    again: took(4),
    rss: process.resourceUsage().maxRSS * 1024,
  }
  process.stdout.write(JSON.stringify(cold))
}

/** Verifies a program in a new process; `main` is the module that calls `runCold`. */
export function verifyCold(main: string, subject: VerifySubject, cpus: number): Promise<ColdVerification> {
  const types = needsKernelTypes(subject) ? 'types' : 'none'
  const args = [...process.execArgv, main, COLD, subject.file, subject.program.name, String(cpus), types]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      if (error) reject(new BenchError('WORKER', `a new process: ${stderr.trim() || error.message}`, error))
      else resolve(JSON.parse(stdout) as ColdVerification)
    })
  })
}
