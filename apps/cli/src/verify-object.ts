import { basename } from 'node:path'
import {
  type CollectionSpec,
  completeMaps,
  createDefaultPlatform,
  type ParseOptions,
  type Platform,
  type ProgramSpec,
  type RefusedMap,
  refusedMap,
} from '@skep/runtime'
import { createVerifier, type Verdict, type Verifier } from '@skep/verifier'
import { findRefusal } from '@skep/verifier/explain'
import { readObject } from './input.ts'
import { runningSymbols } from './kernel-symbols.ts'
import { UsageError } from './report.ts'
import { kernelTypes, possibleCpus, targetKernel } from './target-kernel.ts'

export interface ObjectOptions {
  /** BTF of the kernel that programs are for; by default the running one's. */
  readonly kernelBtf?: string
  /** Only this program. */
  readonly program?: string
  /** The type of programs whose section names none. */
  readonly type?: string
}

/** What judging objects needs, made once for all of them. */
export interface Judge {
  readonly platform: Platform
  readonly verifier: Verifier
  /** What loaders are told of the kernel. */
  readonly target: ParseOptions
  /** CPUs of the machine that objects are read for: this one. */
  readonly cpus: number
}

/** One program's verdict, as JSON has it. */
export interface ProgramReport {
  readonly name: string
  readonly section: string
  readonly type: string
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  readonly line?: string
  /** The kind of refusal, stable. */
  readonly code?: string
  /** The decisive fact in one sentence. */
  readonly sentence?: string
  readonly insn?: number
  readonly source?: string
  readonly processed: number
  readonly log?: string
}

/** Bytes for the states of a program: the largest that Linux loads need more than a runtime gives what it does not trust. */
const MEMORY_LIMIT = 2 ** 31

export async function createJudge(options: Pick<ObjectOptions, 'kernelBtf'>): Promise<Judge> {
  const platform = createDefaultPlatform()
  const target = await targetKernel(options.kernelBtf)
  const cpus = await possibleCpus()
  const verifier = await createVerifier(platform, {
    cpus,
    memoryLimit: MEMORY_LIMIT,
    ...kernelTypes(target),
    ...(options.kernelBtf === undefined ? { kernelSymbols: runningSymbols } : {}),
  })
  return { platform, verifier, target, cpus }
}

/** An object as it would be loaded on this machine. */
export async function openObject(
  file: string,
  { platform, target, cpus }: Judge,
  options: ObjectOptions,
): Promise<CollectionSpec> {
  const spec = await readObject(file, platform, target)
  const typed = options.type === undefined ? spec : withType(spec, platform, options.type)
  const completed = completeMaps(typed, platform, cpus)
  if (options.program === undefined) return completed
  return { ...completed, programs: completed.programs.filter((p) => p.name === options.program) }
}

/** Gives programs of sections that name no type one. */
function withType(spec: CollectionSpec, platform: Platform, name: string): CollectionSpec {
  const type = platform.programTypes.byName(name)?.name
  if (type === undefined) {
    const known = [...platform.programTypes].map((t) => t.name).join(', ')
    throw new UsageError(`--type ${name}: no such program type; one of ${known}`)
  }
  return { ...spec, programs: spec.programs.map((p) => (p.type === 0 ? { ...p, type } : p)) }
}

/** The verdict on one program of an object whose maps can be made. */
export const verifyProgram = (
  { verifier }: Judge,
  spec: CollectionSpec,
  program: ProgramSpec,
  logLevel = 0,
): Verdict => verifier.verify({ program, maps: spec.maps, ...(spec.btf ? { btf: spec.btf } : {}), logLevel })

/** Why the object's maps cannot be made, so that none of its programs loads. */
export const objectRefusal = ({ platform }: Judge, spec: CollectionSpec): RefusedMap | undefined =>
  refusedMap(spec, platform)

export const describeRefusedMap = ({ map, errno, reason }: RefusedMap): string =>
  `map ${map} cannot be made: ${errno}: ${reason}`

export interface EarlyRefusal {
  readonly errno: string
  readonly line: string
}

/** Why programs of an object are refused before anything verifies them: a map cannot be made, or nothing names a type. */
export function refusedEarly(
  judge: Judge,
  spec: CollectionSpec,
): (program: ProgramSpec) => EarlyRefusal | undefined {
  const refused = objectRefusal(judge, spec)
  if (refused) return () => ({ errno: refused.errno, line: describeRefusedMap(refused) })
  return ({ type, section }) =>
    type === 0
      ? {
          errno: 'EINVAL',
          line: `section ${section} names no program type; rename it, or give the type with --type`,
        }
      : undefined
}

/** The program type's name, where the platform knows it. */
export const typeName = ({ platform }: Judge, { type }: ProgramSpec): string =>
  type === 0 ? 'none' : (platform.programTypes.get(type)?.name ?? String(type))

/** Verdicts of all programs of an object. */
export function verifyObject(judge: Judge, spec: CollectionSpec, log: boolean): ProgramReport[] {
  const refusal = refusedEarly(judge, spec)
  return spec.programs.map((program) => {
    const head = { name: program.name, section: program.section, type: typeName(judge, program) }
    const refused = refusal(program)
    if (refused) return { ...head, verdict: 'reject', ...refused, processed: 0 }
    const verdict = verifyProgram(judge, spec, program, log ? 2 : 0)
    return { ...head, ...fields(verdict), ...(log ? { log: verdict.log() } : {}) }
  })
}

function fields(verdict: Verdict): Omit<ProgramReport, 'name' | 'section' | 'type'> {
  if (verdict.verdict === 'accept') return { verdict: 'accept', processed: verdict.processed }
  const { source } = verdict
  return {
    verdict: 'reject',
    errno: verdict.errno,
    line: verdict.line,
    code: verdict.code,
    sentence: findRefusal(verdict.line).sentence,
    insn: verdict.insn,
    ...(source ? { source: `${basename(source.file)}:${source.line}: ${source.text.trim()}` } : {}),
    processed: verdict.processed,
  }
}
