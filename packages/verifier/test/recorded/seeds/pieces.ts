// Pieces of assembly text that many seeds share.

/** Looks a zero key up: r0 is the value or null. */
export const lookup = (map: string, size = 4): string =>
  `*(u${size * 8} *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map ${map}\ncall bpf_map_lookup_elem#1`

/** `body` with a value in r0 that is not null; it may jump to `out`. */
export const found = (map: string, body: string, size = 4): string =>
  `${lookup(map, size)}\nif r0 == 0 goto out\n${body}\nout:\nr0 = 0\nexit`

/** `body` with the packet in r2 and its end in r3, the context in r6. */
export const packet = (body: string): string =>
  `r6 = r1\nr2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\n${body}\nout:\nr0 = 2\nexit`

/** Looks a socket up with `call`: r0 is it or null, the context in r6. */
export const socket = (call: string): string =>
  `r6 = r1\n*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 32) = 0\n*(u64 *)(r10 - 40) = 0\nr2 = r10\nr2 += -40\nr3 = 12\nr4 = 0\nr5 = 0\ncall ${call}`

/** An unknown number in r0. */
export const random: string = 'call bpf_get_prandom_u32#7'

export const end: string = 'r0 = 0\nexit'
