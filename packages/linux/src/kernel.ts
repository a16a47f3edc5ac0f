import { readFileSync } from 'node:fs'
import { type Capability, withoutCapabilities } from './capabilities.ts'
import { Context } from './context.ts'
import { LinuxUnavailableError } from './errors.ts'
import { loadFfi } from './ffi.ts'
import { type KernelBtf, loadBtf } from './kernel-btf.ts'
import { createMap, type KernelMap, type MapOptions } from './kernel-map.ts'
import {
  type KernelProgram,
  loadProgram,
  type ProgramOptions,
  type RejectedProgram,
} from './kernel-program.ts'
import { readVmlinuxBtf, type VmlinuxBtf } from './vmlinux.ts'

/** Whether programs can be loaded here, and if not, why: for tests that skip. */
export const isKernelAvailable = async (): Promise<{ ok: true } | { ok: false; reason: string }> => {
  try {
    const kernel = await openKernel()
    kernel.close()
    return { ok: true }
  } catch (error) {
    if (error instanceof LinuxUnavailableError) return { ok: false, reason: error.reason }
    throw error
  }
}

/** Opens bpf(2) of the running kernel. Rejects with `LinuxUnavailableError` where programs cannot be loaded. */
export const openKernel = async (): Promise<Kernel> => {
  const ffi = await loadFfi()
  const kernel = new Kernel(new Context(ffi))
  // r0 = 0; exit: the smallest program of the type that asks for the least.
  const insns = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)
  let probe = kernel.loadProgram({ type: 'socket_filter', insns, logLevel: 0 })
  if (!probe.ok && probe.errno === 'EPERM' && raiseMemlock(kernel.context)) {
    probe = kernel.loadProgram({ type: 'socket_filter', insns, logLevel: 0 })
  }
  if (!probe.ok) throw unavailable(probe.errno)
  probe.close()
  return kernel
}

const unavailable = (errno: string): LinuxUnavailableError => {
  if (errno === 'ENOSYS')
    return new LinuxUnavailableError('no-syscall', 'this kernel is built without bpf(2)')
  if (errno === 'EPERM') {
    return new LinuxUnavailableError(
      'not-permitted',
      'this process may not load programs (EPERM); run as root or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN',
    )
  }
  return new LinuxUnavailableError('no-syscall', `a program of two instructions does not load (${errno})`)
}

/** Kernels before 5.11 count maps and programs against RLIMIT_MEMLOCK: lift it, for this process. */
const raiseMemlock = (context: Context): boolean => {
  const [major = 0, minor = 0] = kernelRelease().split('.').map(Number)
  if (major > 5 || (major === 5 && minor >= 11)) return false
  return context.ffi.setLimit(8, new Uint8Array(16).fill(0xff)) === 0
}

const kernelRelease = (): string => readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim()

/** bpf(2) of the running kernel. Methods are synchronous system calls; every handle is closed by whoever made it. */
export class Kernel {
  /** For this package: what the handles share. */
  readonly context: Context
  #vmlinux: VmlinuxBtf | undefined

  constructor(context: Context) {
    this.context = context
  }

  /** The release, as in `uname -r`. */
  get release(): string {
    return kernelRelease()
  }

  /** Possible CPUs: values in an element of a per-CPU map. */
  get possibleCpus(): number {
    return this.context.possibleCpus
  }

  /** The kernel's own types, read at first use; undefined where it was built without BTF. */
  get vmlinux(): VmlinuxBtf | undefined {
    return (this.#vmlinux ??= readVmlinuxBtf())
  }

  /** BPF_MAP_CREATE. Throws `KernelError`. */
  createMap(options: MapOptions): KernelMap {
    return createMap(this.context, options)
  }

  /** BPF_BTF_LOAD. Throws `KernelError` with the kernel's log. */
  loadBtf(bytes: Uint8Array): KernelBtf {
    return loadBtf(this.context, bytes)
  }

  /** BPF_PROG_LOAD. A refusal by the kernel is data: `ok` is false, with errno and log. */
  loadProgram(options: ProgramOptions): KernelProgram | RejectedProgram {
    return loadProgram(this.context, options)
  }

  /** Runs `act` with these capabilities dropped on this thread, then restores them. `act` must be synchronous. */
  without<T>(drop: readonly Capability[], act: () => T): T {
    return withoutCapabilities(this.context.ffi, drop, act)
  }

  /** Forgets what was cached. Maps and programs have owners of their own and stay. */
  close(): void {
    this.#vmlinux = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
