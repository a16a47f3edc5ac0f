import {
  decisiveLine,
  type Kernel,
  KernelError,
  type PreparedCollection,
  prepareCollection,
  processedInsns,
} from '@skep/linux'
import type { CollectionSpec, ProgramSpec } from '@skep/runtime'
import { type Judge, refusedEarly, typeName, verifyProgram } from './verify-object.ts'

/** A verdict of one side. */
export interface Side {
  /**
   * `none` where the kernel did not look at the program: it does not let this process load programs of the type, or it lacks
   * what the program refers to.
   */
  readonly verdict: 'accept' | 'reject' | 'none'
  readonly errno?: string
  /** Why it was refused: a line of the log, or what happened before there was one. */
  readonly line?: string
  /** Instructions walked. */
  readonly processed: number
  readonly milliseconds: number
}

export interface ProgramComparison {
  readonly name: string
  readonly section: string
  readonly type: string
  /** The verdicts are the same, or the kernel has none. */
  readonly equal: boolean
  readonly skep: Side
  readonly kernel: Side
}

/** Counts over programs. */
export interface Summary {
  readonly programs: number
  readonly bothAccept: number
  readonly bothRefuse: number
  /** Of those that both refuse: with the same decisive line. */
  readonly sameLine: number
  /** Of those that both refuse: in sections that name no type. */
  readonly untyped: number
  readonly onlySkepAccepts: number
  readonly onlyKernelAccepts: number
  /** Programs that the kernel did not look at. */
  readonly notJudged: number
}

/** Verdicts of both sides on every program of an object. A map that cannot be made refuses them all. */
export function compareObject(judge: Judge, kernel: Kernel, spec: CollectionSpec): ProgramComparison[] {
  const prepared = prepare(kernel, spec)
  const refusedHere = refusedEarly(judge, spec)
  try {
    return spec.programs.map((program) => {
      const refused = refusedHere(program)
      const skep = refused ? refusal(refused.errno, refused.line) : ownVerdict(judge, spec, program)
      const theirs =
        prepared instanceof KernelError
          ? refusal(prepared.errno, prepared.message)
          : kernelVerdict(prepared, program)
      return {
        name: program.name,
        section: program.section,
        type: typeName(judge, program),
        equal: theirs.verdict === 'none' || skep.verdict === theirs.verdict,
        skep,
        kernel: theirs,
      }
    })
  } finally {
    if (!(prepared instanceof KernelError)) prepared.close()
  }
}

export function summarize(programs: readonly ProgramComparison[]): Summary {
  const count = (skep: Side['verdict'], kernel: Side['verdict']): ProgramComparison[] =>
    programs.filter((p) => p.skep.verdict === skep && p.kernel.verdict === kernel)
  const bothRefuse = count('reject', 'reject')
  return {
    programs: programs.length,
    bothAccept: count('accept', 'accept').length,
    bothRefuse: bothRefuse.length,
    untyped: bothRefuse.filter((p) => p.type === 'none').length,
    sameLine: bothRefuse.filter((p) => p.skep.line === p.kernel.line).length,
    onlySkepAccepts: count('accept', 'reject').length,
    onlyKernelAccepts: count('reject', 'accept').length,
    notJudged: programs.filter((p) => p.kernel.verdict === 'none').length,
  }
}

const refusal = (errno: string, line: string): Side => ({
  verdict: 'reject',
  errno,
  line,
  processed: 0,
  milliseconds: 0,
})

function prepare(kernel: Kernel, spec: CollectionSpec): PreparedCollection | KernelError {
  try {
    return prepareCollection(kernel, spec)
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
}

function timed<T>(act: () => T): [result: T, milliseconds: number] {
  const start = performance.now()
  const result = act()
  return [result, Math.round((performance.now() - start) * 100) / 100]
}

function ownVerdict(judge: Judge, spec: CollectionSpec, program: ProgramSpec): Side {
  const [verdict, milliseconds] = timed(() => verifyProgram(judge, spec, program))
  const { processed } = verdict
  if (verdict.verdict === 'accept') return { verdict: 'accept', processed, milliseconds }
  return { verdict: 'reject', errno: verdict.errno, line: verdict.line, processed, milliseconds }
}

/** Without a log first, which is fast; a refusal is asked for again with one. */
function kernelVerdict(prepared: PreparedCollection, program: ProgramSpec): Side {
  const [loaded, milliseconds] = timed(() => prepared.load(program, { logLevel: 0 }))
  if (loaded.ok) {
    const processed = loaded.verifiedInsns
    loaded.close()
    return { verdict: 'accept', processed, milliseconds }
  }
  const again = loaded.beforeKernel ? loaded : prepared.load(program, { logLevel: 1, lazyLog: true })
  if (again.ok) again.close()
  const log = again.log || loaded.log
  const line = decisiveLine(log)
  return {
    // The verifier has a log whenever it refuses.
    verdict: loaded.beforeKernel || (loaded.errno === 'EPERM' && !log) ? 'none' : 'reject',
    errno: loaded.errno,
    ...(line ? { line } : {}),
    processed: processedInsns(log),
    milliseconds,
  }
}
