import { helpersPlugin } from '@skep/helpers'
import {
  array,
  bloomFilter,
  hash,
  lpmTrie,
  lruHash,
  percpuArray,
  percpuHash,
  progArray,
  queue,
  stack,
} from '@skep/maps'
import { definePlugin, type PluginDef } from '@skep/runtime'
import { createInterpreterEngine } from '@skep/vm-interpreter'
import { httpHelpers } from './http-helpers.ts'
import { http } from './http-request.ts'

/**
 * What tenants' programs may call: what takes no longer than some instructions, or counts as many. Timers and work queues are
 * not among it, since they would run when no request asks for it, and nothing that writes text (bpf_trace_printk).
 */
const ALLOWED = new Set([
  ...['bpf_map_lookup_elem', 'bpf_map_update_elem', 'bpf_map_delete_elem', 'bpf_map_lookup_percpu_elem'],
  ...['bpf_map_push_elem', 'bpf_map_pop_elem', 'bpf_map_peek_elem', 'bpf_for_each_map_elem', 'bpf_loop'],
  ...['bpf_ktime_get_ns', 'bpf_get_prandom_u32', 'bpf_get_smp_processor_id', 'bpf_tail_call'],
  ...['bpf_strncmp', 'bpf_strtol', 'bpf_strtoul'],
  ...['bpf_spin_lock', 'bpf_spin_unlock'],
])

/**
 * What a tenant's runtime consists of: requests, some helpers and map types, and an engine that ends a run after so many
 * instructions.
 */
export const tenantPlugins = (instructions: bigint): readonly PluginDef[] => [
  http,
  httpHelpers,
  definePlugin({ name: 'helpers', helpers: helpersPlugin.helpers!.filter(({ name }) => ALLOWED.has(name)) }),
  definePlugin({
    name: 'maps',
    mapTypes: [array, bloomFilter, hash, lpmTrie, lruHash, percpuArray, percpuHash, progArray, queue, stack],
  }),
  definePlugin({ name: 'engine', engines: [createInterpreterEngine({ budget: instructions })] }),
]
