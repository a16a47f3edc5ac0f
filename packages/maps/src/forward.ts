import { defineMapType, type MapTypeDef } from '@skep/registry'
import { type CreationRules, checker, HOST_ACCESS, NUMA, type SizeRule } from './check.ts'
import { mapsModule } from './module.ts'

const U32: SizeRule = { only: [4] }
/** A target, or a struct whose second half is a program. */
const ONE_OR_PAIR: SizeRule = { only: [4, 8] }

const devRules: CreationRules = { key: U32, value: ONE_OR_PAIR, flags: HOST_ACCESS | NUMA }

/**
 * Devices by index: struct bpf_devmap_val, an ifindex (0: none) and a program for BPF_XDP_DEVMAP (`setRedirect`). Which
 * devices there are is the attachment's matter: any ifindex may be stored.
 */
export const devmap: MapTypeDef = defineMapType({
  name: 'devmap',
  id: 14,
  check: checker(devRules),
  value: 'opaque',
  redirect: { to: 'device', program: 'xdp_devmap' },
  batches: [],
  helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  verify: { struct: 'bpf_dtab', readOnly: true },
  wasm: {
    module: mapsModule,
    init: 'forward_init',
    free: 'array_free',
    ops: {
      lookup: 'forward_lookup',
      update: 'devmap_update',
      delete: 'forward_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      redirect: 'devmap_redirect',
    },
  },
})

/** The same by any u32 key. */
export const devmapHash: MapTypeDef = defineMapType({
  name: 'devmap_hash',
  id: 25,
  check: checker(devRules),
  value: 'opaque',
  redirect: { to: 'device', program: 'xdp_devmap' },
  batches: [],
  helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  verify: { struct: 'bpf_dtab', readOnly: true },
  wasm: {
    module: mapsModule,
    init: 'hash_init',
    free: 'hash_free',
    ops: {
      lookup: 'hash_lookup4',
      update: 'devmap_hash_update',
      delete: 'hash_delete4',
      next_key: 'hash_next_key',
      batch: 'hash_batch',
      quiesce: 'hash_quiesce',
      redirect: 'devmap_hash_redirect',
    },
  },
})

/** CPUs by number: struct bpf_cpumap_val, the queue's size (0: none, at most 16384) and a program for BPF_XDP_CPUMAP. */
export const cpumap: MapTypeDef = defineMapType({
  name: 'cpumap',
  id: 16,
  check: checker({
    key: U32,
    value: ONE_OR_PAIR,
    // NR_CPUS of the reference kernel.
    entries: { min: 1, max: 256, past: 'E2BIG' },
    flags: NUMA,
  }),
  value: 'opaque',
  redirect: { to: 'cpu', program: 'xdp_cpumap' },
  batches: [],
  helpers: ['bpf_redirect_map'],
  verify: { struct: 'bpf_cpu_map' },
  wasm: {
    module: mapsModule,
    init: 'forward_init',
    free: 'array_free',
    ops: {
      lookup_host: 'forward_lookup',
      update: 'cpumap_update',
      delete: 'forward_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      redirect: 'cpumap_redirect',
    },
  },
})

/**
 * Consumers of raw frames by queue. Without AF_XDP sockets the host stores a u32 of its own, not 0 — the ifindex of the
 * device that takes the frames — and reads it back, which bpf(2) does not allow. Programs see a struct bpf_xdp_sock whose
 * queue_id is the key.
 */
export const xskmap: MapTypeDef = defineMapType({
  name: 'xskmap',
  id: 17,
  check: checker({ key: U32, value: U32, flags: HOST_ACCESS | NUMA }),
  value: 'opaque',
  redirect: { to: 'device' },
  batches: [],
  innerEntries: true,
  helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  verify: { lookupReturns: 'xdp_sock', struct: 'xsk_map' },
  wasm: {
    module: mapsModule,
    init: 'xskmap_init',
    free: 'array_free',
    ops: {
      lookup: 'xskmap_lookup',
      lookup_host: 'xskmap_lookup_host',
      update: 'xskmap_update',
      delete: 'xskmap_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      redirect: 'xskmap_redirect',
    },
  },
})
