import type { Socket as Datagram } from 'node:dgram'
import { createRequire } from 'node:module'
import type { Socket as Stream } from 'node:net'

// Options of sockets that only the kernel knows, through the FFI that @skep/linux depends on.

const SOL_SOCKET = 1
export const SO_ATTACH_BPF = 50
export const SO_ATTACH_FILTER = 26
export const SO_DETACH_FILTER = 27

interface Koffi {
  load(path: null): { func(name: string, result: string, args: string[]): (...args: unknown[]) => number }
  errno(): number
  address(bytes: Uint8Array): bigint
}

const linux = createRequire(new URL('../../../linux/package.json', import.meta.url))
let koffi: Koffi | undefined

export const addressOf = (bytes: Uint8Array): bigint => bytesFfi().address(bytes)
const bytesFfi = (): Koffi => (koffi ??= linux('koffi') as Koffi)

/** The file descriptor of a socket of Node. */
export function fdOf(socket: Datagram | Stream): number {
  const state = Object.getOwnPropertySymbols(socket).find((one) => one.description === 'state symbol')
  const owner = state ? (socket as unknown as Record<symbol, { handle: { fd: number } }>)[state]! : undefined
  return owner ? owner.handle.fd : (socket as unknown as { _handle: { fd: number } })._handle.fd
}

/** setsockopt(2) at SOL_SOCKET; throws with the errno. */
export function setSocketOption(fd: number, option: number, value: Uint8Array): void {
  const libc = bytesFfi().load(null)
  const call = libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32'])
  if (call(fd, SOL_SOCKET, option, value, value.length) !== 0)
    throw new Error(`setsockopt ${option}: errno ${bytesFfi().errno()}`)
}

/** struct sock_fprog of classic instructions. */
export function classicProgram(insns: Uint8Array): Uint8Array {
  const block = new BigUint64Array(2)
  new Uint16Array(block.buffer)[0] = insns.length / 8
  block[1] = addressOf(insns)
  return new Uint8Array(block.buffer)
}
