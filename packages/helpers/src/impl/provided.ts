import { ERRNO, type HelperDef, type MapHandle } from '@skep/registry'
import type { HelperProviders } from '../providers.ts'

type Call = NonNullable<HelperDef['call']>
type Name = 'cgroups' | 'tracing' | 'pidNamespace' | 'socketIdentity'
type Provider<N extends Name> = NonNullable<HelperProviders[N]>

/** A helper that asks a provider. */
interface Provided {
  readonly provider: Name
  readonly make: (providers: HelperProviders) => Call
}

const by = <N extends Name>(
  provider: N,
  calls: Readonly<Record<string, (provider: Provider<N>) => (...args: never[]) => number | bigint>>,
): readonly (readonly [string, Provided])[] =>
  Object.entries(calls).map(([name, make]) => [
    name,
    { provider, make: (providers) => make(providers[provider] as Provider<N>) as unknown as Call },
  ])

/** DEFAULT_OVERFLOWUID. */
const OVERFLOW_UID = 65534
/** sizeof(struct bpf_pidns_info). */
const PIDNS_INFO = 8

const own = (path: readonly bigint[] | undefined): bigint => path?.at(-1) ?? 0n
/** cgroup_ancestor: a level is a distance from the root. */
const ancestor = (path: readonly bigint[] | undefined, level: number): bigint =>
  level < 0 ? 0n : (path?.[level] ?? 0n)

/** Whether a cgroup is one of a map's, or below it: 1 or 0. */
const isUnder = (map: MapHandle, index: number, path: readonly bigint[] | undefined): number => {
  if (index >= map.maxEntries) return -ERRNO.E2BIG
  const element = map.lookup(new Uint8Array(Uint32Array.of(index).buffer))
  if (!element) return -ERRNO.EAGAIN
  const id = BigInt(new DataView(element.buffer, element.byteOffset).getUint32(0, true))
  return path?.some((one) => BigInt.asUintN(32, one) === id) ? 1 : 0
}

const put = (value: Uint8Array, number: bigint): number => {
  new DataView(value.buffer, value.byteOffset, 8).setBigUint64(0, BigInt.asUintN(64, number), true)
  return 0
}

const helpers: ReadonlyMap<string, Provided> = new Map([
  ...by('cgroups', {
    bpf_get_current_cgroup_id: (p) => () => own(p.current()),
    bpf_get_current_ancestor_cgroup_id: (p) => (level: number) => ancestor(p.current(), level),
    bpf_skb_cgroup_id: (p) => (skb: number) => own(p.ofPacket?.(skb)),
    bpf_skb_ancestor_cgroup_id: (p) => (skb: number, level: number) => ancestor(p.ofPacket?.(skb), level),
    bpf_skb_cgroup_classid: (p) => (skb: number) => BigInt((p.classOfPacket?.(skb) ?? 0) >>> 0),
    bpf_current_task_under_cgroup: (p) => (map: MapHandle, index: number) => isUnder(map, index, p.current()),
    bpf_skb_under_cgroup: (p) => (skb: number, map: MapHandle, index: number) =>
      isUnder(map, index, p.ofPacket?.(skb)),
    bpf_sk_cgroup_id: (p) => (socket: number) => own(p.ofSocket?.(socket)),
    bpf_sk_ancestor_cgroup_id: (p) => (socket: number, level: number) =>
      ancestor(p.ofSocket?.(socket), level),
  }),
  ...by('socketIdentity', {
    bpf_get_socket_cookie: (p) => (address: number) => p.cookie(address),
    bpf_get_socket_uid: (p) => (context: number) => p.uid(context) ?? OVERFLOW_UID,
  }),
  ...by('pidNamespace', {
    bpf_get_ns_current_pid_tgid: (p) => (dev: bigint, ino: bigint, info: Uint8Array) => {
      const space = p()
      info.fill(0)
      if (info.length !== PIDNS_INFO || space.dev !== dev || space.ino !== ino) return -ERRNO.EINVAL
      const view = new DataView(info.buffer, info.byteOffset)
      view.setUint32(0, space.pid, true)
      view.setUint32(4, space.tgid, true)
      return 0
    },
  }),
  ...by('tracing', {
    bpf_get_func_ip: (p) => (context: number) => p.functionAddress(context),
    bpf_get_func_arg: (p) => (context: number, n: number, value: Uint8Array) => {
      const argument = p.arguments?.(context)[n]
      return argument === undefined ? -ERRNO.EINVAL : put(value, argument)
    },
    bpf_get_func_ret: (p) => (context: number, value: Uint8Array) => {
      const returned = p.returned?.(context)
      return returned === undefined ? -ERRNO.EOPNOTSUPP : put(value, returned)
    },
    bpf_get_func_arg_cnt: (p) => (context: number) => p.arguments?.(context).length ?? 0,
  }),
])

/** The provider that a helper asks, by the helper's name. */
export const providerOf = (helper: string): Name | undefined => helpers.get(helper)?.provider

/** All helpers that ask a provider, by name. */
export const providedHelpers: readonly string[] = [...helpers.keys()]

/** Implementations of the helpers whose providers are there. */
export const helpersProvidedBy = (providers: HelperProviders): Readonly<Record<string, { call: Call }>> =>
  Object.fromEntries(
    [...helpers]
      .filter(([, { provider }]) => providers[provider] !== undefined)
      .map(([name, { make }]) => [name, { call: make(providers) }]),
  )
