/** Several elements in one call, for any type whose operations are in the function table. */
import {
  MAP_CPUS,
  MAP_KEY_SIZE,
  MAP_OP_DELETE,
  MAP_OP_LOOKUP_PERCPU,
  MAP_OP_UPDATE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { copyBytes, up8 } from './env'

/** Updates with keys and values in a row, up to the first that is refused; `done` gets how many were not. */
export function map_update_each(map: u32, keys: u32, values: u32, count: u32, done: u32): i32 {
  const update = load<u32>(map, MAP_OP_UPDATE)
  const keySize = load<u32>(map, MAP_KEY_SIZE)
  const valueSize = load<u32>(map, MAP_VALUE_SIZE)
  let result: i32 = 0
  let n: u32 = 0
  for (; n < count; n++) {
    result = call_indirect<i32>(update, map, keys, values, <u64>0)
    if (result != 0) break
    keys += keySize
    values += valueSize
  }
  store<u32>(done, n)
  return result
}

/** The same with a value for each CPU, padded to 8 bytes. Values have no special fields. */
export function percpu_update_each(map: u32, keys: u32, values: u32, count: u32, done: u32): i32 {
  const update = load<u32>(map, MAP_OP_UPDATE)
  const lookup = load<u32>(map, MAP_OP_LOOKUP_PERCPU)
  const keySize = load<u32>(map, MAP_KEY_SIZE)
  const stride = up8(load<u32>(map, MAP_VALUE_SIZE))
  const cpus = load<u32>(map, MAP_CPUS)
  let result: i32 = 0
  let n: u32 = 0
  for (; n < count; n++) {
    result = call_indirect<i32>(update, map, keys, values, <u64>0)
    if (result != 0) break
    for (let cpu: u32 = 0; cpu < cpus; cpu++) {
      const to = call_indirect<u32>(lookup, map, keys, cpu)
      if (to != 0) copyBytes(to, values, stride)
      values += stride
    }
    keys += keySize
  }
  store<u32>(done, n)
  return result
}

/** Deletes keys that follow one another, up to the first that is not there. */
export function map_delete_each(map: u32, keys: u32, count: u32, done: u32): i32 {
  const remove = load<u32>(map, MAP_OP_DELETE)
  const keySize = load<u32>(map, MAP_KEY_SIZE)
  let result: i32 = 0
  let n: u32 = 0
  for (; n < count; n++) {
    result = call_indirect<i32>(remove, map, keys)
    if (result != 0) break
    keys += keySize
  }
  store<u32>(done, n)
  return result
}
