import type { Seed } from '../seed.ts'
import { end, random } from './pieces.ts'

// Which slots of which frame may still be read: what is written in all ways, in some, in callees and callbacks, near the
// frame pointer and far from it.

/** `a` and `b` are slots, `c` a third. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'never read': 'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nr7 = 2',
  'read afterwards': 'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nr1 = A',
  'written again, then read': 'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nA = 3\nr1 = A',
  'written again on one way':
    'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nif r8 > 7 goto y\nA = 3\ny:\nr7 = 2\nr1 = A',
  'read on one way': 'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nif r8 > 7 goto y\nr1 = A\ny:\nr7 = 2',
  'one read, one not':
    'A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = A\nif r8 > 3 goto y\nr7 = 2\ny:\nr1 = A',
  'both, one by one':
    'A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nx:\nr1 = A\nif r8 > 3 goto y\nB = 1\ny:\nr1 = B\nr7 = 5\nr1 = B',
  'one store to two slots': `r1 = r10\nr1 += #A\nif r9 > 5 goto x\nr1 = r10\nr1 += #B\nx:\n*(u64 *)(r1 + 0) = 7\nA = 4\nr2 = A\nB = 2\nif r8 > 5 goto y\nr7 = 3\ny:\nr2 = B\nr2 = A`,
  'one store to two slots, read': `A = r8\nB = r8\nr1 = r10\nr1 += #A\nif r9 > 5 goto x\nr1 = r10\nr1 += #B\nx:\nif r8 > 9 goto z\nr7 = 4\nz:\n*(u64 *)(r1 + 0) = 7\nif r8 > 5 goto y\nr7 = 3\ny:\nr2 = B\nr2 = A`,
  'one store to three slots': `A = r8\nB = r8\nC = r8\nr1 = r10\nr1 += #A\nif r9 > 5 goto x\nr1 = r10\nr1 += #B\nif r9 > 3 goto x\nr1 = r10\nr1 += #C\nx:\nr7 = 1\n*(u64 *)(r1 + 0) = 7\nif r8 > 5 goto y\nr7 = 3\ny:\nr2 = B\nr2 = A\nr2 = C`,
  'one store to a slot or to a map': `A = r8\nB = 2\nr1 = r10\nr1 += #A\nif r9 > 5 goto x\nr1 = value globals+0\nx:\nif r8 > 9 goto z\nr7 = 4\nz:\n*(u64 *)(r1 + 0) = 7\nif r8 > 5 goto y\nr7 = 3\ny:\nr2 = A`,
  'one store to a map or to a slot': `A = r8\nB = 2\nr1 = value globals+0\nif r9 > 5 goto x\nr1 = r10\nr1 += #A\nx:\nif r8 > 9 goto z\nr7 = 4\nz:\n*(u64 *)(r1 + 0) = 7\nif r8 > 5 goto y\nr7 = 3\ny:\nr2 = A`,
  'one load of two slots': `A = r8\nB = r8\nr1 = r10\nr1 += #A\nif r9 > 5 goto x\nr1 = r10\nr1 += #B\nx:\nr7 = 1\nif r8 > 5 goto y\nA = 2\ny:\nr2 = *(u64 *)(r1 + 0)`,
  'half written': 'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\n*(u32 *)(r10 + #A) = 3\nr1 = A',
  'half read': 'A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nr1 = *(u32 *)(r10 + #A)',
  'in a loop': 'A = 0\nB = r8\nt:\nr1 = A\nr1 += 1\nA = r1\nif r1 < 6 goto t\nr1 = B',
  'in a loop, unread': `A = 0\nB = r8\nr6 = 0\nt:\nB = r6\nr6 += 1\nif r6 < 6 goto t\nr1 = A`,
  'in a loop with ways': `A = 0\nB = r8\nr6 = 0\nt:\n${random}\nif r0 > 5 goto u\nB = r6\nu:\nr6 += 1\nif r6 < 6 goto t\nr1 = B`,
  'in a loop with ways, unread': `A = 0\nB = r8\nr6 = 0\nt:\n${random}\nif r0 > 5 goto u\nB = r0\nu:\nr6 += 1\nif r6 < 4 goto t\nr1 = A`,
  'in a loop that may end': `A = 0\nr6 = 0\nt:\nmay_goto o\nr1 = A\nr1 += 1\nA = r1\ngoto t\no:\nr1 = A`,
  'in two loops': `A = 0\nr6 = 0\nt:\nr7 = 0\nu:\nB = r7\nr7 += 1\nif r7 < 3 goto u\nr1 = B\nA = r1\nr6 += 1\nif r6 < 3 goto t\nr1 = A`,
  'in a callee': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\ncall sub\nr1 = B\n${end}\nsub:\nr2 = *(u64 *)(r1 + 0)\nr0 = 0\nexit`,
  'written in a callee': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\ncall sub\nr1 = A\n${end}\nsub:\n*(u64 *)(r1 + 0) = 4\nr0 = 0\nexit`,
  'written in a callee on one way': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\nr2 = r8\ncall sub\nr1 = A\n${end}\nsub:\nif r2 > 4 goto y\n*(u64 *)(r1 + 0) = 4\ny:\nr0 = 0\nexit`,
  'read in a callee on one way': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\nr2 = r8\ncall sub\nr1 = B\n${end}\nsub:\nif r2 > 4 goto y\nr3 = *(u64 *)(r1 + 0)\ny:\nr0 = 0\nexit`,
  'written, then read in a callee': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\nr2 = r8\ncall sub\n${end}\nsub:\n*(u64 *)(r1 + 0) = 5\nif r2 > 4 goto y\nr3 = *(u64 *)(r1 + 0)\ny:\nr3 = *(u64 *)(r1 + 0)\nr0 = 0\nexit`,
  'in a callee’s callee': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\ncall sub\nr1 = B\n${end}\nsub:\nr6 = r1\ncall deep\nr0 = 0\nexit\ndeep:\nr2 = *(u64 *)(r1 + 0)\nr0 = 0\nexit`,
  'written in a callee’s callee': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #A\ncall sub\nr1 = A\n${end}\nsub:\nr6 = r1\ncall deep\nr0 = 0\nexit\ndeep:\n*(u64 *)(r1 + 0) = 3\nr0 = 0\nexit`,
  'in a callee of two calls': `A = r8\nB = r8\nr1 = r10\nr1 += #A\ncall sub\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #B\ncall sub\nr1 = A\n${end}\nsub:\nr2 = *(u64 *)(r1 + 0)\nr0 = 0\nexit`,
  'written in a callee of two calls': `A = r8\nB = r8\nr1 = r10\nr1 += #A\ncall sub\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = r10\nr1 += #B\ncall sub\nr1 = A\nr1 = B\n${end}\nsub:\n*(u64 *)(r1 + 0) = 3\nr0 = 0\nexit`,
  'written at one call in two frames': `A = r8\nr1 = r10\nr1 += #A\nif r9 > 5 goto x\ncall sub\ngoto y\nx:\ncall sub\ny:\nr1 = A\n${end}\nsub:\nB = 4\nif r9 > 1 goto +1\n*(u64 *)(r1 + 0) = 5\nr2 = B\nr0 = 0\nexit`,
  'one store in a callee to both frames': `A = r8\nB = r8\nr1 = r10\nr1 += #A\nr2 = r9\ncall sub\nr1 = A\nr1 = B\n${end}\nsub:\nA = 1\nr3 = r1\nif r2 > 5 goto x\nr3 = r10\nr3 += #A\nx:\nr7 = 1\n*(u64 *)(r3 + 0) = 9\nif r2 > 3 goto y\nr7 = 2\ny:\nr4 = A\nr0 = 0\nexit`,
  'in the callee’s own frame': `A = r8\nr1 = r8\ncall sub\nr1 = A\n${end}\nsub:\nA = r1\nif r1 > 5 goto x\nA = 1\nx:\nr7 = 1\nr1 = A\nr0 = 0\nexit`,
  'unread in the callee’s own frame': `A = r8\nr1 = r8\ncall sub\nr1 = A\n${end}\nsub:\nA = r1\nif r1 > 5 goto x\nA = 1\nx:\nr7 = 1\nr0 = 0\nexit`,
  'unread in the caller': `A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr1 = r8\ncall sub\nr7 = 2\n${end}\nsub:\nr0 = 0\nif r1 > 5 goto y\nr0 = 1\ny:\nr7 = 1\nexit`,
  'read in the caller after the call': `A = r8\nif r9 > 5 goto x\nA = 1\nx:\nr1 = r8\ncall sub\nr7 = A\n${end}\nsub:\nr0 = 0\nif r1 > 5 goto y\nr0 = 1\ny:\nr7 = 1\nexit`,
  'in a callback': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = 4\nr2 = func sub\nr3 = r10\nr3 += #A\nr4 = 0\ncall bpf_loop#181\nr7 = 2\n${end}\nsub:\nr0 = *(u64 *)(r2 + 0)\nr0 = 0\nexit`,
  'written in a callback': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = 4\nr2 = func sub\nr3 = r10\nr3 += #A\nr4 = 0\ncall bpf_loop#181\nr7 = A\n${end}\nsub:\n*(u64 *)(r2 + 0) = 5\nr0 = 0\nexit`,
  'counted in a callback': `A = 0\nB = r8\nr1 = 9\nr2 = func sub\nr3 = r10\nr3 += #A\nr4 = 0\ncall bpf_loop#181\nr7 = A\nr7 = B\n${end}\nsub:\nr0 = *(u64 *)(r2 + 0)\nif r0 > 3 goto +2\nr0 += 1\n*(u64 *)(r2 + 0) = r0\nr0 = 0\nexit`,
  'in a callback’s callee': `A = r8\nB = r8\nif r9 > 5 goto x\nA = 1\nB = 2\nx:\nr7 = 1\nr1 = 4\nr2 = func cb\nr3 = r10\nr3 += #A\nr4 = 0\ncall bpf_loop#181\nr7 = 2\n${end}\ncb:\nr1 = r2\ncall sub\nr0 = 0\nexit\nsub:\nr2 = *(u64 *)(r1 + 0)\nr0 = 0\nexit`,
  'before a tail call': `A = r8\nr1 = r6\nr2 = r10\nr2 += #A\ncall sub\nr7 = A\nr7 = B0\n${end}\nsub:\nr7 = r2\nB = 1\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\n*(u64 *)(r7 + 0) = 3\nr4 = B\nr0 = 3\nexit`,
  'after a tail call': `A = r8\nr1 = r6\nr2 = r10\nr2 += #A\ncall sub\nr7 = A\n${end}\nsub:\nr7 = r2\n*(u64 *)(r7 + 0) = 3\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nr4 = *(u64 *)(r7 + 0)\nr0 = 3\nexit`,
  'after a tail call on two ways': `A = r8\nB = 1\nr1 = r6\nr2 = r10\nr2 += #A\ncall sub\nif r9 > 4 goto x\nA = 2\nx:\nr7 = A\nr7 = B\n${end}\nsub:\nr7 = r2\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\n*(u64 *)(r7 + 0) = 3\nr4 = *(u64 *)(r7 + 0)\nr0 = 3\nexit`,
  'back to the start': `if r1 == 0 goto o\nA = r8\nr2 = A\nr1 = 0\ngoto -5\no:`,
  'as helpers read': `A = r8\nB = 1\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nr2 = r10\nr2 += #A\nr1 = map queue\nr3 = 0\ncall bpf_map_push_elem#87`,
  'as helpers write': `A = r8\nB = 1\nif r9 > 5 goto x\nA = 1\nx:\nr7 = 1\nr2 = r10\nr2 += #A\nr1 = map queue\ncall bpf_map_pop_elem#88\nr7 = A`,
  'through many instructions': `A = r8\nif r9 > 5 goto x\nA = 1\nx:\n${Array.from({ length: 40 }, (_, i) => `r7 = ${i}`).join('\n')}\nif r8 > 3 goto y\nB = 3\n${Array.from({ length: 33 }, (_, i) => `r7 = ${i}`).join('\n')}\ny:\nr7 = 1\nr1 = A`,
}

const PLACES: readonly (readonly [a: number, b: number, c: number])[] = [
  [-8, -16, -24],
  [-256, -264, -272],
  [-264, -256, -8],
  [-272, -280, -256],
  [-512, -504, -264],
]

const place = (text: string, [a, b, c]: readonly [number, number, number]): string =>
  text
    .replaceAll('B0', 'r8')
    .replaceAll(/#([ABC])/g, (_, which) => String(which === 'A' ? a : which === 'B' ? b : c))
    .replaceAll(
      /(?<=^|= )([ABC])(?= =|$)/gm,
      (_, which) => `*(u64 *)(r10 - ${-(which === 'A' ? a : which === 'B' ? b : c)})`,
    )
    .replaceAll('+ -', '- ')

export const liveness: readonly Seed[] = PLACES.flatMap((places) =>
  Object.entries(PROGRAMS).map(([name, body]): Seed => {
    const text = place(body, places)
    const start = name === 'back to the start' ? '' : `r6 = r1\n${random}\nr8 = r0\n${random}\nr9 = r0\n`
    return {
      name: `slots ${places.join(' ')}: ${name}`,
      type: 'sched_cls',
      asm: `${start}${text}${/\nexit$/.test(text) ? '' : `\n${end}`}`,
      ...(/tail_call/.test(text)
        ? { functions: ['global int main(ctx)', 'static int sub(ctx, void *)'] }
        : {}),
    }
  }),
)
