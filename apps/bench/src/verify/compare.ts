import type { Kernel } from '@skep/linux'
import { type CollectionSpec, createRuntime, type Platform, type ProgramSpec } from '@skep/runtime'
import type { Verifier, VerifyInput } from '@skep/verifier'
import { type Spread, spread } from '../statistics.ts'
import { type ColdVerification, verifyCold } from './cold.ts'
import { type KernelLoads, KernelObject } from './kernel-loads.ts'
import type { VerifyOptions } from './options.ts'
import { inputOf, readObject } from './subjects.ts'

/** Two sides' times, in turn. */
export interface Compared {
  /** Nanoseconds. */
  readonly skep: Spread
  readonly kernel?: Spread
  /** Skep's time divided by the kernel's, round by round. */
  readonly ratio?: Spread
}

/** Verifying one program, warm. */
export interface ProgramResult {
  readonly object: string
  readonly program: string
  /** Slots. */
  readonly insns: number
  /** Instructions walked. */
  readonly walked: number
  /** Instructions that the kernel walked. */
  readonly kernelWalked?: number
  readonly totalStates: number
  /** Most bytes that states took at one time. */
  readonly stateBytes: number
  readonly warm: Compared
}

/** Loading all programs of an object that both sides accept. */
export interface ObjectResult {
  readonly object: string
  readonly programs: number
  /** Instructions walked, of all programs. */
  readonly walked: number
  /** The first verification of each program, in a new process; the kernel's loads of the same programs. */
  readonly cold?: Compared
  /** More of the new process. */
  readonly parts?: Readonly<Record<'create' | 'parse' | 'again' | 'rss', Spread>>
  /** Parse, verify, link and compile, warm, in nanoseconds. */
  readonly whole?: Spread
}

/** Why a program, or all of an object, is in no table. */
export interface Left {
  readonly object: string
  readonly program?: string
  readonly reason: string
}

export interface Results {
  readonly programs: ProgramResult[]
  readonly objects: ObjectResult[]
  readonly left: Left[]
}

export interface Bench {
  readonly kernel: Kernel | undefined
  readonly platform: Platform
  readonly verifier: Verifier
  readonly kernelBtf: Uint8Array | undefined
  readonly cpus: number
  /** The module that new processes run. */
  readonly main: string
  readonly options: VerifyOptions
  readonly progress: (text: string) => void
}

/** A program that both sides accept. */
interface Accepted {
  readonly program: ProgramSpec
  readonly loads: KernelLoads | undefined
  readonly walked: number
}

const now = (): number => performance.now() * 1e6

/** Takes the figures of an object's programs, and adds them to the results. */
export async function compareObject(
  bench: Bench,
  file: string,
  object: string,
  results: Results,
): Promise<void> {
  const { kernel, platform, kernelBtf, cpus, options } = bench
  let spec: CollectionSpec
  let live: KernelObject | undefined
  try {
    spec = readObject(file, platform, kernelBtf, cpus)
    live = kernel && new KernelObject(kernel, spec)
  } catch (error) {
    results.left.push({ object, reason: (error as Error).message })
    return
  }
  try {
    const accepted: Accepted[] = []
    for (const program of spec.programs) {
      if (!`${object} ${program.name}`.includes(options.only)) continue
      bench.progress(`${object} ${program.name}`)
      const judged = judge(bench, spec, program, live)
      if (typeof judged === 'string') {
        results.left.push({ object, program: program.name, reason: judged })
        continue
      }
      accepted.push(judged)
      if (judged.walked > options.least) results.programs.push(compareProgram(bench, object, spec, judged))
    }
    const walked = accepted.reduce((sum, program) => sum + program.walked, 0)
    if (walked <= options.least) return
    bench.progress(object)
    results.objects.push({
      object,
      programs: accepted.length,
      walked,
      ...(options.cold > 0 ? await compareCold(bench, file, spec, accepted) : {}),
      ...(options.whole > 0 ? await wholeLoads(bench, file, accepted) : {}),
    })
  } finally {
    live?.close()
  }
}

