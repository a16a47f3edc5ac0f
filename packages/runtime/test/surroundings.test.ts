import { createSocket as createUdp } from 'node:dgram'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Kernel, openKernel } from '@skep/linux'
import type { Arena } from '@skep/memory'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSocket, type HelperProviders, sockLayout, type TaskInfo } from '../src/index.ts'
import { calls, keep, stack } from './call-text.ts'
import { engines } from './hostile-tools.ts'
import { missing, type RunInput, runHere, runThere } from './kfunc-calls.ts'

// What is around a program: the CPU, the task, the sockets. The same on both engines and in the kernel, where the host's
// providers tell what the kernel knows.

let kernel: Kernel
beforeAll(async () => {
  if (missing) return
  kernel = await openKernel()
  kernel.pin(0)
})
afterAll(() => kernel?.close())

async function same(
  text: string,
  input: RunInput,
  providers: HelperProviders = {},
  prepare: (arena: Arena) => void = () => {},
  result?: number,
): Promise<void> {
  const theirs = runThere(kernel, text, input)
  if (result !== undefined) expect(theirs.retval).toBe(result)
  for (const engine of engines) {
    const mine = await runHere(text, input, { engine, providers }, ({ arena }) => prepare(arena))
    expect(mine, engine).toEqual(theirs)
  }
}

/** The thread that runs the programs. */
function thread(): TaskInfo {
  const status = readFileSync('/proc/thread-self/status', 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1])
  return {
    pid: field('Pid'),
    tgid: field('Tgid'),
    uid: field('Uid'),
    gid: field('Gid'),
    comm: readFileSync('/proc/thread-self/comm', 'utf8').trim(),
  }
}

describe.skipIf(missing)('where a program runs', () => {
  it('the CPU, its node and the class of its cgroup', async () => {
    await same(
      calls(
        'call bpf_get_smp_processor_id',
        'call bpf_get_numa_node_id',
        'r1 = r9\ncall bpf_get_cgroup_classid',
      ),
      { type: 'sched_cls' },
    )
  })

  it('the first name space', async () => {
    const ask = `r1 = 0\ncall bpf_get_netns_cookie`
    // Which number it has depends on what else there was as the machine started.
    const cookie = BigInt(runThere(kernel, `${ask}\nexit`, { type: 'sched_cls' }).retval)
    const both = calls(ask, `${ask}\nr0 >>= 32`)
    await same(both, { type: 'sched_cls' }, { sockets: { lookup: () => 0, netnsCookie: () => cookie } })
  })

  it('the task', async () => {
    const halves = (call: string): string => `call ${call}\nr6 = r0\n${keep}\nr0 = r6\nr0 >>= 32`
    const words = [40, 36, 32, 28].map((at) => `r0 = *(u32 *)(r10 - ${at})`)
    await same(
      calls(
        halves('bpf_get_current_pid_tgid'),
        halves('bpf_get_current_uid_gid'),
        `${stack(1, 40)}\nr2 = 16\ncall bpf_get_current_comm`,
        ...words,
        `${stack(1, 40)}\nr2 = 3\ncall bpf_get_current_comm`,
        ...words,
      ),
      { type: 'raw_tracepoint', data: new Uint8Array(0) },
      { task: thread },
    )
  })

  it('an attachment without a cookie', async () => {
    await same(calls('r1 = r9\ncall bpf_get_attach_cookie'), {
      type: 'raw_tracepoint',
      data: new Uint8Array(0),
    })
  })
})

/** The folders of this process's cgroups, from the root's on, where the second kind is mounted. */
function cgroupFolders(): string[] | undefined {
  if (missing) return undefined
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/thread-self/cgroup', 'utf8'))?.[1]
  if (mount === undefined || path === undefined || path.includes('..')) return undefined
  const names = path.split('/').filter((name) => name !== '')
  return Array.from({ length: names.length + 1 }, (_, n) => join(mount, ...names.slice(0, n)))
}

const folders = cgroupFolders()
const path = folders?.map((folder) => statSync(folder, { bigint: true }).ino)

