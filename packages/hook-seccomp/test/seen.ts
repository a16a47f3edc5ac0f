import type { SeccompDecision } from '../src/index.ts'
import type { KernelAnswer } from './ask-kernel.ts'

const SIGSYS = 31

/** What a child sees of a decision; undefined where the call itself says it. */
export function seen(decision: SeccompDecision): KernelAnswer | undefined {
  if (decision.errno !== undefined) return { kind: 'returned', value: -decision.errno || 0 }
  if (decision.action === 'trap') return { kind: 'trapped', value: decision.data }
  return decision.runs ? undefined : { kind: 'killed', value: SIGSYS }
}
