/** Where a program runs; by default in a program type of the plugin. */
export interface Program {
  readonly type?: string
  readonly attach?: string
  readonly to?: string
  readonly flags?: number
  readonly license?: string
  readonly unprivileged?: boolean
}

/** `expected`: the refusal, or what r8 and r9 are. */
export type Row = readonly [name: string, asm: string, expected: string, program?: Program]

/** r8 is a struct of the kernel. */
export const context: string = 'r8 = *(u64 *)(r1 + 8)'
export const tracepoint: Program = { type: 'tracing', attach: 'trace_raw_tp', to: 'btf_trace_demo' }
export const iterator: Program = { type: 'tracing', attach: 'trace_iter', to: 'bpf_iter_bpf_map_elem' }