describe.skipIf(missing)("what the host's providers tell", () => {
  it.skipIf(!path)('cgroups of the task and of a packet’s socket', async () => {
    const levels = [0, 1, 2, 9, -1]
    const halves = (call: string): string => `${call}\nr6 = r0\n${keep}\nr0 = r6\nr0 >>= 32`
    const providers: HelperProviders = {
      cgroups: { current: () => path!, ofPacket: () => path!, classOfPacket: () => 0 },
    }
    await same(
      calls(
        halves('call bpf_get_current_cgroup_id'),
        ...levels.map((level) => halves(`r1 = ${level}\ncall bpf_get_current_ancestor_cgroup_id`)),
        halves('r1 = r9\ncall bpf_skb_cgroup_id'),
        ...levels.map((level) => halves(`r1 = r9\nr2 = ${level}\ncall bpf_skb_ancestor_cgroup_id`)),
        'r1 = r9\ncall bpf_skb_cgroup_classid',
      ),
      { type: 'sched_cls' },
      providers,
    )
  })

  it.skipIf(!path)('cgroups in a map', async () => {
    const fd = openSync(folders!.at(-1)!, 'r')
    const word = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
    const first = { here: word(Number(path!.at(-1)! & 0xffff_ffffn)), there: word(fd) }
    const maps = [{ type: 'cgroup_array', keySize: 4, valueSize: 4, maxEntries: 3, first }]
    const providers: HelperProviders = { cgroups: { current: () => path!, ofPacket: () => path! } }
    const indexes = [0, 1, 3]
    const task = indexes.map((n) => `r1 = map 0\nr2 = ${n}\ncall bpf_current_task_under_cgroup`)
    await same(calls(...task), { type: 'raw_tracepoint', data: new Uint8Array(0), maps }, providers)
    const skb = indexes.map((n) => `r1 = r9\nr2 = map 0\nr3 = ${n}\ncall bpf_skb_under_cgroup`)
    await same(calls(...skb), { type: 'sched_cls', maps }, providers)
    closeSync(fd)
  })

  it.skipIf(!path)('the cgroup of a socket', async () => {
    const isIt = (call: string, id: bigint): string => `r1 = r6\n${call}\nr1 = ${id} ll\nif r0 != r1 goto out`
    // Such programs return 0 or 1: whether all is as this process knows it.
    await same(
      `r6 = *(u64 *)(r1 + 168)\nr7 = 0\nif r6 == 0 goto out
r1 = r6\ncall bpf_sk_fullsock\nif r0 == 0 goto out\nr6 = r0
${isIt('call bpf_sk_cgroup_id', path!.at(-1)!)}
${[0, 1, 9].map((n) => isIt(`r2 = ${n}\ncall bpf_sk_ancestor_cgroup_id`, path![n] ?? 0n)).join('\n')}
r7 = 1\nout:\nr0 = r7\nexit`,
      { type: 'cgroup_skb' },
      { cgroups: { current: () => path!, ofSocket: () => path! } },
      undefined,
      1,
    )
  })

  it('the name space of ids, and who owns a socket', async () => {
    const { dev, ino } = statSync('/proc/self/ns/pid', { bigint: true })
    const { pid, tgid } = thread()
    const ask = (device: bigint, inode: bigint, size = 8): string => `*(u64 *)(r10 - 16) = -1
r1 = ${device} ll\nr2 = ${inode} ll\n${stack(3, 16)}\nr4 = ${size}
call bpf_get_ns_current_pid_tgid\n${keep}
r0 = *(u32 *)(r10 - 16)\n${keep}\nr0 = *(u32 *)(r10 - 12)`
    await same(
      calls(ask(dev, ino), ask(dev + 1n, ino), ask(dev, ino + 1n), ask(dev, ino, 4)),
      { type: 'sched_cls' },
      { pidNamespace: () => ({ dev, ino, pid, tgid }) },
    )
    const uid = 'r1 = r9\ncall bpf_get_socket_uid'
    const socketIdentity = { cookie: () => 1n, uid: () => 0 }
    await same(calls(uid), { type: 'sched_cls' }, { socketIdentity })
  })
})

const be16 = (n: number): number => ((n & 0xff) << 8) | (n >> 8)

