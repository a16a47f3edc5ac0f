import type { HelperDef, HostEnv } from '@skep/registry'

const EINVAL = 22
const BPF_F_INGRESS = 1n

/** Sends a copy of the packet whose context this is; false where nothing has that number. */
export type CloneRedirect = (context: number, ifindex: number, ingress: boolean) => boolean

/** By the memory of a runtime: the hook whose program runs now. */
const running = new WeakMap<WebAssembly.Memory, CloneRedirect>()

/** Lets programs that `act` runs send copies. Hooks run within one another: the outer one's comes back. */
export function withClones<T>(memory: WebAssembly.Memory, clone: CloneRedirect, act: () => T): T {
  const outer = running.get(memory)
  running.set(memory, clone)
  try {
    return act()
  } finally {
    if (outer) running.set(memory, outer)
    else running.delete(memory)
  }
}

function cloneRedirect(this: HostEnv, context: number, ifindex: number, flags: bigint): number {
  if ((flags & ~BPF_F_INGRESS) !== 0n) return -EINVAL
  const sent = running.get(this.memory)?.(context >>> 0, ifindex >>> 0, flags === BPF_F_INGRESS)
  return sent ? 0 : -EINVAL
}

/**
 * Helpers that need network devices, as `attachTc` has them: compose a runtime with
 * `createHelpersPlugin(forwardingHelpers)` of `@skep/helpers`. bpf_clone_redirect answers -EINVAL for devices that the
 * attachment does not know, and outside of one.
 */
export const forwardingHelpers: Readonly<Record<'bpf_clone_redirect', Pick<HelperDef, 'call'>>> = {
  bpf_clone_redirect: { call: cloneRedirect as unknown as NonNullable<HelperDef['call']> },
}
