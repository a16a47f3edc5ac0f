import { readFileSync } from 'node:fs'
import { type Capability, withoutCapabilities } from './capabilities.ts'
import { Context } from './context.ts'
import { errnoText } from './errno.ts'
import { KernelError, LinuxUnavailableError } from './errors.ts'
import { type Ffi, loadFfi } from './ffi.ts'
import { BtfCache, type KernelBtf, loadBtf } from './kernel-btf.ts'
import { createMap, type KernelMap, type MapOptions, mapOfFd } from './kernel-map.ts'
import {
  type KernelProgram,
  loadProgram,
  type ProgramOptions,
  programOfFd,
  type RejectedProgram,
} from './kernel-program.ts'
import { type BtfInfo, btfInfo, type LinkInfo, linkInfo } from './object-info.ts'
import { type ObjectKind, objectIds, openObject, openPinned } from './objects.ts'
import { type PerfProgram, queryDescriptor } from './perf-program.ts'
import { readVmlinuxBtf, type VmlinuxBtf } from './vmlinux.ts'

/** r0 = 0; exit */
const smallest = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)

/** Whether programs of every type can be loaded here, and if not, why: for tests that skip. */
export const isKernelAvailable = async (): Promise<{ ok: true } | { ok: false; reason: string }> => {
  try {
    using kernel = await openKernel()
    for (const [type, capability] of [
      ['xdp', 'CAP_NET_ADMIN'],
      ['kprobe', 'CAP_PERFMON'],
    ] as const) {
      const program = kernel.loadProgram({ type, insns: smallest })
      if (!program.ok) {
        return {
          ok: false,
          reason: `this process may not load ${type} programs (${program.errno}); add ${capability}`,
        }
      }
      program.close()
    }
    return { ok: true }
  } catch (error) {
    if (error instanceof LinuxUnavailableError) return { ok: false, reason: error.reason }
    throw error
  }
}

/** Opens bpf(2) of the running kernel. Rejects with `LinuxUnavailableError` where no program can be loaded. */
export const openKernel = async (): Promise<Kernel> => {
  const ffi = await loadFfi()
  const kernel = new Kernel(ffi)
  const error = refusal(kernel)
  if (!error) return kernel
  if (error.unavailable === 'not-permitted' && raiseMemlock(ffi, kernel.release) && !refusal(kernel))
    return kernel
  throw error
}

/** Why the smallest program of the type that asks for the least does not load. */
export const refusal = (kernel: Kernel): LinuxUnavailableError | undefined => {
  const program = kernel.loadProgram({ type: 'socket_filter', insns: smallest, logLevel: 0 })
  if (program.ok) {
    program.close()
    return undefined
  }
  if (program.errno === 'ENOSYS')
    return new LinuxUnavailableError('no-syscall', 'this kernel is built without bpf(2)')
  if (program.errno === 'EPERM') {
    return new LinuxUnavailableError(
      'not-permitted',
      'this process may not load programs (EPERM); run as root or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN',
    )
  }
  return new LinuxUnavailableError(
    'no-syscall',
    `a program of two instructions does not load (${program.errno})`,
  )
}

const RLIMIT_MEMLOCK = 8

/** Kernels before 5.11 count maps and programs against RLIMIT_MEMLOCK: lifts it for this process. */
export const raiseMemlock = (ffi: Ffi, release: string): boolean => {
  const [major = 0, minor = 0] = release.split('.').map(Number)
  if (major > 5 || (major === 5 && minor >= 11)) return false
  return ffi.setLimit(RLIMIT_MEMLOCK, new Uint8Array(16).fill(0xff)) === 0
}

/**
 * bpf(2) of the running kernel. Methods are synchronous system calls. Maps, BTF and programs belong to whoever made
 * them, and outlive the `Kernel`; the order of closing does not matter.
 */
export class Kernel {
  /** What handles share; for this package. */
  readonly context: Context
  /** BTF of rows, held so that the rows of one object share it. */
  readonly btfs: BtfCache
  #vmlinux: VmlinuxBtf | undefined

