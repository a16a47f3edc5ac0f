import type { Id, Qualifier } from './ast.ts'
import type { FilterBuilder } from './builder.ts'
import { any } from './conditions.ts'
import type { Span } from './filter-error.ts'
import {
  gateway,
  hostName,
  ipv4Id,
  ipv6Id,
  networkName,
  numberAddress,
  stationId,
} from './generate-address.ts'
import { carries } from './generate-link-type.ts'
import {
  hasIpProtocol,
  hasIsisType,
  hasIsoProtocol,
  hasPort,
  inProtocolChain,
  type PortRange,
} from './generate-transport.ts'
import { hintFor } from './hints.ts'
import type { FilterCondition } from './ir.ts'
import { type NamedPort, parsePortRange } from './names.ts'
import { IP_PROTO, NLPID, PROTOCOLS, SAP } from './protocols.ts'

/** An address, port or protocol, with the qualifiers that stand before it. */
export function qualifiedId(builder: FilterBuilder, qualifier: Qualifier, id: Id): FilterCondition {
  switch (id.form) {
    case 'ipv4':
      return ipv4Id(builder, id, qualifier)
    case 'ipv6':
      return ipv6Id(builder, id, qualifier)
    case 'mac':
    case 'arcnet':
      return stationId(builder, id, qualifier)
    case 'number':
      return numberId(builder, id.value, qualifier, id.span)
    case 'name':
      return nameId(builder, id, qualifier)
  }
}

function numberId(builder: FilterBuilder, value: number, qualifier: Qualifier, span: Span): FilterCondition {
  switch (qualifier.type) {
    case undefined:
    case 'host':
    case 'net':
      return numberAddress(builder, value, qualifier, span)
    case 'port':
    case 'portrange': {
      const protocol = portProtocol(builder, qualifier)
      return ports(builder, { from: value, to: value }, protocol, qualifier, span)
    }
    case 'gateway':
      return builder.refuse('BAD_QUALIFIER', span, 'a gateway needs a name')
    case 'proto':
      return protocolNumber(builder, value, qualifier, span)
    case 'protochain':
      return protocolChain(builder, value, qualifier, span)
  }
}

function nameId(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  qualifier: Qualifier,
): FilterCondition {
  switch (qualifier.type) {
    case undefined:
    case 'host':
      return hostName(builder, id, qualifier)
    case 'net':
      return networkName(builder, id, qualifier)
    case 'port':
    case 'portrange':
      return portName(builder, id, qualifier, qualifier.type)
    case 'gateway':
      return gateway(builder, id, qualifier)
    case 'proto':
      return protocolNumber(builder, protocolName(builder, id, qualifier), qualifier, id.span)
    case 'protochain':
      return protocolChain(builder, protocolName(builder, id, qualifier), qualifier, id.span)
  }
}

/** The protocol that a port's qualifier names; undefined: any that has ports. */
function portProtocol(builder: FilterBuilder, qualifier: Qualifier): number | undefined {
  switch (qualifier.protocol) {
    case undefined:
      return undefined
    case 'tcp':
      return IP_PROTO.TCP
    case 'udp':
      return IP_PROTO.UDP
    case 'sctp':
      return IP_PROTO.SCTP
    default:
      return builder.refuse('BAD_QUALIFIER', qualifier.span, `'${qualifier.protocol}' has no ports`, {
        expected: "'tcp', 'udp', 'sctp' or no protocol",
      })
  }
}

function ports(
  builder: FilterBuilder,
  range: PortRange,
  protocol: number | undefined,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  for (const port of [range.from, range.to]) {
    if (port < 0 || port > 65535) {
      builder.refuse('BAD_VALUE', span, `${port} is no port`, { expected: '0 to 65535' })
    }
  }
  const asked = qualifier.type === 'port' ? range.from : range
  return hasPort(builder, asked, protocol, qualifier.direction, span)
}

