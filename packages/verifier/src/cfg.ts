import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { callbackOf, helperAt, isAsync } from './helper-lookup.ts'
import { hasFlag, kfuncAt } from './kfunc/prototype.ts'
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, BPF_PSEUDO_CALL, classOf, opOf } from './opcode.ts'
import { isHelperCall, isKfuncCall, isLdImm64, isMayGoto, isPseudoFunc } from './program.ts'
import { jumpOffset } from './successors.ts'

/**
 * Walks the control flow depth first (check_cfg): everything must be reachable, nothing may jump into an ld_imm64.
 * Marks where states are compared (prune points), where the history of jumps is recorded, and where callbacks and
 * iterators loop.
 */
export function checkCfg(env: Env): void {
  const walk = new CfgWalk(env)
  walk.run(0)
  if (env.exceptionCallback > 0) walk.run(env.subprogs[env.exceptionCallback]!.start)
  walk.check()
}

class CfgWalk {
  readonly #env: Env
  readonly #reached: Uint8Array
  readonly #stack: Int32Array
  #depth = 0

  constructor(env: Env) {
    this.#env = env
    this.#reached = new Uint8Array(env.program.length)
    this.#stack = new Int32Array(env.program.length)
  }

  run(start: number): void {
    this.#follow(start)
    while (this.#depth) {
      if (!this.#visit(this.#stack[this.#depth - 1]!)) this.#depth--
    }
  }

  check(): void {
    const { program } = this.#env
    for (let i = 0; i < program.length; i++) {
      if (!this.#reached[i]) {
        this.#env.insn = i
        fail('EINVAL', `unreachable insn ${i}`)
      }
      if (isLdImm64(program, i)) {
        if (this.#reached[i + 1]) {
          this.#env.insn = i
          fail('EINVAL', `jump into the middle of ldimm64 insn ${i}`)
        }
        i++
      }
    }
  }

  /** Goes to an instruction; true when it is new, and to be explored first. */
  #follow(to: number): boolean {
    if (this.#reached[to]) return false
    this.#reached[to] = 1
    this.#stack[this.#depth++] = to
    return true
  }

  /** States are compared where jumps lead, and the history begins anew there. */
  #markTarget(insn: number): void {
    this.#env.prunePoint[insn] = 1
    this.#env.jumpPoint[insn] = 1
  }

  #branch(to: number): boolean {
    this.#markTarget(to)
    return this.#follow(to)
  }

  #visitCall(insn: number, visitCallee: boolean): boolean {
    const env = this.#env
    const next = insn + (isLdImm64(env.program, insn) ? 2 : 1)
    if (this.#follow(next)) return true
    this.#markTarget(next)
    if (!visitCallee) return false
    const callee = insn + env.program.imm[insn]! + 1
    env.prunePoint[insn] = 1
    const from = env.containingSubprog(insn)
    const to = env.containingSubprog(callee)
    from.changesPacketData ||= to.changesPacketData
    from.mightSleep ||= to.mightSleep
    return this.#branch(callee)
  }

  /** True when there is more to explore before this instruction is done. */
  #visit(insn: number): boolean {
    const env = this.#env
    const p = env.program
    if (isPseudoFunc(p, insn)) return this.#visitCall(insn, true)
    const code = p.code[insn]!
    const klass = classOf(code)
    if (klass !== BPF_JMP && klass !== BPF_JMP32) {
      return this.#follow(insn + (isLdImm64(p, insn) ? 2 : 1))
    }
    switch (opOf(code)) {
      case BPF_EXIT:
        return false
      case BPF_CALL:
        this.#markCall(insn)
        return this.#visitCall(insn, p.src[insn] === BPF_PSEUDO_CALL)
      case BPF_JA: {
        const target = insn + jumpOffset(p, insn) + 1
        if (this.#follow(target)) return true
        this.#markTarget(target)
        return false
      }
      default:
        env.prunePoint[insn] = 1
        if (isMayGoto(p, insn)) env.forceCheckpoint[insn] = 1
        if (this.#follow(insn + 1)) return true
        return this.#branch(insn + p.off[insn]! + 1)
    }
  }

  #markCall(insn: number): void {
    const env = this.#env
    if (isHelperCall(env.program, insn)) {
      const any = env.platform.helpers.byId(env.program.imm[insn]!)
      if (!any) return
      const callback = callbackOf(any)
      if (callback && isAsync(callback)) env.prunePoint[insn] = 1
      else if (callback) this.#markCallback(insn)
      if (any.mightSleep && helperAt(env, insn)) env.containingSubprog(insn).mightSleep = true
      if (any.changesPacketData) env.containingSubprog(insn).changesPacketData = true
    } else if (isKfuncCall(env.program, insn)) {
      const kfunc = kfuncAt(env, insn)
      if (!kfunc) return
      const callback = kfunc.def.verify?.callback
      if (callback && isAsync(callback)) env.prunePoint[insn] = 1
      else if (callback) this.#markCallback(insn)
      if (hasFlag(kfunc, 'iter_next')) {
        env.prunePoint[insn] = 1
        env.forceCheckpoint[insn] = 1
        env.isIterNext[insn] = 1
      }
      if (hasFlag(kfunc, 'sleepable')) env.containingSubprog(insn).mightSleep = true
      if (kfunc.def.verify?.changesPacketData) env.containingSubprog(insn).changesPacketData = true
    }
  }

  #markCallback(insn: number): void {
    const env = this.#env
    env.callsCallback[insn] = 1
    env.forceCheckpoint[insn] = 1
    this.#markTarget(insn)
  }
}
