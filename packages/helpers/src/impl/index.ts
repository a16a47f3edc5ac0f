import type { HelperDef } from '@skep/registry'
import { helpersModule } from './module.ts'

/** Exports of the module whose helper is `bpf_` and the same name. */
const named = [
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
  'map_peek_elem',
  'map_lookup_percpu_elem',
  'for_each_map_elem',
  'redirect_map',
  'loop',
  'spin_lock',
  'spin_unlock',
  'get_smp_processor_id',
  'get_numa_node_id',
  'get_prandom_u32',
  'ktime_get_ns',
  'ktime_get_tai_ns',
  'ktime_get_coarse_ns',
  'jiffies64',
  'csum_diff',
  'xdp_adjust_head',
  'xdp_adjust_meta',
  'xdp_adjust_tail',
  'xdp_get_buff_len',
  'xdp_load_bytes',
  'xdp_store_bytes',
  'redirect',
  'redirect_peer',
  'skb_load_bytes',
  'skb_load_bytes_relative',
  'skb_store_bytes',
  'l3_csum_replace',
  'l4_csum_replace',
  'csum_update',
  'skb_pull_data',
  'skb_change_tail',
  'skb_change_head',
  'skb_change_type',
  'set_hash',
  'set_hash_invalid',
  'strtol',
  'strtoul',
  'strncmp',
  'probe_read',
  'probe_read_str',
  'trace_printk',
  'trace_vprintk',
  'snprintf',
  'get_current_pid_tgid',
  'get_current_uid_gid',
  'get_current_comm',
  'ringbuf_output',
  'ringbuf_reserve',
  'ringbuf_submit',
  'ringbuf_discard',
  'ringbuf_query',
  'ringbuf_reserve_dynptr',
  'ringbuf_submit_dynptr',
  'ringbuf_discard_dynptr',
  'dynptr_from_mem',
  'dynptr_read',
  'dynptr_write',
  'dynptr_data',
] as const

/** Helpers that another one's export serves: one memory, one clock that does not stop. */
const aliases: Readonly<Record<string, string>> = {
  bpf_ktime_get_boot_ns: 'ktime_get_ns',
  bpf_probe_read_kernel: 'probe_read',
  bpf_probe_read_user: 'probe_read',
  bpf_copy_from_user: 'probe_read',
  bpf_probe_read_kernel_str: 'probe_read_str',
  bpf_probe_read_user_str: 'probe_read_str',
}

const wasm = (name: string): Pick<HelperDef, 'call' | 'wasm'> => ({
  wasm: { module: helpersModule, export: name },
})

/** How helpers run here, by their full names; prototypes are in ../proto. */
export const implementations: Readonly<Record<string, Pick<HelperDef, 'call' | 'wasm'>>> = {
  ...Object.fromEntries(named.map((name) => [`bpf_${name}`, wasm(name)])),
  ...Object.fromEntries(Object.entries(aliases).map(([helper, name]) => [helper, wasm(name)])),
}
