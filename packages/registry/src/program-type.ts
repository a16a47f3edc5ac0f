import type { Arena } from '@skep/memory'
import type { ContextDef } from './context.ts'

/** Inclusive signed bounds of r0 at exit. */
export interface ReturnRange {
  readonly min: number
  readonly max: number
}

/** What the kernel says of an argument of an attach target beyond its type. */
export interface TargetArgument {
  /** `buffer`: memory whose size the target gives; `error`: the pointer may be an error code, so it is a number. */
  readonly kind?: 'buffer' | 'error'
  readonly nullable?: boolean
  readonly readonly?: boolean
  /** The kernel struct that the argument is taken to point to, whatever its type says. */
  readonly struct?: string
  /** False: not PTR_TRUSTED. */
  readonly trusted?: boolean
}

export interface AttachTypeRules {
  /** As in `enum bpf_attach_type`. */
  readonly id: number
  readonly returns?: ReturnRange
  /** False: not with BPF_F_SLEEPABLE, although the program type may have it. */
  readonly sleepable?: boolean
  /** What `attachTo` names in the kernel's BTF, where that types the context. */
  readonly target?: 'tracepoint' | 'iterator' | 'function'
  /** Names of targets begin with it in the kernel's BTF; `attachTo` may leave it out. */
  readonly targetPrefix?: string
  /** By name of the target and number of the argument. Iterators that it does not name do not exist. */
  readonly targetArgs?: Readonly<Record<string, Readonly<Record<number, TargetArgument>>>>
  /** Of target `function`. */
  readonly functions?: TargetFunctions
}

/** Which functions of the kernel programs attach to, and what they see of them. */
export interface TargetFunctions {
  /** What may be read behind the arguments: the result, or the result where it is an int. */
  readonly result?: 'any' | 'int'
  /** Arguments are trusted pointers, but of these functions; of none when absent. */
  readonly untrusted?: readonly string[]
  /** Programs may attach to these only; names that end with `*` are prefixes. */
  readonly only?: readonly string[]
  /** Only what this union of the kernel names, without the prefix. */
  readonly union?: string
  /** Functions that no program attaches to (btf_id_deny). */
  readonly denied?: readonly string[]
  /** Functions that have no exit to attach to (noreturn_deny). */
  readonly neverReturn?: readonly string[]
  /** Hooks that the kernel has and does not give away (bpf_lsm_disabled_hooks). */
  readonly disabled?: readonly string[]
  /** Programs that may sleep attach to these only; names that end with `*` are prefixes. */
  readonly sleepable?: readonly string[]
  /** Returned by functions that are not void, and read as their result. */
  readonly returns?: ReturnRange
  /** The same of functions of these names. */
  readonly returnsOf?: Readonly<Record<string, ReturnRange>>
  /** What programs on void functions return; anything, even nothing, when absent. */
  readonly returnsOfVoid?: ReturnRange
  /** What the log adds when they do not. */
  readonly voidNote?: string
}

/** Members of a kernel struct that programs may store to. */
export interface StructWrites {
  readonly struct: string
  /** Structs of which the same fields may be stored to, named from the struct that they begin with. */
  readonly also?: readonly string[]
  /**
   * `snd_cwnd`, `scx.slice`, `sock.sk_pacing_rate` of a struct that begins it, or `cb:qdisc_skb_cb.data` of a struct that
   * a member holds; the whole struct when absent.
   */
  readonly fields?: readonly string[]
  /** Of `fields`: stores may begin inside. */
  readonly inside?: readonly string[]
}

/** What the kernel says of a struct whose functions programs implement, beyond its types (struct bpf_struct_ops). */
export interface StructOpsRules {
  /** Functions that programs do not implement: the kernel has no stub of them. */
  readonly unsupported?: readonly string[]
  /** Only these may sleep; all when absent. */
  readonly sleepable?: readonly string[]
  /** False: programs call no helper at all. */
  readonly helpers?: boolean
  /** Pointers to the one struct are given as pointers to the other: `{ sock: 'tcp_sock' }`. */
  readonly promotes?: Readonly<Record<string, string>>
  /** By function and number of the argument. */
  readonly args?: Readonly<Record<string, Readonly<Record<number, TargetArgument>>>>
  readonly writes?: readonly StructWrites[]
}

