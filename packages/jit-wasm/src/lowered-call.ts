import { checkLower, type HelperDef, type LinkedHelper, type Lower, type LowerType } from '@skep/registry'
import { helperNeeds, NEED, type Need } from './calls.ts'
import { JitError } from './errors.ts'

/** A call whose helper's descriptor has an expression for it. */
export interface LoweredCall {
  readonly kind: 'lowered'
  readonly helper: LinkedHelper
  readonly lower: Lower
  readonly type: LowerType
  readonly needs: readonly Need[]
  /** An argument occurs more than once. */
  readonly repeats: boolean
  /** The helper itself is called, too. */
  readonly calls: boolean
}

/** How a call is made of its helper's expression. Throws JitError `BAD_PROGRAM` for one that `defineHelper` would refuse. */
export function planLowered(
  program: string,
  slot: number,
  helper: LinkedHelper,
  lower: Lower,
  shared: boolean,
): LoweredCall {
  const { def } = helper
  const type = checkLower(lower, def.variadic ? 5 : def.args.length)
  if (typeof type !== 'string') {
    const where = type.path.join('.')
    throw new JitError('BAD_PROGRAM', program, `${def.name}: lower ${where}: ${type.message}`, slot)
  }
  const found = { counts: [0, 0, 0, 0, 0], full: [false, false, false, false, false], calls: false }
  scan(lower, shared, found)
  const own = found.calls ? helperNeeds(def) : []
  const asDeclared = helperNeeds(def as HelperDef)
  const needs = found.counts.map((count, n): Need => {
    const called = own[n] ?? NEED.none
    if (called !== NEED.none || count === 0) return called
    return found.full[n] ? (asDeclared[n] ?? NEED.full) : NEED.low
  })
  const repeats = found.counts.some((count, n) => count + (own[n] ? 1 : 0) > 1)
  return { kind: 'lowered', helper, lower, type, needs, repeats, calls: found.calls }
}

interface Found {
  readonly counts: number[]
  readonly full: boolean[]
  calls: boolean
}

function scan(node: readonly unknown[], shared: boolean, found: Found): void {
  const [name, first] = node
  if (name === 'call') found.calls = true
  else if (name === 'arg') {
    found.counts[first as number]!++
    found.full[first as number] = true
  } else if (name === 'i32.wrap_i64' && (first as readonly unknown[])[0] === 'arg') {
    found.counts[(first as readonly number[])[1]!]!++
  } else if (name === 'shared') scan(node[shared ? 1 : 2] as readonly unknown[], shared, found)
  else for (const part of node.slice(1)) if (Array.isArray(part)) scan(part, shared, found)
}
