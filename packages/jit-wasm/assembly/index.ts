/** What a standalone module has of its own in wasm: contexts for packets, and text for bpf_trace_printk. */
export * from './context'
export * from './print'