describe.skipIf(missing)('SYN cookies without a socket', () => {
  // An IP header of 40 bytes at fp-104, a TCP header of 60 at fp-64.
  const IP = 104
  const TCP = 64
  const bytes = (at: number, ...values: number[]): string =>
    values.map((value, n) => `*(u8 *)(r10 - ${at - n}) = ${value}`).join('\n')
  const tcpHeader = (options: readonly number[], doff = 5 + options.length / 4): string =>
    bytes(TCP, 0x12, 0x34, 0, 80, 0, 0, 3, 232, 0, 0, 0, 0, doff << 4, 2, 0, 0, 0, 0, 0, 0, ...options)
  const zeros = Array.from({ length: 14 }, (_, n) => `*(u64 *)(r10 - ${112 - 8 * n}) = 0`).join('\n')
  const ip = bytes(IP, ...Array.from({ length: 40 }, (_, n) => n + 1))
  const generators = { 4: 'bpf_tcp_raw_gen_syncookie_ipv4', 6: 'bpf_tcp_raw_gen_syncookie_ipv6' }
  const checks = { 4: 'bpf_tcp_raw_check_syncookie_ipv4', 6: 'bpf_tcp_raw_check_syncookie_ipv6' }
  type Version = keyof typeof checks
  const generate = (version: Version, length: number): string =>
    `${stack(1, IP)}\n${stack(2, TCP)}\nr3 = ${length}\ncall ${generators[version]}`
  /** The segment size, or the errno; the cookie itself is of the kernel's secret. */
  const size = (version: Version, options: readonly number[], length = 20 + options.length): string =>
    `${tcpHeader(options)}\n${generate(version, length)}\nr0 s>>= 32`
  const check = (version: Version): string => `${stack(1, IP)}\n${stack(2, TCP)}\ncall ${checks[version]}`
  /** The cookie that answers, in big-endian and `off` more than it should be. */
  const answer = (version: Version, off: number): string => `${tcpHeader([])}\n${generate(version, 20)}
r0 += ${1 + off}\nr0 = be32 r0\n*(u32 *)(r10 - ${TCP - 8}) = r0
r0 = ${0xe9030000 | 0}\n*(u32 *)(r10 - ${TCP - 4}) = r0\n${check(version)}`

  it.each([4, 6] as const)('of IPv%d', async (version) => {
    const mss = (n: number): number[] => [2, 4, n >> 8, n & 255]
    await same(
      `r9 = r1\nr8 = 0\n${zeros}\n${ip}\n${[
        ...[1, 536, 1220, 1300, 1440, 1460, 8940, 9000].map((n) => size(version, mss(n))),
        size(version, []),
        size(version, [1, 3, 3, 7, ...mss(1440)]),
        size(version, [0, 0, 0, 0, ...mss(1440)]),
        size(version, [], 16),
        size(version, [], 24),
        answer(version, 0),
        answer(version, 5),
      ]
        .map((step) => `${step}\n${keep}`)
        .join('\n')}\nr0 = r8\nexit`,
      {},
    )
  })
})

const LOOPBACK = Uint8Array.of(127, 0, 0, 1)
const LOOPBACK_WORD = 0x0100_007f
let labels = 0

interface Ask {
  readonly helper: string
  readonly from?: number
  readonly to: number
  readonly size?: number
  readonly netns?: number
  readonly flags?: number
}

/** Looks for a socket, takes what it says of itself into the number, and lets it go. */
const lookup = ({ helper, from = 9, to, size = 12, netns = -1, flags = 0 }: Ask): string => {
  const label = `nobody${labels++}`
  const full = helper.startsWith('bpf_skc')
    ? `r1 = r6\ncall bpf_sk_fullsock\nif r0 == 0 goto ${label}full\nr7 = r0`
    : 'r7 = r0'
  const fields = [4, 8, 12, 16, 20, 24, 44, 48, 52, 72].map((at) => `r0 = *(u32 *)(r7 + ${at})\n${keep}`)
  return `*(u32 *)(r10 - 24) = ${LOOPBACK_WORD}\n*(u32 *)(r10 - 20) = ${LOOPBACK_WORD}
*(u16 *)(r10 - 16) = ${be16(from)}\n*(u16 *)(r10 - 14) = ${be16(to)}
r1 = r9\n${stack(2, 24)}\nr3 = ${size}\nr4 = ${netns}\nr5 = ${flags}\ncall ${helper}
if r0 == 0 goto ${label}
r6 = r0\n${full}
${fields.join('\n')}
r1 = r7\ncall bpf_get_listener_sock\nif r0 == 0 goto ${label}l\nr0 = *(u32 *)(r0 + 44)\n${label}l:\n${keep}
r1 = r7\ncall bpf_tcp_sock\nif r0 == 0 goto ${label}t\nr0 = *(u32 *)(r0 + 0)\n${label}t:\n${keep}
${label}full:
r1 = r6\ncall bpf_sk_release
r0 += 77
${label}:`
}

