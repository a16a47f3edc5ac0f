import { type HostMap, MapError, openRingBuffer } from '@skep/maps'
import { ArenaError } from '@skep/memory'
import { check, prepare } from './balance.ts'
import { begin, Hand } from './crew.ts'
import { Mix, type Work, works } from './mix.ts'

export interface KillReport {
  readonly kills: number
  /** Ends after which everything works, and names of what failed after the others, by how often. */
  readonly after: Readonly<Record<string, number>>
  /** Milliseconds of the longest operation after an end. */
  readonly longest: number
  readonly wrong: readonly string[]
}

/** Milliseconds that an operation may take, though it waits for a lock that nobody gives back. */
const LONGEST = 10_000

const maps = [
  'flows',
  'sparse',
  'recent',
  'routes',
  'own_flows',
  'own_recent',
  'queue',
  'guarded',
  'ring',
] as const

/** What the host gets from a map: '' or the name of the error. */
function tryMap(map: HostMap): string {
  const key = new Uint8Array(map.keySize)
  key[0] = 8
  const value = new Uint8Array(map.hostValueSize)
  try {
    if (map.type === 'queue') {
      map.pop()
      map.push(value)
    } else if (map.type !== 'ringbuf' && map.type !== 'array') {
      map.update(key, value)
      map.delete(key)
      map.nextKey()
      for (const _ of map.keys());
    }
    return ''
  } catch (error) {
    // A map may well be full: E2BIG of hashes, ENOSPC of tries.
    if (error instanceof MapError) return ['E2BIG', 'ENOSPC'].includes(error.code) ? '' : error.code
    throw error
  }
}

/** One worker is ended while it does work of one kind; the other one and this thread go on with all. */
export async function testKills(options: {
  readonly kills: number
  readonly seed: number
  readonly say: (text: string) => void
}): Promise<KillReport> {
  const { kills, seed, say } = options
  const after: Record<string, number> = {}
  const wrong: string[] = []
  let longest = 0
  for (let n = 0; n < kills; n++) {
    const kind: Work = works[(n + seed) % works.length]!
    const found = await kill(seed * 1000 + n, kind, (time) => (longest = Math.max(longest, time)))
    for (const what of found.names) after[what] = (after[what] ?? 0) + 1
    wrong.push(...found.wrong.map((fact) => `after the end of a worker at ${kind} (seed ${seed}): ${fact}`))
  }
  say(
    `${kills} workers ended: ${Object.entries(after)
      .map(([k, v]) => `${k}: ${v}`)
      .join(', ')}`,
  )
  say(`the longest operation after that took ${longest.toFixed(0)} ms`)
  if (longest > LONGEST) wrong.push(`an operation took ${longest.toFixed(0)} ms`)
  return { kills, after, longest, wrong }
}

async function kill(
  seed: number,
  kind: Work,
  took: (milliseconds: number) => void,
): Promise<{ names: string[]; wrong: string[] }> {
  const { runtime, collection } = await begin(seed)
  prepare(collection)
  const mix = new Mix(runtime, collection, seed)
  const victim = await new Hand(runtime, seed * 7 + 1, kind).ready()
  const other = await new Hand(runtime, seed * 7 + 2).ready()
  const faults: Record<string, number> = {}
  runtime.on('exception', (fault) => {
    const { code } = fault as unknown as { code: string }
    faults[code] = (faults[code] ?? 0) + 1
  })
  victim.start()
  other.start()
  await new Promise((resolve) => setTimeout(resolve, 2 + (seed % 11)))
  const names: string[] = []
  const wrong: string[] = []
  const lost = new Set<string>()
  const timed = <T>(run: () => T): T => {
    const start = performance.now()
    const result = run()
    took(performance.now() - start)
    return result
  }
  try {
    await victim.kill()
    runtime.unshare(victim.handle)
    for (const name of maps) {
      const code = timed(() => tryMap(collection.map(name) as HostMap))
      if (code === '') continue
      lost.add(name)
      names.push(`${name} ${code}`)
    }
    const told = await other.stop()
    // Programs get errnos, or faults with a name; none may end in any other way.
    for (const work of works) timed(() => mix.burst(work))
    for (const code of Object.keys({ ...faults, ...told.faults })) {
      names.push(`fault ${code}`)
      if (code === 'LOCK') lost.add('guarded')
      else wrong.push(`a program ended with ${code}`)
    }
    const ring = openRingBuffer(collection.map('ring'))
    const read = [0, 0, 0]
    timed(() =>
      ring.consume((record) => read[new DataView(record.buffer, record.byteOffset).getUint32(0, true)]!++),
    )
    // What the one that was ended did in JavaScript nobody knows.
    const hosts = new Set<Work>(['elements', 'sparse', 'routes', 'cpus', 'values', 'walks'])
    if (hosts.has(kind))
      for (const name of ['flows', 'sparse', 'routes', 'own_flows', 'queue']) lost.add(name)
    wrong.push(...timed(() => [...check({ collection, done: [mix.done, told], read, off: 1, lost })]))
  } catch (error) {
    // The allocator's lock is the one that ends a runtime.
    if (!(error instanceof ArenaError && error.code === 'EDEADLK')) throw error
    names.push('the runtime EDEADLK')
  }
  if (names.length === 0) names.push('all works')
  await other.kill()
  try {
    runtime.unshare(other.handle)
    runtime.close()
  } catch (error) {
    if (!(error instanceof ArenaError)) throw error
  }
  return { names, wrong }
}
