import type { Env } from './env.ts'
import { callbackOf, helperAt } from './helper-lookup.ts'
import { isHelperCall, isMayGoto } from './program.ts'

/** print_verification_stats, less the time, which differs from run to run. */
export function printStats(env: Env, accepted: boolean): void {
  if (env.log.stats) {
    const depths = env.subprogs.map((_, i) => (accepted ? finalDepth(env, i) : env.subprogs[i]!.stackDepth))
    env.log.print(`stack depth ${depths.join('+')}\n`)
  }
  env.log.print(
    `processed ${env.insnProcessed} insns (limit ${env.privileges.complexityLimit}) max_states_per_insn ${env.maxStatesPerInsn} total_states ${env.totalStates} peak_states ${env.peakStates} mark_read 0\n`,
  )
}

// What the kernel's rewriting adds to a function's stack: do_misc_fixups for timed may_goto, inline_bpf_loop.
const MAY_GOTO_BYTES = 16
const LOOP_BYTES = 24

/** Bytes of stack of a function as the kernel runs it, which keeps the counts of some loops there. */
function finalDepth(env: Env, index: number): number {
  const { program: p, facts } = env
  const { start, end, stackDepth } = env.subprogs[index]!
  let timed = 0
  let loop = 0
  for (let i = start; i < end; i++) {
    if (!facts.reachable[i]) continue
    if (isMayGoto(p, i)) timed = MAY_GOTO_BYTES
    if (!isHelperCall(p, i) || facts.callback[i]! < 0) continue
    const helper = helperAt(env, i)
    if (helper && callbackOf(helper) === 'loop') loop = LOOP_BYTES + ((8 - (stackDepth % 8)) % 8)
  }
  return stackDepth + timed + loop
}
