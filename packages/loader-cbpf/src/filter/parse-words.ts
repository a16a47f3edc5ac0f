import type { LlcControl } from './ast.ts'

/** Names that stand after certain keywords only; capitals do not matter. */
type Names = Readonly<Record<string, number>>

const lookUp = (names: Names, name: string): number | undefined => {
  const key = name.toLowerCase()
  return Object.hasOwn(names, key) ? names[key] : undefined
}

/** The type bits of the first byte of an 802.11 frame control field. */
export const WLAN_TYPE_MASK = 0x0c
/** Its subtype bits. */
export const WLAN_SUBTYPE_MASK = 0xf0

const MANAGEMENT = 0x00
const CONTROL = 0x04
const DATA = 0x08

const TYPES: Names = { data: DATA, mgt: MANAGEMENT, management: MANAGEMENT, ctl: CONTROL, control: CONTROL }

/** In the order in which a subtype without its type is looked for. */
const SUBTYPES: readonly (readonly [type: number, names: Names])[] = [
  [
    MANAGEMENT,
    {
      assocreq: 0x00,
      'assoc-req': 0x00,
      assocresp: 0x10,
      'assoc-resp': 0x10,
      reassocreq: 0x20,
      'reassoc-req': 0x20,
      reassocresp: 0x30,
      'reassoc-resp': 0x30,
      probereq: 0x40,
      'probe-req': 0x40,
      proberesp: 0x50,
      'probe-resp': 0x50,
      beacon: 0x80,
      atim: 0x90,
      disassoc: 0xa0,
      disassociation: 0xa0,
      auth: 0xb0,
      authentication: 0xb0,
      deauth: 0xc0,
      deauthentication: 0xc0,
    },
  ],
  [CONTROL, { 'ps-poll': 0xa0, rts: 0xb0, cts: 0xc0, ack: 0xd0, 'cf-end': 0xe0, 'cf-end-ack': 0xf0 }],
  [
    DATA,
    {
      data: 0x00,
      'data-cf-ack': 0x10,
      'data-cf-poll': 0x20,
      'data-cf-ack-poll': 0x30,
      null: 0x40,
      'cf-ack': 0x50,
      'cf-poll': 0x60,
      'cf-ack-poll': 0x70,
      'qos-data': 0x80,
      'qos-data-cf-ack': 0x90,
      'qos-data-cf-poll': 0xa0,
      'qos-data-cf-ack-poll': 0xb0,
      qos: 0xc0,
      'qos-cf-poll': 0xe0,
      'qos-cf-ack-poll': 0xf0,
    },
  ],
]

export const wlanType = (name: string): number | undefined => lookUp(TYPES, name)

/** The bits of a subtype of one type. */
export const wlanSubtype = (type: number, name: string): number | undefined => {
  const names = SUBTYPES.find(([of]) => of === type)?.[1]
  return names === undefined ? undefined : lookUp(names, name)
}

/** The bits of the type and the subtype. */
export function wlanTypeOfSubtype(name: string): number | undefined {
  for (const [type, names] of SUBTYPES) {
    const subtype = lookUp(names, name)
    if (subtype !== undefined) return type | subtype
  }
  return undefined
}

export const wlanDirection = (name: string): number | undefined =>
  lookUp({ nods: 0, tods: 1, fromds: 2, dstods: 3 }, name)

const S_MASK = 0x0f
const U_MASK = 0xef

const LLC: Readonly<Record<string, LlcControl>> = {
  i: { value: 0, mask: 0x01 },
  s: { value: 0x01, mask: 0x03 },
  u: { value: 0x03, mask: 0x03 },
  rr: { value: 0x01, mask: S_MASK },
  rnr: { value: 0x05, mask: S_MASK },
  rej: { value: 0x09, mask: S_MASK },
  ui: { value: 0x03, mask: U_MASK },
  ua: { value: 0x63, mask: U_MASK },
  disc: { value: 0x43, mask: U_MASK },
  dm: { value: 0x0f, mask: U_MASK },
  sabme: { value: 0x6f, mask: U_MASK },
  test: { value: 0xe3, mask: U_MASK },
  xid: { value: 0xaf, mask: U_MASK },
  frmr: { value: 0x87, mask: U_MASK },
}

export const llcControl = (name: string): LlcControl | undefined => {
  const key = name.toLowerCase()
  return Object.hasOwn(LLC, key) ? LLC[key] : undefined
}

/** Reasons and actions of OpenBSD's packet filter, as all systems that have it number them (net/pfvar.h). */
export const pfReason = (name: string): number | undefined =>
  lookUp(
    {
      match: 0,
      'bad-offset': 1,
      fragment: 2,
      short: 3,
      normalize: 4,
      memory: 5,
      'bad-timestamp': 6,
      congestion: 7,
      'ip-option': 8,
      'proto-cksum': 9,
      'state-mismatch': 10,
      'state-insert': 11,
      'state-limit': 12,
      'src-limit': 13,
      synproxy: 14,
    },
    name,
  )

export const pfAction = (name: string): number | undefined =>
  lookUp(
    {
      pass: 0,
      accept: 0,
      drop: 1,
      block: 1,
      scrub: 2,
      noscrub: 3,
      nat: 4,
      nonat: 5,
      binat: 6,
      nobinat: 7,
      rdr: 8,
      nordr: 9,
      'synproxy-drop': 10,
    },
    name,
  )
