import { CLASSIC_MAX_INSNS, type ClassicInsn, classicDefs } from '@skep/isa'
import { SeccompError } from './errors.ts'

/** A word of `struct seccomp_data` as A holds it: from an offset, with a mask or as it is. */
export interface Operand {
  readonly offset: number
  readonly mask?: number
}

type Op = 'eq' | 'gt' | 'ge' | 'set'

interface Return {
  readonly kind: 'ret'
  readonly id: number
  readonly value: number
}

interface Test {
  readonly kind: 'test'
  readonly id: number
  readonly operand: Operand
  readonly op: Op
  readonly k: number
  readonly yes: Decision
  readonly no: Decision
}

/** What remains to be decided at a place of a filter. */
export type Decision = Return | Test

const tooLong = (): SeccompError =>
  new SeccompError(
    'TOO_LONG',
    `the policy needs more than ${CLASSIC_MAX_INSNS} instructions; use fewer comparisons`,
  )

const operandKey = ({ offset, mask }: Operand): string => `${offset}&${mask ?? ''}`

/** A conditional jump skips so many instructions at most. */
const FARTHEST = 255

/** Makes decisions, the same one for the same arguments: code is shared however many calls come to it. */
export class DecisionGraph {
  readonly #known = new Map<string, Decision>()

  ret(value: number): Decision {
    return this.#one(`r${value >>> 0}`, (id) => ({ kind: 'ret', id, value: value >>> 0 }))
  }

  /**
   * A op k, unsigned; `set`: they have a bit in common.
   *
   * @throws SeccompError `TOO_LONG`
   */
  test(operand: Operand, op: Op, k: number, yes: Decision, no: Decision): Decision {
    if (yes === no) return yes
    const key = `${operandKey(operand)} ${op} ${k} ${yes.id} ${no.id}`
    return this.#one(key, (id) => ({ kind: 'test', id, operand, op, k: k >>> 0, yes, no }))
  }

  #one(key: string, make: (id: number) => Decision): Decision {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    // A test is an instruction at least.
    if (this.#known.size > CLASSIC_MAX_INSNS) throw tooLong()
    const made = make(this.#known.size)
    this.#known.set(key, made)
    return made
  }
}

/**
 * The code of a decision.
 *
 * @throws SeccompError `TOO_LONG`
 */
export const emitDecision = (root: Decision): ClassicInsn[] => new Code().run(root)

/**
 * Code is put down from its end to its start, so that what is jumped to is there already. What is too far away for a
 * conditional jump gets a jump, or a copy of the return, in between.
 */
class Code {
  readonly #reversed: ClassicInsn[] = []
  /** Where decisions begin, counted from the end: `r` returns, `t` tests that find A loaded, `l` the load before it. */
  readonly #places = new Map<string, number>()

  run(root: Decision): ClassicInsn[] {
    const { tests, loaded } = reachable(root)
    for (const test of tests) {
      this.#test(test)
      if (loaded.has(test)) this.#load(test)
    }
    if (root.kind === 'ret') this.#put('ret_k', root.value)
    return this.#reversed.reverse()
  }

  #put(name: 'ld_w_abs' | 'and_k' | 'ja' | 'ret_k' | `j${Op}_k`, k: number, jt = 0, jf = 0): number {
    if (this.#reversed.length >= CLASSIC_MAX_INSNS) throw tooLong()
    return this.#reversed.push({ code: classicDefs[name].code, jt, jf, k })
  }

  #test({ id, operand, op, k, yes, no }: Test): void {
    const held = operandKey(operand)
    const [toYes, toNo] = [this.#target(yes, held), this.#target(no, held)]
    this.#near(toNo, no, 1)
    this.#near(toYes, yes, 0)
    this.#places.set(`t${id}`, this.#put(`j${op}_k`, k, this.#distance(toYes), this.#distance(toNo)))
  }

  #load({ id, operand }: Test): void {
    if (operand.mask !== undefined) this.#put('and_k', operand.mask)
    this.#places.set(`l${id}`, this.#put('ld_w_abs', operand.offset))
  }

  #target(decision: Decision, held: string): string {
    if (decision.kind === 'test')
      return operandKey(decision.operand) === held ? `t${decision.id}` : `l${decision.id}`
    const key = `r${decision.id}`
    if (!this.#places.has(key)) this.#places.set(key, this.#put('ret_k', decision.value))
    return key
  }

  /** How many instructions one that is put down next would skip. */
  #distance(key: string): number {
    return this.#reversed.length - this.#places.get(key)!
  }

  /** Brings what is too far away near, where so many may still come in between. */
  #near(key: string, decision: Decision, more: number): void {
    const distance = this.#distance(key)
    if (distance + more <= FARTHEST) return
    const copied = decision.kind === 'ret'
    this.#places.set(key, copied ? this.#put('ret_k', decision.value) : this.#put('ja', distance))
  }
}

/** What a decision needs: its tests, each after those that it leads to, and before which of them A must be loaded. */
function reachable(root: Decision): {
  readonly tests: readonly Test[]
  readonly loaded: ReadonlySet<Decision>
} {
  const found = new Set<Decision>()
  const loaded = new Set<Decision>([root])
  const open = [root]
  for (let decision = open.pop(); decision !== undefined; decision = open.pop()) {
    if (found.has(decision)) continue
    found.add(decision)
    if (decision.kind === 'ret') continue
    for (const next of [decision.yes, decision.no]) {
      open.push(next)
      if (next.kind === 'test' && operandKey(next.operand) !== operandKey(decision.operand)) loaded.add(next)
    }
  }
  // What leads nowhere but to what is there already was made later.
  const tests = [...found].filter((one) => one.kind === 'test').sort((a, b) => a.id - b.id)
  return { tests, loaded }
}
