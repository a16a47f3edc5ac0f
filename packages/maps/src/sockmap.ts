import { defineMapType, type MapTraits, type MapTypeDef } from '@skep/registry'
import { ACCESS, checker, HOST_ACCESS, NUMA, type SizeRule } from './check.ts'
import { mapsModule } from './module.ts'

const U32: SizeRule = { only: [4] }
/** A socket's number, or its cookie. */
const FD_OR_COOKIE: SizeRule = { only: [4, 8] }

/** The program types in which an update of a sockmap is safe (may_update_sockmap). */
const SOCK_UPDATERS = [
  'tracing/trace_iter',
  'socket_filter',
  'sched_cls',
  'sched_act',
  'xdp',
  'sk_reuseport',
  'flow_dissector',
  'sk_lookup',
]
const sockTraits: MapTraits = {
  lookupReturns: 'socket',
  valueIsSocket: true,
  guardedHelpers: {
    bpf_map_update_elem: SOCK_UPDATERS,
    bpf_map_delete_elem: [...SOCK_UPDATERS, 'sock_ops'],
  },
}

/**
 * Sockets by index. The host updates with the arena address of a socket (`createSocket`), in 4 or 8 little-endian bytes, and
 * reads it back, where bpf(2) gives a cookie.
 */
export const sockmap: MapTypeDef = defineMapType({
  name: 'sockmap',
  id: 15,
  check: checker({ key: U32, value: FD_OR_COOKIE, flags: HOST_ACCESS | NUMA }),
  value: 'opaque',
  batches: [],
  helpers: [
    'bpf_sk_redirect_map',
    'bpf_sock_map_update',
    'bpf_map_delete_elem',
    'bpf_msg_redirect_map',
    'bpf_sk_select_reuseport',
    'bpf_map_lookup_elem',
    'bpf_map_update_elem',
  ],
  verify: { ...sockTraits, struct: 'bpf_stab' },
  wasm: {
    module: mapsModule,
    init: 'sockmap_init',
    free: 'slots_free',
    ops: {
      lookup: 'sockmap_lookup',
      lookup_host: 'sockmap_lookup_host',
      update: 'sockmap_update',
      delete: 'sockmap_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      release: 'sockmap_release',
    },
  },
})

/** The same by keys of any size. */
export const sockhash: MapTypeDef = defineMapType({
  name: 'sockhash',
  id: 18,
  check: checker({
    key: { min: 1, max: 512, past: 'E2BIG' },
    value: FD_OR_COOKIE,
    flags: HOST_ACCESS | NUMA,
  }),
  value: 'opaque',
  batches: [],
  helpers: [
    'bpf_sk_redirect_hash',
    'bpf_sock_hash_update',
    'bpf_map_delete_elem',
    'bpf_msg_redirect_hash',
    'bpf_sk_select_reuseport',
    'bpf_map_lookup_elem',
    'bpf_map_update_elem',
  ],
  verify: { ...sockTraits, struct: 'bpf_shtab' },
  wasm: {
    module: mapsModule,
    init: 'hash_init',
    free: 'hash_free',
    ops: {
      lookup: 'sockhash_lookup',
      lookup_host: 'hash_lookup',
      update: 'sockhash_update',
      delete: 'sockhash_delete',
      next_key: 'hash_next_key',
      batch: 'hash_batch',
      quiesce: 'hash_quiesce',
    },
  },
})

/** Sockets that bpf_sk_select_reuseport chooses from; values as in a sockmap. */
export const reuseportSockarray: MapTypeDef = defineMapType({
  name: 'reuseport_sockarray',
  id: 20,
  check: checker({ key: U32, value: FD_OR_COOKIE, flags: ACCESS | NUMA }),
  value: 'opaque',
  batches: [],
  helpers: ['bpf_sk_select_reuseport'],
  verify: { struct: 'reuseport_array' },
  wasm: {
    module: mapsModule,
    init: 'sockmap_init',
    free: 'reuseport_free',
    ops: {
      lookup: 'sockmap_lookup',
      lookup_host: 'sockmap_lookup_host',
      update: 'reuseport_update',
      delete: 'reuseport_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      release: 'sockmap_release',
    },
  },
})

/**
 * Cgroups by index, for bpf_current_task_under_cgroup and bpf_skb_under_cgroup: the low 32 bits of the ids that the provider of
 * cgroups gives.
 */
export const cgroupArray: MapTypeDef = defineMapType({
  name: 'cgroup_array',
  id: 8,
  check: checker({ key: U32, value: U32, flags: HOST_ACCESS | NUMA }),
  value: 'opaque',
  batches: [],
  helpers: ['bpf_skb_under_cgroup', 'bpf_current_task_under_cgroup'],
  verify: { struct: 'bpf_array' },
  wasm: {
    module: mapsModule,
    init: 'sockmap_init',
    free: 'slots_free',
    ops: {
      lookup_host: 'sockmap_lookup_host',
      update: 'cgroup_array_update',
      delete: 'cgroup_array_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
    },
  },
})
