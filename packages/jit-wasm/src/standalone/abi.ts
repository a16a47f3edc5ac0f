import { control, skbLayout, sockLayout, xdpLayout } from '@skep/registry'

/** The version of the interface that docs/guide/standalone.md describes; it changes when a host must. */
export const ABI_VERSION = 1

/** Name of the custom section with the metadata, UTF-8 JSON. */
export const METADATA_SECTION = 'skep'
/** Name of the custom section with the object's BTF, where it has any. */
export const BTF_SECTION = 'skep.btf'

/** The module that the two imports come from. */
export const IMPORT_MODULE = 'skep'

/** How a packet's context is made: a function of assembly/context.ts, and the bytes of what it writes. */
export interface PacketContext {
  readonly write: 'xdp_context' | 'skb_context' | 'skb_network_context'
  /** Bytes from the context's address on. */
  readonly size: number
  /** Bytes of the smallest frame: room behind a short packet, from the start of the head room on. */
  readonly frame: number
  /** Bytes behind the packet that programs may take at the least. */
  readonly tail: number
}

const skb = (write: PacketContext['write']): PacketContext => ({
  write,
  size: skbLayout.SKB_CONTEXT_SIZE + sockLayout.SOCK_PREAMBLE + sockLayout.SOCK_RECORD_SIZE,
  frame: 0,
  tail: 4096,
})

/** By program type: those whose context is one packet. */
export const packetContexts: Readonly<Record<string, PacketContext>> = {
  // A page, less what struct skb_shared_info takes of its end.
  xdp: { write: 'xdp_context', size: xdpLayout.XDP_CONTEXT_SIZE, frame: 4096 - 320, tail: 0 },
  sched_cls: skb('skb_context'),
  sched_act: skb('skb_context'),
  socket_filter: skb('skb_network_context'),
  cgroup_skb: skb('skb_network_context'),
  lwt_in: skb('skb_network_context'),
  lwt_out: skb('skb_network_context'),
  lwt_xmit: skb('skb_network_context'),
}

/** Bytes before a context that belong to it: what bpf_redirect* leave for the host. */
export const CONTEXT_BEFORE: number = control.RUN_HEADER_SIZE
/** Head room before a packet. */
export const HEAD_ROOM: number = xdpLayout.XDP_PACKET_HEADROOM

/** What WebAssembly a module is made of: its versions 1.0 and 2.0 (bulk memory, sign extension), or 3.0's tail calls too. */
export type Features = '1.0' | '2.0' | '3.0'

export interface ProgramMetadata {
  readonly name: string
  readonly section?: string
  /** Program type, without BPF_PROG_TYPE_ and in lower case. */
  readonly type?: string
  readonly attachType?: string
  readonly license?: string
  /** Helpers that it may call. */
  readonly helpers: readonly string[]
  /** The context's layout: fields that programs see, as byte offsets from its address. */
  readonly context?: {
    readonly name: string
    readonly size: number
    readonly fields: readonly { readonly name: string; readonly offset: number; readonly size: number }[]
  }
  /** Set for programs with `context_` and `init_` exports: bytes that `init_` writes from the context's address on. */
  readonly packetContextSize?: number
  readonly verdicts?: Readonly<Record<number, string>>
}

export interface MapMetadata {
  /** What the `skep_map_` exports take. */
  readonly index: number
  readonly name: string
  /** Map type, without BPF_MAP_TYPE_ and in lower case. */
  readonly type: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  /** Of the header in memory: what RUN_REDIRECT_MAP holds. */
  readonly address: number
  /** Which of the `skep_map_` exports work on it. */
  readonly operations: readonly string[]
  /** BTF type ids, in the section `skep.btf`. */
  readonly btfKey?: number
  readonly btfValue?: number
}

export interface VariableMetadata {
  readonly name: string
  readonly map: string
  /** In memory. */
  readonly address: number
  readonly size: number
  readonly btfType?: number
}

/** What the custom section `skep` holds. */
export interface StandaloneMetadata {
  readonly abi: number
  readonly generator: 'skep'
  /** Every program passed the verifier. */
  readonly verified: boolean
  readonly license: string
  readonly features: Features
  readonly byteOrder: 'little'
  /** Bytes that `skep_alloc` and the maps may have together. */
  readonly memoryLimit: number
  readonly programs: readonly ProgramMetadata[]
  readonly maps: readonly MapMetadata[]
  readonly variables: readonly VariableMetadata[]
  /** Names of what is imported from `skep`. */
  readonly imports: readonly string[]
  /** Where `skep_packet` points, and how long a packet may be. */
  readonly packet?: { readonly address: number; readonly size: number }
}

/** Host functions that linked modules may import as `host`, by the exports of assembly/ that serve them. */
export const hostFunctions: ReadonlySet<string> = new Set(['clock', 'wake', 'printk', 'vprintk', 'snprintf'])

/** What helpers whose host functions a standalone module has not would need. */
export const hostNeeds: Readonly<Record<string, string>> = {
  task: 'the task that runs it',
  comm: 'the task that runs it',
  netnsCookie: "the network stack's name spaces",
  socketLookup: "the network stack's sockets",
  socketRelease: "the network stack's sockets",
  timerStart: 'the event loop that runs timers',
  timerCancel: 'the event loop that runs timers',
  timerRunning: 'the event loop that runs timers',
  timerFree: 'the event loop that runs timers',
  workQueue: 'the event loop that runs work queues',
  freeDroppedLater: 'the runtime that frees objects',
}

/** The module whose `host` imports those are. */
export const HELPERS_MODULE = 'helpers'
