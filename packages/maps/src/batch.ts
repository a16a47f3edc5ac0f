import type { MapHandle } from '@skep/registry'
import { MapError } from './errors.ts'

/** How many elements a batch did: all, or those before the one that the map refused, with its error. */
export interface BatchResult {
  readonly count: number
  readonly error?: MapError
}

/** BPF_MAP_UPDATE_BATCH: elements whose keys and values follow one another. */
export function updateBatch(
  map: MapHandle,
  keys: Uint8Array,
  values: Uint8Array,
  flags: number,
): BatchResult {
  const { keySize, hostValueSize } = map
  const count = countKeys(map, keys, 'updateBatch')
  if (values.length !== count * hostValueSize) {
    const fact = `${values.length} bytes of values are not ${count} of ${hostValueSize}`
    throw new MapError('EINVAL', map.name, 'updateBatch', fact)
  }
  return each(count, (n) =>
    map.update(
      keys.subarray(n * keySize, (n + 1) * keySize),
      values.subarray(n * hostValueSize, (n + 1) * hostValueSize),
      flags,
    ),
  )
}

/** BPF_MAP_DELETE_BATCH: stops at the first element that is not there. */
export function deleteBatch(map: MapHandle, keys: Uint8Array): BatchResult {
  const { keySize } = map
  return each(countKeys(map, keys, 'deleteBatch'), (n) => {
    if (!map.delete(keys.subarray(n * keySize, (n + 1) * keySize)))
      throw new MapError('ENOENT', map.name, 'deleteBatch', 'no element of this key is there')
  })
}

function countKeys(map: MapHandle, keys: Uint8Array, operation: string): number {
  const count = keys.length / map.keySize
  if (!Number.isInteger(count))
    throw new MapError(
      'EINVAL',
      map.name,
      operation,
      `${keys.length} bytes are not whole keys of ${map.keySize}`,
    )
  return count
}

function each(count: number, run: (n: number) => void): BatchResult {
  for (let n = 0; n < count; n++) {
    try {
      run(n)
    } catch (error) {
      if (error instanceof MapError) return { count: n, error }
      throw error
    }
  }
  return { count }
}
