import { KernelArgumentError } from './errors.ts'
import type { Kernel } from './kernel.ts'
import { attachTypes, numberOf, programTypes } from './uapi.ts'

/** Kernel functions that stand for an attach point, by program type and attach type (net: libbpf's section table). */
const prefixes: Readonly<Record<string, { kind: 'func' | 'typedef'; prefix: string }>> = {
  [`tracing/${attachTypes['trace_raw_tp']}`]: { kind: 'typedef', prefix: 'btf_trace_' },
  [`tracing/${attachTypes['trace_iter']}`]: { kind: 'func', prefix: 'bpf_iter_' },
  [`lsm/${attachTypes['lsm_mac']}`]: { kind: 'func', prefix: 'bpf_lsm_' },
  [`lsm/${attachTypes['lsm_cgroup']}`]: { kind: 'func', prefix: 'bpf_lsm_' },
}
/** Program types whose attach_btf_id the kernel reads; the others refuse one. */
const attachesByBtf: ReadonlyMap<number, string> = new Map(
  ['tracing', 'lsm', 'struct_ops'].map((name) => [programTypes[name] ?? -1, name]),
)

/**
 * The attach type and attach_btf_id of a program, found by the name of what it attaches to: a kernel function, an iterator,
 * a tracepoint, `struct:member` for struct_ops. Throws `KernelArgumentError` when the kernel has no such thing.
 */
export const attachTarget = (
  kernel: Kernel,
  type: string | number,
  attachType: string | number,
  to: string | null | undefined,
  argument: string,
): { attachType: string | number; attachBtfId: number } => {
  const family = attachesByBtf.get(numberOf(programTypes, type) ?? -1)
  if (!to || !family) return { attachType, attachBtfId: 0 }
  const missing = (what: string): never => {
    throw new KernelArgumentError(argument, `this kernel has no ${what}`)
  }
  if (family === 'struct_ops') {
    const [struct = '', member = ''] = to.split(':')
    const attachBtfId = kernel.vmlinux?.find('struct', struct) ?? missing(`struct ${struct}`)
    return {
      attachType:
        kernel.vmlinux?.memberIndex(attachBtfId, member) ?? missing(`member ${member} in ${struct}`),
      attachBtfId,
    }
  }
  const { kind, prefix } = prefixes[`${family}/${numberOf(attachTypes, attachType)}`] ?? {
    kind: 'func',
    prefix: '',
  }
  const full = to.startsWith(prefix) ? to : prefix + to
  return {
    attachType,
    attachBtfId:
      kernel.vmlinux?.find(kind, full) ?? missing(`${kind === 'func' ? 'function' : 'type'} ${full}`),
  }
}
