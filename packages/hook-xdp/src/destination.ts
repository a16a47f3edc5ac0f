import { control, type MapHandle, type ProgramHandle, type RuntimeHost } from '@skep/registry'

/** Flags of bpf_redirect_map (include/uapi/linux/bpf.h). */
const BPF_F_BROADCAST = 1 << 3
const BPF_F_EXCLUDE_INGRESS = 1 << 4

/** `RUN_REDIRECT`: where a redirect leads is an ifindex, or an element of a map. */
const BY_MAP = 2

/** Where a redirect leads: devices are whatever an attachment finds by an ifindex. */
export interface Destination<Device> {
  /** Absent: the network stack of a CPU. */
  readonly device?: Device
  /** The device's, as the program or the map says; 0 without a device. */
  readonly ifindex: number
  /** A program that has a word first: its attach type is BPF_XDP_DEVMAP or, without a device, BPF_XDP_CPUMAP. */
  readonly program?: ProgramHandle
}

const words = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer)
const bytesOf = (word: number): Uint8Array => new Uint8Array(Uint32Array.of(word).buffer)

/**
 * Where the run header of a context says that its packet goes (xdp_do_redirect of net/core/filter.c): one place, several for
 * a broadcast, which may be none, or undefined where it leads nowhere.
 */
export function destinationsOf<Device>(
  host: RuntimeHost,
  context: number,
  find: (ifindex: number) => Device | undefined,
  ingressIfindex: number,
): readonly Destination<Device>[] | undefined {
  const word = (offset: number): number => host.arena.u32[(context + offset) >> 2]!
  const kind = word(control.RUN_REDIRECT)
  if (kind === 0) return undefined
  const key = word(control.RUN_REDIRECT_KEY)
  if (kind !== BY_MAP) {
    const device = find(key)
    return device && [{ device, ifindex: key }]
  }
  const map = host.mapAt(word(control.RUN_REDIRECT_MAP))
  const redirect = map && host.platform.mapTypes.byName(map.type)?.redirect
  if (!map || !redirect) return undefined
  const flags = word(control.RUN_REDIRECT_FLAGS)
  const destination = (value: Uint8Array): Destination<Device> | undefined => {
    const [ifindex = 0, id = 0] = words(value)
    const program = id === 0 ? undefined : host.programOf(id)
    if (id !== 0 && !program) return undefined
    const device = redirect.to === 'device' ? find(ifindex) : undefined
    if (redirect.to === 'device' && !device) return undefined
    return { ifindex: device ? ifindex : 0, ...(device ? { device } : {}), ...(program ? { program } : {}) }
  }
  if (flags & BPF_F_BROADCAST) {
    const ingress = flags & BPF_F_EXCLUDE_INGRESS ? ingressIfindex : -1
    return [...valuesOf(map)]
      .filter((value) => words(value)[0] !== ingress)
      .flatMap((value) => destination(value) ?? [])
  }
  const value = map.lookup(bytesOf(key))
  const one = value && destination(value)
  return one && [one]
}

function* valuesOf(map: MapHandle): Generator<Uint8Array> {
  for (let key = map.nextKey(); key; key = map.nextKey(key)) {
    const value = map.lookup(key)
    if (value) yield value
  }
}

/**
 * Where packets of one batch go: each place is found once for all packets that name it, since nobody changes maps before the
 * batch has left.
 */
export class Destinations<Device> {
  readonly #host: RuntimeHost
  readonly #find: (ifindex: number) => Device | undefined
  readonly #ingressIfindex: number
  readonly #found = new Map<number, Map<number, readonly Destination<Device>[] | undefined>>()

  constructor(host: RuntimeHost, find: (ifindex: number) => Device | undefined, ingressIfindex: number) {
    this.#host = host
    this.#find = find
    this.#ingressIfindex = ingressIfindex
  }

  /** As `destinationsOf`. */
  of(context: number): readonly Destination<Device>[] | undefined {
    const { u32 } = this.#host.arena
    const kind = u32[(context + control.RUN_REDIRECT) >> 2]!
    if (kind === 0) return undefined
    const map = kind === BY_MAP ? u32[(context + control.RUN_REDIRECT_MAP) >> 2]! : 0
    const flags = kind === BY_MAP ? u32[(context + control.RUN_REDIRECT_FLAGS) >> 2]! : 0
    // Keys have 32 bits and flags 5.
    const place = flags * 2 ** 32 + u32[(context + control.RUN_REDIRECT_KEY) >> 2]!
    let places = this.#found.get(map)
    if (!places) this.#found.set(map, (places = new Map()))
    const known = places.get(place)
    if (known !== undefined || places.has(place)) return known
    const found = destinationsOf(this.#host, context, this.#find, this.#ingressIfindex)
    places.set(place, found)
    return found
  }

  /** Another batch: maps may have changed. */
  forget(): void {
    if (this.#found.size > 0) this.#found.clear()
  }
}
