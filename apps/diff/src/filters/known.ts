/** Expressions of which libpcap 1.10 makes something else than they say, each with what it does. */
const KNOWN: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /protochain/,
    'behind an authentication header, `protochain` looks for the next header at that header’s offset from the start of IP, and may not end',
  ],
  [
    /\bh?(?:sls|opc|dpc|sio)\s*!=|\bv[pc]i\s*!=/,
    'fields of SS7 and ATM: `!=` asks for the number, as `=` does',
  ],
  [/\bbyte \d+ [&|]/, '`byte 0 & 1` does not load the byte'],
  [
    /& 0xffffffff\b/,
    'a test of masked bits for 0 where the mask is 0xffffffff: it holds for no packet, as if all bits were never 0',
  ],
  [
    /^ether\[60\] > 0 or ip$/,
    'behind 802.11 headers of any length, a calculation before the first look at what they carry overwrites their length',
  ],
]

/** Why libpcap may accept other packets than an expression says. */
export const reasonFor = (expression: string): string | undefined =>
  KNOWN.find(([pattern]) => pattern.test(expression))?.[1]
