import { ClassicError, type ClassicInsn, checkClassic, checkSeccomp } from '@skep/isa'
import { askSeccomp } from '../../../../packages/loader-cbpf/test/seccomp-filters.ts'
import { askSockets } from '../../../../packages/loader-cbpf/test/socket-filters.ts'
import { makeBroken, makeSeccomp } from './cases.ts'

const EINVAL = 22

/** How a check and the kernel judged a number of programs. */
export interface RefusalTally {
  programs: number
  refused: number
  /** Refusals by our reason. */
  readonly codes: Map<string, number>
  readonly differences: { readonly insns: readonly ClassicInsn[]; readonly what: string }[]
}

const newTally = (): RefusalTally => ({ programs: 0, refused: 0, codes: new Map(), differences: [] })

/** What a check says: undefined where it takes the program. */
function reasonOf(
  check: (insns: readonly ClassicInsn[]) => void,
  insns: readonly ClassicInsn[],
): ClassicError | undefined {
  try {
    check(insns)
    return undefined
  } catch (error) {
    if (error instanceof ClassicError) return error
    throw error
  }
}

function add(
  tally: RefusalTally,
  check: (insns: readonly ClassicInsn[]) => void,
  programs: readonly (readonly ClassicInsn[])[],
  errnos: readonly number[],
): void {
  for (const [at, insns] of programs.entries()) {
    const ours = reasonOf(check, insns)
    const errno = errnos[at]!
    tally.programs++
    if (ours !== undefined) {
      tally.refused++
      tally.codes.set(ours.code, (tally.codes.get(ours.code) ?? 0) + 1)
    }
    if (errno === (ours === undefined ? 0 : EINVAL)) continue
    const what = `the kernel says ${errno === 0 ? 'yes' : `errno ${errno}`}, the check ${ours?.message ?? 'yes'}`
    tally.differences.push({ insns, what })
  }
}

const BATCH = 1000

function batches(count: number, from: number, make: (index: number) => ClassicInsn[]): ClassicInsn[][][] {
  return Array.from({ length: Math.ceil(count / BATCH) }, (_, batch) =>
    Array.from({ length: Math.min(BATCH, count - batch * BATCH) }, (_, at) =>
      make(from + batch * BATCH + at),
    ),
  )
}

/** Broken programs for sockets: SO_ATTACH_FILTER beside `checkClassic`. */
export function compareSocketRefusals(seed: number, from: number, count: number): RefusalTally {
  const tally = newTally()
  for (const programs of batches(count, from, (index) => makeBroken(seed, index))) {
    const answers = askSockets(programs.map((insns) => ({ insns, packets: [] })))
    add(
      tally,
      checkClassic,
      programs,
      answers.map((answer) => ('errno' in answer ? answer.errno : 0)),
    )
  }
  return tally
}

/** Sound and broken seccomp filters: prctl(PR_SET_SECCOMP) in processes of their own beside `checkSeccomp`. */
export function compareSeccompRefusals(seed: number, from: number, count: number): RefusalTally {
  const tally = newTally()
  for (const programs of batches(count, from, (index) => makeSeccomp(seed, index)))
    add(tally, checkSeccomp, programs, askSeccomp(programs))
  return tally
}