/** A section name of libbpf's table: `xdp.frags/devmap` and what it means. */
export interface SectionDef {
  /** The whole name, or a prefix followed by `/…` or `.…` when `prefix` is true, as libbpf's `name+` and `name/` forms. */
  readonly name: string
  readonly prefix?: boolean
  readonly attachType?: string
  /** BPF_F_* load flags that it implies. */
  readonly flags?: number
}

/** What a test run starts from, as BPF_PROG_TEST_RUN takes it. */
export interface TestRunInput {
  readonly data: Uint8Array
  readonly ctx?: Uint8Array
}

export interface TestRunOutput {
  readonly data?: Uint8Array
  readonly ctx?: Uint8Array
}

/** A context in the arena for one run. */
export interface TestRunContext {
  readonly address: number
  /** Reads back the (possibly moved) packet and context. */
  finish(): TestRunOutput
  release(): void
}

export interface ProgramTypeDef {
  /** BPF_PROG_TYPE_ name without prefix, lower case: `xdp`, `sched_cls`. */
  readonly name: string
  /** As in `enum bpf_prog_type`; ids from 0x1_0000 are for plugins. */
  readonly id: number
  readonly context: ContextDef
  /** Helpers allowed besides those whose own `programTypes` names this type. */
  readonly helpers?: readonly string[]
  /** Bounds of the return value, when no attach type says otherwise; any value when absent. */
  readonly returns?: ReturnRange
  readonly attachTypes?: Readonly<Record<string, AttachTypeRules>>
  /** The attach type that 0 stands for at load (bpf_prog_load_fixup_attach_type). */
  readonly zeroAttachType?: string
  /** Verdict names by value, for display: `{ 1: 'XDP_DROP' }`. */
  readonly verdicts?: Readonly<Record<number, string>>
  /** Numbers that contexts hold, by the names that the C header gives them: `{ GUARD_FS_READ: 0x101 }`. */
  readonly constants?: Readonly<Record<string, number>>
  /** Packet memory through packet pointers (may_access_direct_pkt_data). */
  readonly packetAccess?: 'none' | 'read' | 'write'
  /** Packet pointers may be passed to any helper as memory, whatever its `pktAccess` says (cgroup_sockopt's buffer). */
  readonly packetToAnyHelper?: boolean
  /** Runs in arbitrary kernel context (is_tracing_prog_type): no maps with locks, timers, lists or trees. */
  readonly tracing?: boolean
  /** Only loaders with CAP_PERFMON load it (is_perfmon_prog_type). */
  readonly perfmon?: boolean
  /** No maps whose values hold a bpf_spin_lock. */
  readonly noSpinLock?: boolean
  /** Its loader must name an attach type of `attachTypes`; 0 where there are none, or where `zeroAttachType` says so. */
  readonly strictAttachType?: boolean
  /** Nothing converts accesses to the context, so functions may read and write it as programs do (no convert_ctx_access). */
  readonly plainContext?: boolean
  /** A program of this type may call the kernel's functions. False: refuses them all. */
  readonly kfuncs?: boolean
  /** ld_abs and ld_ind allowed. */
  readonly legacyLoads?: boolean
  /** Programs of this type may be loaded without CAP_BPF. */
  readonly unprivileged?: boolean
  readonly gplOnly?: boolean
  /** Runs where it may sleep: always (loaders must say BPF_F_SLEEPABLE), or where the loader says so. */
  readonly sleepable?: boolean | 'optional'
  /**
   * Programs implement functions of kernel structs: `attachTo` is `struct:member`. By struct what is known beyond the
   * kernel's BTF.
   */
  readonly structOps?: Readonly<Record<string, StructOpsRules>>
  /** Kernel structs that programs may store to. */
  readonly structWrites?: readonly StructWrites[]
  readonly sections?: readonly SectionDef[]
  /** Builds a context for BPF_PROG_TEST_RUN; absent where Linux has none. */
  readonly testRun?: (arena: Arena, input: TestRunInput) => TestRunContext
}
