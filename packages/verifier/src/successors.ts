import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, classOf, opOf } from './opcode.ts'
import { isLdImm64, type Program } from './program.ts'

/** How far a jump goes, from the next slot. */
export const jumpOffset = (p: Program, insn: number): number =>
  p.code[insn] === (BPF_JMP32 | BPF_JA) ? p.imm[insn]! : p.off[insn]!

/**
 * Instructions that may follow within the function: none, the next, the target, or both. Calls are followed past;
 * tail calls and packet loads may also end the function.
 * Writes them to `out` and gives their number.
 */
export function successors(p: Program, insn: number, out: Int32Array): number {
  const code = p.code[insn]!
  const klass = classOf(code)
  let next = true
  let jump = false
  if (klass === BPF_JMP || klass === BPF_JMP32) {
    const op = opOf(code)
    if (op === BPF_EXIT) next = false
    else if (op === BPF_JA) {
      next = false
      jump = true
    } else if (op !== BPF_CALL) jump = true
  }
  if (p.earlyExit[insn]! >= 0) {
    out[0] = insn + 1
    out[1] = p.earlyExit[insn]!
    return 2
  }
  let n = 0
  if (next) out[n++] = insn + (isLdImm64(p, insn) ? 2 : 1)
  if (jump) out[n++] = insn + jumpOffset(p, insn) + 1
  return n
}

/** Instructions of each subprogram in postorder, one subprogram after the other (compute_postorder). */
export function computePostorder(
  p: Program,
  subprogs: readonly { readonly start: number; postorderStart: number }[],
): Int32Array {
  const postorder = new Int32Array(p.length)
  const state = new Uint8Array(p.length)
  const stack = new Int32Array(p.length * 2 + 2)
  const next = new Int32Array(2)
  const DISCOVERED = 1
  const EXPLORED = 2
  let count = 0
  for (const subprog of subprogs) {
    subprog.postorderStart = count
    let depth = 0
    stack[depth++] = subprog.start
    do {
      const top = stack[depth - 1]!
      state[top]! |= DISCOVERED
      if (state[top]! & EXPLORED) {
        postorder[count++] = top
        depth--
        continue
      }
      const n = successors(p, top, next)
      for (let s = 0; s < n; s++) {
        const to = next[s]!
        if (state[to]) continue
        stack[depth++] = to
        state[to]! |= DISCOVERED
      }
      state[top]! |= EXPLORED
    } while (depth > 0)
  }
  return postorder.subarray(0, count)
}
