import type { Context } from './context.ts'

/** A program on a perf event, as BPF_TASK_FD_QUERY tells of it. */
export interface PerfProgram {
  readonly programId: number
  /** `raw_tracepoint`, `tracepoint`, `kprobe`, `kretprobe`, `uprobe`, `uretprobe`. */
  readonly kind: string
  /** The tracepoint, function or file. */
  readonly name: string
  readonly offset: bigint
  readonly address: bigint
}

/** enum bpf_task_fd_type */
const kinds = ['raw_tracepoint', 'tracepoint', 'kprobe', 'kretprobe', 'uprobe', 'uretprobe']

/** BPF_TASK_FD_QUERY: undefined for any other descriptor. */
export function queryDescriptor(context: Context, pid: number, fd: number): PerfProgram | undefined {
  const { attr } = context
  const name = new Uint8Array(4096)
  const size = attr.begin('BPF_TASK_FD_QUERY')
  attr.set('pid', pid)
  attr.set('fd', fd)
  attr.set('buf', context.address(name))
  attr.set('buf_len', name.length)
  if (context.call('BPF_TASK_FD_QUERY', size) < 0) return undefined
  return {
    programId: attr.get('prog_id'),
    kind: kinds[attr.get('fd_type')] ?? String(attr.get('fd_type')),
    name: Buffer.from(name.subarray(0, name.indexOf(0))).toString('latin1'),
    offset: attr.getWide('probe_offset'),
    address: attr.getWide('probe_addr'),
  }
}
