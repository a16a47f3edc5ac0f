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
}

/** System call numbers by Node's name of the architecture (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const numbers: Readonly<
  Record<
    string,
    {
      bpf: number
      close: number
      capget: number
      capset: number
      prlimit64: number
      sched_setaffinity: number
      mmap: number
      munmap: number
    }
  >
> = {
  x64: {
    bpf: 321,
    close: 3,
    capget: 125,
    capset: 126,
    prlimit64: 302,
    sched_setaffinity: 203,
    mmap: 9,
    munmap: 11,
  },
  arm64: {
    bpf: 280,
    close: 57,
    capget: 90,
    capset: 91,
    prlimit64: 261,
    sched_setaffinity: 122,
    mmap: 222,
    munmap: 215,
  },
}

const PROT_READ = 1
const PROT_READ_WRITE = 3
const MAP_SHARED = 1

/** What is used of koffi: spelled out, so that declarations do not need an optional package. */
interface Koffi {
  load(path: null): {
    func(definition: string): (...args: unknown[]) => number
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number
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
  const nr = numbers[host.arch]
  if (!nr) {
    throw new LinuxUnavailableError(
      'architecture',
      `no system call numbers for ${host.arch}, only for ${Object.keys(numbers).join(' and ')}`,
    )
  }
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
    }
  } catch (cause) {
    throw new LinuxUnavailableError('no-libc', "libc's syscall() cannot be called through koffi", { cause })
  }
}
