import type { ArgDesc, CallbackKind, JsArgs } from './arg.ts'
import type { JsRet, RetDesc } from './ret.ts'
import type { HostEnv, WasmExport } from './wasm-module.ts'

/** KF_* flags of include/linux/btf.h, lower case without prefix. */
export type KfuncFlag =
  | 'acquire'
  | 'release'
  | 'ret_null'
  | 'trusted_args'
  | 'sleepable'
  | 'destructive'
  | 'rcu'
  | 'iter_new'
  | 'iter_next'
  | 'iter_destroy'
  | 'rcu_protected'
  | 'fastcall'

/** What a kfunc does to the verifier's state beyond its prototype and flags, as data. */
export interface KfuncTraits {
  /** Sections that it begins or ends, and calls that do not return. */
  readonly effect?:
    | 'rcu_read_lock'
    | 'rcu_read_unlock'
    | 'preempt_disable'
    | 'preempt_enable'
    | 'throw'
    | 'trap'
  /** Saves or restores the IRQ flags in its `__irq_flag` argument; together with `lock`, as that lock does. */
  readonly irq?: 'save' | 'restore'
  /** Takes or releases a bpf_res_spin_lock; taking it may fail. */
  readonly lock?: 'acquire' | 'release'
  /** May be called while a lock is held. */
  readonly underLock?: boolean
  /** Works on a bpf_list_head or a bpf_rb_root; `insert` gives the node away. */
  readonly graph?: { readonly root: 'bpf_list_head' | 'bpf_rb_root'; readonly insert?: boolean }
  /** The callback that it runs, or has run later. */
  readonly callback?: CallbackKind
  /** Its first argument is the context, whatever its type says. */
  readonly context?: boolean
  /** The kind of dynptr that it makes or takes; `clone` makes one of its other argument's kind. */
  readonly dynptr?: 'skb' | 'skb_meta' | 'xdp' | 'clone'
  /** What the result is, where the prototype does not tell. */
  readonly result?:
    | 'obj_new'
    | 'percpu_obj_new'
    | 'refcount_acquire'
    | 'kern_ctx'
    | 'rdonly_cast'
    | 'dynptr_slice'
    | 'dynptr_slice_rdwr'
    | 'untrusted'
  /** Bytes of memory that the result points to, where the prototype does not tell. */
  readonly resultSize?: number
  /** Takes only objects of bpf_percpu_obj_new. */
  readonly percpuObject?: boolean
  /** Packet pointers are invalid afterwards. */
  readonly changesPacketData?: boolean
  /** Only for programs that are bound to a device. */
  readonly deviceBound?: boolean
  /** Only in LSM programs, iterators and programs that may sleep (check_css_task_iter_allowlist). */
  readonly lsmIterOrSleepable?: boolean
}

/**
 * A function of the kernel, or of a plugin, that programs call by name. With `args` it is described like a helper; without,
 * its prototype is the one in the kernel's BTF, and parameter names tell what the verifier must know (`__sz`, `__nullable`:
 * Documentation/bpf/kfuncs.rst).
 */
export interface KfuncDef<A extends readonly ArgDesc[] = readonly ArgDesc[], R extends RetDesc = RetDesc> {
  readonly name: string
  readonly args?: A
  /** Goes with `args`. */
  readonly returns?: R
  readonly flags?: readonly KfuncFlag[]
  readonly programTypes?: 'all' | readonly string[]
  /** By program type: the attach types (names) with which it may be called; all when a type is not listed. */
  readonly attachTypes?: Readonly<Record<string, readonly string[]>>
  readonly verify?: KfuncTraits
  /**
   * As C declares it, for a function that needs none of the kernel's own structs: `int f(struct s *p, u32 n__sz)`. Calls of
   * it are then verified where no kernel's BTF is given, too; where one is, that counts.
   */
  readonly prototype?: string
  /** Bytes of the structs that `prototype` names; 0 for one that is not listed. */
  readonly structs?: Readonly<Record<string, number>>
  readonly call?: (this: HostEnv, ...args: JsArgs<A>) => JsRet<R>
  readonly wasm?: WasmExport
  readonly absent?: string
}
