import type { ArgDesc, CallbackKind, JsArgs } from './arg.ts'
import type { Lower } from './lower.ts'
import type { JsRet, RetDesc } from './ret.ts'
import type { HostEnv, WasmExport } from './wasm-module.ts'

/** The map operations that engines may reach directly when the verifier knows the map; also what helpers 1, 2, 3 … are. */
export type MapOp =
  | 'lookup'
  | 'update'
  | 'delete'
  | 'push'
  | 'pop'
  | 'peek'
  | 'lookup_percpu'
  | 'for_each'
  | 'redirect'

export interface HelperDef<A extends readonly ArgDesc[] = readonly ArgDesc[], R extends RetDesc = RetDesc> {
  /** As in `enum bpf_func_id`: `bpf_map_lookup_elem`. */
  readonly name: string
  /** The number in the call instruction; ids from 0x1_0000 are for plugins. */
  readonly id: number
  readonly args: A
  readonly returns: R
  readonly gplOnly?: boolean
  /** Program types that may call it: names, or `all`. A program type may also list helpers itself. */
  readonly programTypes?: 'all' | readonly string[]
  /** By program type: the attach types (names) with which it may be called; all when a type is not listed. */
  readonly attachTypes?: Readonly<Record<string, readonly string[]>>
  /**
   * By program type, or `type/attach_type`: the kernel functions, iterators, structs or struct members that a program must
   * attach to for the call to be allowed; any when a type is not listed.
   */
  readonly attachTo?: Readonly<Record<string, readonly string[]>>
  /**
   * Programs that the helper's own check lets through (bpf_func_proto.allowed), by program type or `type/attach_type`;
   * true, or the functions that they may attach to. Others: "helper call is not allowed in probe".
   */
  readonly probe?: Readonly<Record<string, true | readonly string[]>>
  /** What the loader must have besides the program type's own needs: CAP_BPF or CAP_PERFMON (bpf_base_func_proto). */
  readonly capability?: 'bpf' | 'perfmon'
  /** Program types that offer it without `capability`. */
  readonly capabilityFree?: readonly string[]
  /**
   * Offered only by kernels that have this feature, which many have not: a build option without CONFIG_, or `WRITE_USER`
   * (no lockdown). The running kernel that the tables are compared with has none.
   */
  readonly feature?: string
  /** Other prototypes that some program types have under this id; the first that matches replaces fields of this one. */
  readonly variants?: readonly HelperVariant[]
  /** Clobbers r0 alone where the caller follows the bpf_fastcall pattern (bpf_func_proto.allow_fastcall). */
  readonly fastcall?: boolean
  /** Packet pointers are invalid afterwards (bpf_helper_changes_pkt_data). */
  readonly changesPacketData?: boolean
  /** Packet pointers may be passed as memory (bpf_func_proto.pkt_access). */
  readonly pktAccess?: boolean
  readonly mightSleep?: boolean
  /** Reads the registers behind its declared arguments too, up to r5; they need not be initialised (bpf_trace_printk). */
  readonly variadic?: boolean
  /** This helper is that operation of its first argument's map type. */
  readonly mapOp?: MapOp
  /** The call does not return (tail call on success): how the engine performs it. */
  readonly tailCall?: boolean
  /** Implementation in JS. The verifier has proved the arguments. */
  readonly call?: (this: HostEnv, ...args: JsArgs<A>) => JsRet<R>
  /** Implementation in wasm, of the uniform signature (i64 × 5) → i64. */
  readonly wasm?: WasmExport
  /**
   * What a call does, as an expression that engines may write in its place. It does the same as `call` or `wasm`, which
   * other engines call; unless it uses `call` itself, engines take it that no function in JS and no other program runs.
   */
  readonly lower?: Lower
  /** Why a program that uses it verifies but does not run here, and which plugin interface would supply it. */
  readonly absent?: string
  /** Semantics that the verifier implements by name (`bpf_spin_lock`, `bpf_sk_release`), beyond args and returns. */
  readonly verify?: HelperTraits
}

/** What differs in a helper's prototype for some programs. */
export interface HelperVariant {
  readonly programTypes: readonly string[]
  /** Only with these attach types; with any when absent. */
  readonly attachTypes?: readonly string[]
  readonly args?: readonly ArgDesc[]
  readonly returns?: RetDesc
  readonly gplOnly?: boolean
  readonly pktAccess?: boolean
  readonly fastcall?: boolean
}

/** Effects on the verifier's state, as data. */
export interface HelperTraits {
  readonly lock?: 'acquire' | 'release'
  /** Acquires a reference only for certain maps (bpf_map_lookup_elem on sockmap). */
  readonly acquireFromMaps?: readonly string[]
  readonly dynptr?: 'create' | 'data' | 'release'
  readonly callback?: CallbackKind
  /** Result bounds tied to a size argument (bpf_get_stack, probe_read_str): r0 ≤ that argument. */
  readonly boundedBySizeArg?: number
  /** Writes through its dynptr argument: for one over a packet, packet pointers are invalid afterwards. */
  readonly writesDynptr?: boolean
  /** Releases any struct that begins with the one its argument names (bpf_sk_release). */
  readonly releasesDerived?: boolean
  /** Checks the format string in argument `format` (0-based) against the bytes that argument `size` counts. */
  readonly format?: { readonly format: number; readonly size: number }
  /**
   * Program types that may call it, and of one the attach types: a call from another is refused once its arguments are
   * checked (check_get_func_ip).
   */
  readonly callers?: Readonly<Record<string, true | readonly string[]>>
  /** Returns its argument cast to another pointer type; the reference id carries over. */
  readonly pointerCast?: boolean
}
