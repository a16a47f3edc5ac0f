import { type Kernel, LinuxUnavailableError, openKernel } from '@skep/linux'
import { createDefaultPlatform } from '@skep/runtime'
import { BenchError } from './errors.ts'
import type { BenchReport } from './json.ts'
import { KernelSubject } from './kernel-subject.ts'
import { type MeasureOptions, measure, type Side } from './measure.ts'
import { mixedKinds } from './packets.ts'
import { type BenchProgram, programOf } from './programs.ts'
import { RemoteSubject } from './remote-subject.ts'
import { SkepSubject } from './skep-subject.ts'
import { readSpec } from './spec.ts'
import { spread } from './statistics.ts'
import { type Outcome, type RingName, ringNames, type Subject } from './subject.ts'

/** The kernel, or why there is none. */
export type Reference = { readonly kernel: Kernel } | { readonly kernel?: undefined; readonly reason: string }

/** Where `BPF_PROG_TEST_RUN` can be reached; figures stand without ratios where it cannot. */
export async function findKernel(): Promise<Reference> {
  try {
    return { kernel: await openKernel() }
  } catch (error) {
    if (error instanceof LinuxUnavailableError) return { reason: error.reason }
    throw error
  }
}

/** How programs are timed: the kernel's test run, and Skep's engines. */
export const sideNames = ['kernel', 'interpreter', 'jit', 'jit-batch'] as const
export type SideName = (typeof sideNames)[number]

export type ProgramResult = BenchReport['programs'][number]
export type RingResult = BenchReport['rings'][number]

/** Programs that also take rings of packets. */
export const RING_PROGRAMS = ['b', 'c', 'd', 'e'] as const

export type Progress = (doing: string) => void

/** A program's outcomes by side. */
export interface Agreement {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly outcomes: Readonly<Record<string, Outcome>>
}

type Opener = (program: BenchProgram, engine: string) => Promise<Subject>

interface Sides {
  readonly insns: number
  readonly kernel: KernelSubject | undefined
  readonly interpreter: Subject
  readonly jit: Subject
}

/** A program on all its sides while `act` runs. */
async function withSides<T>(
  program: BenchProgram,
  reference: Reference,
  open: Opener,
  act: (sides: Sides) => Promise<T>,
): Promise<T> {
  const opened: Subject[] = []
  const keep = <S extends Subject>(subject: S): S => {
    opened.push(subject)
    return subject
  }
  try {
    const spec = readSpec(program, createDefaultPlatform())
    const { kernel } = reference
    return await act({
      insns: spec.programs[0]!.insns.length / 8,
      kernel: kernel && keep(new KernelSubject(kernel, spec, program)),
      interpreter: keep(await open(program, 'interpreter')),
      jit: keep(await open(program, 'jit')),
    })
  } finally {
    for (const subject of opened) await subject.close()
  }
}

/** One run on every side. Throws BenchError DISAGREE when they did different things, or other than is known. */
async function agree(program: BenchProgram, { kernel, interpreter, jit }: Sides): Promise<Agreement> {
  const outcomes: Record<string, Outcome> = {
    ...(kernel ? { kernel: await kernel.outcome() } : {}),
    interpreter: await interpreter.outcome('call'),
    'interpreter-batch': await interpreter.outcome('batch'),
    jit: await jit.outcome('call'),
    'jit-batch': await jit.outcome('batch'),
  }
  const { id, name, title, retval } = program
  const [[first, wanted] = [], ...others] = Object.entries(outcomes)
  const told = (side: string, what: string): never => {
    throw new BenchError('DISAGREE', `${id} ${name}: ${side} ${what}`)
  }
  if (retval !== undefined && wanted!.retval !== retval) {
    told(first!, `returned ${wanted!.retval}, must be ${retval}`)
  }
  for (const [side, outcome] of others) {
    for (const field of ['retval', 'data', 'counted'] as const) {
      if (outcome[field] === wanted![field]) continue
      told(side, `has ${field} ${outcome[field]}, ${first} has ${wanted![field]}`)
    }
  }
  return { id, name, title, outcomes }
}

/** Runs a program once on every side of one thread, and compares. */
export const check = (program: BenchProgram, reference: Reference): Promise<Agreement> =>
  withSides(program, reference, SkepSubject.create, (sides) => agree(program, sides))

