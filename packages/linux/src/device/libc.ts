import type { Koffi, Later } from '../koffi.ts'
import { DeviceError } from './errors.ts'

/** The calls that devices make. All give their result, or minus errno. */
export interface DeviceLibc {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array): number
  setOption(fd: number, level: number, option: number, value: Uint8Array): number
  getOption(fd: number, level: number, option: number, value: Uint8Array): number
  ioctl(fd: number, request: number, block: Uint8Array): number
  /** read(2) and write(2) at an address. */
  read(fd: number, address: number, length: number): number
  write(fd: number, address: number, length: number): number
  /** sendmmsg(2) of an array of `struct mmsghdr` at an address. */
  sendMany(fd: number, headers: number, count: number): number
  /** Maps a descriptor from its beginning on, shared: the address. */
  map(fd: number, bytes: number): number
  unmap(address: number, bytes: number): void
  view(address: number, bytes: number): ArrayBuffer
  /** The address of a block's first byte, good while `bytes` is reachable and its memory is not grown. */
  address(bytes: Uint8Array): number
  setNamespace(fd: number, type: number): number
  eventfd(): number
  epoll(): number
  /** EPOLL_CTL_ADD, _MOD or _DEL. */
  control(epoll: number, operation: number, fd: number, event: Uint8Array): number
  /** epoll_wait(2) on a thread of Node's pool. */
  wait(epoll: number, events: Uint8Array, most: number, milliseconds: number): Promise<number>
  close(fd: number): void
  /** Bytes of a `struct epoll_event`, and where its data is: it is packed on x86-64. */
  readonly epollEventSize: number
  readonly epollDataOffset: number
}

/** What binding depends on. */
export interface DeviceHost {
  readonly platform: string
  readonly arch: string
  koffi(): Promise<unknown>
}

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const EFD_NONBLOCK_CLOEXEC = 0o2004000
const EPOLL_CLOEXEC = 0o2000000

let loaded: Promise<DeviceLibc> | undefined

/** Binds libc, once a process. Rejects with DeviceError UNAVAILABLE. */
export const loadDeviceLibc = (): Promise<DeviceLibc> =>
  (loaded ??= bindDeviceLibc({
    platform: process.platform,
    arch: process.arch,
    koffi: async () => (await import('koffi')).default,
  }))

export async function bindDeviceLibc(host: DeviceHost): Promise<DeviceLibc> {
  if (host.platform !== 'linux')
    throw new DeviceError('UNAVAILABLE', host.platform, 'TAP and AF_PACKET devices are of Linux')
  let koffi: Koffi
  try {
    koffi = (await host.koffi()) as Koffi
  } catch (cause) {
    throw new DeviceError(
      'UNAVAILABLE',
      'koffi',
      'the optional dependency koffi does not load',
      'npm install koffi',
      { cause },
    )
  }
  const libc = koffi.load(null)
  // Addresses are numbers: they stay below 2^53.
  const call = (name: string, ...args: string[]): Later => libc.func(name, 'long', args)
  const int = (name: string, ...args: string[]): Later => libc.func(name, 'int', args)
  const socket = int('socket', 'int', 'int', 'int')
  const bind = int('bind', 'int', 'void *', 'unsigned int')
  const setsockopt = int('setsockopt', 'int', 'int', 'int', 'void *', 'unsigned int')
  const getsockopt = int('getsockopt', 'int', 'int', 'int', 'void *', 'void *')
  const ioctl = int('ioctl', 'int', 'unsigned long', 'void *')
  const read = call('read', 'int', 'uintptr_t', 'unsigned long')
  const write = call('write', 'int', 'uintptr_t', 'unsigned long')
  const sendmmsg = int('sendmmsg', 'int', 'uintptr_t', 'unsigned int', 'int')
  const mmap = libc.func('mmap', 'intptr_t', ['uintptr_t', 'unsigned long', 'int', 'int', 'int', 'long'])
  const munmap = int('munmap', 'uintptr_t', 'unsigned long')
  const setns = int('setns', 'int', 'int')
  const eventfd = int('eventfd', 'unsigned int', 'int')
  const epollCreate = int('epoll_create1', 'int')
  const epollCtl = int('epoll_ctl', 'int', 'int', 'int', 'void *')
  const epollWait = int('epoll_wait', 'int', 'void *', 'int', 'int')
  const close = int('close', 'int')
  const settle = (result: number): number => (result === -1 ? -koffi.errno() : result)
  const packed = host.arch === 'x64'
  return {
    socket: (family, type, protocol) => settle(socket(family, type, protocol)),
    bind: (fd, address) => settle(bind(fd, address, address.length)),
    setOption: (fd, level, option, value) => settle(setsockopt(fd, level, option, value, value.length)),
    getOption: (fd, level, option, value) => {
      const length = new Uint8Array(Uint32Array.of(value.length).buffer)
      return settle(getsockopt(fd, level, option, value, length))
    },
    ioctl: (fd, request, block) => settle(ioctl(fd, request, block)),
    read: (fd, address, length) => settle(read(fd, address, length)),
    write: (fd, address, length) => settle(write(fd, address, length)),
    sendMany: (fd, headers, count) => settle(sendmmsg(fd, headers, count, 0)),
    map: (fd, bytes) => settle(mmap(0, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0)),
    unmap: (address, bytes) => void munmap(address, bytes),
    view: (address, bytes) => koffi.view(address, bytes),
    address: (bytes) => Number(koffi.address(bytes)),
    setNamespace: (fd, type) => settle(setns(fd, type)),
    eventfd: () => settle(eventfd(0, EFD_NONBLOCK_CLOEXEC)),
    epoll: () => settle(epollCreate(EPOLL_CLOEXEC)),
    control: (epoll, operation, fd, event) => settle(epollCtl(epoll, operation, fd, event)),
    wait: (epoll, events, most, milliseconds) =>
      new Promise((resolve, reject) => {
        // errno is the thread's: what a failed wait failed for is not known here.
        epollWait.async(epoll, events, most, milliseconds, (error, result) =>
          error ? reject(error) : resolve(result),
        )
      }),
    close: (fd) => void close(fd),
    epollEventSize: packed ? 12 : 16,
    epollDataOffset: packed ? 4 : 8,
  }
}
