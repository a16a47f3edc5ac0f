import type { KernelMap } from '@skep/linux'
import { type ArgDesc, type HelperDef, type HelperUser, helperAllowed, helperFor } from '@skep/registry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  call,
  exit,
  type Kernel,
  missing,
  movImm,
  named,
  openKernel,
  platform,
  program,
  refusal,
  type Slot,
} from './platform.ts'

// Each prototype against the kernel: a call as it says is accepted, and each departure from it is refused or not as it says.

/** Where a call is tried: program type, attach type, and how the context gives a socket. */
interface Place {
  readonly type: string
  readonly attachType: string
  /** Offset of a pointer to a socket that may be null. */
  readonly sock?: number
  readonly fullSock?: number
  /** Offsets of the packet's bounds, and the width of loads of them. */
  readonly packet?: { readonly data: number; readonly end: number; readonly code: number }
}

const W = 0x61
const DW = 0x79
const SKB_PACKET = { data: 76, end: 80, code: W }

const places: readonly Place[] = [
  { type: 'sched_cls', attachType: '', sock: 168, packet: SKB_PACKET },
  { type: 'xdp', attachType: 'xdp', packet: { data: 0, end: 4, code: W } },
  { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress', sock: 168, packet: SKB_PACKET },
  { type: 'socket_filter', attachType: '', sock: 168 },
  { type: 'cgroup_sock_addr', attachType: 'cgroup_inet4_connect', fullSock: 64 },
  { type: 'cgroup_sock', attachType: 'cgroup_inet_sock_create' },
  { type: 'cgroup_sockopt', attachType: 'cgroup_setsockopt', fullSock: 0 },
  { type: 'cgroup_sysctl', attachType: 'cgroup_sysctl' },
  { type: 'sock_ops', attachType: '', sock: 184 },
  { type: 'sk_msg', attachType: '', fullSock: 72, packet: { data: 0, end: 8, code: DW } },
  { type: 'sk_skb', attachType: '', sock: 168, packet: SKB_PACKET },
  { type: 'sk_reuseport', attachType: 'sk_reuseport_select', fullSock: 40 },
  { type: 'sk_lookup', attachType: 'sk_lookup', sock: 0 },
  { type: 'lwt_in', attachType: '', packet: SKB_PACKET },
  { type: 'lwt_xmit', attachType: '', packet: SKB_PACKET },
  { type: 'lwt_seg6local', attachType: '', packet: SKB_PACKET },
  { type: 'kprobe', attachType: '' },
  { type: 'perf_event', attachType: '' },
  { type: 'syscall', attachType: '' },
]

const userAt = ({ type, attachType }: Place): HelperUser => ({
  programType: type,
  attachType: attachType || undefined,
  bpf: true,
  perfmon: true,
})

/** Argument kinds that a few instructions can give. */
const easy: ReadonlySet<ArgDesc['kind']> = new Set<ArgDesc['kind']>([
  'anything',
  'const_map_ptr',
  'map_key',
  'map_value',
  'mem',
  'const_size',
  'const_size_or_zero',
  'const_alloc_size_or_zero',
  'ctx',
  'const_str',
  'socket',
  'sock_common',
  'btf_id_sock_common',
])

/** Maps of these types need BTF of their own. */
const NEEDS_BTF: ReadonlySet<string> = new Set([
  'sk_storage',
  'task_storage',
  'inode_storage',
  'cgrp_storage',
])

const isEasy = (arg: ArgDesc): boolean =>
  easy.has(arg.kind) && !arg.release && !arg.mapTypes?.some((type) => NEEDS_BTF.has(type))
const needsSocket = (helper: HelperDef): boolean => helper.args.some((a) => /sock/.test(a.kind))
const needsFullSocket = (helper: HelperDef): boolean => helper.args.some((a) => a.kind === 'socket')

/** A helper with the prototype that it has in a place. */
interface Case {
  readonly helper: HelperDef
  readonly place: Place
}

/** Each prototype in the first place that offers it and can give its arguments. */
function cases(): Case[] {
  const found: Case[] = []
  for (const def of platform.helpers) {
    const seen = new Set<string>()
    for (const place of places) {
      const type = platform.programTypes.byName(place.type)!
      const user = userAt(place)
      if (!platform.allows(type, def) || !helperAllowed(def, user)) continue
      const helper = helperFor(def, user)
      if (!helper.args.every(isEasy)) continue
      if (needsSocket(helper) && place.sock === undefined && place.fullSock === undefined) continue
      if (needsFullSocket(helper) && place.fullSock === undefined && place.type !== 'sk_lookup') continue
      if (helper.mightSleep && place.type !== 'syscall') continue
      const key = JSON.stringify(helper.args)
      if (seen.has(key)) continue
      seen.add(key)
      found.push({ helper, place })
    }
  }
  return found
}

const MAP_SHAPES: Readonly<
  Record<string, { keySize: number; valueSize: number; maxEntries: number; flags?: number }>
> = {
  ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  user_ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  queue: { keySize: 0, valueSize: 8, maxEntries: 1 },
  stack_trace: { keySize: 4, valueSize: 80, maxEntries: 1 },
  cgroup_storage: { keySize: 8, valueSize: 8, maxEntries: 0 },
  sockhash: { keySize: 4, valueSize: 4, maxEntries: 1 },
  percpu_array: { keySize: 4, valueSize: 8, maxEntries: 1 },
  array: { keySize: 4, valueSize: 8, maxEntries: 1 },
}

const BPF_F_RDONLY_PROG = 0x80
const AREA = -64
const CLEAR: readonly Slot[] = Array.from({ length: 8 }, (_, i): Slot => [0x7a, 10, 0, AREA + i * 8, 0])
const mov = (dst: number, src: number): Slot => [0xbf, dst, src]
const loadMap = (dst: number, map: KernelMap): readonly Slot[] => [[0x18, dst, 1, 0, map.fd], [0]]
const loadValue = (dst: number, map: KernelMap): readonly Slot[] => [[0x18, dst, 2, 0, map.fd], [0]]
const stack = (dst: number, off: number): readonly Slot[] => [mov(dst, 10), [0x07, dst, 0, 0, off]]
const SIZE = 8
const end: readonly Slot[] = [movImm(0, 1), exit]

/** One departure from a prototype: other instructions for some arguments. */
type Departure = ReadonlyMap<number, readonly Slot[]>

class Caller {
  readonly #kernel: Kernel
  readonly #maps = new Map<string, KernelMap>()
  /** Read-only for programs and frozen; holds "%d". */
  readonly text: KernelMap

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.text = kernel.createMap({
      type: 'array',
      keySize: 4,
      valueSize: 64,
      maxEntries: 1,
      flags: BPF_F_RDONLY_PROG,
    })
    const value = new Uint8Array(64)
    value.set(new TextEncoder().encode('%d'))
    this.text.update(new Uint8Array(4), value)
    this.text.freeze()
  }

  #map(type: string): KernelMap {
    let map = this.#maps.get(type)
    if (!map) {
      map = this.#kernel.createMap({
        type,
        ...(MAP_SHAPES[type] ?? { keySize: 4, valueSize: 4, maxEntries: 1 }),
      })
      this.#maps.set(type, map)
    }
    return map
  }

  /** What an argument should be. */
  #valid(arg: ArgDesc, register: number): readonly Slot[] {
    switch (arg.kind) {
      case 'ctx':
        return [mov(register, 6)]
      case 'const_map_ptr':
        return loadMap(register, this.#map(arg.mapTypes?.[0] ?? 'array'))
      case 'const_str':
        return loadValue(register, this.text)
      case 'const_size':
      case 'const_size_or_zero':
      case 'const_alloc_size_or_zero':
        return [movImm(register, SIZE)]
      case 'anything':
        return [movImm(register, 0)]
      case 'map_key':
      case 'map_value':
      case 'mem':
        return stack(register, AREA)
      default:
        return [mov(register, 7)]
    }
  }

  /** With `keep`, a byte of the packet is read before and after the call through the same pointer. */
  program({ helper, place }: Case, departure: Departure = new Map(), keep = false): Uint8Array {
    const sock = place.sock ?? place.fullSock
    const socket: readonly Slot[] =
      needsSocket(helper) && sock !== undefined ? [[0x79, 7, 6, sock], [0x55, 7, 0, 2], ...end] : []
    const args = helper.args.flatMap((arg, i) => departure.get(i) ?? this.#valid(arg, i + 1))
    const before: readonly Slot[] =
      keep && place.packet
        ? [
            [place.packet.code, 8, 6, place.packet.data],
            [place.packet.code, 9, 6, place.packet.end],
            mov(3, 8),
            [0x07, 3, 0, 0, 1],
            [0xbd, 3, 9, 2],
            ...end,
          ]
        : []
    const release = helper.returns.kind === 'mem' ? 133 : 86
    const after: readonly Slot[] = helper.returns.acquire
      ? [[0x15, 0, 0, 3], mov(1, 0), movImm(2, 0), call(release)]
      : []
    const read: readonly Slot[] = keep ? [[0x71, 1, 8, 0]] : []
    return program(
      mov(6, 1),
      ...CLEAR,
      ...socket,
      ...before,
      ...args,
      call(helper.id),
      ...after,
      ...read,
      ...end,
    )
  }

  refusal(one: Case, departure?: Departure, keep?: boolean): string | undefined {
    const options = {
      type: one.place.type,
      ...(one.place.attachType ? { attachType: one.place.attachType } : {}),
      ...(one.place.type === 'syscall' ? { flags: 0x10 } : {}),
    }
    return refusal(this.#kernel, options, this.program(one, departure, keep))
  }

  close(): void {
    for (const map of this.#maps.values()) map.close()
    this.text.close()
  }
}

const label = ({ helper, place }: Case): string => `${place.type}: ${helper.name}`
const isPointer = (arg: ArgDesc): boolean => arg.kind !== 'anything' && !/size/.test(arg.kind)
const isSize = (arg: ArgDesc | undefined): boolean =>
  arg?.kind === 'const_size' || arg?.kind === 'const_size_or_zero'

describe.skipIf(missing)(named('prototypes'), () => {
  let kernel: Kernel
  let caller: Caller
  let all: Case[] = []
  beforeAll(async () => {
    if (missing) return
    kernel = await openKernel()
    caller = new Caller(kernel)
    all = cases()
  })
  afterAll(() => {
    caller?.close()
    kernel?.close()
  })

  /** Cases and arguments for which `act` says that the kernel differs. */
  const differing = (act: (one: Case, arg: ArgDesc, index: number) => string | undefined): string[] =>
    all.flatMap((one) =>
      one.helper.args.flatMap((arg, i) => {
        const difference = act(one, arg, i)
        return difference === undefined
          ? []
          : [`${label(one)}: ${arg.name}: ${difference.split('\n').slice(-3).join(' | ')}`]
      }),
    )

  it('describe calls that the kernel accepts', () => {
    expect(all.length).toBeGreaterThan(150)
    const found = all.flatMap((one) => {
      const log = caller.refusal(one)
      return log === undefined ? [] : [`${label(one)}: ${log.split('\n').slice(-3).join(' | ')}`]
    })
    expect(found).toEqual([])
  })

  it('ask for pointers where the kernel does', () => {
    const found = differing((one, arg, i) => {
      if (!isPointer(arg)) return undefined
      const log = caller.refusal(one, new Map([[i, [movImm(i + 1, 7)]]])) ?? 'accepted'
      return log.includes(`R${i + 1} type=scalar expected=`) ? undefined : log
    })
    expect(found).toEqual([])
  })

  it('let pointers be null where the kernel does', () => {
    const found = differing((one, arg, i) => {
      if (!isPointer(arg) || arg.kind === 'const_map_ptr' || arg.kind === 'const_str') return undefined
      const size: readonly (readonly [number, readonly Slot[]])[] =
        arg.nullable && isSize(one.helper.args[i + 1]) ? [[i + 1, [movImm(i + 2, 0)]]] : []
      // snprintf counts its format's arguments.
      if (one.helper.verify?.format && i > 2) return undefined
      const log = caller.refusal(one, new Map([[i, [movImm(i + 1, 0)]], ...size]))
      return (log === undefined) === (arg.nullable === true) ? undefined : (log ?? 'accepted')
    })
    expect(found).toEqual([])
  })

  it('let sizes be zero where the kernel does', () => {
    const found = differing((one, arg, i) => {
      if (!isSize(arg) || one.helper.verify?.format) return undefined
      const log = caller.refusal(one, new Map([[i, [movImm(i + 1, 0)]]]))
      return (log === undefined) === (arg.kind === 'const_size_or_zero') ? undefined : (log ?? 'accepted')
    })
    expect(found).toEqual([])
  })

  it('write to memory where the kernel does', () => {
    const found = differing((one, arg, i) => {
      if (arg.kind !== 'mem' && arg.kind !== 'map_value') return undefined
      const log = caller.refusal(one, new Map([[i, loadValue(i + 1, caller.text)]]))
      return (log === undefined) === (arg.access === 'read') ? undefined : (log ?? 'accepted')
    })
    expect(found).toEqual([])
  })

  it('take memory of a fixed size as the kernel does', () => {
    const found = differing((one, arg, i) => {
      if (arg.kind !== 'mem' || arg.size === undefined) return undefined
      const [least, less] = [arg.size, arg.size - 1].map((size) =>
        caller.refusal(one, new Map([[i, stack(i + 1, -size)]])),
      )
      return least === undefined && less !== undefined
        ? undefined
        : (least ?? `${arg.size - 1} bytes: accepted`)
    })
    expect(found).toEqual([])
  })

  it('move the packet where the kernel says so', () => {
    const some = all.filter(({ place }) => place.packet)
    expect(some.length).toBeGreaterThan(90)
    const found = some.flatMap((one) => {
      const log = caller.refusal(one, undefined, true)
      // A tail call that comes back did nothing; for callers of a subprogram that makes one, it counts.
      const moved = one.helper.changesPacketData === true && !one.helper.tailCall
      return (log === undefined) === !moved
        ? []
        : [`${label(one)}: ${log?.split('\n').slice(-3).join(' | ') ?? 'accepted'}`]
    })
    expect(found).toEqual([])
  })

  it('take memory that was never written where the kernel does', () => {
    const found = kernel.without(['CAP_PERFMON', 'CAP_SYS_ADMIN'], () =>
      differing((one, arg, i) => {
        if (one.helper.capability === 'perfmon' || !/^(mem|map_value|map_key)$/.test(arg.kind))
          return undefined
        // These types need CAP_PERFMON themselves.
        if (/^(kprobe|perf_event)$/.test(one.place.type)) return undefined
        const log = caller.refusal(one, new Map([[i, stack(i + 1, AREA - 128)]]))
        return (log === undefined) === (arg.uninit === true) ? undefined : (log ?? 'accepted')
      }),
    )
    expect(found).toEqual([])
  })
})
