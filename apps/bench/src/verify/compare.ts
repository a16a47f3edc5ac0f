import type { Kernel } from '@skep/linux'
import { createRuntime, type Platform } from '@skep/runtime'
import type { Verifier } from '@skep/verifier'
import { type Spread, spread } from '../statistics.ts'
import { type ColdVerification, verifyCold } from './cold.ts'
import { KernelLoads } from './kernel-loads.ts'
import type { VerifyOptions } from './options.ts'
import { inputOf, readObject, type VerifySubject } from './subjects.ts'

/** Two sides' times, in turn. */
export interface Compared {
  /** Nanoseconds. */
  readonly skep: Spread
  readonly kernel?: Spread
  /** Skep's time divided by the kernel's, round by round. */
  readonly ratio?: Spread
}

export interface VerifyResult {
  readonly object: string
  readonly program: string
  /** Slots. */
  readonly insns: number
  /** Instructions walked. */
  readonly walked: number
  /** Instructions that the kernel walked. */
  readonly kernelWalked?: number
  /** Most bytes that states took at one time. */
  readonly stateBytes: number
  readonly totalStates: number
  readonly warm: Compared
  /** The first verification of a new process. */
  readonly cold?: Compared
  readonly coldParts?: Readonly<Record<'create' | 'parse' | 'again' | 'rss', Spread>>
  /** Parse, verify, link and compile, in nanoseconds. */
  readonly whole?: Spread
}

/** Why a program is in no table. */
export interface Left {
  readonly object: string
  readonly program?: string
  readonly reason: string
}

export interface Bench {
  readonly kernel: Kernel | undefined
  readonly platform: Platform
  readonly verifier: Verifier
  readonly kernelBtf: Uint8Array | undefined
  readonly cpus: number
  /** The module that new processes run. */
  readonly main: string
}

const now = (): number => performance.now() * 1e6

/** Both verdicts, and the figures where both accept and walk enough; undefined where it walks less. */
export async function compareProgram(
  bench: Bench,
  subject: VerifySubject,
  options: VerifyOptions,
): Promise<VerifyResult | Left | undefined> {
  const { object, program } = subject
  const left = (reason: string): Left => ({ object, program: program.name, reason })
  let loads: KernelLoads | undefined
  try {
    loads = bench.kernel && KernelLoads.open(bench.kernel, subject)
  } catch (error) {
    return left(`the kernel cannot load it: ${(error as Error).message}`)
  }
  try {
    const kernelWalked = loads?.walked()
    if (typeof kernelWalked === 'string') return left(`the kernel refuses it: ${kernelWalked}`)
    const verdict = bench.verifier.verify(inputOf(subject))
    if (verdict.verdict === 'reject') return left(`refused: ${verdict.line}`)
    if (verdict.processed <= options.least) return undefined
    const warm = compareWarm(bench.verifier, subject, loads, options)
    const cold = options.cold > 0 ? await compareCold(bench, subject, loads, options.cold) : {}
    const whole = options.whole > 0 ? await wholeLoads(bench, subject, options.whole) : undefined
    return {
      object,
      program: program.name,
      insns: program.insns.length / 8,
      walked: verdict.processed,
      ...(kernelWalked === undefined ? {} : { kernelWalked }),
      stateBytes: verdict.stats.stateBytes,
      totalStates: verdict.stats.totalStates,
      warm,
      ...cold,
      ...(whole ? { whole } : {}),
    }
  } finally {
    loads?.close()
  }
}

/** Until V8 has compiled what it will: so long, and so often. */
const WARM_UP = 4e8
const WARM_RUNS = 4

function compareWarm(
  verifier: Verifier,
  subject: VerifySubject,
  loads: KernelLoads | undefined,
  { rounds, seconds }: VerifyOptions,
): Compared {
  const input = inputOf(subject)
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
  { main, cpus }: Bench,
  subject: VerifySubject,
  loads: KernelLoads | undefined,
  processes: number,
): Promise<Required<Pick<VerifyResult, 'cold' | 'coldParts'>>> {
  const runs: ColdVerification[] = []
  const kernel: number[] = []
  for (let i = 0; i < processes; i++) {
    const before = loads?.time()
    runs.push(await verifyCold(main, subject, cpus))
    const after = loads?.time()
    if (before !== undefined && after !== undefined) kernel.push((before + after) / 2)
  }
  const of = (part: keyof ColdVerification): Spread => spread(runs.map((run) => run[part]))
  return {
    cold: compared(
      runs.map((run) => run.verify),
      kernel,
    ),
    coldParts: { create: of('create'), parse: of('parse'), again: of('again'), rss: of('rss') },
  }
}

/** From the file's bytes to code that runs; undefined where the runtime lacks what the program needs. */
async function wholeLoads(
  { platform, kernelBtf, cpus }: Bench,
  { file, program }: VerifySubject,
  times: number,
): Promise<Spread | undefined> {
  const runtime = await createRuntime({ cpus, ...(kernelBtf ? { kernelBtf } : {}) })
  try {
    const took: number[] = []
    for (let i = 0; i < times; i++) {
      const start = now()
      const spec = readObject(file, platform, kernelBtf, cpus)
      const collection = await runtime.load(spec, { programs: [program.name] })
      took.push(now() - start)
      collection.close()
    }
    return spread(took)
  } catch {
    return undefined
  } finally {
    runtime.close()
  }
}
