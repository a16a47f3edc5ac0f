import { LinuxUnavailableError } from './errors.ts'

/** The few calls into libc that this package makes. */
export interface Ffi {
  /** syscall(SYS_bpf, command, attr, size): the result, or minus errno. */
  bpf(command: number, attr: Uint8Array, size: number): number
  /** close(fd). */
  close(fd: number): void
  /** A system call on two byte blocks: the result, or minus errno. */
  onBytes(call: 'capget' | 'capset', a: Uint8Array, b: Uint8Array): number
  /** prlimit64(0, resource, limit, NULL): the result, or minus errno. */
  setLimit(resource: number, limit: Uint8Array): number
  /** sched_setaffinity(0, size, mask): the result, or minus errno. */
  setAffinity(mask: Uint8Array): number
  /** Maps `bytes` of a file descriptor for reading and writing, shared, and unmaps them: 0, or minus errno. */
  mapOnce(fd: number, bytes: number): number
  /** Maps `bytes` of a file descriptor from `offset` on, shared: the address, or minus errno. */
  map(fd: number, bytes: number, offset: number, writable: boolean): number
  unmap(address: number, bytes: number): void
  /** Memory of this process at an address that `map` gave; not to be touched after `unmap`. */
  view(address: number, bytes: number): Uint8Array
  /** The address of a block's first byte. It is good only while `bytes` is reachable. */
  address(bytes: Uint8Array): bigint
  /** Any of the system calls, on numbers, addresses and blocks of bytes: the result, or minus errno. */
  call(name: SystemCall, ...args: readonly (number | bigint | Uint8Array)[]): number
  /** poll(2) for something to read, without blocking this thread: how many are ready, or minus errno. */
  poll(fds: readonly number[], milliseconds: number): Promise<number>
}

/** Each system call's numbers on x86-64 and arm64 (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const calls = {
  bpf: [321, 280],
  close: [3, 57],
  capget: [125, 90],
  capset: [126, 91],
  prlimit64: [302, 261],
  sched_setaffinity: [203, 122],
  mmap: [9, 222],
  munmap: [11, 215],
  ioctl: [16, 29],
  perf_event_open: [298, 241],
  recvfrom: [45, 207],
  sendto: [44, 206],
  setns: [308, 268],
  setsockopt: [54, 208],
  socket: [41, 198],
} as const

export type SystemCall = keyof typeof calls

/** Node's names of the architectures, in the order of the numbers. */
const architectures: readonly string[] = ['x64', 'arm64']

const PROT_READ = 1
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const POLLIN = 1

interface NativeFunction {
  (...args: unknown[]): number
  async(...args: [...unknown[], (error: unknown, result: number) => void]): void
}

/** What is used of koffi: spelled out, so that declarations do not need an optional package. */
interface Koffi {
  load(path: null): {
    func(definition: string): (...args: unknown[]) => number
    func(name: string, result: string, args: string[]): NativeFunction
  }
  errno(): number
  address(bytes: Uint8Array): bigint
  view(address: number, bytes: number): ArrayBuffer
}

/** What binding depends on. */
export interface Host {
  readonly platform: string
  readonly arch: string
  koffi(): Promise<Koffi>
}

let loaded: Promise<Ffi> | undefined

/** Loads koffi and binds libc, once a process. Rejects with `LinuxUnavailableError`. */
export const loadFfi = (): Promise<Ffi> =>
  (loaded ??= bind({
    platform: process.platform,
    arch: process.arch,
    koffi: async () => (await import('koffi')).default,
  }))

export const bind = async (host: Host): Promise<Ffi> => {
  if (host.platform !== 'linux') {
    throw new LinuxUnavailableError(
      'not-linux',
      `this is ${host.platform}, and bpf(2) is a Linux system call`,
    )
  }
  const column = architectures.indexOf(host.arch)
  if (column < 0) {
    throw new LinuxUnavailableError(
      'architecture',
      `no system call numbers for ${host.arch}, only for ${architectures.join(' and ')}`,
    )
  }
  const nr = Object.fromEntries(
    Object.entries(calls).map(([name, numbers]) => [name, numbers[column as 0 | 1]]),
  ) as Readonly<Record<SystemCall, number>>
  let koffi: Koffi
  try {
    koffi = await host.koffi()
  } catch (cause) {
    throw new LinuxUnavailableError(
      'no-koffi',
      'the optional dependency koffi does not load; npm install koffi',
      {
        cause,
      },
    )
  }
  try {
    // The process itself has libc's symbols, whichever libc it is.
    const libc = koffi.load(null)
    const onBuffer = libc.func('long syscall(long nr, long a, void *b, unsigned long c)')
    const onBuffers = libc.func('syscall', 'long', ['long', 'void *', 'void *', 'unsigned long'])
    const limit = libc.func('syscall', 'long', ['long', 'long', 'long', 'void *', 'void *'])
    const onPages = libc.func('syscall', 'long', [
      'long',
      'unsigned long',
      'unsigned long',
      ...Array(4).fill('long'),
    ])
    const onLongs = libc.func('syscall', 'long', Array<string>(7).fill('long'))
    const poll = libc.func('poll', 'int', ['void *', 'unsigned long', 'int'])
    const settle = (result: number): number => (result === -1 ? -koffi.errno() : result)
    return {
      bpf: (command, attr, size) => settle(onBuffer(nr.bpf, command, attr, size)),
      close: (fd) => void onBuffer(nr.close, fd, null, 0),
      onBytes: (call, a, b) => settle(onBuffers(nr[call], a, b, 0)),
      setLimit: (resource, bytes) => settle(limit(nr.prlimit64, 0, resource, bytes, null)),
      setAffinity: (mask) => settle(limit(nr.sched_setaffinity, 0, mask.length, mask, null)),
      mapOnce: (fd, bytes) => {
        const at = settle(onPages(nr.mmap, 0, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0))
        return at < 0 ? at : settle(onPages(nr.munmap, at, bytes, 0, 0, 0, 0))
      },
      map: (fd, bytes, offset, writable) =>
        settle(onPages(nr.mmap, 0, bytes, writable ? PROT_READ_WRITE : PROT_READ, MAP_SHARED, fd, offset)),
      unmap: (at, bytes) => void onPages(nr.munmap, at, bytes, 0, 0, 0, 0),
      view: (at, bytes) => new Uint8Array(koffi.view(at, bytes)),
      address: (bytes) => koffi.address(bytes),
      call: (name, ...args) => {
        const words = Array.from({ length: 6 }, (_, n) => args[n] ?? 0)
        return settle(
          onLongs(
            nr[name],
            ...words.map((word) => (word instanceof Uint8Array ? koffi.address(word) : word)),
          ),
        )
      },
      poll: (fds, milliseconds) => {
        const block = new Int32Array(2 * fds.length)
        for (const [n, fd] of fds.entries()) block.set([fd, POLLIN], 2 * n)
        return new Promise((resolve, reject) => {
          poll.async(new Uint8Array(block.buffer), fds.length, milliseconds, (error, result) =>
            error ? reject(error) : resolve(settle(result)),
          )
        })
      },
    }
  } catch (cause) {
    throw new LinuxUnavailableError('no-libc', "libc's syscall() cannot be called through koffi", { cause })
  }
}
