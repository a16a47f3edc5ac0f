import { ipv4, ipv6 } from '@skep/packet'
import { ERRNO, type HelperDef, type HostEnv } from '@skep/registry'

/** Binds the socket that a program's call is about: 0, or minus an errno. */
export type Bind = (family: 4 | 6, address: string, port: number) => number

const AF_INET = 2
const AF_INET6 = 10
/** sizeof(struct sockaddr_in), SIN6_LEN_RFC2133. */
const [LENGTH4, LENGTH6] = [16, 24]
const EAFNOSUPPORT = 97

/** By the memory of a runtime: the call whose program runs now. */
const running = new WeakMap<WebAssembly.Memory, Bind>()

/** Lets programs that `act` runs bind. */
export function withBind<T>(memory: WebAssembly.Memory, bind: Bind, act: () => T): T {
  const outer = running.get(memory)
  running.set(memory, bind)
  try {
    return act()
  } finally {
    if (outer) running.set(memory, outer)
    else running.delete(memory)
  }
}

/** bpf_bind (net/core/filter.c). */
function bpfBind(this: HostEnv, _context: number, address: Uint8Array): number {
  if (address.length < 2) return -ERRNO.EINVAL
  const view = new DataView(address.buffer, address.byteOffset, address.length)
  const family = view.getUint16(0, true)
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT
  const four = family === AF_INET
  if (address.length < (four ? LENGTH4 : LENGTH6)) return -ERRNO.EINVAL
  const text = four ? ipv4.format(address, 4) : ipv6.format(address, 8)
  return running.get(this.memory)?.(four ? 4 : 6, text, view.getUint16(2)) ?? -ERRNO.EINVAL
}

/**
 * Helpers that need a socket of Node, as `attachCgroup` has it: compose a runtime with `createHelpersPlugin(socketHelpers)` of
 * `@skep/helpers`. bpf_bind answers -EINVAL outside of an attachment.
 */
export const socketHelpers: Readonly<Record<'bpf_bind', Pick<HelperDef, 'call'>>> = {
  bpf_bind: { call: bpfBind as unknown as NonNullable<HelperDef['call']> },
}
