import { checkProgram, type ProgramOf } from './check-program.ts'
import { PT_REGS, PT_REGS_SIZE } from './pt-regs.ts'
import { RunContext } from './run-context.ts'

/** A program of SEC("perf_event"). */
export type PerfEventProgram = ProgramOf<'perf_event'>

const PERIOD = PT_REGS_SIZE
const CONTEXT_SIZE = PT_REGS_SIZE + 16

/** Runs a program over samples: `struct bpf_perf_event_data` with the innermost frame for ip, and the stack for helpers. */
export class PerfEventRuns {
  readonly context: RunContext

  /** `period`: nanoseconds between two samples. Throws KprobeAttachError. */
  constructor(program: PerfEventProgram, period: number, cookie: bigint) {
    checkProgram(program, ['perf_event'])
    this.context = new RunContext(program, CONTEXT_SIZE, 0)
    this.context.setCookie(cookie)
    const { arena, address } = this.context
    arena.view.setBigUint64(address + PERIOD, BigInt(Math.round(period)), true)
  }

  /** One sample: addresses of its frames, the innermost first. */
  run(frames: readonly bigint[]): void {
    const { context } = this
    if (!context.begin()) return
    const ip = frames[0] ?? 0n
    context.arena.view.setBigUint64(context.address + PT_REGS.ip, ip, true)
    context.run({ ip, frames })
  }
}
