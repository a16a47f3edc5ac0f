import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { checkThrow } from './exceptions.ts'
import { MAX_BPF_STACK, MAX_CALL_FRAMES } from './limits.ts'
import { isKfuncCall, isPseudoCall, isPseudoFunc } from './program.ts'

/** As the JIT rounds it. */
const roundUp = (depth: number): number => Math.ceil(depth / 16) * 16

/** check_max_stack_depth: all calls together, from the main program and from each callback that runs by itself. */
export function checkMaxStackDepth(env: Env): void {
  const { subprogs } = env
  // The kernel gives tracing programs a stack of their own for each function, unless they make tail calls.
  const separate = env.type.tracing === true && !subprogs.some((s) => s.hasTailCall)
  const normal = new Uint8Array(subprogs.length)
  for (let i = subprogs.length - 1; i >= 0; i--) {
    if (i === 0 || subprogs[i]!.isAsyncCallback) walkCalls(env, i, i === 0 && separate, normal)
  }
}

function walkCalls(env: Env, root: number, separate: boolean, normal: Uint8Array): void {
  const { program: p, subprogs } = env
  let depth = 0
  const adaptive = (index: number): boolean => {
    if (!separate) normal[index] = 1
    return separate && !normal[index] && roundUp(subprogs[index]!.stackDepth) >= 64
  }
  const callers: number[] = []
  const visit = (index: number, frame: number): void => {
    const subprog = subprogs[index]!
    if (index && subprog.hasTailCall && depth >= 256) {
      fail(
        'EACCES',
        `tail_calls are not allowed when call stack of previous frames is ${depth} bytes. Too large`,
      )
    }
    const own = roundUp(subprog.stackDepth)
    const isOwnStack = adaptive(index)
    if (isOwnStack) {
      if (own > MAX_BPF_STACK) fail('EACCES', `stack size of subprog ${index} is ${own}. Too large`)
    } else {
      depth += own
      if (depth > MAX_BPF_STACK) {
        fail('EACCES', `combined stack size of ${frame + 1} calls is ${depth}. Too large`)
      }
    }
    for (let i = subprog.start; i < subprog.end; i++) {
      if (isKfuncCall(p, i)) checkThrow(env, i, index, callers)
      if (!isPseudoCall(p, i) && !isPseudoFunc(p, i)) continue
      const callee = env.findSubprog(i + p.imm[i]! + 1)
      const { isAsyncCallback, isExceptionCallback } = subprogs[callee]!
      if (isAsyncCallback && !isPseudoCall(p, i)) continue
      if (isExceptionCallback) fail('EINVAL', `insn ${i} cannot call exception cb directly`)
      if (frame + 1 >= MAX_CALL_FRAMES) {
        fail('E2BIG', `the call stack of ${frame + 1} frames is too deep !`)
      }
      callers.push(index)
      visit(callee, frame + 1)
      callers.pop()
    }
    if (!isOwnStack) depth -= own
  }
  visit(root, 0)
}
