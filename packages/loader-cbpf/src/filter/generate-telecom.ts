import type { Relation } from './ast.ts'
import type { FilterBuilder } from './builder.ts'
import { all, any, constant, equals, greater, not } from './conditions.ts'
import type { Span } from './filter-error.ts'
import { enterLane } from './generate-encapsulation.ts'
import { atmPayload } from './generate-link-type.ts'
import type { FilterCondition, FilterValue } from './ir.ts'

/** Where SunATM has the virtual path and channel, and the type of a signalling message (Q.2931). */
const VPI = 1
const VCI = 2
const MESSAGE_TYPE = 9

/** Virtual channels of path 0 that are kept for a purpose (ATM UNI 3.1). */
const CHANNELS: Readonly<Record<string, readonly number[]>> = {
  metac: [1],
  bcc: [2],
  oamf4sc: [3],
  oamf4ec: [4],
  sc: [5],
  ilmic: [16],
  oam: [3, 4],
  oamf4: [3, 4],
  connectmsg: [5],
  metaconnect: [1],
}

const SETUP = 0x05
const CALL_PROCEEDING = 0x02
const CONNECT = 0x07
const CONNECT_ACK = 0x0f
const RELEASE = 0x4d
const RELEASE_DONE = 0x5a

const MESSAGES: Readonly<Record<string, readonly number[]>> = {
  connectmsg: [RELEASE_DONE, RELEASE, CONNECT_ACK, CONNECT, SETUP, CALL_PROCEEDING],
  metaconnect: [RELEASE_DONE, RELEASE, CONNECT, SETUP, CALL_PROCEEDING],
}

function needAtm(builder: FilterBuilder, name: string, span: Span): void {
  if (builder.outermost.test === 'sunatm') return
  builder.refuse('UNSUPPORTED', span, `'${name}' is for ATM, and the link type is ${builder.outermost.name}`)
}

/** Cells of one kind. */
export function atmKind(builder: FilterBuilder, name: string, span: Span): FilterCondition {
  needAtm(builder, name, span)
  if (name === 'lane') {
    const condition = atmPayload(builder, 'lane')
    enterLane(builder)
    return condition
  }
  const channels = CHANNELS[name] ?? []
  const path = equals(builder.load('header', VPI, 1), 0)
  const channel = any(...channels.map((number) => equals(builder.load('header', VCI, 2), number)))
  const messages = MESSAGES[name]
  if (messages === undefined) return all(path, channel)
  const types = messages.map((type) => equals(builder.load('header', MESSAGE_TYPE, 1), type))
  return all(path, channel, any(...types))
}

function compare(value: FilterValue, relation: Relation, right: number): FilterCondition {
  const atLeast: FilterCondition = { op: 'ge', left: value, right: constant(right) }
  switch (relation) {
    case '=':
      return equals(value, right)
    case '!=':
      return not(equals(value, right))
    case '>':
      return greater(value, right)
    case '<=':
      return not(greater(value, right))
    case '>=':
      return atLeast
    case '<':
      return not(atLeast)
  }
}

/** `vpi` and `vci`. */
export function atmField(
  builder: FilterBuilder,
  name: string,
  relation: Relation,
  value: number,
  span: Span,
): FilterCondition {
  needAtm(builder, name, span)
  const field = name === 'vpi' ? builder.load('header', VPI, 1) : builder.load('header', VCI, 2)
  return compare(field, relation, value)
}

type Ss7 = NonNullable<FilterBuilder['outermost']['ss7']>

function needSs7(builder: FilterBuilder, name: string, span: Span): Ss7 {
  const { ss7, name: link } = builder.state.link
  return ss7 ?? builder.refuse('UNSUPPORTED', span, `'${name}' is for SS7, and the link type is ${link}`)
}

/** Signal units of MTP2 by their length indicator, which is one byte, or 9 bits on high-speed links. */
export function mtp2Kind(builder: FilterBuilder, name: string, span: Span): FilterCondition {
  const places = needSs7(builder, name, span)
  const fast = name.startsWith('h')
  const unit = fast ? 0x80 : 1
  const field: FilterValue = fast
    ? { op: 'and', left: builder.load('packet', places.liHsl, 2), right: constant(0xff80) }
    : { op: 'and', left: builder.load('packet', places.li, 1), right: constant(0x3f) }
  const kind = fast ? name.slice(1) : name
  if (kind === 'fisu') return equals(field, 0)
  const long = greater(field, 2 * unit)
  return kind === 'msu' ? long : all(greater(field, 0), not(long))
}

/** A field of MTP3's routing label: the mask that it has in the bytes loaded, and how its bits lie there. */
const MTP3: Readonly<
  Record<
    string,
    {
      readonly place: 'sio' | 'opc' | 'dpc' | 'sls'
      readonly size: 1 | 4
      readonly mask: number
      readonly limit: number
      readonly spread: (value: number) => number
    }
  >
> = {
  sio: { place: 'sio', size: 1, mask: 0xff, limit: 255, spread: (value) => value },
  opc: {
    place: 'opc',
    size: 4,
    mask: 0x00c0_ff0f,
    limit: 16383,
    spread: (value) => ((value & 0x3c00) >>> 10) + ((value & 0x03fc) << 6) + ((value & 0x03) << 22),
  },
  dpc: {
    place: 'dpc',
    size: 4,
    mask: 0xff3f_0000,
    limit: 16383,
    spread: (value) => (((value & 0xff) << 24) >>> 0) + ((value & 0x3f00) << 8),
  },
  sls: { place: 'sls', size: 1, mask: 0xf0, limit: 15, spread: (value) => value << 4 },
}

/** High-speed links have three bytes more before the label. */
const FAST = 3

/** A field of MTP3. */
export function mtp3Field(
  builder: FilterBuilder,
  name: string,
  relation: Relation,
  value: number,
  span: Span,
): FilterCondition {
  const places = needSs7(builder, name, span)
  const fast = name.startsWith('h')
  const field = MTP3[fast ? name.slice(1) : name]
  if (field === undefined) throw new Error(`no field ${name}`)
  if (value > field.limit) {
    builder.refuse('BAD_VALUE', span, `${value} is too large for '${name}'`, {
      expected: `0 to ${field.limit}`,
    })
  }
  const load = builder.load('packet', places[field.place] + (fast ? FAST : 0), field.size)
  const masked: FilterValue =
    field.mask === 0xff ? load : { op: 'and', left: load, right: constant(field.mask) }
  return compare(masked, relation, field.spread(value) >>> 0)
}
