/** What a program refers to at an instruction: resolved by the runtime when it links, known to the verifier by index. */
export type Reference =
  /** ld_imm64 of a map's address. */
  | { readonly insn: number; readonly kind: 'map'; readonly map: string }
  /** ld_imm64 of an address inside a map's first value (globals). */
  | { readonly insn: number; readonly kind: 'map_value'; readonly map: string; readonly offset: number }
  /** ld_imm64 of a subprogram: a callback. `target` is a slot of this program. */
  | { readonly insn: number; readonly kind: 'func'; readonly target: number }
  | { readonly insn: number; readonly kind: 'kfunc'; readonly name: string; readonly weak?: boolean }
  | { readonly insn: number; readonly kind: 'ksym'; readonly name: string; readonly weak?: boolean }

export interface MapSpec {
  readonly name: string
  /** A map type's name without the BPF_MAP_TYPE_ prefix, lower case (`percpu_array`), or its number when unknown. */
  readonly type: string | number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** BPF_F_* creation flags. */
  readonly flags?: number
  /** map_extra of bpf_attr; of an arena its address, 0 for none, absent where it gets one when it is made. */
  readonly mapExtra?: number
  /** The template of a map of maps. */
  readonly inner?: MapSpec
  /** First contents: for globals the one element's bytes; for a program array, programs by slot. */
  readonly initial?: readonly MapInitial[]
  /** Frozen after the initial contents are in: read-only for the host, and constant for the verifier with RDONLY_PROG. */
  readonly frozen?: boolean
  readonly pinning?: 'none' | 'by_name'
  /** Where a map that is pinned by name is pinned; absent: where the load says, by the map's name. */
  readonly pinPath?: string
  /** BTF type ids of key and value in the collection's BTF (or in `btf`). */
  readonly btfKey?: number
  readonly btfValue?: number
  /** Raw BTF, when it is not the collection's. */
  readonly btf?: Uint8Array
}

export type MapInitial =
  | { readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly index: number; readonly program: string }
  | { readonly index: number; readonly map: string }

export interface FunctionInfo {
  readonly name?: string
  /** Slot where the function begins. */
  readonly insn: number
  /** BTF type id of its BTF_KIND_FUNC; 0 without BTF. */
  readonly typeId: number
  /** Linkage as in BTF: 0 static, 1 global, 2 extern. */
  readonly linkage?: number
}

export interface LineInfo {
  /** Slot of the first instruction of this line. */
  readonly insn: number
  readonly file: string
  readonly text: string
  readonly line: number
  readonly column: number
}

export interface ProgramSpec {
  readonly name: string
  readonly section: string
  /** A program type's name without the BPF_PROG_TYPE_ prefix, lower case (`xdp`), or its number when unknown. */
  readonly type: string | number
  /** An attach type's name without BPF_, lower case (`cgroup_inet_ingress`), or its number. */
  readonly attachType?: string | number
  /** BPF_F_* load flags. */
  readonly flags?: number
  readonly license: string
  /** KERNEL_VERSION of the object's `version` section. */
  readonly kernelVersion?: number
  /** 8-byte little-endian slots: the program, then the subprograms that it reaches; ld_imm64 of references unpatched. */
  readonly insns: Uint8Array
  readonly references: readonly Reference[]
  /** The program's own function first; in order of `insn`. */
  readonly functions: readonly FunctionInfo[]
  readonly lines: readonly LineInfo[]
  /** The kernel function or program that it attaches to (fentry, freplace, …). */
  readonly attachTo?: string
  /** False for a section name that begins with `?`. */
  readonly autoload?: boolean
}

/** A global variable of the object: a range of a `.rodata`, `.data` or `.bss` map's one value. */
export interface VariableSpec {
  readonly name: string
  readonly map: string
  readonly offset: number
  readonly size: number
  /** BTF type id. */
  readonly typeId?: number
}

/** A function of a kernel struct that a program implements. */
export interface StructMethodSpec {
  /** The member's name. */
  readonly member: string
  readonly program: string
  /** How many arguments it takes. */
  readonly args: number
  /** Bytes of what it returns, 0 for void; `signed` integers are extended. */
  readonly returns: { readonly size: number; readonly signed: boolean }
}

/** A kernel struct whose functions programs implement: a variable of `.struct_ops` or `.struct_ops.link`. */
export interface StructOpsSpec {
  /** The variable's name. */
  readonly name: string
  /** The kernel's name of the struct. */
  readonly struct: string
  /** What the variable begins with; members that are functions are zero. */
  readonly value: Uint8Array
  readonly methods: readonly StructMethodSpec[]
}

/** A loader's result: plain data, nothing live. */
export interface CollectionSpec {
  readonly name?: string
  readonly programs: readonly ProgramSpec[]
  readonly maps: readonly MapSpec[]
  readonly variables: readonly VariableSpec[]
  readonly structOps?: readonly StructOpsSpec[]
  /** Raw BTF of the object. */
  readonly btf?: Uint8Array
  readonly license: string
  /** What the loader left out and why (an unknown section, a failed weak symbol). */
  readonly notes: readonly string[]
}
