/** Names of EtherTypes as tc has them, the ones that filters are written for. */
const NAMES: Readonly<Record<string, number>> = {
  all: 0x0003,
  ip: 0x0800,
  ipv4: 0x0800,
  arp: 0x0806,
  '802.1q': 0x8100,
  ipv6: 0x86dd,
  mpls_uc: 0x8847,
  ppp_disc: 0x8863,
  ppp_ses: 0x8864,
  '802.1ad': 0x88a8,
  lldp: 0x88cc,
}

/** The EtherType that a word names, or a number; undefined for what is none. */
export function parseProtocol(word: string): number | undefined {
  const known = NAMES[word.toLowerCase()]
  if (known !== undefined) return known
  const number = /^(?:0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN
  return number >= 0 && number <= 0xffff ? number : undefined
}

/** As tc prints it. */
export function formatProtocol(protocol: number): string {
  const name = Object.keys(NAMES).find((n) => NAMES[n] === protocol)
  return name?.replace('802.1q', '802.1Q') ?? `[${protocol}]`
}
