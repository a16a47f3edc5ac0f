import type { Arena } from '@skep/memory'
import type { ValueField } from '@skep/registry'
import { copyBytes, copyWords } from './copy-bytes.ts'
import { round8 } from './header.ts'
import type { FreeFields } from './host-map-parts.ts'
import type { Operation } from './map-operations.ts'
import { blankFields, writeAround } from './value-fields.ts'

/** A map of values for each CPU, and its special fields. */
interface PerCpuMap {
  readonly arena: Arena
  readonly address: number
  readonly valueSize: number
}

/** Every CPU's value of the key at an address, each padded to 8 bytes; undefined when there is none. */
export function readEveryCpu(
  { arena, address, valueSize }: PerCpuMap,
  lookup: Operation,
  key: number,
  fields: readonly ValueField[],
): Uint8Array | undefined {
  const { u8, cpus } = arena
  const stride = round8(valueSize)
  const result = new Uint8Array(stride * cpus)
  const copy = arena.shared ? copyWords : copyBytes
  for (let cpu = 0; cpu < cpus; cpu++) {
    const value = lookup(address, key, cpu) >>> 0
    if (value === 0) return undefined
    // The padding too, as the kernel copies it.
    copy(result, cpu * stride, u8, value, stride)
  }
  return blankFields(result, fields, stride)
}

/** Writes what `readEveryCpu` reads, all but special fields, which are freed. */
export function writeEveryCpu(
  { arena, address, valueSize }: PerCpuMap,
  lookup: Operation,
  key: number,
  value: Uint8Array,
  fields: readonly ValueField[],
  freeFields: FreeFields | undefined,
): void {
  const { u8, cpus } = arena
  const stride = round8(valueSize)
  const copy = arena.shared ? copyWords : copyBytes
  for (let cpu = 0; cpu < cpus; cpu++) {
    const to = lookup(address, key, cpu) >>> 0
    freeFields?.(address, to)
    if (fields.length === 0) copy(u8, to, value, cpu * stride, stride)
    else writeAround(u8, to, value.subarray(cpu * stride, (cpu + 1) * stride), fields)
  }
}
