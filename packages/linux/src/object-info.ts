import type { Context, Handle } from './context.ts'
import { readInfo } from './objects.ts'
import { attachTypes, linkTypes, mapTypes, nameOf, programTypes } from './uapi.ts'

/** `struct bpf_prog_info`, as far as people look at it. */
export interface ProgramInfo {
  readonly id: number
  /** BPF_PROG_TYPE_* as a lower-case name. */
  readonly type: string
  /** As the kernel keeps it: 15 bytes at most. */
  readonly name: string
  /** SHA-derived tag: 16 hex digits. */
  readonly tag: string
  readonly gplCompatible: boolean
  /** Nanoseconds since boot at which it was loaded. */
  readonly loadTime: bigint
  readonly uid: number
  /** Bytes of the program after the verifier's rewriting. */
  readonly xlatedLength: number
  /** Bytes of machine code. */
  readonly jitedLength: number
  readonly mapIds: readonly number[]
  /** 0 for none. */
  readonly btfId: number
  /** Instructions that the verifier walked. */
  readonly verifiedInsns: number
  /** Nanoseconds and number of runs, while kernel.bpf_stats_enabled is set. */
  readonly runTimeNs: bigint
  readonly runCount: bigint
  /** What a tracing program attaches to: the BTF, 0 for the kernel's own, and the type in it. */
  readonly attachBtfObjId: number
  readonly attachBtfId: number
}

/** `struct bpf_map_info`. */
export interface MapInfo {
  readonly id: number
  readonly type: string
  readonly name: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly btfId: number
  readonly btfKeyTypeId: number
  readonly btfValueTypeId: number
  readonly mapExtra: bigint
}

/** `struct bpf_link_info`; what else it holds depends on the type. */
export interface LinkInfo {
  readonly id: number
  readonly type: string
  readonly programId: number
  /** Named as bpftool's JSON names them. */
  readonly details: Readonly<Record<string, number | string>>
}

/** `struct bpf_btf_info`. */
export interface BtfInfo {
  readonly id: number
  /** `vmlinux` or a module's name for the kernel's own. */
  readonly name: string
  readonly size: number
  readonly kernel: boolean
  readonly bytes: Uint8Array
}

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1')
}

const PROG_INFO = 232

export function programInfo(context: Context, { fd }: Pick<Handle, 'fd'>, what: string): ProgramInfo {
  const info = new Uint8Array(PROG_INFO)
  const count = readInfo(context, fd, info, what).getUint32(52, true)
  const ids = new Uint32Array(count)
  if (count > 0) {
    const again = new DataView(info.fill(0).buffer)
    again.setUint32(52, count, true)
    again.setBigUint64(56, context.address(new Uint8Array(ids.buffer)), true)
    readInfo(context, fd, info, what)
  }
  const view = new DataView(info.buffer)
  const u32 = (at: number): number => view.getUint32(at, true)
  return {
    id: u32(4),
    type: nameOf(programTypes, u32(0)),
    name: text(info.subarray(64, 80)),
    tag: Buffer.from(info.subarray(8, 16)).toString('hex'),
    gplCompatible: (u32(84) & 1) !== 0,
    loadTime: view.getBigUint64(40, true),
    uid: u32(48),
    jitedLength: u32(16),
    xlatedLength: u32(20),
    mapIds: [...ids],
    btfId: u32(128),
    verifiedInsns: u32(216),
    runTimeNs: view.getBigUint64(192, true),
    runCount: view.getBigUint64(200, true),
    attachBtfObjId: u32(220),
    attachBtfId: u32(224),
  }
}

/** What the kernel shows of a program's code. */
export interface ProgramCode {
  /** Instructions after the verifier's rewriting; none where kernel.kptr_restrict or the loader's rights keep them. */
  readonly xlated: Uint8Array
  /** Machine code. */
  readonly jited: Uint8Array
  /** `struct bpf_func_info`, one after another: u32 instruction, u32 type. */
  readonly functions: Uint8Array
  /** `struct bpf_line_info`, one after another: u32 instruction, file, text, line << 10 | column. */
  readonly lines: Uint8Array
}

/** Where struct bpf_prog_info has a block's length and address, in records of so many bytes. */
const blocks = {
  jited: { count: 16, address: 24, size: 1 },
  xlated: { count: 20, address: 32, size: 1 },
  functions: { count: 144, address: 136, size: 8 },
  lines: { count: 148, address: 152, size: 16 },
} as const
const FUNC_INFO_SIZE = 132
const LINE_INFO_SIZE = 172

export function programCode(context: Context, { fd }: Pick<Handle, 'fd'>, what: string): ProgramCode {
  const info = new Uint8Array(PROG_INFO)
  const view = readInfo(context, fd, info, what)
  const read = (name: keyof typeof blocks): Uint8Array => {
    const { count, address, size } = blocks[name]
    const bytes = new Uint8Array(view.getUint32(count, true) * size)
    const again = new Uint8Array(PROG_INFO)
    const asked = new DataView(again.buffer)
    asked.setUint32(count, bytes.length / size, true)
    asked.setBigUint64(address, context.address(bytes), true)
    asked.setUint32(FUNC_INFO_SIZE, blocks.functions.size, true)
    asked.setUint32(LINE_INFO_SIZE, blocks.lines.size, true)
    if (bytes.length > 0) readInfo(context, fd, again, what)
    return asked.getBigUint64(address, true) === 0n ? new Uint8Array(0) : bytes
  }
  return { xlated: read('xlated'), jited: read('jited'), functions: read('functions'), lines: read('lines') }
}

