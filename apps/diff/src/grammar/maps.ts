import { BtfBuilder } from '@skep/btf'
import type { RowMap } from '@skep/registry'

/** Types of values with special fields, in one BTF that all such maps share. */
const types = (() => {
  const btf = new BtfBuilder()
  const u32 = btf.int('unsigned int', 4)
  const u64 = btf.int('unsigned long long', 8)
  const lock = btf.struct('bpf_spin_lock', [{ name: 'val', type: u32 }])
  const timer = btf.struct('bpf_timer', [{ name: '__opaque', type: btf.array(u64, 2, u32) }])
  const locked = btf.struct('locked', [
    { name: 'count', type: u32 },
    { name: 'lock', type: lock },
    { name: 'sum', type: u64 },
    { name: 'last', type: u64 },
  ])
  const timed = btf.struct('timed', [
    { name: 'count', type: u64 },
    { name: 'timer', type: timer },
  ])
  return { bytes: Buffer.from(btf.build()).toString('base64'), u32, u64, locked, timed }
})()

const special = (name: string, type: string, value: number): RowMap => ({
  name,
  type,
  key_size: 4,
  value_size: 24,
  max_entries: 4,
  btf: types.bytes,
  btf_key: types.u32,
  btf_value: value,
})

/** Byte offsets inside `struct locked` and `struct timed`. */
export const LOCK_OFFSET = 4
export const TIMER_OFFSET = 8

const map = (
  name: string,
  type: string,
  key: number,
  value: number,
  entries: number,
  more: Partial<RowMap> = {},
): RowMap => ({ name, type, key_size: key, value_size: value, max_entries: entries, ...more })

const BPF_F_NO_PREALLOC = 1
const BPF_F_RDONLY_PROG = 0x80
const BPF_F_WRONLY_PROG = 0x100

/** The maps that programs of the grammar use, by name. */
export const MAPS: Readonly<Record<string, RowMap>> = Object.fromEntries(
  [
    map('hash', 'hash', 8, 48, 4),
    map('hash4', 'hash', 4, 8, 16),
    map('hash_odd', 'hash', 3, 5, 4),
    map('hash_noprealloc', 'hash', 8, 16, 4, { flags: BPF_F_NO_PREALLOC }),
    map('array', 'array', 4, 64, 4),
    map('array1', 'array', 4, 16, 1),
    map('globals', 'array', 4, 64, 1),
    map('wide', 'array', 4, 256, 1),
    map('writeonly', 'array', 4, 16, 1, { flags: BPF_F_WRONLY_PROG }),
    map('constants', 'array', 4, 32, 1, {
      flags: BPF_F_RDONLY_PROG,
      frozen: true,
      init: '2a0000000000000005000000ffffffff25642025730000006162636465666700',
    }),
    map('readonly', 'array', 4, 32, 1, { flags: BPF_F_RDONLY_PROG }),
    map('percpu_array', 'percpu_array', 4, 24, 2),
    map('percpu_hash', 'percpu_hash', 8, 16, 4),
    map('lru_hash', 'lru_hash', 8, 32, 4),
    map('lru_percpu_hash', 'lru_percpu_hash', 4, 8, 4),
    map('lpm', 'lpm_trie', 8, 16, 4, { flags: BPF_F_NO_PREALLOC }),
    map('programs', 'prog_array', 4, 4, 4),
    map('ringbuf', 'ringbuf', 0, 0, 4096),
    map('user_ringbuf', 'user_ringbuf', 0, 0, 4096),
    map('queue', 'queue', 0, 8, 4),
    map('stack', 'stack', 0, 16, 4),
    map('bloom', 'bloom_filter', 0, 8, 4),
    map('perf', 'perf_event_array', 4, 4, 2),
    map('stacks', 'stack_trace', 4, 80, 4),
    map('cgroups', 'cgroup_array', 4, 4, 2),
    map('devmap', 'devmap', 4, 4, 4),
    map('devmap_hash', 'devmap_hash', 4, 8, 4),
    map('cpumap', 'cpumap', 4, 4, 2),
    map('xskmap', 'xskmap', 4, 4, 2),
    map('sockmap', 'sockmap', 4, 4, 4),
    map('sockhash', 'sockhash', 4, 8, 4),
    map('reuseport', 'reuseport_sockarray', 4, 4, 2),
    map('cgroup_storage', 'cgroup_storage', 12, 16, 0),
    map('outer', 'array_of_maps', 4, 4, 2, { inner: map('inner', 'array', 4, 8, 1) }),
    map('outer_hash', 'hash_of_maps', 4, 4, 2, { inner: map('inner_hash', 'hash', 4, 16, 4) }),
    special('locked', 'hash', types.locked),
    special('locked_array', 'array', types.locked),
    special('timed', 'array', types.timed),
    special('timed_hash', 'hash', types.timed),
  ].map((one) => [one.name, one]),
)
