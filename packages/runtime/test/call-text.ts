// Texts of programs that put the result of every call into one number.

/** Takes r0 into the number. */
export const keep: string = 'r8 *= 131\nr0 <<= 32\nr0 >>= 32\nr8 += r0'
/** Calls, each with its arguments; r9 is the context, fp-8 to fp-64 have bytes. */
export const calls = (...steps: readonly string[]): string => `r9 = r1
r8 = 0
${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `*(u64 *)(r10 - ${8 * n}) = ${0x61620000 + n}`).join('\n')}
${steps.map((step) => `${step}\n${keep}`).join('\n')}
r0 = r8
exit`
/** Puts the address below the frame's top into a register. */
export const stack = (register: number, offset: number): string =>
  `r${register} = r10\nr${register} += -${offset}`
let labels = 0
/** What a pointer that may be null points to. */
export const value = (): string => {
  const label = `none${labels++}`
  return `if r0 == 0 goto ${label}\nr0 = *(u32 *)(r0 + 0)\n${label}:`
}