/** The program, or why it is left out. */
function judge(
  { verifier }: Bench,
  spec: CollectionSpec,
  program: ProgramSpec,
  live: KernelObject | undefined,
): Accepted | string {
  let loads: KernelLoads | undefined
  try {
    loads = live?.loads(program)
  } catch (error) {
    return `the kernel cannot load it: ${(error as Error).message}`
  }
  const there = loads?.walked()
  if (typeof there === 'string') return `the kernel refuses it: ${there}`
  const verdict = verifier.verify(inputOf({ spec, program }))
  if (verdict.verdict === 'reject') return `refused: ${verdict.line}`
  return { program, loads, walked: verdict.processed }
}

function compareProgram(
  { verifier, options }: Bench,
  object: string,
  spec: CollectionSpec,
  { program, loads }: Accepted,
): ProgramResult {
  const input = inputOf({ spec, program })
  const { stats, processed } = verifier.verify(input)
  const kernelWalked = loads?.walked()
  return {
    object,
    program: program.name,
    insns: program.insns.length / 8,
    walked: processed,
    ...(typeof kernelWalked === 'number' ? { kernelWalked } : {}),
    totalStates: stats.totalStates,
    stateBytes: stats.stateBytes,
    warm: compareWarm(verifier, input, loads, options),
  }
}

/** Until V8 has compiled what it will: so long, and so often. */
const WARM_UP = 4e8
const WARM_RUNS = 4

function compareWarm(
  verifier: Verifier,
  input: VerifyInput,
  loads: KernelLoads | undefined,
  { rounds, seconds }: VerifyOptions,
): Compared {
  const verify = (): number => {
    const start = now()
    verifier.verify(input)
    return now() - start
  }
  for (let spent = 0, runs = 0; spent < WARM_UP || runs < WARM_RUNS; runs++) spent += verify()
  const skep: number[] = []
  const kernel: number[] = []
  const end = now() + seconds * 1e9
  for (let round = 0; round < rounds && (round < 3 || now() < end); round++) {
    // Each begins every other round, so that whatever else the machine does falls on both alike.
    if (round % 2 === 0) skep.push(verify())
    if (loads) kernel.push(loads.time())
    if (round % 2 === 1) skep.push(verify())
  }
  return compared(skep, kernel)
}

const compared = (skep: readonly number[], kernel: readonly number[]): Compared => ({
  skep: spread(skep),
  ...(kernel.length > 0
    ? { kernel: spread(kernel), ratio: spread(skep.map((time, round) => time / kernel[round]!)) }
    : {}),
})

async function compareCold(
  { main, cpus, options }: Bench,
  file: string,
  spec: CollectionSpec,
  accepted: readonly Accepted[],
): Promise<Required<Pick<ObjectResult, 'cold' | 'parts'>>> {
  const names = accepted.map(({ program }) => program.name)
  const load = (): number => accepted.reduce((sum, { loads }) => sum + (loads?.time() ?? 0), 0)
  const runs: ColdVerification[] = []
  const kernel: number[] = []
  for (let i = 0; i < options.cold; i++) {
    const before = load()
    runs.push(await verifyCold(main, file, spec, names, cpus))
    const after = load()
    if (before > 0) kernel.push((before + after) / 2)
  }
  const of = (part: keyof ColdVerification): Spread => spread(runs.map((run) => run[part]))
  const verify = runs.map((run) => run.verify)
  return {
    cold: compared(verify, kernel),
    parts: { create: of('create'), parse: of('parse'), again: of('again'), rss: of('rss') },
  }
}

/** From the file's bytes to code that runs; nothing where the runtime lacks what a program needs. */
async function wholeLoads(
  { platform, kernelBtf, cpus, options }: Bench,
  file: string,
  accepted: readonly Accepted[],
): Promise<Pick<ObjectResult, 'whole'>> {
  const runtime = await createRuntime({ cpus, ...(kernelBtf ? { kernelBtf } : {}) })
  const programs = accepted.map(({ program }) => program.name)
  try {
    const took: number[] = []
    for (let i = 0; i < options.whole; i++) {
      const start = now()
      const spec = readObject(file, platform, kernelBtf, cpus)
      const collection = await runtime.load(spec, { programs })
      took.push(now() - start)
      collection.close()
    }
    return { whole: spread(took) }
  } catch {
    return {}
  } finally {
    runtime.close()
  }
}
