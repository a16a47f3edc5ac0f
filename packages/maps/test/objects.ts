import { openSync, readFileSync } from 'node:fs'
import {
  createSocket,
  freeSocket,
  type MapSpec,
  objectAddress,
  programLayout,
  releaseObject,
  ringLayout,
  sockLayout,
} from '@skep/registry'
import { builtinMapTypes } from '../src/map-types.ts'
import { Bpf, closeFd, command, refused, systemCall } from './bpf.ts'
import { createWorld, type World } from './world.ts'

export type ObjectKind =
  | 'map'
  | 'program'
  | 'socket'
  | 'group'
  | 'perf'
  | 'cgroup'
  | 'cgroupOwner'
  | 'xsk'
  | 'inode'
  | 'task'

/** Objects of both sides that keys or values refer to. */
export interface Objects {
  /** What goes in: addresses here, file descriptors there. Of rings, those of the map. */
  mine(map: { readonly address: number }): readonly number[]
  readonly its: readonly number[]
  /** What comes out, in the same order. */
  readonly ids?: { readonly mine: readonly number[]; readonly its: readonly number[] }
  /** What is none of them here. */
  readonly nobody: number
  close(): void
}

/** The file descriptor of nobody, and no address of an object. */
export const NOBODY = 0x7fff_0000

const typeOf = (name: string) => builtinMapTypes.find((t) => t.name === name)!

const must = (what: string, result: number): number => {
  if (result < 0) throw new Error(`${what}: ${refused(result)}`)
  return result
}

/** Sizes of the template. */
export const plain: Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries'> = {
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
}
/** What inner maps are like. */
export const template: MapSpec & { readonly type: string } = { name: 'i', type: 'array', ...plain }
/** Inner maps: the first three are as the template, the others differ in one thing each. */
const candidates = [
  template,
  template,
  template,
  { ...template, maxEntries: 5 },
  { ...template, valueSize: 4 },
  { ...template, flags: 0x400 },
  { ...template, type: 'percpu_array' },
  { ...template, type: 'hash' },
]

function maps(bpf: Bpf, world: World): Objects {
  const its = candidates.map(({ type, keySize, valueSize, maxEntries, flags = 0 }) =>
    must('an inner map', bpf.create({ id: typeOf(type).id, keySize, valueSize, maxEntries, flags })),
  )
  const mine = candidates.map(({ type, ...spec }) => world.create(typeOf(type), spec))
  const addresses = mine.map((map) => map.address)
  return {
    mine: () => addresses,
    its,
    ids: { mine: mine.map((map) => map.id), its: its.map((fd) => bpf.info(fd).id) },
    nobody: NOBODY,
    close: () => {
      for (const map of mine) map.close()
      its.forEach(closeFd)
    },
  }
}

/** r0 = 0; exit; and the licence. */
const smallest = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0, 0x47, 0x50, 0x4c, 0)
const [SOCKET_FILTER, SCHED_CLS, XDP] = [1, 3, 6]
/** The first one in a program array says which others may join it. */
const programTypes = [XDP, XDP, SOCKET_FILTER, XDP, SCHED_CLS]

function programs(bpf: Bpf, { arena }: World): Objects {
  const its = programTypes.map((type) => {
    const fd = bpf.withBytes(command.progLoad, 48, smallest, (attr, at) => {
      attr.setUint32(0, type!, true)
      attr.setUint32(4, 2, true)
      attr.setBigUint64(8, at, true)
      attr.setBigUint64(16, at + 16n, true)
    })
    return must('a program', fd)
  })
  const records = programTypes.map((type, n) => {
    const record = arena.alloc(programLayout.PROG_RECORD_SIZE)
    arena.view.setUint32(record + programLayout.PROG_ID, n + 1, true)
    arena.view.setUint32(record + programLayout.PROG_TYPE, type!, true)
    return record
  })
  return {
    mine: () => records,
    its,
    ids: { mine: programTypes.map((_, n) => n + 1), its: its.map((fd) => programId(fd)) },
    nobody: NOBODY,
    close: () => {
      its.forEach(closeFd)
      for (const record of records) arena.free(record)
    },
  }
}

const programId = (fd: number): number =>
  Number(/prog_id:\t(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1])

const [AF_INET, AF_XDP, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_CLOEXEC] = [2, 44, 1, 2, 3, 0x8_0000]
const [SOL_SOCKET, SO_REUSEPORT, SO_COOKIE] = [1, 15, 57]
const loopback = Uint8Array.of(127, 0, 0, 1)

/** Sockets that listen, are bound, or neither. */
interface Kind {
  readonly type: number
  readonly state?: number
  readonly bound?: true
}

const socketObjects =
  (kinds: readonly Kind[], together: boolean) =>
  (bpf: Bpf, { arena }: World): Objects => {
    const ports = new Map<number, number>()
    const its = kinds.map(({ type, state, bound }) => {
      const fd = must('a socket', systemCall('socket', AF_INET!, type | SOCK_CLOEXEC!, 0))
      if (together)
        must('SO_REUSEPORT', bpf.setOption(fd, SOL_SOCKET!, SO_REUSEPORT!, Uint8Array.of(1, 0, 0, 0)))
      // sockaddr_in of the loopback address.
      const name = Uint8Array.of(2, 0, 0, 0, ...loopback, ...Array(8).fill(0))
      const port = together ? (ports.get(type) ?? 0) : 0
      new DataView(name.buffer).setUint16(2, port)
      if (bound) ports.set(type, must('bind', bpf.bind(fd, name)))
      if (state === sockLayout.TCP_LISTEN) must('listen', systemCall('listen', fd, 1))
      return fd
    })
    const mine = kinds.map(({ type, state, bound }) =>
      createSocket(arena, {
        source: { address: loopback, port: bound ? 80 : 0 },
        type,
        protocol: type === SOCK_DGRAM ? 17 : 6,
        ...(state === undefined ? {} : { state }),
      }),
    )
    return {
      mine: () => mine,
      its,
      ids: { mine, its: its.map((fd) => bpf.option(fd, SOL_SOCKET!, SO_COOKIE!)) },
      nobody: NOBODY,
      close: () => {
        its.forEach(closeFd)
        for (const socket of mine) freeSocket(arena, socket)
      },
    }
  }

