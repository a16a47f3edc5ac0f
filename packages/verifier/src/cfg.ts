import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { callbackOf, helperAt, isAsync } from './helper-lookup.ts'
import { hasFlag, kfuncAt } from './kfunc/prototype.ts'
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_PSEUDO_CALL,
  classOf,
  hasSrcReg,
  opOf,
} from './opcode.ts'
import { isHelperCall, isKfuncCall, isLdImm64, isMayGoto, isPseudoFunc } from './program.ts'
import { jumpOffset } from './successors.ts'

const DISCOVERED = 0x10
const EXPLORED = 0x20
const FALLTHROUGH = 1
const BRANCH = 2

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
  readonly #state: Uint8Array
  readonly #stack: Int32Array
  #depth = 0

  constructor(env: Env) {
    this.#env = env
    this.#state = new Uint8Array(env.program.length)
    this.#stack = new Int32Array(env.program.length + 1)
  }

  run(start: number): void {
    if (this.#state[start] === EXPLORED) return
    this.#state[start] = DISCOVERED
    this.#stack[0] = start
    this.#depth = 1
    while (this.#depth > 0) {
      const insn = this.#stack[this.#depth - 1]!
      if (this.#visit(insn)) continue
      this.#state[insn] = EXPLORED
      this.#depth--
    }
  }

  check(): void {
    const { program } = this.#env
    for (let i = 0; i < program.length; i++) {
      if (this.#state[i] !== EXPLORED) {
        this.#env.insn = i
        fail('EINVAL', `unreachable insn ${i}`)
      }
      if (isLdImm64(program, i)) {
        if (this.#state[i + 1] !== 0) {
          this.#env.insn = i
          fail('EINVAL', `jump into the middle of ldimm64 insn ${i}`)
        }
        i++
      }
    }
  }

  /** Follows an edge; true when it leads to something new. */
  #push(from: number, to: number, edge: number): boolean {
    const state = this.#state
    if (edge === FALLTHROUGH && state[from]! >= (DISCOVERED | FALLTHROUGH)) return false
    if (edge === BRANCH && state[from]! >= (DISCOVERED | BRANCH)) return false
    const { program, prunePoint, jumpPoint } = this.#env
    if (to < 0 || to >= program.length) {
      this.#env.insn = from
      fail('EINVAL', `jump out of range from insn ${from} to ${to}`)
    }
    if (edge === BRANCH) {
      prunePoint[to] = 1
      jumpPoint[to] = 1
    }
    if (state[to] === 0) {
      state[from] = DISCOVERED | edge
      state[to] = DISCOVERED
      this.#stack[this.#depth++] = to
      return true
    }
    if (state[to] === EXPLORED) state[from] = DISCOVERED | edge
    return false
  }

  #visitCall(insn: number, visitCallee: boolean): boolean {
    const env = this.#env
    const next = insn + (isLdImm64(env.program, insn) ? 2 : 1)
    if (this.#push(insn, next, FALLTHROUGH)) return true
    env.prunePoint[next] = 1
    env.jumpPoint[next] = 1
    if (!visitCallee) return false
    const callee = insn + env.program.imm[insn]! + 1
    env.prunePoint[insn] = 1
    const from = env.containingSubprog(insn)
    const to = env.containingSubprog(callee)
    from.changesPacketData ||= to.changesPacketData
    from.mightSleep ||= to.mightSleep
    return this.#push(insn, callee, BRANCH)
  }

  /** True when there is more to explore before this instruction is done. */
  #visit(insn: number): boolean {
    const env = this.#env
    const p = env.program
    if (isPseudoFunc(p, insn)) return this.#visitCall(insn, true)
    const code = p.code[insn]!
    const klass = classOf(code)
    if (klass !== BPF_JMP && klass !== BPF_JMP32) {
      return this.#push(insn, insn + (isLdImm64(p, insn) ? 2 : 1), FALLTHROUGH)
    }
    switch (opOf(code)) {
      case BPF_EXIT:
        return false
      case BPF_CALL:
        this.#markCall(insn)
        return this.#visitCall(insn, p.src[insn] === BPF_PSEUDO_CALL)
      case BPF_JA: {
        if (hasSrcReg(code)) {
          env.insn = insn
          fail('EINVAL', 'BPF_JA uses reserved fields')
        }
        const target = insn + jumpOffset(p, insn) + 1
        if (this.#push(insn, target, FALLTHROUGH)) return true
        env.prunePoint[target] = 1
        env.jumpPoint[target] = 1
        return false
      }
      default:
        env.prunePoint[insn] = 1
        if (isMayGoto(p, insn)) env.forceCheckpoint[insn] = 1
        if (this.#push(insn, insn + 1, FALLTHROUGH)) return true
        return this.#push(insn, insn + p.off[insn]! + 1, BRANCH)
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
    env.prunePoint[insn] = 1
    env.jumpPoint[insn] = 1
  }
}
