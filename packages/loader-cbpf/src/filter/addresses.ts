/**
 * A dotted address of one to four numbers, which are decimal whatever they begin with: the value of the bytes that are
 * there, and how many bits they are. Undefined: a number is no byte.
 */
export function parseDotted(text: string): { readonly value: number; readonly bits: number } | undefined {
  let value = 0
  const parts = text.split('.')
  for (const part of parts) {
    if (!/^\d+$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return { value, bits: parts.length * 8 }
}

/** The four words of an IPv6 address; undefined: it is none. */
export function parseIpv6(text: string): readonly [number, number, number, number] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const parsed = halves.map(groupsOf)
  const [head, tail] = parsed
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])]
  const word = (at: number): number => groups[at * 2]! * 0x1_0000 + groups[at * 2 + 1]!
  return [word(0), word(1), word(2), word(3)]
}

function groupsOf(half: string): number[] | undefined {
  if (half === '') return []
  const groups: number[] = []
  const parts = half.split(':')
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      // inet_pton takes no leading zeros.
      if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(part)) return undefined
      const address = parseDotted(part)
      if (address === undefined) return undefined
      groups.push(Math.floor(address.value / 0x1_0000), address.value & 0xffff)
    } else {
      if (!/^[0-9A-Fa-f]{1,4}$/.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

/** The six bytes of a MAC address in any of its forms. */
export function parseMac(text: string): number[] {
  const pairs = /[:-]/.test(text) || text.split('.').length === 6
  const digits = pairs
    ? text
        .split(/[:.-]/)
        .map((part) => part.padStart(2, '0'))
        .join('')
    : text.replaceAll('.', '')
  return Array.from({ length: 6 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16))
}
