import type { Opinion } from './judge.ts'

/**
 * How two opinions differ, worst first: `unsafe` is accepted here and refused by the kernel for what the program does;
 * `limit` the same for what the kernel can carry, or where it finds its own books wrong; `strict` is refused here alone; then errno, decisive line and the count
 * of instructions walked, of programs with the same verdict.
 */
export const KINDS = ['unsafe', 'limit', 'strict', 'errno', 'line', 'processed'] as const
export type Kind = (typeof KINDS)[number]

/** Refusals that are about resources, or about the arguments of the load. */
const LIMITS = new Set(['E2BIG', 'ENOMEM', 'ENOSPC', 'EAGAIN'])
/** The kernel's check of its own bounds, under BPF_F_TEST_REG_INVARIANTS: it says nothing about the program. */
const OWN_FAULT = 'verifier bug: '

const isLimit = ({ errno, line }: Opinion): boolean =>
  LIMITS.has(errno ?? '') || (line?.startsWith(OWN_FAULT) ?? false)

/** Of a log line, what is not of this load: addresses, and the kernel's ids. */
export const comparableLine = (line: string | undefined): string =>
  (line ?? '').replace(/0x[0-9a-f]{12,}/g, '0x…').trimEnd()

/** The first difference that counts, or undefined where both say the same. */
export function difference(theirs: Opinion, ours: Opinion): Kind | undefined {
  if (theirs.verdict !== ours.verdict) {
    if (ours.verdict === 'reject') return 'strict'
    return isLimit(theirs) ? 'limit' : 'unsafe'
  }
  if (theirs.errno !== ours.errno) return 'errno'
  // Without a log the kernel refused before it verified, and has no line.
  if (theirs.line !== undefined && comparableLine(theirs.line) !== comparableLine(ours.line)) return 'line'
  return theirs.processed === ours.processed || theirs.processed === 0 ? undefined : 'processed'
}

/** A decisive line without its numbers and names, to count how many kinds were reached. */
export const template = (line: string): string =>
  line
    .replace(/0x[0-9a-f]+/g, 'X')
    .replace(/\bR\d+/g, 'R')
    .replace(/-?\d+/g, 'N')
    .replace(/(bpf_\w+)#N/g, 'F#N')
    .replace(/'[^']*'/g, "'…'")
    .replace(
      /\b(ptr_|rdonly_|rcu_|trusted_|untrusted_)?(map_value|map_ptr|map_key|ctx|fp|pkt|pkt_meta|pkt_end|scalar|sock|sock_common|tcp_sock|mem|buf|inv|flow_keys|dynptr_ptr|xdp_sock|func)(_or_null)?\b/g,
      'T',
    )

/** Do two opinions differ as those of another program do: in the same way, and with the same kinds of lines? */
export const sameDifference = (
  model: { readonly kind: Kind; readonly theirs: Opinion; readonly ours: Opinion },
  theirs: Opinion,
  ours: Opinion,
): boolean =>
  theirs.outside === undefined &&
  difference(theirs, ours) === model.kind &&
  sameReason(theirs, model.theirs) &&
  sameReason(ours, model.ours)

const sameReason = (a: Opinion, b: Opinion): boolean =>
  a.verdict === b.verdict && template(a.line ?? '') === template(b.line ?? '')