const { TCP_LISTEN } = sockLayout
const listening = { type: SOCK_STREAM!, state: TCP_LISTEN, bound: true } as const
const datagrams = { type: SOCK_DGRAM!, bound: true } as const

/** Objects of the host that programs know by address. */
const owned =
  (open: () => readonly number[]) =>
  (_: Bpf, { arena }: World): Objects => {
    const its = open()
    const owners = its.map(() => ({}))
    const mine = owners.map((owner) => objectAddress(arena, owner))
    return {
      mine: () => mine,
      its,
      nobody: NOBODY,
      close: () => {
        its.forEach(closeFd)
        for (const owner of owners) releaseObject(arena, owner)
      },
    }
  }

/** A control group of the second kind, where one is mounted. */
const groupPath = (): string | undefined =>
  /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]

/** Numbers of the host's own, which 0 is not. */
const numbersOf =
  (open: (bpf: Bpf) => readonly number[]) =>
  (bpf: Bpf): Objects => {
    const its = open(bpf)
    const mine = its.map((_, n) => n + 7)
    return { mine: () => mine, its, nobody: 0, close: () => its.forEach(closeFd) }
  }

const openGroups = (): number[] => {
  const path = groupPath()
  if (!path) throw new Error('no cgroup2 is mounted')
  return [openSync(path, 'r')]
}

const [PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT] = [1, 10]

function events(bpf: Bpf, { arena }: World): Objects {
  const attr = new Uint8Array(64)
  new DataView(attr.buffer).setUint32(0, PERF_TYPE_SOFTWARE!, true)
  new DataView(attr.buffer).setUint32(4, attr.length, true)
  new DataView(attr.buffer).setUint32(8, PERF_COUNT_SW_BPF_OUTPUT!, true)
  const its = [0, 1].map(() => must('an event', bpf.openEvent(attr)))
  const rings = new Map<number, number[]>()
  const { RING_DATA, RING_MAGIC, RING_MAGIC_VALUE, RING_MAP } = ringLayout
  return {
    mine: ({ address }) => {
      let own = rings.get(address)
      if (!own) {
        own = its.map(() => {
          const ring = arena.alloc(RING_DATA + 64)
          arena.view.setUint32(ring + RING_MAGIC, RING_MAGIC_VALUE, true)
          arena.view.setUint32(ring + RING_MAP, address, true)
          return ring
        })
        rings.set(address, own)
      }
      return own
    },
    its,
    nobody: NOBODY,
    close: () => {
      its.forEach(closeFd)
      for (const own of rings.values()) for (const ring of own) arena.free(ring)
    },
  }
}

const [SOL_XDP, XDP_RX_RING, XDP_UMEM_REG, XDP_UMEM_FILL_RING] = [283, 2, 4, 5]
const PAGE = 4096

/** Sockets that a map takes: with frames and rings, of no device. */
const openXdpSockets = (bpf: Bpf): number[] =>
  [0, 1].map((n) => {
    const fd = must('an AF_XDP socket', systemCall('socket', AF_XDP!, SOCK_RAW! | SOCK_CLOEXEC!, 0))
    // struct xdp_umem_reg: address, bytes, bytes of a frame.
    const frames = new Uint8Array(32)
    const view = new DataView(frames.buffer)
    view.setBigUint64(0, BigInt(bpf.page(n)), true)
    view.setBigUint64(8, BigInt(PAGE), true)
    view.setUint32(16, PAGE, true)
    must('XDP_UMEM_REG', bpf.setOption(fd, SOL_XDP!, XDP_UMEM_REG!, frames))
    const room = new Uint8Array(Uint32Array.of(64).buffer)
    for (const ring of [XDP_UMEM_FILL_RING!, XDP_RX_RING!])
      must('a ring', bpf.setOption(fd, SOL_XDP!, ring, room))
    return fd
  })

const here = (path: string): number => openSync(new URL(path, import.meta.url), 'r')

type Maker = (bpf: Bpf, world: World) => Objects

const kinds: Readonly<Record<ObjectKind, Maker>> = {
  map: maps,
  program: programs,
  socket: socketObjects(
    [listening, datagrams, listening, { type: SOCK_DGRAM! }, { type: SOCK_STREAM! }],
    false,
  ),
  /** Sockets that share a port. */
  group: socketObjects([datagrams, datagrams, datagrams, listening], true),
  perf: events,
  cgroup: numbersOf(openGroups),
  cgroupOwner: owned(openGroups),
  xsk: numbersOf(openXdpSockets),
  inode: owned(() => [here('objects.ts'), here('rows.ts')]),
  task: owned(() =>
    [process.pid, process.ppid].map((pid) => must('pidfd_open', systemCall('pidfd_open', pid, 0))),
  ),
}

export const makeObjects = (kind: ObjectKind, bpf: Bpf, world: World): Objects => kinds[kind](bpf, world)

/** Why there are no objects of a kind on this machine; undefined where there are. */
export function lacks(kind: ObjectKind | undefined): string | undefined {
  if (kind === undefined) return undefined
  try {
    makeObjects(kind, new Bpf(), createWorld()).close()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
