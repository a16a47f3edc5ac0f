// Kinds of registers: a base type in the low byte and flags above it, as the kernel's enum bpf_reg_type
// (include/linux/bpf.h). REG_TYPE of a record holds one of these.

import {
  CONST_PTR_TO_MAP,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
} from './layout.ts'

export {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
} from './layout.ts'

const BASE_MASK = 0xff

export const PTR_MAYBE_NULL: number = 1 << 8
export const MEM_RDONLY: number = 1 << 9
export const MEM_RINGBUF: number = 1 << 10
export const MEM_USER: number = 1 << 11
export const MEM_PERCPU: number = 1 << 12
export const PTR_UNTRUSTED: number = 1 << 13
export const MEM_ALLOC: number = 1 << 14
export const PTR_TRUSTED: number = 1 << 15
export const MEM_RCU: number = 1 << 16
export const NON_OWN_REF: number = 1 << 17
export const DYNPTR_TYPE_LOCAL: number = 1 << 18
export const DYNPTR_TYPE_RINGBUF: number = 1 << 19
export const DYNPTR_TYPE_SKB: number = 1 << 20
export const DYNPTR_TYPE_XDP: number = 1 << 21
export const DYNPTR_TYPE_SKB_META: number = 1 << 22
export const DYNPTR_TYPE_MASK: number = 0x1f << 18

export const baseType = (type: number): number => type & BASE_MASK
export const typeFlag = (type: number): number => type & ~BASE_MASK
export const mayBeNull = (type: number): boolean => (type & PTR_MAYBE_NULL) !== 0
export const isReadOnlyMem = (type: number): boolean => (type & MEM_RDONLY) !== 0

export const isPacketPointer = (type: number): boolean => {
  const base = type & BASE_MASK
  return base === PTR_TO_PACKET || base === PTR_TO_PACKET_META
}

export const isPacketPointerAny = (type: number): boolean =>
  type === PTR_TO_PACKET || type === PTR_TO_PACKET_META || type === PTR_TO_PACKET_END

export const isSocketPointer = (type: number): boolean =>
  type === PTR_TO_SOCKET ||
  type === PTR_TO_SOCK_COMMON ||
  type === PTR_TO_TCP_SOCK ||
  type === PTR_TO_XDP_SOCK

export const isNonOwningRef = (type: number): boolean =>
  (type & (MEM_ALLOC | NON_OWN_REF)) === (MEM_ALLOC | NON_OWN_REF)

/** PTR_TO_BTF_ID | MEM_ALLOC, with or without other flags. */
export const isAllocatedObject = (type: number): boolean =>
  (type & BASE_MASK) === PTR_TO_BTF_ID && (type & MEM_ALLOC) !== 0

const SPILLABLE: ReadonlySet<number> = new Set([
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  PTR_TO_CTX,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_PACKET_END,
  PTR_TO_FLOW_KEYS,
  CONST_PTR_TO_MAP,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_MEM,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_ARENA,
])

/** May a register of this kind be saved on the stack and come back as itself? */
export const isSpillable = (type: number): boolean => SPILLABLE.has(type & BASE_MASK)

const NAMES: readonly string[] = [
  '?',
  'scalar',
  'ctx',
  'map_ptr',
  'map_value',
  'map_key',
  'fp',
  'pkt_meta',
  'pkt',
  'pkt_end',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'tp_buffer',
  'xdp_sock',
  'ptr_',
  'mem',
  'arena',
  'buf',
  'func',
  'dynptr_ptr',
]

const PREFIXES: readonly (readonly [flag: number, text: string])[] = [
  [MEM_RDONLY, 'rdonly_'],
  [MEM_RINGBUF, 'ringbuf_'],
  [MEM_USER, 'user_'],
  [MEM_PERCPU, 'percpu_'],
  [MEM_RCU, 'rcu_'],
  [PTR_UNTRUSTED, 'untrusted_'],
  [PTR_TRUSTED, 'trusted_'],
]

/** The name of a kind in the log, as kernel/bpf/log.c spells it. */
export function typeName(type: number): string {
  let text = ''
  for (const [flag, prefix] of PREFIXES) if (type & flag) text += prefix
  const base = type & BASE_MASK
  text += NAMES[base] ?? '?'
  if (type & PTR_MAYBE_NULL) text += base === PTR_TO_BTF_ID ? 'or_null_' : '_or_null'
  return text
}