function portName(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  qualifier: Qualifier,
  type: 'port' | 'portrange',
): FilterCondition {
  const { names } = builder.options
  const asked = portProtocol(builder, qualifier)
  const found: (NamedPort & PortRange) | undefined =
    type === 'port' ? one(names.port(id.text)) : parsePortRange(names, id.text)
  if (found === undefined) {
    const what = type === 'port' ? 'service' : 'range of ports'
    return builder.refuse('UNKNOWN_NAME', id.span, `the ${what} '${id.text}' is unknown`, {
      expected:
        type === 'port' ? 'a number from 0 to 65535 or a name such as domain' : 'two ports, as in 6000-6008',
      mend: names.asks('service')
        ? undefined
        : /^(?:\d+-\d+|dns|tls|ssl)$/i.test(id.text)
          ? hintFor(id.text)
          : 'a resolver with service() knows more names',
    })
  }
  if (asked !== undefined && found.protocol !== undefined && found.protocol !== asked) {
    const other = found.protocol === IP_PROTO.TCP ? 'tcp' : 'udp'
    builder.refuse('BAD_QUALIFIER', id.span, `'${id.text}' is a service of ${other}`, {
      mend: `write '${other} ${type}' before it`,
    })
  }
  return ports(builder, found, asked ?? found.protocol, qualifier, id.span)
}

const one = (port: NamedPort | undefined): (NamedPort & PortRange) | undefined =>
  port === undefined ? undefined : { ...port, from: port.port, to: port.port }

const ISO_NAMES: ReadonlyMap<string, number> = new Map([
  ['clnp', NLPID.CLNP],
  ['esis', NLPID.ESIS],
  ['isis', NLPID.ISIS],
])

/** Names of Ethernet types and service access points, which are protocols of the language or an exception. */
const LINK_NAMES: ReadonlyMap<string, number> = new Map([
  ...(['aarp', 'arp', 'atalk', 'decnet', 'ip', 'ip6', 'lat', 'mopdl', 'moprc', 'rarp', 'sca'] as const).map(
    linkName,
  ),
  ...(['stp', 'ipx', 'netbeui'] as const).map(linkName),
  ['iso', SAP.ISO] as const,
  ['loopback', 0x9000] as const,
])

function linkName(name: keyof typeof PROTOCOLS): readonly [string, number] {
  const { recognition } = PROTOCOLS[name]
  if (recognition?.by !== 'link') throw new Error(`${name} has no link-layer type`)
  return [name, recognition.type]
}

function protocolName(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  qualifier: Qualifier,
): number {
  const { names } = builder.options
  const found = (): number | undefined => {
    switch (qualifier.protocol) {
      case undefined:
      case 'ip':
      case 'ip6':
        return names.protocol(id.text)
      case 'link':
        return LINK_NAMES.get(id.text)
      case 'iso':
        return ISO_NAMES.get(id.text)
      default:
        return undefined
    }
  }
  const number = found()
  if (number !== undefined) return number
  return builder.refuse('UNKNOWN_NAME', id.span, `the protocol '${id.text}' is unknown`, {
    expected: 'its number or another name',
  })
}

function protocolNumber(
  builder: FilterBuilder,
  number: number,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  switch (qualifier.protocol) {
    case undefined:
      return hasIpProtocol(builder, number, 'both', span)
    case 'ip':
    case 'ip6':
      return hasIpProtocol(builder, number, qualifier.protocol, span)
    case 'link':
      return carries(builder, number, span)
    case 'iso':
      return hasIsoProtocol(builder, number, span)
    case 'isis':
      return hasIsisType(builder, number, span)
    default:
      return builder.refuse(
        'BAD_QUALIFIER',
        qualifier.span,
        `'${qualifier.protocol}' says of no protocol that it carries it`,
        {
          expected: "'ether', 'ip', 'ip6', 'iso', 'isis' or no protocol",
        },
      )
  }
}

function protocolChain(
  builder: FilterBuilder,
  number: number,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  switch (qualifier.protocol) {
    case undefined:
      return any(inProtocolChain(builder, number, 'ip', span), inProtocolChain(builder, number, 'ip6', span))
    case 'ip':
    case 'ip6':
      return inProtocolChain(builder, number, qualifier.protocol, span)
    default:
      return builder.refuse(
        'BAD_QUALIFIER',
        qualifier.span,
        `'${qualifier.protocol}' has no chain of protocols`,
        {
          expected: "'ip', 'ip6' or no protocol",
        },
      )
  }
}
