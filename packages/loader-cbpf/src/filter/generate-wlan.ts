import type { Direction } from './ast.ts'
import type { FilterBuilder, Variable } from './builder.ts'
import { add, all, and, any, constant, equals, FALSE, hasBits, not, TRUE } from './conditions.ts'
import type { FilterCondition, FilterValue } from './ir.ts'

// IEEE 802.11, 9.2.4: the first byte of frame control has the type and subtype, the second the flags.
const DATA = 0x08
const NOT_MANAGEMENT_OR_DATA = 0x04
const QOS = 0x80
const TO_DS = 0x01
const FROM_DS = 0x02
const TYPE_MASK = 0x0c
const CONTROL = 0x04
const SUBTYPE_MASK = 0xf0
const CTS = 0xc0
const ACK = 0xd0

const ADDRESS_1 = 4
const ADDRESS_2 = 10
const ADDRESS_3 = 16
const ADDRESS_4 = 24

const MAC_HEADER = 24

/** The packet's first two or four bytes, least significant first. */
const little16 = (builder: FilterBuilder, offset: number): FilterValue => ({
  op: 'or',
  left: { op: 'lsh', left: builder.load('packet', offset + 1, 1), right: constant(8) },
  right: builder.load('packet', offset, 1),
})

/** Swaps the bytes of a constant of a field that is least significant first. */
const swapped = (value: number): number =>
  ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)

const PRISM_LENGTH = 144
const AVS_COOKIE = 0x8021_1000

/**
 * Gives the variables of the outermost headers their values, as far as anything used them: the length of what stands before
 * an 802.11 header, and of that header, or of a PF log header.
 */
export function computeLengths(
  builder: FilterBuilder,
  header: Variable | undefined,
  payload: Variable | undefined,
): FilterCondition {
  const link = builder.outermost
  const used = (variable: Variable | undefined): variable is Variable => variable?.index !== undefined
  if (link.test === 'pflog') {
    if (!used(payload)) return TRUE
    return builder.assign(payload, and(add(builder.load('packet', 0, 1), constant(3)), 0xffff_fffc))
  }
  if (link.radio === undefined) return TRUE
  const first = header !== undefined && (used(header) || used(payload)) ? radioLength(builder, header) : TRUE
  return used(payload) ? all(first, headerLength(builder, header, payload)) : first
}

function radioLength(builder: FilterBuilder, header: Variable): FilterCondition {
  switch (builder.outermost.radio) {
    case 'avs':
      return builder.assign(header, builder.load('packet', 4, 4))
    case 'prism': {
      const avs = equals(builder.load('packet', 0, 4), AVS_COOKIE, 0xffff_f000)
      const length = builder.assign(header, builder.load('packet', 4, 4))
      return any(all(avs, length), builder.assign(header, constant(PRISM_LENGTH)))
    }
    default:
      return builder.assign(header, little16(builder, 2))
  }
}

function headerLength(
  builder: FilterBuilder,
  header: Variable | undefined,
  payload: Variable,
): FilterCondition {
  const before = header === undefined ? constant(0) : builder.read(header)
  const control: FilterValue =
    header === undefined ? builder.load('packet', 0, 1) : { op: 'load', size: 1, offset: 0, base: before }
  const grow = (by: number): FilterCondition =>
    builder.assign(payload, add(builder.read(payload), constant(by)))
  const start = builder.assign(payload, add(before, constant(MAC_HEADER)))
  const isData = all(hasBits(control, DATA), not(hasBits(control, NOT_MANAGEMENT_OR_DATA)))
  const qos = any(not(hasBits(control, QOS)), grow(2))
  const adjust = builder.outermost.radio === 'radiotap' ? all(qos, padding(builder, payload)) : qos
  return all(start, any(not(isData), adjust))
}

/** Radiotap may say that the header is padded to a multiple of 4 (www.radiotap.org, flags). */
function padding(builder: FilterBuilder, payload: Variable): FilterCondition {
  const present = (bits: number): FilterCondition => hasBits(builder.load('packet', 4, 4), swapped(bits))
  const flags = (offset: number): FilterCondition => hasBits(builder.load('packet', offset, 1), 0x20)
  const TSFT = 0x0000_0001
  const FLAGS = 0x0000_0002
  const MORE = 0x8000_0000
  const padded = all(
    present(FLAGS),
    not(present(MORE)),
    any(all(present(TSFT), flags(16)), all(not(present(TSFT)), flags(8))),
  )
  const rounded = and(add(builder.read(payload), constant(3)), 0xffff_fffc)
  return any(not(padded), builder.assign(payload, rounded))
}

/** A station's address, in the place that the frame's type and flags give it. */
export function wlanStation(
  builder: FilterBuilder,
  address: readonly number[],
  direction: Direction | undefined,
): FilterCondition {
  const at = (offset: number): FilterCondition => builder.bytes('header', offset, address)
  const type = (bits: number): FilterCondition => hasBits(builder.load('header', 0, 1), bits)
  const flag = (bits: number): FilterCondition => hasBits(builder.load('header', 1, 1), bits)
  const notControl = (): FilterCondition => not(equals(builder.load('header', 0, 1), CONTROL, TYPE_MASK))
  const notSubtype = (subtype: number): FilterCondition =>
    not(equals(builder.load('header', 0, 1), subtype, SUBTYPE_MASK))
  /** Control frames other than CTS and ACK have a second address. */
  const hasSecond = (): FilterCondition => any(notControl(), all(notSubtype(CTS), notSubtype(ACK)))
  switch (direction) {
    case 'addr1':
      return at(ADDRESS_1)
    case 'addr2':
      return all(hasSecond(), at(ADDRESS_2))
    case 'addr3':
      return all(notControl(), at(ADDRESS_3))
    case 'addr4':
      return all(equals(builder.load('header', 1, 1), TO_DS | FROM_DS, TO_DS | FROM_DS), at(ADDRESS_4))
    case 'ra':
      return all(type(DATA), at(ADDRESS_1))
    case 'ta':
      return all(type(DATA), hasSecond(), at(ADDRESS_2))
    default:
      break
  }
  const either = (bits: FilterCondition, yes: FilterCondition, no: FilterCondition): FilterCondition =>
    any(all(not(bits), no), all(bits, yes))
  const source = (): FilterCondition => {
    const fromDs = either(flag(TO_DS), at(ADDRESS_4), at(ADDRESS_3))
    const data = either(flag(FROM_DS), fromDs, at(ADDRESS_2))
    return all(not(type(NOT_MANAGEMENT_OR_DATA)), either(type(DATA), data, at(ADDRESS_2)))
  }
  const destination = (): FilterCondition => {
    const data = either(flag(TO_DS), at(ADDRESS_3), at(ADDRESS_1))
    return all(not(type(NOT_MANAGEMENT_OR_DATA)), either(type(DATA), data, at(ADDRESS_1)))
  }
  return builder.directed(direction, (side) => (side === 'src' ? source() : destination())) ?? FALSE
}

/** A frame to a group of stations. */
export function wlanMulticast(builder: FilterBuilder): FilterCondition {
  const group = (offset: number): FilterCondition => hasBits(builder.load('header', offset, 1), 1)
  const type = (bits: number): FilterCondition => hasBits(builder.load('header', 0, 1), bits)
  const toDs = hasBits(builder.load('header', 1, 1), TO_DS)
  const data = any(all(not(toDs), group(ADDRESS_1)), all(toDs, group(ADDRESS_3)))
  return all(
    not(type(NOT_MANAGEMENT_OR_DATA)),
    any(all(not(type(DATA)), group(ADDRESS_1)), all(type(DATA), data)),
  )
}
