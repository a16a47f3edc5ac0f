import type { HelperDef } from '@skep/registry'
import {
  CALLBACK_CTX,
  callback,
  helper,
  KEY,
  MAP,
  map,
  RESULT,
  U32,
  U64,
  VALUE,
  VALUE_OUT,
  VALUE_RESULT_OR_NULL,
} from './kinds.ts'

export const mapHelpers: readonly HelperDef[] = [
  helper(1, 'bpf_map_lookup_elem', { map: MAP, key: KEY }, VALUE_RESULT_OR_NULL, {
    programTypes: 'all',
    pktAccess: true,
    mapOp: 'lookup',
    verify: { acquireFromMaps: ['sockmap', 'sockhash'] },
  }),
  helper(2, 'bpf_map_update_elem', { map: MAP, key: KEY, value: VALUE, flags: U64 }, RESULT, {
    programTypes: 'all',
    pktAccess: true,
    mapOp: 'update',
  }),
  helper(3, 'bpf_map_delete_elem', { map: MAP, key: KEY }, RESULT, {
    programTypes: 'all',
    pktAccess: true,
    mapOp: 'delete',
  }),
  helper(
    87,
    'bpf_map_push_elem',
    { map: map('queue', 'stack', 'bloom_filter'), value: VALUE, flags: U64 },
    RESULT,
    { programTypes: 'all', pktAccess: true, mapOp: 'push' },
  ),
  helper(88, 'bpf_map_pop_elem', { map: map('queue', 'stack'), value: VALUE_OUT }, RESULT, {
    programTypes: 'all',
    mapOp: 'pop',
  }),
  helper(89, 'bpf_map_peek_elem', { map: map('queue', 'stack', 'bloom_filter'), value: VALUE_OUT }, RESULT, {
    programTypes: 'all',
    mapOp: 'peek',
  }),
  helper(
    164,
    'bpf_for_each_map_elem',
    { map: MAP, callback_fn: callback('for_each_map_elem'), callback_ctx: CALLBACK_CTX, flags: U64 },
    RESULT,
    { programTypes: 'all', mapOp: 'for_each', capability: 'bpf' },
  ),
  helper(
    195,
    'bpf_map_lookup_percpu_elem',
    { map: map('percpu_array', 'percpu_hash', 'lru_percpu_hash'), key: KEY, cpu: U32 },
    VALUE_RESULT_OR_NULL,
    { programTypes: 'all', pktAccess: true, mapOp: 'lookup_percpu' },
  ),
]