  constructor(ffi: Ffi) {
    this.context = new Context(ffi)
    this.btfs = new BtfCache(this.context)
  }

  /** The release, as in `uname -r`. */
  get release(): string {
    return readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim()
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

  /**
   * Gives an arena the user-space address that the verifier asks for, as mmap(2) does: `maxEntries` pages anywhere. Throws
   * `KernelError`.
   */
  placeArena(map: KernelMap): void {
    const result = this.context.ffi.mapOnce(map.fd, map.maxEntries * 4096)
    if (result < 0) throw new KernelError(errnoText(result), 'mmap', `the pages of map '${map.name}'`)
  }

  /** BPF_BTF_LOAD. Throws `KernelError` with the kernel's log. */
  loadBtf(bytes: Uint8Array): KernelBtf {
    return loadBtf(this.context, bytes)
  }

  /** BPF_PROG_LOAD. A refusal by the kernel is data: `ok` is false, with errno and log. */
  loadProgram(options: ProgramOptions): KernelProgram | RejectedProgram {
    return loadProgram(this.context, options)
  }

  /** Ids of all programs, maps, BTF or links in the kernel. Throws `KernelError`. */
  ids(kind: ObjectKind): readonly number[] {
    return [...objectIds(this.context, kind)]
  }

  /** The program of an id; undefined when there is none. Throws `KernelError`. */
  openProgram(id: number): KernelProgram | undefined {
    const found = openObject(this.context, 'prog', id)
    return found && programOfFd(this.context, found.fd)
  }

  /** The map of an id; undefined when there is none. Throws `KernelError`. */
  openMap(id: number): KernelMap | undefined {
    const found = openObject(this.context, 'map', id)
    return found && mapOfFd(this.context, found.fd)
  }

  /** What the kernel says of a link; undefined when there is none. Throws `KernelError`. */
  linkInfo(id: number): LinkInfo | undefined {
    using found = openObject(this.context, 'link', id)
    return found && linkInfo(this.context, found, `link ${id}`)
  }

  /** BTF that the kernel holds, the kernel's own too; undefined when there is none of that id. Throws `KernelError`. */
  btfInfo(id: number): BtfInfo | undefined {
    using found = openObject(this.context, 'btf', id)
    return found && btfInfo(this.context, found, `BTF ${id}`)
  }

  /** The map that is pinned under a path of a bpf file system; undefined where nothing is. Throws `KernelError`. */
  openPinnedMap(path: string): KernelMap | undefined {
    const fd = openPinned(this.context, path)
    return fd === undefined ? undefined : mapOfFd(this.context, fd)
  }

  /** The same of a program. */
  openPinnedProgram(path: string): KernelProgram | undefined {
    const fd = openPinned(this.context, path)
    return fd === undefined ? undefined : programOfFd(this.context, fd)
  }

  /** The program behind a descriptor of another process, when that is a perf event's; undefined otherwise. */
  programOfDescriptor(pid: number, fd: number): PerfProgram | undefined {
    return queryDescriptor(this.context, pid, fd)
  }

  /**
   * Keeps this thread on one CPU from now on, so that test runs find the per-CPU values that the ones before left. Throws
   * `KernelError`.
   */
  pin(cpu: number): void {
    const mask = new Uint8Array(128)
    mask[cpu >> 3] = 1 << (cpu & 7)
    const result = this.context.ffi.setAffinity(mask)
    if (result < 0) throw new KernelError(errnoText(result), 'sched_setaffinity', `CPU ${cpu}`)
  }

  /** Runs `act` with these capabilities dropped on this thread, then restores them. `act` must be synchronous. */
  without<T>(drop: readonly Capability[], act: () => T): T {
    return withoutCapabilities(this.context.ffi, drop, act)
  }

  /** Gives up what is held between calls. */
  close(): void {
    this.btfs.close()
    this.#vmlinux = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
