import type { Collection } from '@skep/runtime'
import type { GeneratedTrace } from './generate.ts'
import { keySize, mapName, STACKS, type TraceMap } from './maps.ts'

/** A part of a key: a stack is its frames, the innermost first. */
export type KeyPart = bigint | string | readonly string[]

export interface Row {
  readonly key: readonly KeyPart[]
  readonly value: bigint
}

/** A histogram's bucket: counts of values from `least` up to, and without, `end`. */
export interface Bucket {
  readonly least: bigint
  readonly end: bigint
  readonly count: bigint
}

export interface HistogramRow {
  readonly key: readonly KeyPart[]
  readonly buckets: readonly Bucket[]
}

export type MapResult =
  | { readonly name: string; readonly rows: readonly Row[] }
  | { readonly name: string; readonly histograms: readonly HistogramRow[] }

/** What maps hold, the least first, as bpftrace prints it. */
export function readResults(
  collection: Collection,
  trace: GeneratedTrace,
  nameOf: (address: bigint) => string,
): readonly MapResult[] {
  const stacks = stackReader(collection, nameOf)
  return [...trace.maps.values()].map((map): MapResult => {
    const rows = elements(collection, map).map(({ view, value }) => ({
      view,
      value,
      key: readKey(view, map, trace, nameOf, stacks),
    }))
    if (map.with !== 'hist') {
      const sorted = rows.map(({ key, value }) => ({ key, value }))
      return { name: map.name, rows: sorted.sort((a, b) => Number(a.value - b.value)) }
    }
    const byKey = new Map<string, { key: readonly KeyPart[]; counts: Map<number, bigint> }>()
    for (const { key, value, view } of rows) {
      const text = JSON.stringify(key, (_, part) => (typeof part === 'bigint' ? `${part}` : part))
      let one = byKey.get(text)
      if (!one) byKey.set(text, (one = { key, counts: new Map() }))
      one.counts.set(Number(view.getBigUint64(view.byteLength - 8, true)), value)
    }
    return {
      name: map.name,
      histograms: [...byKey.values()].map(({ key, counts }) => ({ key, buckets: bucketsOf(counts) })),
    }
  })
}

/** All from the first to the last that has counts. */
function bucketsOf(counts: ReadonlyMap<number, bigint>): readonly Bucket[] {
  const numbers = [...counts.keys()]
  const buckets: Bucket[] = []
  for (let n = Math.min(...numbers); n <= Math.max(...numbers); n++)
    buckets.push({ ...boundsOf(n), count: counts.get(n) ?? 0n })
  return buckets
}

function boundsOf(bucket: number): { readonly least: bigint; readonly end: bigint } {
  if (bucket === 0) return { least: -(1n << 63n), end: 0n }
  if (bucket === 1) return { least: 0n, end: 1n }
  return { least: 1n << BigInt(bucket - 2), end: 1n << BigInt(bucket - 1) }
}

function elements(
  collection: Collection,
  { name }: TraceMap,
): readonly { readonly view: DataView; readonly value: bigint }[] {
  const map = collection.map(mapName(name))
  const found = []
  for (let key = map.nextKey(); key; key = map.nextKey(key)) {
    const bytes = map.lookup(key)
    if (!bytes) continue
    const value = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true)
    found.push({ view: new DataView(key.buffer, key.byteOffset, key.byteLength), value })
  }
  return found
}

function readKey(
  view: DataView,
  map: TraceMap,
  trace: GeneratedTrace,
  nameOf: (address: bigint) => string,
  stack: (id: number) => readonly string[],
): readonly KeyPart[] {
  let at = 0
  return map.keys.map((kind): KeyPart => {
    const here = at
    at += keySize(kind)
    if (kind === 'int') return view.getBigInt64(here, true)
    if (kind === 'func') return nameOf(view.getBigUint64(here, true))
    if (kind === 'probe') return trace.probes[Number(view.getBigUint64(here, true))]?.probe.text ?? '?'
    if (kind === 'stack') return stack(Number(view.getBigInt64(here, true)))
    const bytes = new Uint8Array(view.buffer, view.byteOffset + here, keySize(kind))
    const end = bytes.indexOf(0)
    return new TextDecoder().decode(bytes.slice(0, end < 0 ? undefined : end))
  })
}

/** Frames by the id of a stack. */
function stackReader(
  collection: Collection,
  nameOf: (address: bigint) => string,
): (id: number) => readonly string[] {
  const map = collection.maps.has(STACKS) ? collection.map(STACKS) : undefined
  return (id) => {
    // EEXIST and EFAULT: another stack had its place, or there was none.
    const value = id < 0 ? undefined : map?.lookup(new Uint8Array(Uint32Array.of(id).buffer))
    if (!value) return ['[lost]']
    const frames = new BigUint64Array(value.slice().buffer)
    return [...frames].filter((frame) => frame !== 0n).map(nameOf)
  }
}
