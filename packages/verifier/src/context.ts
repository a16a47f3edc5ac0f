import {
  type ContextDef,
  type ContextField,
  type ContextPointer,
  contextAllows,
  contextFieldAt,
} from '@skep/registry'
import {
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_FLOW_KEYS,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  SCALAR_VALUE,
} from './reg-type.ts'

const POINTER_TYPES: Readonly<Record<ContextPointer, number>> = {
  packet: PTR_TO_PACKET,
  packet_end: PTR_TO_PACKET_END,
  packet_meta: PTR_TO_PACKET_META,
  sock_common: PTR_TO_SOCK_COMMON,
  socket: PTR_TO_SOCKET,
  tcp_sock: PTR_TO_TCP_SOCK,
  xdp_sock: PTR_TO_XDP_SOCK,
  flow_keys: PTR_TO_FLOW_KEYS,
  buffer: PTR_TO_BUF,
  buffer_end: PTR_TO_PACKET_END,
  tp_buffer: PTR_TO_TP_BUFFER,
  btf_id: PTR_TO_BTF_ID,
}

/** What an access to a context gives: SCALAR_VALUE or a kind of pointer, with the field where it has one. */
export interface ContextAccess {
  readonly type: number
  readonly field: ContextField | undefined
}

const SCALAR: ContextAccess = { type: SCALAR_VALUE, field: undefined }

/**
 * Judges a load or store of `size` bytes at a fixed offset of a context, by its description (the is_valid_access
 * functions of net/core/filter.c, kernel/trace/bpf_trace.c and others). Undefined when it is not allowed.
 */
export function contextAccess(
  context: ContextDef,
  off: number,
  size: number,
  write: boolean,
  signExtends: boolean,
  attachType: string,
): ContextAccess | undefined {
  if (context.kind !== 'struct') {
    return contextAllows(context, off, size, write, attachType) ? SCALAR : undefined
  }
  const field = contextFieldAt(context, off, size, write, attachType)
  if (!field) return undefined
  if (!field.pointer) return { type: SCALAR_VALUE, field }
  // A pointer that a narrow field stands for cannot be sign-extended.
  if (write || signExtends) return undefined
  let type = POINTER_TYPES[field.pointer]
  if (field.nullable) type |= PTR_MAYBE_NULL
  if (field.trusted) type |= PTR_TRUSTED
  if (field.readonly) type |= MEM_RDONLY
  return { type, field }
}