describe.skipIf(missing)('sockets of the machine', () => {
  const server = createServer()
  const udp = createUdp('udp4')
  let client: Socket
  let ports: { readonly tcp: number; readonly udp: number; readonly client: number }
  beforeAll(async () => {
    const accepted = new Promise((resolve) => server.once('connection', resolve))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
    const tcp = (server.address() as AddressInfo).port
    client = connect(tcp, '127.0.0.1')
    await Promise.all([new Promise<void>((resolve) => client.once('connect', resolve)), accepted])
    ports = { tcp, udp: udp.address().port, client: (client.address() as AddressInfo).port }
  })
  afterAll(() => {
    client?.destroy()
    server.close()
    udp.close()
  })

  /** The same sockets in a runtime. */
  const world = (): { providers: HelperProviders; prepare: (arena: Arena) => void } => {
    let find: (protocol: string, from: number, to: number) => number = () => 0
    const at = (port: number) => ({ address: LOOPBACK, port })
    return {
      prepare: (arena) => {
        const listener = createSocket(arena, {
          source: at(ports.tcp),
          state: sockLayout.TCP_LISTEN,
          tcp: { snd_cwnd: 10 },
        })
        const established = createSocket(arena, {
          source: at(ports.tcp),
          destination: at(ports.client),
          state: 1,
          tcp: { snd_cwnd: 10 },
        })
        const datagrams = createSocket(arena, { source: at(ports.udp), protocol: 17, type: 2 })
        find = (protocol, from, to) => {
          if (protocol === 'udp') return to === ports.udp ? datagrams : 0
          if (to !== ports.tcp) return 0
          return from === ports.client ? established : listener
        }
      },
      providers: {
        sockets: { lookup: (query) => find(query.protocol, query.source.port, query.destination.port) },
      },
    }
  }

  it.each(['sched_cls', 'xdp'])(
    'bpf_sk_lookup_tcp, bpf_sk_lookup_udp, bpf_skc_lookup_tcp and what they find: %s',
    async (type) => {
      const { providers, prepare } = world()
      // Programs of XDP may not ask a socket for its views.
      const plain = (text: string): string =>
        type === 'xdp' ? text.replaceAll(/r1 = r7\ncall bpf_(get_listener|tcp)_sock/g, 'r0 = 0') : text
      const asks: Ask[] = [
        { helper: 'bpf_sk_lookup_tcp', to: ports.tcp },
        { helper: 'bpf_sk_lookup_tcp', to: ports.tcp, from: ports.client },
        { helper: 'bpf_sk_lookup_tcp', to: ports.udp },
        { helper: 'bpf_sk_lookup_udp', to: ports.udp },
        { helper: 'bpf_sk_lookup_udp', to: ports.tcp },
        { helper: 'bpf_sk_lookup_tcp', to: ports.tcp, size: 11 },
        { helper: 'bpf_sk_lookup_tcp', to: ports.tcp, flags: 1 },
        ...(type === 'xdp'
          ? []
          : [
              { helper: 'bpf_skc_lookup_tcp', to: ports.tcp },
              { helper: 'bpf_skc_lookup_tcp', to: ports.tcp, from: ports.client },
              { helper: 'bpf_skc_lookup_tcp', to: 1 },
            ]),
      ]
      await same(plain(calls(...asks.map(lookup))), { type }, providers, prepare)
    },
  )

  it("a test run's own socket", async () => {
    await same(
      calls(`r6 = *(u64 *)(r9 + 168)
r0 = 3
if r6 == 0 goto own
r1 = r6\ncall bpf_sk_fullsock
if r0 == 0 goto own
r7 = r0
${[8, 12, 16, 20, 44, 48, 72].map((at) => `r0 = *(u32 *)(r7 + ${at})\n${keep}`).join('\n')}
r1 = r7\ncall bpf_tcp_sock\nif r0 == 0 goto owntcp\nr0 = *(u32 *)(r0 + 0)\nowntcp:\n${keep}
r1 = r7\ncall bpf_get_listener_sock\nif r0 == 0 goto ownlistener\nr0 = *(u32 *)(r0 + 4)\nownlistener:\n${keep}
r0 = 5
own:`),
      { type: 'sched_cls' },
    )
  })
})
