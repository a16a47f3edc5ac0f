import { kprobePlugin } from '@skep/hook-kprobe'
import { socketPlugin } from '@skep/hook-socket'
import { tcPlugin } from '@skep/hook-tc'
import { xdpProgramType } from '@skep/hook-xdp'
import { isKernelAvailable, type Kernel, openKernel, type ProgramOptions } from '@skep/linux'
import { createPlatform, definePlugin, type Platform, type ProgramTypeDef } from '@skep/registry'
import { helpersPlugin } from '../../src/index.ts'

// What the tests of this directory share: the tables, the running kernel, and programs that ask it one question each.

export const platform: Platform = createPlatform([
  helpersPlugin,
  socketPlugin,
  tcPlugin,
  kprobePlugin,
  definePlugin({ name: 'hook-xdp', programTypes: [xdpProgramType] }),
])

const availability = await isKernelAvailable()
/** Why there is no kernel to compare with; undefined where there is one of the release that the tables are of. */
export const missing: string | undefined = await reason()

async function reason(): Promise<string | undefined> {
  if (!availability.ok) return availability.reason
  using kernel = await openKernel()
  return kernel.release.startsWith('6.18.')
    ? undefined
    : `the tables are Linux 6.18's, and this is ${kernel.release}`
}

/** A suite's name, with the reason when it is skipped. */
export const named = (name: string): string => (missing ? `${name} (skipped: ${missing})` : name)

export { type Kernel, openKernel }

/** One way to load programs of a type. */
export interface Load {
  readonly label: string
  readonly type: ProgramTypeDef
  /** Name, '' for none of the type's. */
  readonly attachType: string
  readonly attachTo?: string
  readonly options: Omit<ProgramOptions, 'insns'>
}

const BPF_F_SLEEPABLE = 0x10

/** Kernel objects that typed programs attach to here: [attach type, what, BTF kind, BTF name]. */
const targets: Readonly<Record<string, readonly (readonly [string, string, 'func' | 'typedef', string])[]>> =
  {
    tracing: [
      ['trace_raw_tp', 'sched_switch', 'typedef', 'btf_trace_sched_switch'],
      ['trace_iter', 'bpf_iter_task', 'func', 'bpf_iter_task'],
      ['trace_iter', 'bpf_iter_tcp', 'func', 'bpf_iter_tcp'],
      ['trace_fentry', 'vfs_getattr', 'func', 'vfs_getattr'],
      ['modify_return', 'bpf_modify_return_test', 'func', 'bpf_modify_return_test'],
    ],
    lsm: [
      ['lsm_mac', 'bpf_lsm_file_open', 'func', 'bpf_lsm_file_open'],
      ['lsm_cgroup', 'bpf_lsm_socket_post_create', 'func', 'bpf_lsm_socket_post_create'],
    ],
  }

/** Every type with every attach type of its own, and with none where that loads. */
export function loads(kernel: Kernel): Load[] {
  const found: Load[] = []
  for (const type of platform.programTypes) {
    const flags = type.sleepable === true ? { flags: BPF_F_SLEEPABLE } : {}
    for (const [attachType, attachTo, kind, name] of targets[type.name] ?? []) {
      const attachBtfId = kernel.vmlinux?.find(kind, name)
      if (attachBtfId === undefined) continue
      const options = { name: 'matrix', type: type.id, attachType, attachBtfId }
      found.push({ label: `${type.name}/${attachType} ${attachTo}`, type, attachType, attachTo, options })
    }
    // The others take their rules from what they attach to.
    if (type.context.kind === 'args' && type.context.btf) continue
    const attachTypes = Object.entries(type.attachTypes ?? {}).map(([name, { id }]) => [name, id] as const)
    if (!attachTypes.some(([, id]) => id === 0)) attachTypes.push([type.zeroAttachType ?? '', 0])
    for (const [attachType, id] of attachTypes) {
      const options = { name: 'matrix', type: type.id, attachType: id, ...flags }
      found.push({ label: `${type.name}/${id === 0 ? 0 : attachType}`, type, attachType, options })
    }
  }
  return found.filter(({ options }) => loadable(kernel, options))
}

/** Whether the kernel gets as far as verifying such programs. */
const loadable = (kernel: Kernel, options: Load['options']): boolean =>
  refusal(kernel, options, program(...unknownReturn)) !== ''

/** The kernel's log of a refused program; undefined when it loads. */
export function refusal(kernel: Kernel, options: Load['options'], insns: Uint8Array): string | undefined {
  const loaded = kernel.loadProgram({ ...options, insns, lazyLog: true })
  if (!loaded.ok) return loaded.log
  loaded.close()
  return undefined
}

export type Slot = readonly [code: number, dst?: number, src?: number, off?: number, imm?: number]

/** Instructions as bytes. */
export function program(...slots: readonly Slot[]): Uint8Array {
  const bytes = new Uint8Array(slots.length * 8)
  const view = new DataView(bytes.buffer)
  slots.forEach(([code, dst = 0, src = 0, off = 0, imm = 0], i) => {
    bytes[i * 8] = code
    bytes[i * 8 + 1] = dst | (src << 4)
    view.setInt16(i * 8 + 2, off, true)
    view.setInt32(i * 8 + 4, imm, true)
  })
  return bytes
}

export const movImm = (dst: number, imm: number): Slot => [0xb7, dst, 0, 0, imm]
export const call = (id: number): Slot => [0x85, 0, 0, 0, id]
export const exit: Slot = [0x95]
/** Ends a program that the kernel refuses with `R9 !read_ok` if it gets here, so that none is compiled for nothing. */
export const unknownReturn: readonly Slot[] = [[0xbf, 0, 9], exit]
export const REACHED_END: RegExp = /R9 !read_ok/
