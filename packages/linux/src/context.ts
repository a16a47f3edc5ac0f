import { readFileSync } from 'node:fs'
import { Attr } from './attr.ts'
import { errnoText } from './errno.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import type { Ffi } from './ffi.ts'
import { type Command, commands } from './uapi.ts'

/** What the handles of one `Kernel` share: the calls, one attr block, and the facts about this machine. */
export class Context {
  readonly ffi: Ffi
  readonly attr: Attr = new Attr()
  #cpus = 0
  #scratch: Uint8Array | undefined

  constructor(ffi: Ffi) {
    this.ffi = ffi
  }

  /** Room for a log. The kernel touches only what it writes, so size costs nothing. */
  get scratch(): Uint8Array {
    return (this.#scratch ??= new Uint8Array(1 << 22))
  }

  /** The address for an attr field; 0 for an empty block. The caller keeps `bytes` reachable until the call is done. */
  address(bytes: Uint8Array | undefined): bigint {
    return bytes?.length ? this.ffi.address(bytes) : 0n
  }

  /** Calls bpf(2) with the attr as it is filled: the result, or minus errno. */
  call(command: Command, size: number): number {
    return this.ffi.bpf(commands[command], this.attr.bytes, size)
  }

  /** As `call`, but an errno is thrown. */
  must(command: Command, size: number, what: string, mends: Readonly<Record<string, string>> = {}): number {
    const result = this.call(command, size)
    if (result < 0) {
      const errno = errnoText(result)
      throw new KernelError(errno, command, what, mends[errno] ?? commonMends[errno])
    }
    return result
  }

  /** Possible CPUs: how many values an element of a per-CPU map has. */
  get possibleCpus(): number {
    if (!this.#cpus) {
      const text = readFileSync('/sys/devices/system/cpu/possible', 'latin1').trim()
      this.#cpus = text.split(',').reduce((sum, range) => {
        const [first = 0, last = first] = range.split('-').map(Number)
        return sum + last - first + 1
      }, 0)
    }
    return this.#cpus
  }
}

const commonMends: Readonly<Record<string, string>> = {
  EPERM: 'run as root or with CAP_BPF (and CAP_NET_ADMIN or CAP_PERFMON for programs that need them)',
  EMFILE: 'close maps and programs that are no longer used, or raise RLIMIT_NOFILE',
  ENOMEM: 'make it smaller, or raise the memory limit of the control group',
}

/** A file descriptor with a single owner. */
export class Handle {
  readonly #ffi: Ffi
  readonly #what: string
  #fd: number

  constructor(ffi: Ffi, fd: number, what: string) {
    this.#ffi = ffi
    this.#fd = fd
    this.#what = what
  }

  /** The file descriptor; it belongs to this handle. Throws `KernelArgumentError` after `close`. */
  get fd(): number {
    if (this.#fd < 0) throw new KernelArgumentError(this.#what, 'is closed')
    return this.#fd
  }

  get closed(): boolean {
    return this.#fd < 0
  }

  /** What /proc/self/fdinfo says of the descriptor: `memlock`, `frozen`. */
  facts(): ReadonlyMap<string, string> {
    return descriptorFacts(this.fd)
  }

  /** Closes the descriptor; the kernel keeps the object while others refer to it. A second call does nothing. */
  close(): void {
    if (this.#fd < 0) return
    this.#ffi.close(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Fields of /proc/self/fdinfo: what bpf(2) does not tell, such as `memlock` and `frozen`. */
function descriptorFacts(fd: number): ReadonlyMap<string, string> {
  const text = readFileSync(`/proc/thread-self/fdinfo/${fd}`, 'latin1')
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^(\w+):\s*(.*)$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value!] as const]
    }),
  )
}
