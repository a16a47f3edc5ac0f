import { parseDotted, parseIpv6, parseMac } from './addresses.ts'
import { commonProtocol, commonService } from './names-table.ts'
import { IP_PROTO } from './protocols.ts'

/**
 * Where names of an expression come from. What a method does not know, it answers with undefined; a kind of name without a
 * method is unknown, but for services and protocols, of which common ones are built in.
 */
export interface FilterResolver {
  /** A host's IPv4 and IPv6 addresses, in the order in which they are to be looked for. */
  readonly host?: (name: string) => readonly string[] | undefined
  /** A network's number, as getnetbyname(3) has it: 127, or 0xc0a80000. Text is taken as in 192.168. */
  readonly network?: (name: string) => number | string | undefined
  readonly service?: (name: string, protocol: 'tcp' | 'udp') => number | undefined
  /** The number of an IP protocol. */
  readonly protocol?: (name: string) => number | undefined
  /** A station's MAC address, as ethers(5) has it. */
  readonly ether?: (name: string) => string | undefined
}

export interface NamedPort {
  readonly port: number
  /** Undefined: TCP's and UDP's are the same. */
  readonly protocol: number | undefined
}

export type HostAddress = number | readonly [number, number, number, number]

/** The names of one expression, in the forms that the generator needs. */
export class Names {
  readonly #resolver: FilterResolver

  constructor(resolver: FilterResolver = {}) {
    this.#resolver = resolver
  }

  /** Whether the host's resolver is asked for such names. */
  asks(kind: string): boolean {
    return this.#resolver[kind as keyof FilterResolver] !== undefined
  }

  host(name: string): HostAddress[] | undefined {
    const addresses = this.#resolver.host?.(name)?.flatMap((text) => hostAddress(text) ?? [])
    return addresses === undefined || addresses.length === 0 ? undefined : addresses
  }

  network(name: string): number | undefined {
    const found = this.#resolver.network?.(name)
    return typeof found === 'string' ? parseDotted(found)?.value : found
  }

  station(name: string): number[] | undefined {
    const text = this.#resolver.ether?.(name)
    return text !== undefined && MAC.test(text) ? parseMac(text) : undefined
  }

  protocol(name: string): number | undefined {
    return this.#resolver.protocol === undefined ? commonProtocol(name) : this.#resolver.protocol(name)
  }

  /** A port by its number in digits, or by its service's name. */
  port(name: string): NamedPort | undefined {
    if (/^\d+$/.test(name)) return { port: Number(name), protocol: undefined }
    const service = this.#resolver.service ?? commonService
    const tcp = service(name, 'tcp')
    const udp = service(name, 'udp')
    if (tcp !== undefined) return { port: tcp, protocol: udp === tcp ? undefined : IP_PROTO.TCP }
    return udp === undefined ? undefined : { port: udp, protocol: IP_PROTO.UDP }
  }
}

const MAC = /^[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5}$/

function hostAddress(text: string): HostAddress | undefined {
  if (text.includes(':')) return parseIpv6(text)
  const parsed = parseDotted(text)
  return parsed?.bits === 32 ? parsed.value : undefined
}

/** Two ports with a hyphen between, each a number or the name of a service. */
export function parsePortRange(
  names: Names,
  text: string,
): (NamedPort & { readonly from: number; readonly to: number }) | undefined {
  const numbers = /^(\d+)-([+-]?\d+)/.exec(text)
  if (numbers !== null) {
    const [from, to] = [Number(numbers[1]), Number(numbers[2])]
    return { port: from, from, to, protocol: undefined }
  }
  const hyphen = text.indexOf('-')
  if (hyphen < 0) return undefined
  const from = names.port(text.slice(0, hyphen))
  const to = names.port(text.slice(hyphen + 1))
  if (from === undefined || to === undefined) return undefined
  const protocol = from.protocol === to.protocol ? from.protocol : undefined
  return { port: from.port, from: from.port, to: to.port, protocol }
}
