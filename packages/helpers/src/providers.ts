import type { HostEnv } from '@skep/registry'

/** Cgroups, each by the ids of its ancestors and its own, the root's first: what a runtime without a kernel lacks. */
export interface CgroupProvider {
  /** The cgroup of the task that runs the program. */
  current(): readonly bigint[]
  /** That of the socket that sends or gets a packet, whose context is at this arena address; none when absent. */
  ofPacket?(context: number): readonly bigint[]
  /** That of a socket, by the arena address that programs have of it; none when absent. */
  ofSocket?(socket: number): readonly bigint[]
  /** The net_cls class of a packet's socket; 0 when absent. */
  classOfPacket?(context: number): number
}

/** What a traced function's run is about. A context is an arena address. */
export interface TraceProvider {
  /** The address of the traced function; 0 when it is not traced at its entry. */
  functionAddress(context: number): bigint
  /** Its arguments, for programs at its entry and exit; none when absent. */
  arguments?(context: number): readonly bigint[]
  /** What it returned, for programs at its exit; undefined at its entry, and when absent. */
  returned?(context: number): bigint | undefined
}

/** The name space that task ids of bpf_get_ns_current_pid_tgid are of: its file's device and inode. */
export interface PidNamespace {
  readonly dev: bigint
  readonly ino: bigint
  readonly pid: number
  readonly tgid: number
}

/** What only the owner of a socket knows. Addresses are those of contexts, or of sockets where programs have one. */
export interface SocketIdentityProvider {
  /** A number of its own for each socket; 0 for a packet without. */
  cookie(address: number): bigint
  /** The owner's user id; undefined for a packet without a full socket. */
  uid(context: number): number | undefined
}

/** A key of a cipher that works on whole blocks. */
export interface BlockCipher {
  /** Bytes of the initialisation vector; 0 for none. Where there is one, blocks are chained (CBC). */
  readonly ivSize: number
  readonly blockSize: number
  /** Whole blocks in, as many out. */
  encrypt(data: Uint8Array, iv: Uint8Array): Uint8Array
  decrypt(data: Uint8Array, iv: Uint8Array): Uint8Array
  /** No program and no map holds it any more. */
  close?(): void
}

/** Ciphers for bpf_crypto_*; `@skep/runtime/node` has Node's. */
export interface CryptoProvider {
  /** By the kernel's name (`ecb(aes)`): makes a key's cipher, undefined for a bad key; undefined for no such cipher. */
  find(algorithm: string): ((key: Uint8Array) => BlockCipher | undefined) | undefined
}

/** The kernel's types, for what prints objects of them; `createKernelTypes` of `@skep/btf` makes one. */
export interface TypeProvider {
  /**
   * Prints what a `struct btf_ptr` of `size` bytes points to, with a NUL, as far as there is room, as flags BTF_F_* say.
   * `status` is 0 or minus an errno, `length` that of the whole text.
   */
  print(
    memory: { readonly u8: Uint8Array; contains(address: number, size: number): boolean },
    pointer: number,
    size: number,
    flags: number,
    to: Uint8Array,
  ): { readonly status: number; readonly length: number }
}

/** What a host knows that a runtime does not: who runs a program, and the sockets, cgroups and functions around it. */
export interface HelperProviders extends Pick<HostEnv, 'sockets' | 'stacks' | 'task'> {
  readonly cgroups?: CgroupProvider
  readonly crypto?: CryptoProvider
  readonly tracing?: TraceProvider
  readonly types?: TypeProvider
  readonly pidNamespace?: () => PidNamespace
  readonly socketIdentity?: SocketIdentityProvider
}
