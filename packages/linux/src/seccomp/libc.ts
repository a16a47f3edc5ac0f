import type { Koffi, Later } from '../koffi.ts'
import { SeccompUnavailableError } from './errors.ts'

/** System call numbers that libc has no functions for, by Node's name of the architecture. */
const NUMBERS: Readonly<Record<string, { seccomp: number; pidfd_open: number; pidfd_getfd: number }>> = {
  x64: { seccomp: 317, pidfd_open: 434, pidfd_getfd: 438 },
  arm64: { seccomp: 277, pidfd_open: 434, pidfd_getfd: 438 },
}

/** The calls that seccomp takes. All give their result, or minus errno. */
export interface SeccompLibc {
  /** The number of seccomp(2). */
  readonly seccomp: number
  /** prctl(PR_SET_NO_NEW_PRIVS, 1): for this thread. */
  noNewPrivileges(): number
  /** seccomp(SECCOMP_SET_MODE_FILTER, flags, a struct sock_fprog of these instructions). */
  setFilter(flags: number, insns: Uint8Array): number
  /** Another process's file descriptor, as one of this process. */
  takeDescriptor(pid: number, fd: number): number
  /** poll(2) of one descriptor: whether there is something to read, at once. */
  ready(fd: number): boolean
  /** The same, waiting for milliseconds without blocking this thread: the events. */
  wait(fd: number, milliseconds: number): Promise<number>
  ioctl(fd: number, request: number, block: Uint8Array): number
  /** The same, without blocking this thread. */
  ioctlLater(fd: number, request: number, block: Uint8Array): Promise<number>
  close(fd: number): void
}

export const POLLIN = 1
export const POLLHUP = 16
const PR_SET_NO_NEW_PRIVS = 38
const SECCOMP_SET_MODE_FILTER = 1

let loaded: Promise<SeccompLibc> | undefined

/** Binds libc, once a process. Rejects with `SeccompUnavailableError`. */
export const loadLibc = (): Promise<SeccompLibc> => (loaded ??= bindLibc(process.platform, process.arch))

async function bindLibc(platform: string, arch: string): Promise<SeccompLibc> {
  const numbers = NUMBERS[arch]
  if (platform !== 'linux') throw new SeccompUnavailableError(`this is ${platform}, and seccomp is of Linux`)
  if (numbers === undefined) throw new SeccompUnavailableError(`no system call numbers for ${arch}`)
  let koffi: Koffi
  try {
    koffi = (await import('koffi')).default as unknown as Koffi
  } catch (cause) {
    const reason = 'the optional dependency koffi does not load; npm install koffi'
    throw new SeccompUnavailableError(reason, { cause })
  }
  const libc = koffi.load(null)
  const words = Array<string>(6).fill('long')
  const syscall = libc.func('syscall', 'long', ['long', ...words])
  const onBlock = libc.func('syscall', 'long', ['long', 'long', 'long', 'void *', 'long', 'long', 'long'])
  const prctl = libc.func('prctl', 'int', [
    'int',
    'unsigned long',
    'unsigned long',
    'unsigned long',
    'unsigned long',
  ])
  const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'void *'])
  const poll = libc.func('poll', 'int', ['void *', 'unsigned long', 'int'])
  const close = libc.func('close', 'int', ['int'])
  const settle = (result: number): number => (result === -1 ? -koffi.errno() : result)
  const later = (call: Later, ...args: unknown[]): Promise<number> =>
    new Promise((resolve, reject) => {
      call.async(...args, (error, result) => (error ? reject(error) : resolve(settle(result))))
    })
  const pollBlock = (fd: number): Int16Array => {
    const block = new Int16Array(4)
    new Int32Array(block.buffer)[0] = fd
    block[2] = POLLIN
    return block
  }
  const bytesOf = (block: Int16Array): Uint8Array => new Uint8Array(block.buffer)
  return {
    seccomp: numbers.seccomp,
    noNewPrivileges: () => settle(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
    setFilter: (flags, insns) => {
      const block = new BigUint64Array(2)
      new Uint16Array(block.buffer)[0] = insns.length / 8
      block[1] = koffi.address(insns)
      return settle(
        onBlock(numbers.seccomp, SECCOMP_SET_MODE_FILTER, flags, new Uint8Array(block.buffer), 0, 0, 0),
      )
    },
    takeDescriptor: (pid, fd) => {
      const pidfd = settle(syscall(numbers.pidfd_open, pid, 0, 0, 0, 0, 0))
      if (pidfd < 0) return pidfd
      const taken = settle(syscall(numbers.pidfd_getfd, pidfd, fd, 0, 0, 0, 0))
      close(pidfd)
      return taken
    },
    ready: (fd) => {
      const block = pollBlock(fd)
      return poll(bytesOf(block), 1, 0) > 0 && (block[3]! & POLLIN) !== 0
    },
    wait: async (fd, milliseconds) => {
      const block = pollBlock(fd)
      const result = await later(poll, bytesOf(block), 1, milliseconds)
      return result < 0 ? result : block[3]!
    },
    ioctl: (fd, request, block) => settle(ioctl(fd, request, block)),
    ioctlLater: (fd, request, block) => later(ioctl, fd, request, block),
    close: (fd) => void close(fd),
  }
}
