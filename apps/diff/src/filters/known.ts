/** Expressions of which libpcap 1.10 makes something else than they say, each with what it does. */
export const KNOWN: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/\bh?sls\s*!=/, '`sls != N` and `hsls != N` ask for N, as `=` does'],
  [
    /protochain/,
    'behind an authentication header, `protochain` looks at the header’s length from the start of IP on',
  ],
  [
    /^ether\[60\] > 0 or ip$/,
    'behind 802.11 headers of any length, arithmetic overwrites the word with the length of the header',
  ],
]
