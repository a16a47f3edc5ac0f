import type { Kernel } from './kernel.ts'
import type { ProgramOptions } from './kernel-program.ts'
import { mapTypes, programTypes } from './uapi.ts'

// Whether the running kernel has something, by asking it (libbpf: libbpf_probes.c).

/** r0 = 0; exit */
const nothing = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)

const BPF_F_SLEEPABLE = 16

/** What loading a program of a type takes beside instructions. */
const needs: Readonly<Record<string, Partial<ProgramOptions>>> = {
  cgroup_sock_addr: { attachType: 'cgroup_inet4_connect' },
  cgroup_sockopt: { attachType: 'cgroup_getsockopt' },
  sk_lookup: { attachType: 'sk_lookup' },
  netfilter: { attachType: 'netfilter' },
  tracing: { attachType: 'trace_fentry', attachBtfId: 1 },
  lsm: { attachType: 'lsm_mac', attachBtfId: 1 },
  ext: { attachBtfId: 1 },
  struct_ops: { attachBtfId: 1 },
  syscall: { flags: BPF_F_SLEEPABLE },
}

/** Refusals that a kernel without the type does not come to. */
const knows: Readonly<Record<string, (errno: string, log: string) => boolean>> = {
  tracing: (_, log) => log.includes('attach_btf_id 1 is not a function'),
  lsm: (_, log) =>
    log.includes('attach_btf_id 1 points to wrong type name') || log.includes('is not a function'),
  ext: (_, log) => log.includes('Cannot replace kernel functions'),
  struct_ops: (errno) => errno === 'ENOTSUPP' || errno === 'EINVAL',
}

/** Whether programs of a type can be loaded. */
export function hasProgramType(kernel: Kernel, type: string): boolean {
  const loaded = kernel.loadProgram({ type, insns: nothing, ...needs[type] })
  if (!loaded.ok) return knows[type]?.(loaded.errno, loaded.log) ?? false
  loaded.close()
  return true
}

/** `key value entries flags` of a small map, for types that take no other; others take 4 4 1 0. */
const sizes: Readonly<Record<string, readonly [key: number, value: number, entries: number, flags: number]>> =
  {
    stack_trace: [4, 8, 1, 0],
    lpm_trie: [8, 8, 1, 1],
    queue: [0, 4, 1, 0],
    stack: [0, 4, 1, 0],
    bloom_filter: [0, 4, 1, 0],
    ringbuf: [0, 0, 4096, 0],
    user_ringbuf: [0, 0, 4096, 0],
    arena: [0, 0, 1, 1 << 10],
    cgroup_storage: [16, 4, 0, 0],
    percpu_cgroup_storage: [16, 4, 0, 0],
    devmap: [4, 4, 1, 0],
    sockmap: [4, 4, 1, 0],
    insn_array: [4, 16, 1, 0],
  }
/** They take no map without BTF of its values; any other refusal than of the type says that they are there. */
const typed: ReadonlySet<string> = new Set([
  'sk_storage',
  'inode_storage',
  'task_storage',
  'cgrp_storage',
  'struct_ops',
])

/** Whether maps of a type can be made. */
export function hasMapType(kernel: Kernel, type: string): boolean {
  const [keySize, valueSize, maxEntries, flags] = sizes[type] ?? [4, 4, 1, 0]
  const ofMaps = type.endsWith('_of_maps')
  const inner = ofMaps
    ? kernel.createMap({ type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1 })
    : undefined
  try {
    const options = { type, keySize, valueSize, maxEntries, flags, ...(inner ? { innerMap: inner } : {}) }
    kernel.createMap(typed.has(type) ? storageMap(type) : options).close()
    return true
  } catch (error) {
    // A kernel without the type says EINVAL of anything.
    return typed.has(type) && (error as { errno?: string }).errno !== 'EINVAL'
  } finally {
    inner?.close()
  }
}

/** As far as a map of local storage comes without BTF: to sizes that are too large, which is another refusal. */
const storageMap = (type: string): Parameters<Kernel['createMap']>[0] =>
  type === 'struct_ops'
    ? { type, keySize: 4, valueSize: 4, maxEntries: 1, btfVmlinuxValueTypeId: 1 }
    : { type, keySize: 4, valueSize: 0x7fff_ffff, maxEntries: 0, flags: 1 }

/** call of a helper; exit */
const calling = (id: number): Uint8Array => {
  const insns = new Uint8Array(16)
  insns[0] = 0x85
  new DataView(insns.buffer).setInt32(4, id, true)
  insns[8] = 0x95
  return insns
}

const refusals = ['invalid func ', 'unknown func ', 'program of this type cannot use helper ']

/** Whether programs of a type may call a helper; ask only of types that there are. */
export function hasHelper(kernel: Kernel, type: string, id: number): boolean {
  const loaded = kernel.loadProgram({ type, insns: calling(id), ...needs[type] })
  if (loaded.ok) {
    loaded.close()
    return true
  }
  return loaded.log !== '' && !refusals.some((text) => loaded.log.includes(text))
}

/** Names of all program types and map types of Linux 6.18. */
export const knownTypes: { readonly programs: readonly string[]; readonly maps: readonly string[] } = {
  programs: Object.keys(programTypes).slice(1),
  maps: Object.keys(mapTypes).slice(1),
}
