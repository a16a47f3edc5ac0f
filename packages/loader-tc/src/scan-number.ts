/** An integer as `%i` of sscanf and strtol with base 0 read it: decimal, 0x, or 0 for octal; u32. */
const INTEGER = /\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)/y

/** The integer at `at`, and where it ends; undefined where there is none. */
export function scanInteger(
  text: string,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  INTEGER.lastIndex = at
  const found = INTEGER.exec(text)
  if (!found) return undefined
  const [whole, sign, digits] = found as unknown as [string, string, string]
  if (/^0[xX]/.test(digits)) return { value: signed(sign, Number(digits)), end: at + whole.length }
  if (!digits.startsWith('0')) return { value: signed(sign, Number(digits)), end: at + whole.length }
  const octal = /^[0-7]+/.exec(digits)![0]
  return {
    value: signed(sign, Number.parseInt(octal, 8)),
    end: at + whole.length - (digits.length - octal.length),
  }
}

const signed = (sign: string, value: number): number =>
  Number(BigInt.asUintN(32, BigInt(value) * (sign === '-' ? -1n : 1n)))

/** `<id>/<key>` as iproute2 reads the name of a section (`%i/%i`); what follows does not count. */
export function scanSlot(section: string): { readonly id: number; readonly key: number } | undefined {
  const id = scanInteger(section, 0)
  if (!id || section[id.end] !== '/') return undefined
  const key = scanInteger(section, id.end + 1)
  return key && { id: id.value, key: key.value }
}
