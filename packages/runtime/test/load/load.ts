import { openRingBuffer } from '@skep/maps'
import { check, prepare, sum, tallies, tallyOf } from './balance.ts'
import { begin, Hand, turn } from './crew.ts'
import { Mix } from './mix.ts'

export interface LoadReport {
  readonly seconds: number
  readonly bursts: readonly number[]
  readonly counts: Readonly<Record<string, number>>
  /** Bytes of the arena that were taken at most, in the first and in the second half. */
  readonly arena: readonly [number, number]
  /** MiB of the process. */
  readonly rss: readonly [number, number]
  readonly wrong: readonly string[]
}

/** Milliseconds between looks at the memory. */
const PERIOD = 1000
/** Bytes by which the arena may be fuller in the end: what elements of a map that takes them one by one can hold. */
const MOST_ARENA = 1 << 18
/** MiB by which the process may be larger in the end: V8's heap breathes. */
const MOST_RSS = 64

/** Two workers and this thread, mixed work for so many seconds. */
export async function testLoad(options: {
  readonly seconds: number
  readonly seed: number
  readonly say: (text: string) => void
}): Promise<LoadReport> {
  const { seconds, seed, say } = options
  const { runtime, collection } = await begin(seed)
  prepare(collection)
  const ring = openRingBuffer(collection.map('ring'))
  const read: number[] = [0, 0, 0]
  let gaps = 0
  const drain = (): number =>
    ring.consume((record) => {
      const view = new DataView(record.buffer, record.byteOffset)
      const cpu = view.getUint32(0, true)
      if (Number(view.getBigUint64(8, true)) !== read[cpu]) gaps++
      read[cpu]!++
    })
  const mix = new Mix(runtime, collection, seed)
  const hands = await Promise.all([1, 2].map((n) => new Hand(runtime, seed * 31 + n).ready()))
  for (const hand of hands) hand.start()

  const start = performance.now()
  const most: [number, number] = [0, 0]
  const rss: [number, number] = [0, 0]
  let next = start
  for (let now = start; now < start + seconds * 1000; now = performance.now()) {
    for (let n = 0; n < 20; n++) mix.burst()
    drain()
    await turn()
    const half = now - start < seconds * 500 ? 0 : 1
    most[half] = Math.max(most[half]!, runtime.arena.used)
    if (now < next) continue
    next += PERIOD
    rss[half] = Math.max(rss[half]!, process.memoryUsage().rss / 2 ** 20)
    if (Math.round((now - start) / PERIOD) % 60 === 0)
      say(
        `${Math.round((now - start) / 1000)} s: arena ${runtime.arena.used} bytes, process ${rss[half]!.toFixed(0)} MiB`,
      )
  }
  const told = await Promise.all(hands.map((hand) => hand.stop()))
  while (drain() > 0);

  const done = [mix.done, ...told]
  const wrong = [...check({ collection, done, read })]
  if (gaps > 0) wrong.push(`${gaps} records are not in their order`)
  const torn = mix.torn + sum(told.map((t) => t.torn))
  if (torn > 0) wrong.push(`the host saw ${torn} torn values`)
  for (const { errors } of done)
    for (const [what, count] of Object.entries(errors)) wrong.push(`${what}, ${count} times`)
  for (const { faults } of told)
    for (const [what, count] of Object.entries(faults)) wrong.push(`fault ${what}, ${count} times`)
  if (most[1] > most[0] + MOST_ARENA) wrong.push(`the arena grew from ${most[0]} to ${most[1]} bytes`)
  if (rss[1] > rss[0] + MOST_RSS)
    wrong.push(`the process grew from ${rss[0].toFixed(0)} to ${rss[1].toFixed(0)} MiB`)
  const counts = Object.fromEntries(tallies.map((what) => [what, sum(tallyOf(collection, what))]))
  mix.close()
  ring.close()
  for (const hand of hands) await hand.kill()
  for (const { handle } of hands) runtime.unshare(handle)
  runtime.close()
  const bursts = done.map((d) => d.bursts)
  say(
    `${seconds} s: ${bursts.join(' + ')} bursts; ${Object.entries(counts)
      .map(([k, v]) => `${k} ${v}`)
      .join(', ')}`,
  )
  say(
    `arena at most ${most.join(', then ')} bytes; process ${rss.map((n) => n.toFixed(0)).join(', then ')} MiB`,
  )
  return { seconds, bursts, counts, arena: most, rss, wrong }
}