/** Runs every ring once, and compares the verdict on each kind of packet with the kernel's. */
export async function checkRings(reference: Reference): Promise<readonly RingName[]> {
  for (const id of RING_PROGRAMS) {
    await withSides(programOf(id), reference, SkepSubject.create, async (sides) => {
      // One program shows that the cold rings are made as the others are.
      for (const ring of ringNames) if (id === 'b' || ring.endsWith('hot')) await agreeOnRing(ring, sides)
    })
  }
  return ringNames
}

async function agreeOnRing(ring: RingName, { kernel, interpreter, jit }: Sides): Promise<void> {
  // A ring of 64 MiB on the interpreter would show no more than that of 2 MiB.
  const sides = ring.endsWith('hot') ? { interpreter, jit } : { jit }
  for (const [side, subject] of Object.entries(sides)) {
    const verdicts = await subject.ringVerdicts(ring)
    for (const [kind, verdict] of verdicts.entries()) {
      const { name, packet } = mixedKinds[kind]!
      const wanted = kernel?.outcomeOf(packet).retval
      if (wanted === undefined || wanted === verdict) continue
      throw new BenchError('DISAGREE', `${ring}, ${name}: ${side} says ${verdict}, the kernel ${wanted}`)
    }
  }
}

/** Runs of a new thread that are timed as cold ones. */
const COLD_RUNS = 256

/** Times the first runs in new threads; one for each way, since what one has compiled would serve the other. */
async function timeCold(
  program: BenchProgram,
  file: string,
  threads: number,
): Promise<NonNullable<ProgramResult['cold']>> {
  const times = { call: [] as number[], batch: [] as number[] }
  for (let n = 0; n < threads; n++) {
    for (const way of ['call', 'batch'] as const) {
      const subject = await RemoteSubject.create(file, program, 'jit')
      try {
        times[way].push(await subject.time(way, COLD_RUNS))
      } finally {
        await subject.close()
      }
    }
  }
  return { jit: spread(times.call), 'jit-batch': spread(times.batch) }
}

export interface ProgramOptions extends MeasureOptions {
  /** New threads for the first runs, each way; 0 for none. */
  readonly cold: number
}

/** Times one program on every side, engines in threads of their own. `file` is the module that calls `serve`. */
export async function benchProgram(
  program: BenchProgram,
  reference: Reference,
  file: string,
  options: ProgramOptions,
): Promise<ProgramResult> {
  const open: Opener = (source, engine) => RemoteSubject.create(file, source, engine)
  const cold = options.cold > 0 ? { cold: await timeCold(program, file, options.cold) } : {}
  return withSides(program, reference, open, async (sides) => {
    await agree(program, sides)
    const { insns, kernel, interpreter, jit } = sides
    const most = program.ring ? { mostRuns: program.ring.runs } : {}
    const timed: (Side & { name: SideName })[] = [
      { name: 'interpreter', time: (runs) => interpreter.time('call', runs), ...most },
      { name: 'jit', time: (runs) => jit.time('call', runs), ...most },
      { name: 'jit-batch', time: (runs) => jit.time('batch', runs), ...most },
    ]
    const measured = await measure([...kernelSide(kernel, most), ...timed], { ...options, base: 'kernel' })
    const { id, name, title } = program
    return { id, name, title, insns, sides: Object.fromEntries(measured) as ProgramResult['sides'], ...cold }
  })
}

/** Times programs in batches over rings of packets, beside the kernel's test run of each over one packet. */
export async function benchRings(
  reference: Reference,
  file: string,
  options: MeasureOptions,
): Promise<readonly RingResult[]> {
  const open: Opener = (source, engine) => RemoteSubject.create(file, source, engine)
  const results: RingResult[] = []
  for (const id of RING_PROGRAMS) {
    await withSides(programOf(id), reference, open, async (sides) => {
      const rings = ringNames.map((name): Side => ({ name, time: (runs) => sides.jit.time(name, runs) }))
      const measured = await measure([...kernelSide(sides.kernel), ...rings], { ...options, base: 'kernel' })
      for (const ring of ringNames) results.push({ program: id, ring, measured: measured.get(ring)! })
    })
  }
  return results
}

const kernelSide = (
  kernel: KernelSubject | undefined,
  more: Partial<Side> = {},
): (Side & { name: 'kernel' })[] =>
  kernel ? [{ ...more, name: 'kernel', time: (runs) => kernel.time('call', runs), compiled: true }] : []
