import type { TcAction } from './actions.ts'
import { TC_ACT_OK, TC_ACT_SHOT } from './sched.ts'

type Police = TcAction & { readonly kind: 'police' }

const NS_PER_SECOND = 1_000_000_000n

interface Bucket {
  /** When it was filled last. */
  time: bigint
  /** Nanoseconds of the rate that packets may still take. */
  tokens: bigint
}

const buckets = new WeakMap<Police, Bucket>()

/** A token bucket (tcf_police_act, net/sched/act_police.c): it begins full, and packets beyond the rate take nothing. */
export function police(action: Police, length: number, now: bigint): number {
  const { rate, burst, mtu = 0xffff_ffff, conform = TC_ACT_OK, exceed = TC_ACT_SHOT } = action
  if (length > mtu) return exceed
  const timeOf = (bytes: number): bigint =>
    (BigInt(Math.round(bytes)) * NS_PER_SECOND) / BigInt(Math.round(rate))
  const most = timeOf(burst)
  let bucket = buckets.get(action)
  if (!bucket) buckets.set(action, (bucket = { time: now, tokens: most }))
  const filled = bucket.tokens + (now - bucket.time)
  const left = least(filled, most) - timeOf(length)
  if (left < 0n) return exceed
  bucket.time = now
  bucket.tokens = left
  return conform
}

const least = (a: bigint, b: bigint): bigint => [a, b].reduce((x, y) => (x < y ? x : y))
