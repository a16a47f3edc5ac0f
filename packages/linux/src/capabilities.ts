import { errnoText } from './errno.ts'
import { KernelError } from './errors.ts'
import type { Ffi } from './ffi.ts'

/** Capabilities that bpf(2) asks for, by number (include/uapi/linux/capability.h). */
const capabilities = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const
export type Capability = keyof typeof capabilities

const version3 = 0x20080522

/**
 * Runs `act` on this thread without some capabilities in its effective set, then restores them: the way to the kernel's
 * answer for a less privileged loader without another process. `act` must be synchronous.
 */
export const withoutCapabilities = <T>(ffi: Ffi, drop: readonly Capability[], act: () => T): T => {
  const header = new Uint8Array(8)
  new DataView(header.buffer).setUint32(0, version3, true)
  // Two of { effective, permitted, inheritable }, the low 32 capabilities first.
  const held = new Uint8Array(24)
  change(ffi, 'capget', header, held)
  const less = held.slice()
  const view = new DataView(less.buffer)
  for (const name of drop) {
    const n = capabilities[name]
    const at = n < 32 ? 0 : 12
    view.setUint32(at, view.getUint32(at, true) & ~(1 << (n & 31)), true)
  }
  change(ffi, 'capset', header, less)
  try {
    return act()
  } finally {
    change(ffi, 'capset', header, held)
  }
}

const change = (ffi: Ffi, call: 'capget' | 'capset', header: Uint8Array, data: Uint8Array): void => {
  const result = ffi.onBytes(call, header, data)
  if (result < 0) throw new KernelError(errnoText(result), call, 'the effective capabilities of this thread')
}
