import type { MapSpec } from '@skep/runtime'
import { type Aggregate, type MapUse, TraceError } from './ast.ts'

/** What a part of a key is, so that it is printed as that. */
export type KeyKind = 'int' | 'text' | 'stack' | 'func' | 'probe'

/** Bytes of texts in keys, with the NUL. */
export const TEXT_SIZE = 64
export const STACKS = 'stacks'
/** PERF_MAX_STACK_DEPTH. */
const FRAMES = 127
const MOST_STACKS = 4096
const MOST_KEYS = 10_240

export const keySize = (kind: KeyKind): number => (kind === 'text' ? TEXT_SIZE : 8)

/** A map of a program: values are u64; a histogram's keys end with the bucket. */
export interface TraceMap {
  readonly name: string
  readonly keys: readonly KeyKind[]
  with: Aggregate | 'assign' | undefined
  /** It is read, or its elements are deleted. */
  plain: boolean
}

/** A program's maps, found by their uses; all of one map must agree. */
export class TraceMaps {
  readonly all: Map<string, TraceMap> = new Map()
  readonly #uses: MapUse[] = []
  usesStacks = false

  /** Throws TraceError. */
  use(use: MapUse, keys: readonly KeyKind[], how: Aggregate | 'assign' | undefined): TraceMap {
    let map = this.all.get(use.name)
    if (!map) this.all.set(use.name, (map = { name: use.name, keys, with: how, plain: false }))
    this.#uses.push(use)
    if (map.keys.join() !== keys.join()) {
      throw new TraceError(
        `${use.name} has keys (${map.keys.join(', ')}) at one place and (${keys.join(', ')}) at another`,
        use.at,
      )
    }
    map.with ??= how
    map.plain ||= how === undefined
    if (map.plain && map.with === 'hist')
      throw new TraceError(`${use.name} is a histogram, which can be neither read nor deleted from`, use.at)
    if (how && map.with !== how)
      throw new TraceError(`${use.name} is ${map.with} at one place and ${how} at another`, use.at)
    return map
  }

  /** Throws TraceError. */
  specs(): readonly MapSpec[] {
    const unset = this.#uses.find(({ name }) => this.all.get(name)!.with === undefined)
    if (unset) throw new TraceError(`${unset.name} is read, and nothing sets it`, unset.at)
    const maps = [...this.all.values()].map(
      (map): MapSpec => ({
        name: mapName(map.name),
        type: 'hash',
        keySize: keyBytes(map),
        valueSize: 8,
        maxEntries: MOST_KEYS,
      }),
    )
    if (this.usesStacks) {
      maps.push({
        name: STACKS,
        type: 'stack_trace',
        keySize: 4,
        valueSize: FRAMES * 8,
        maxEntries: MOST_STACKS,
      })
    }
    return maps
  }
}

/** Bytes of a key; of a map without keys it is one number. */
export const keyBytes = (map: TraceMap): number =>
  Math.max(8, map.keys.reduce((sum, kind) => sum + keySize(kind), 0) + (map.with === 'hist' ? 8 : 0))

/** `@` stands in no name of the kernel's. */
export const mapName = (name: string): string => `at_${name.slice(1)}`
