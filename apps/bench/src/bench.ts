import { type Kernel, LinuxUnavailableError, openKernel } from '@skep/linux'
import { createDefaultPlatform } from '@skep/runtime'
import { BenchError } from './errors.ts'
import { KernelSubject } from './kernel-subject.ts'
import { type Measured, type MeasureOptions, measure, type Side } from './measure.ts'
import { mixedKinds } from './packets.ts'
import { type BenchProgram, programOf } from './programs.ts'
import { RemoteSubject } from './remote-subject.ts'
import { SkepSubject } from './skep-subject.ts'
import { readSpec } from './spec.ts'
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

export interface ProgramResult {
  readonly id: string
  readonly name: string
  readonly title: string
  /** Slots of the program. */
  readonly insns: number
  readonly sides: Readonly<Partial<Record<SideName, Measured>>>
}

export interface RingResult {
  readonly ring: RingName
  /** Nanoseconds a packet; the ratio is to the kernel's test run of program b over one packet. */
  readonly measured: Measured
}

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
  await withSides(programOf('b'), reference, SkepSubject.create, async (sides) => {
    for (const ring of ringNames) await agreeOnRing(ring, sides)
  })
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

/** Times one program on every side, engines in threads of their own. `file` is the module that calls `serve`. */
export function benchProgram(
  program: BenchProgram,
  reference: Reference,
  file: string,
  options: MeasureOptions,
): Promise<ProgramResult> {
  const open: Opener = (source, engine) => RemoteSubject.create(file, source, engine)
  return withSides(program, reference, open, async (sides) => {
    await agree(program, sides)
    const { insns, kernel, interpreter, jit } = sides
    const timed: (Side & { name: SideName })[] = [
      { name: 'interpreter', time: (runs) => interpreter.time('call', runs) },
      { name: 'jit', time: (runs) => jit.time('call', runs) },
      { name: 'jit-batch', time: (runs) => jit.time('batch', runs) },
    ]
    const measured = await measure([...kernelSide(kernel), ...timed], { ...options, base: 'kernel' })
    const { id, name, title } = program
    return { id, name, title, insns, sides: Object.fromEntries(measured) }
  })
}

/** Times program b in batches over rings of packets, beside the kernel's test run of it over one packet. */
export function benchRings(
  reference: Reference,
  file: string,
  options: MeasureOptions,
): Promise<readonly RingResult[]> {
  const open: Opener = (source, engine) => RemoteSubject.create(file, source, engine)
  return withSides(programOf('b'), reference, open, async (sides) => {
    for (const ring of ringNames) await agreeOnRing(ring, sides)
    const rings = ringNames.map((name): Side => ({ name, time: (runs) => sides.jit.time(name, runs) }))
    const measured = await measure([...kernelSide(sides.kernel), ...rings], { ...options, base: 'kernel' })
    return ringNames.map((ring) => ({ ring, measured: measured.get(ring)! }))
  })
}

const kernelSide = (kernel: KernelSubject | undefined): (Side & { name: 'kernel' })[] =>
  kernel ? [{ name: 'kernel', time: (runs) => kernel.time('call', runs), compiled: true }] : []
