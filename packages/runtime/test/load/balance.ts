import type { HostMap } from '@skep/maps'
import { type Collection, codec } from '../../src/index.ts'
import { type Balance, type Done, isWhole } from './mix.ts'

/** enum tally of testdata/load.bpf.c. */
export const tallies = [
  'HASH_ADDED',
  'HASH_INSERTED',
  'HASH_DELETED',
  'LRU_INSERTED',
  'LRU_REFUSED',
  'TRIE_INSERTED',
  'TRIE_DELETED',
  'RING_SENT',
  'RING_FULL',
  'OWN_ADDED',
  'OWN_INSERTED',
  'OWN_DELETED',
  'QUEUE_PUSHED',
  'QUEUE_POPPED',
  'LOCKED',
  'TORN',
] as const
export type Tally = (typeof tallies)[number]

const u32 = codec.u32
const u64 = codec.u64
const total = (values: readonly bigint[]): number => values.reduce((sum, n) => sum + Number(n), 0)
export const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0)

/** What programs counted, by CPU. */
export function tallyOf(collection: Collection, what: Tally): number[] {
  return collection.perCpuMap('tally', { key: u32, value: u64 }).get(tallies.indexOf(what))!.map(Number)
}

/** So that sums have something to add to. */
export function prepare(collection: Collection): void {
  const sums = collection.map('sums', { key: u32, value: u64 })
  const own = collection.map('own_sums') as HostMap
  for (let n = 0; n < 16; n++) {
    sums.set(n, 0n)
    own.update(new Uint8Array(Uint32Array.of(n).buffer), new Uint8Array(own.hostValueSize))
  }
}

interface Check {
  readonly collection: Collection
  readonly done: readonly Pick<Done, 'balance'>[]
  /** Records that the reader of the ring got, by CPU. */
  readonly read: readonly number[]
  /** How far a count may be off: for each worker that was ended, by what it was doing. */
  readonly off?: number
  /** Maps that nobody looks at: what was lost with a worker. */
  readonly lost?: ReadonlySet<string>
}

/** What does not add up. */
export function* check({ collection, done, read, off = 0, lost = new Set() }: Check): Generator<string> {
  const map = (name: string): HostMap => collection.map(name) as HostMap
  const told = (what: Tally): number => sum(tallyOf(collection, what))
  const host = (what: keyof Balance): number => sum(done.map(({ balance }) => balance[what] ?? 0))
  function* equal(what: string, is: number, wanted: number, each = 1, ...maps: string[]): Generator<string> {
    if (maps.some((name) => lost.has(name)) || Math.abs(is - wanted) <= off * each) return
    yield `${what} is ${is}, and it should be ${wanted}`
  }
  const added = total([...collection.map('sums', { key: u32, value: u64 }).values()])
  yield* equal('what programs added to shared sums', added, told('HASH_ADDED'), 3)
  const inserted = told('HASH_INSERTED') - told('HASH_DELETED') + host('hash')
  yield* equal(
    'elements of flows and sparse',
    map('flows').size + map('sparse').size,
    inserted,
    8,
    'flows',
    'sparse',
  )
  yield* equal(
    'elements of routes',
    map('routes').size,
    told('TRIE_INSERTED') - told('TRIE_DELETED') + host('routes'),
    8,
    'routes',
  )
  const own = told('OWN_INSERTED') - told('OWN_DELETED') + host('own_flows')
  yield* equal('elements of own_flows', map('own_flows').size, own, 8, 'own_flows')
  const queued = told('QUEUE_PUSHED') - told('QUEUE_POPPED') + host('queue')
  yield* equal('elements of queue', map('queue').size, queued, 1, 'queue')
  const sums = collection.perCpuMap('own_sums', { key: u32, value: u64 })
  const byCpu = [...sums.values()]
  for (const [cpu, wanted] of tallyOf(collection, 'OWN_ADDED').entries())
    yield* equal(
      `what CPU ${cpu} added to its own sums`,
      total(byCpu.map((values) => values[cpu]!)),
      wanted,
      5,
    )
  for (const [cpu, sent] of tallyOf(collection, 'RING_SENT').entries())
    yield* equal(`records of CPU ${cpu} that were read`, read[cpu] ?? 0, sent, 1, 'ring')
  yield* equal('refused updates of LRU maps', told('LRU_REFUSED'), 0, 1, 'recent', 'own_recent')
  yield* equal('torn values', told('TORN'), 0, 1)
  if (!lost.has('guarded')) {
    const guarded = new DataView(map('guarded').lookup(new Uint8Array(4))!.buffer)
    const [one, two] = [Number(guarded.getBigUint64(8, true)), Number(guarded.getBigUint64(16, true))]
    yield* equal('one of the numbers under the lock', one, two)
    yield* equal('turns under the lock', one, told('LOCKED'))
  }
  for (const name of ['flows', 'sparse', 'recent', 'routes', 'own_flows', 'own_recent', 'own_sums', 'sums'])
    if (!lost.has(name)) yield* wholeness(map(name))
  if (map('flows').arena.exports.check() !== 0) yield 'the arena is damaged'
}

function* wholeness(map: HostMap): Generator<string> {
  const keys = new Set<string>()
  let [count, odd] = [0, 0]
  for (const [key, value] of map.entries()) {
    keys.add(String(key))
    count++
    if (!map.name.endsWith('sums') && !isWhole(value)) odd++
  }
  if (count !== map.size) yield `a walk over ${map.name} finds ${count} of ${map.size} elements`
  if (keys.size !== count) yield `a walk over ${map.name} finds elements twice`
  if (odd > 0) yield `${odd} values of ${map.name} are torn`
  if (map.size > map.maxEntries)
    yield `${map.name} has ${map.size} elements, and max_entries is ${map.maxEntries}`
}
