import type { Env } from '../env.ts'
import { helperName } from '../helper-lookup.ts'
import { BPF_LDX, BPF_ST, BPF_STX, CALL, classOf, hasSrcReg } from '../opcode.ts'
import { isHelperCall, isPseudoCall } from '../program.ts'
import { kindText } from '../refusals/kind-text.ts'
import type { RegisterChange } from './explanation.ts'
import type { StepKind } from './slice.ts'

interface Step {
  readonly insn: number
  /** The instruction that followed on this path. */
  readonly next: number
  readonly kind: StepKind
  readonly registers: readonly RegisterChange[]
}

/** What a step does to the value that matters, in a few words. */
export function noteOf(env: Env, step: Step): string {
  const { program: p } = env
  const { insn, kind, registers } = step
  const code = p.code[insn] ?? 0
  const names = registers.map((r) => r.name).join(', ')
  const dst = `r${p.dst[insn]}`
  const src = `r${p.src[insn]}`
  switch (kind) {
    case 'value':
      if (classOf(code) === BPF_ST) return `${names || 'the stack'} is set to ${p.imm[insn]}`
      return classOf(code) === BPF_LDX ? `${dst} is read from memory` : `${dst} is set`
    case 'copy':
      if (classOf(code) === BPF_STX) return `${src} is kept on the stack`
      return classOf(code) === BPF_LDX ? `${dst} comes back from the stack` : `${dst} is a copy of ${src}`
    case 'arithmetic':
      return hasSrcReg(code) && src !== dst ? `${dst} changes by ${src}` : `${dst} changes`
    case 'check':
      return checked(step, taken(env, step))
    case 'turn':
      return taken(env, step) ? 'this path takes the jump' : 'this path goes on'
    case 'result':
      return `r0 is what ${callee(env, insn)} returns${kindOf(registers)}`
    case 'lost':
      return code === CALL ? `${callee(env, insn)} leaves nothing of ${names}` : `${names} is lost`
    case 'call':
      if (code !== CALL) return names ? `${names} is returned` : 'the function returns'
      return names ? `${names} goes into ${callee(env, insn)}` : `${callee(env, insn)} is entered`
    case 'acquire':
      return `${callee(env, insn)} is called${kindOf(registers)}`
    case 'failure':
      return 'here it fails'
  }
}

function callee(env: Env, insn: number): string {
  const { program: p } = env
  if (isHelperCall(p, insn)) return helperName(env, p.imm[insn]!).replace(/#\d+$/, '')
  if (isPseudoCall(p, insn)) {
    const name = env.containingSubprog(insn + p.imm[insn]! + 1).name
    return name || `the function at ${insn + p.imm[insn]! + 1}`
  }
  const reference = p.references.get(insn)
  return reference?.kind === 'kfunc' ? reference.name : 'the call'
}

const kindOf = (registers: readonly RegisterChange[]): string => {
  const type = /^[a-z_]+/.exec(registers.find((r) => r.name === 'r0')?.after ?? '')?.[0]
  return type ? `: ${kindText(type)}` : ''
}

/** Did this path jump? */
const taken = (env: Env, step: Step): boolean =>
  step.next !== step.insn + 1 && step.next === step.insn + 1 + env.program.off[step.insn]!

function checked(step: Step, jumped: boolean): string {
  const way = jumped ? 'this path takes the jump' : 'this path goes on'
  const changed = step.registers.filter((r) => r.after !== undefined && r.before !== r.after)
  if (changed.length > 0) return `${way}, and learns about ${changed.map((r) => r.name).join(', ')}`
  return `${way}, and learns nothing about ${step.registers.map((r) => r.name).join(', ')}`
}
