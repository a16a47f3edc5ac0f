import { openArena } from '@skep/memory'
import { control, ERRNO, type HostEnv, type TaskInfo } from '@skep/registry'
import type { HelperProviders } from '../providers.ts'
import { type FormatMemory, type FormatResult, formatText } from './format.ts'
import { cryptoFunctions } from './host-crypto.ts'
import { objectFunctions } from './host-objects.ts'
import { ownerFunctions } from './host-owners.ts'

/** MAX_BPRINTF_BUF, with the NUL. */
const PRINT_ROOM = 1024
/** MAX_BPRINTF_VARARGS. */
const MOST_ARGS = 12
/** TASK_COMM_LEN, with the NUL. */
const COMM_ROOM = 16

/** sizeof(((struct bpf_sock_tuple *)0)->ipv4). */
const TUPLE_IPV4 = 12
/** The first name space's. */
const INIT_NETNS_COOKIE = 1n

type HostFunctions = Readonly<Record<string, (...args: number[]) => number>>

interface ProcessLike {
  readonly pid?: number
  readonly title?: string
  getuid?(): number
  getgid?(): number
}

/** The host's own process where there is one. */
function hostTask(): TaskInfo {
  const process = (globalThis as { process?: ProcessLike }).process
  const pid = process?.pid ?? 1
  return {
    pid,
    tgid: pid,
    uid: process?.getuid?.() ?? 0,
    gid: process?.getgid?.() ?? 0,
    comm: process?.title?.split('/').pop() || 'skep',
  }
}

const join = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)

/** The functions that assembly/ imports as `host`: text, clocks, the task, sockets, and readers to wake. */
export function hostFunctions(
  env: HostEnv,
  { crypto, types }: Pick<HelperProviders, 'crypto' | 'types'> = {},
): HostFunctions {
  let view = new DataView(env.memory.buffer)
  const data = (): DataView => {
    if (view.buffer !== env.memory.buffer) view = new DataView(env.memory.buffer)
    return view
  }
  const bytes = (at: number, size: number): Uint8Array =>
    new Uint8Array(
      env.memory.buffer,
      at >>> 0,
      Math.min(size >>> 0, env.memory.buffer.byteLength - (at >>> 0)),
    )

  let arena: FormatMemory | undefined
  const memory: FormatMemory = {
    get u8() {
      return new Uint8Array(env.memory.buffer)
    },
    contains(address, size) {
      arena ??= openArena(env.memory)
      return arena.contains(address, size)
    },
  }

  /** A 64-bit result: its low half, the high one in the control block. */
  const wide = (value: bigint): number => {
    const number = Number(value)
    const exact = number >= 0 && number <= Number.MAX_SAFE_INTEGER
    const high = exact ? Math.floor(number / 2 ** 32) : Number((value >> 32n) & 0xffff_ffffn)
    data().setUint32(env.control + control.CTL_RET_HI, high, true)
    return exact ? number | 0 : Number(BigInt.asIntN(32, value))
  }

  /** The bytes before the first NUL of at most `size`, or undefined when there is none. */
  const cString = (at: number, size: number): Uint8Array | undefined => {
    const all = bytes(at, size)
    const end = all.indexOf(0)
    return end < 0 ? undefined : all.slice(0, end)
  }

  /** The arguments of a variadic helper, 8 bytes each, or an errno. */
  const argsAt = (at: number, length: number): bigint[] | number => {
    if (length & 7 || length >>> 0 > MOST_ARGS * 8 || (length !== 0 && at === 0)) return -ERRNO.EINVAL
    return Array.from({ length: length >>> 3 }, (_, n) => data().getBigUint64((at >>> 0) + 8 * n, true))
  }

  const print = (format: Uint8Array | undefined, args: readonly bigint[] | number): number => {
    if (typeof args === 'number') return args
    if (!format) return -ERRNO.EINVAL
    const result = formatText(format, args, memory, PRINT_ROOM)
    if (typeof result === 'number') return result
    const text = new TextDecoder().decode(kept(result))
    env.emit('printk', { text: text.endsWith('\n') ? text.slice(0, -1) : text, cpu: env.cpu })
    return result.length
  }

  const kept = (result: FormatResult): Uint8Array =>
    result.bytes.subarray(0, Math.min(result.length, result.bytes.length))

  let tai: bigint | undefined
  return {
    ...cryptoFunctions(env, crypto),
    ...objectFunctions(env),
    ...ownerFunctions(env),
    printk: (format, size, low1, high1, low2, high2, low3, high3) =>
      print(cString(format!, size!), [join(low1!, high1!), join(low2!, high2!), join(low3!, high3!)]),
    vprintk: (format, size, at, length) => print(cString(format!, size!), argsAt(at!, length!)),
    snprintf: (to, size, format, at, length) => {
      const args = argsAt(at!, length!)
      if (typeof args === 'number') return args
      const text = cString(format!, 0xffff_ffff)
      if (!text) return -ERRNO.EINVAL
      const room = size! >>> 0
      const result = formatText(text, args, memory, room)
      if (typeof result === 'number') return result
      if (room > 0) {
        const target = bytes(to!, room)
        const source = kept(result)
        target.set(source)
        target[source.length] = 0
      }
      return result.length + 1
    },
    showType: (to, size, from, fromSize, low, high) => {
      const { status, length } = types!.print(
        memory,
        from! >>> 0,
        fromSize!,
        high === 0 ? low! : -1,
        bytes(to!, size!),
      )
      data().setUint32(env.control + control.CTL_RET_HI, length, true)
      return status
    },
    clock: (kind) => {
      const now = env.now()
      if (kind === 0) return wide(now)
      // Atomic time without leap seconds known is civil time, as in a kernel that nobody told them.
      tai ??= env.epoch ?? BigInt(Date.now()) * 1_000_000n - now
      return wide(now + tai)
    },
    task: (what) => {
      const task = (env.task ?? hostTask)()
      switch (what) {
        case 0:
          return wide(join(task.pid, task.tgid))
        case 1:
          return wide(join(task.uid, task.gid))
        default:
          return wide(BigInt(task.classid ?? 0))
      }
    },
    netnsCookie: (context) => wide(env.sockets?.netnsCookie?.(context! >>> 0) ?? INIT_NETNS_COOKIE),
    socketLookup: (protocol, context, tuple, size, netns) => {
      if (!env.sockets) return 0
      const width = size === TUPLE_IPV4 ? 4 : 16
      const at = tuple! >>> 0
      return env.sockets.lookup({
        protocol: protocol === 0 ? 'tcp' : 'udp',
        source: { address: bytes(at, width).slice(), port: data().getUint16(at + 2 * width) },
        destination: {
          address: bytes(at + width, width).slice(),
          port: data().getUint16(at + 2 * width + 2),
        },
        ...(netns! < 0 ? {} : { netns: netns! }),
        context: context! >>> 0,
      })
    },
    socketRelease: (socket) => {
      env.sockets?.release?.(socket! >>> 0)
      return 0
    },
    wake: (map) => {
      env.mapAt(map! >>> 0)?.wake?.()
      return 0
    },
    comm: (to, size) => {
      const target = bytes(to!, size!)
      const name = new TextEncoder().encode((env.task ?? hostTask)().comm).subarray(0, COMM_ROOM - 1)
      target.fill(0)
      target.set(name.subarray(0, Math.max(target.length - 1, 0)))
      return 0
    },
  }
}