export function mapInfo(context: Context, { fd }: Pick<Handle, 'fd'>, what: string): MapInfo {
  const info = new Uint8Array(104)
  const view = readInfo(context, fd, info, what)
  const u32 = (at: number): number => view.getUint32(at, true)
  return {
    id: u32(4),
    type: nameOf(mapTypes, u32(0)),
    name: text(info.subarray(24, 40)),
    keySize: u32(8),
    valueSize: u32(12),
    maxEntries: u32(16),
    flags: u32(20),
    btfId: u32(64),
    btfKeyTypeId: u32(68),
    btfValueTypeId: u32(72),
    mapExtra: view.getBigUint64(80, true),
  }
}

export function btfInfo(context: Context, { fd }: Pick<Handle, 'fd'>, what: string): BtfInfo {
  const info = new Uint8Array(32)
  const name = new Uint8Array(64)
  const view = new DataView(info.buffer)
  const ask = (bytes: Uint8Array): void => {
    info.fill(0)
    view.setBigUint64(0, context.address(bytes), true)
    view.setUint32(8, bytes.length, true)
    view.setBigUint64(16, context.address(name), true)
    view.setUint32(24, name.length, true)
    readInfo(context, fd, info, what)
  }
  ask(new Uint8Array(0))
  const bytes = new Uint8Array(view.getUint32(8, true))
  ask(bytes)
  return {
    id: view.getUint32(12, true),
    name: text(name),
    size: bytes.length,
    kernel: view.getUint32(28, true) !== 0,
    bytes,
  }
}

interface LinkBytes {
  readonly u32: (at: number) => number
  readonly i32: (at: number) => number
  readonly u64: (at: number) => number
  /** The text behind a pointer and a length in the struct. */
  readonly text: (at: number) => string
}

const attachType = (number: number): string => nameOf(attachTypes, number)

/** enum bpf_perf_event_type. */
const perfTypes = ['unspec', 'uprobe', 'uretprobe', 'kprobe', 'kretprobe', 'tracepoint', 'event']

/** Where a struct holds a pointer to a name, to be filled at a second call. */
const names: Readonly<Record<string, number>> = { raw_tracepoint: 16, iter: 16, perf_event: 24 }

/** What `struct bpf_link_info` holds by type, under the names of bpftool's JSON. */
const details: Readonly<Record<string, (link: LinkBytes) => Record<string, number | string>>> = {
  raw_tracepoint: ({ text }) => ({ tp_name: text(16) }),
  tracing: ({ u32 }) => ({
    attach_type: attachType(u32(16)),
    target_obj_id: u32(20),
    target_btf_id: u32(24),
  }),
  cgroup: ({ u32, u64 }) => ({ cgroup_id: u64(16), attach_type: attachType(u32(24)) }),
  iter: ({ u32, text }) => ({ target_name: text(16), ...(u32(28) > 0 ? { map_id: u32(28) } : {}) }),
  netns: ({ u32 }) => ({ netns_ino: u32(16), attach_type: attachType(u32(20)) }),
  xdp: ({ u32 }) => ({ ifindex: u32(16) }),
  tcx: ({ u32 }) => ({ ifindex: u32(16), attach_type: attachType(u32(20)) }),
  netkit: ({ u32 }) => ({ ifindex: u32(16), attach_type: attachType(u32(20)) }),
  netfilter: ({ u32, i32 }) => ({ pf: u32(16), hook: u32(20), prio: i32(24), flags: u32(28) }),
  perf_event: ({ u32, u64, text }) => {
    const type = perfTypes[u32(16)] ?? String(u32(16))
    if (type === 'tracepoint') return { type, tracepoint: text(24) }
    if (type.startsWith('u')) return { type, file: text(24), offset: u32(36) }
    if (type.includes('kret') || type === 'kprobe') return { type, func: text(24), offset: u32(36) }
    return type === 'event' ? { type, config: u64(24), event_type: u32(32) } : { type }
  },
}

export function linkInfo(context: Context, { fd }: Pick<Handle, 'fd'>, what: string): LinkInfo {
  const info = new Uint8Array(72)
  const view = readInfo(context, fd, info, what)
  const u32 = (at: number): number => view.getUint32(at, true)
  const type = linkTypes[u32(0)] ?? String(u32(0))
  const name = new Uint8Array(256)
  const at = names[type]
  if (at !== undefined) {
    info.fill(0)
    view.setBigUint64(at, context.address(name), true)
    view.setUint32(at + 8, name.length, true)
    readInfo(context, fd, info, what)
  }
  const link: LinkBytes = {
    u32,
    i32: (offset) => view.getInt32(offset, true),
    u64: (offset) => Number(view.getBigUint64(offset, true)),
    text: () => text(name),
  }
  return { id: u32(4), type, programId: u32(8), details: details[type]?.(link) ?? {} }
}
