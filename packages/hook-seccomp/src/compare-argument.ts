import type { Architecture } from './architectures.ts'
import type { Decision, DecisionGraph, Operand } from './decision-graph.ts'
import { SeccompError } from './errors.ts'
import type { PolicyComparison, PolicyNumber } from './policy.ts'

/**
 * What is to be decided where a comparison of an argument leads to `yes` or `no`: of 64 bits by its halves.
 *
 * @throws SeccompError `INEXPRESSIBLE`
 */
export function compareArgument(
  graph: DecisionGraph,
  arch: Architecture,
  comparison: PolicyComparison,
  ends: { readonly yes: Decision; readonly no: Decision },
  path: string,
): Decision {
  const { arg, op } = comparison
  const bits = comparison.bits ?? arch.bits
  const narrow = Math.min(bits, arch.bits) as 32 | 64
  if (op === 'lt' || op === 'ne' || op === 'le') {
    const opposite = ({ lt: 'ge', ne: 'eq', le: 'gt' } as const)[op]
    return compareArgument(graph, arch, { ...comparison, op: opposite }, { yes: ends.no, no: ends.yes }, path)
  }
  const at = 16 + 8 * arg
  const halves = {
    low: { offset: arch.littleEndian ? at : at + 4 },
    high: { offset: arch.littleEndian ? at + 4 : at },
  }
  const value = toBits(comparison.value, narrow, `${path}.value`)
  const [low, high] = [Number(value & 0xffff_ffffn), Number(value >> 32n)]
  const { yes, no } = ends
  if (op === 'masked_eq') {
    if (comparison.mask === undefined)
      throw new SeccompError('BAD_POLICY', 'masked_eq has no mask; give mask', { path })
    const mask = toBits(comparison.mask, narrow, `${path}.mask`)
    if ((value & ~mask) !== 0n) {
      const fact = `value 0x${value.toString(16)} has bits outside of mask 0x${mask.toString(16)}, and never equals`
      throw new SeccompError('INEXPRESSIBLE', fact, { path })
    }
    const lower = masked(graph, halves.low, Number(mask & 0xffff_ffffn), low, yes, no)
    return masked(graph, halves.high, Number(mask >> 32n), high, lower, no)
  }
  if (comparison.mask !== undefined)
    throw new SeccompError('BAD_POLICY', `${op} takes no mask; use masked_eq`, { path })
  const lower = graph.test(halves.low, op, low, yes, no)
  if (narrow === 32) return lower
  const equal = graph.test(halves.high, 'eq', high, lower, no)
  return op === 'eq' ? equal : graph.test(halves.high, 'gt', high, yes, equal)
}

function masked(
  graph: DecisionGraph,
  operand: Operand,
  mask: number,
  value: number,
  yes: Decision,
  no: Decision,
): Decision {
  if (mask === 0) return yes
  if (mask === 0xffff_ffff) return graph.test(operand, 'eq', value, yes, no)
  if (value === 0) return graph.test(operand, 'set', mask, no, yes)
  if (value === mask && (mask & (mask - 1)) === 0) return graph.test(operand, 'set', mask, yes, no)
  return graph.test({ ...operand, mask }, 'eq', value, yes, no)
}

/** A number as so many bits, unsigned; negative ones as two's complement. */
function toBits(value: PolicyNumber, bits: 32 | 64, path: string): bigint {
  const wide = typeof value === 'string' && value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value)
  const limit = 1n << BigInt(bits)
  if (wide >= -(limit >> 1n) && wide < limit) return BigInt.asUintN(bits, wide)
  const mend = bits === 32 ? '; name architectures of 64 bits in the rule, or compare with less' : ''
  throw new SeccompError('INEXPRESSIBLE', `${wide} does not fit in ${bits} bits${mend}`, { path })
}
