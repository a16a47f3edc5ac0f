import { ANCILLARY, type ClassicInsn, type ClassicOpName, classicOps, SKF_AD_OFF } from '@skep/isa'
import type { ArithmeticOperator } from './ir.ts'
import type { ValueId, Values } from './values.ts'

export const insn = (name: ClassicOpName, k = 0, jt = 0, jf = 0): ClassicInsn => ({
  code: classicOps[name].code,
  jt,
  jf,
  k: k >>> 0,
})

const LOAD = { 1: 'ld_b_abs', 2: 'ld_h_abs', 4: 'ld_w_abs' } as const
const LOAD_INDIRECT = { 1: 'ld_b_ind', 2: 'ld_h_ind', 4: 'ld_w_ind' } as const
const COMMUTES: ReadonlySet<string> = /* @__PURE__ */ new Set(['add', 'mul', 'and', 'or', 'xor'])

/** Where values are, while code is made. */
export interface Registers {
  a: ValueId | undefined
  x: ValueId | undefined
}

/** Words of M[] for variables and for what waits for another operand. */
export interface Memory {
  /** The word of a variable. */
  word(variable: number): number
  /** A word that is free `depth` levels into an expression. */
  spare(depth: number): number
}

/** Makes instructions that compute values in A and X, using what is there already. */
export class ValueCode {
  readonly out: ClassicInsn[] = []
  readonly #values: Values
  readonly #memory: Memory
  /** What is where: values with `stored` replaced by what is stored. */
  readonly registers: Registers
  #depth = 0

  constructor(values: Values, memory: Memory, registers: Registers) {
    this.#values = values
    this.#memory = memory
    this.registers = { ...registers }
  }

  #emit(name: ClassicOpName, k = 0): void {
    this.out.push(insn(name, k))
  }

  #isA(id: ValueId): boolean {
    return this.registers.a === this.#values.plain(id)
  }

  #isX(id: ValueId): boolean {
    return this.registers.x === this.#values.plain(id)
  }

  #setA(id: ValueId): void {
    this.registers.a = this.#values.plain(id)
  }

  #setX(id: ValueId): void {
    this.registers.x = this.#values.plain(id)
  }

  /** Computes a value in A. X may change. */
  toA(id: ValueId): void {
    if (this.#isA(id)) return
    const def = this.#values.def(id)
    if (this.#isX(id)) this.#emit('txa')
    else {
      switch (def.op) {
        case 'constant':
          this.#emit('ld_imm', def.value)
          break
        case 'length':
          this.#emit('ld_len')
          break
        case 'load':
          if (def.base === undefined) this.#emit(LOAD[def.size], def.offset)
          else {
            this.toX(def.base)
            this.#emit(LOAD_INDIRECT[def.size], def.offset)
          }
          break
        case 'header':
          this.#headerToA(id, def.offset, def.base)
          break
        case 'extension':
          this.#emit('ld_w_abs', SKF_AD_OFF + ANCILLARY[def.name].offset)
          break
        case 'variable':
        case 'stored':
          this.#emit('ld_mem', this.#memory.word(def.variable))
          break
        case 'met':
          throw new Error('a value that met others is in a variable')
        case 'neg':
          this.toA(def.value)
          this.#emit('neg')
          break
        default:
          this.#arithmetic(def.op, def.left, def.right)
      }
    }
    this.#setA(id)
  }

  #headerToA(id: ValueId, offset: number, base: ValueId | undefined): void {
    if (base === undefined) {
      this.#emit('ldx_msh', offset)
      this.#setX(id)
      this.#emit('txa')
      return
    }
    this.toX(base)
    this.#emit('ld_b_ind', offset)
    this.#emit('and_k', 0xf)
    this.#emit('lsh_k', 2)
  }

  /** Computes a value in X. A may change, unless `leavesA`. */
  toX(id: ValueId): void {
    if (this.#isX(id)) return
    const def = this.#values.def(id)
    if (this.#isA(id)) this.#emit('tax')
    else if (def.op === 'constant') this.#emit('ldx_imm', def.value)
    else if (def.op === 'length') this.#emit('ldx_len')
    else if (def.op === 'header' && def.base === undefined) this.#emit('ldx_msh', def.offset)
    else if (def.op === 'variable' || def.op === 'stored')
      this.#emit('ldx_mem', this.#memory.word(def.variable))
    else {
      this.toA(id)
      if (this.#isX(id)) return
      this.#emit('tax')
    }
    this.#setX(id)
  }

  /** X can be made without A. */
  #leavesA(id: ValueId): boolean {
    if (this.#isX(id)) return true
    const def = this.#values.def(id)
    return (
      def.op === 'constant' ||
      def.op === 'length' ||
      def.op === 'variable' ||
      def.op === 'stored' ||
      (def.op === 'header' && def.base === undefined)
    )
  }

  /** A can be made while X holds `x`. */
  #leavesX(id: ValueId, x: ValueId): boolean {
    if (id === x) return true
    const def = this.#values.def(id)
    switch (def.op) {
      case 'load':
        return def.base === undefined || def.base === x
      case 'header':
        return def.base === x
      case 'constant':
      case 'length':
      case 'extension':
      case 'variable':
      case 'stored':
        return true
      case 'met':
        return false
      case 'neg':
        return this.#leavesX(def.value, x)
      default:
        return this.#values.constantOf(def.right) !== undefined && this.#leavesX(def.left, x)
    }
  }

  /** Computes one value in A and another in X; false if they are the other way round, which `mayTurn` allows. */
  both(a: ValueId, x: ValueId, mayTurn: boolean): boolean {
    if (this.#isA(a) && this.#leavesA(x)) this.toX(x)
    else if (mayTurn && this.#isA(x) && this.#leavesA(a)) {
      this.toX(a)
      return false
    } else if (this.#leavesA(x) && !(this.#isX(x) && !this.#leavesX(a, x))) {
      this.toA(a)
      this.toX(x)
    } else if (mayTurn && this.#leavesA(a)) {
      this.toA(x)
      this.toX(a)
      return false
    } else if (this.#leavesX(a, x) && !this.#isA(a)) {
      this.toX(x)
      this.toA(a)
    } else if (mayTurn && this.#leavesX(x, a) && !this.#isA(x)) {
      this.toX(a)
      this.toA(x)
      return false
    } else if (mayTurn) {
      // What is in A already, or needs more words, first.
      this.#throughMemory(this.#isA(x) ? x : a, this.#isA(x) ? a : x)
      return this.#isX(x)
    } else this.#throughMemory(x, a)
    return true
  }

  /** The first value in X, the second one in A. */
  #throughMemory(x: ValueId, a: ValueId): void {
    const word = this.#memory.spare(this.#depth++)
    this.toA(x)
    this.#emit('st', word)
    this.toA(a)
    this.#emit('ldx_mem', word)
    this.#setX(x)
    this.#depth--
  }

  #arithmetic(op: ArithmeticOperator, left: ValueId, right: ValueId): void {
    const k = this.#values.constantOf(right)
    if (k !== undefined && !((op === 'div' || op === 'mod') && k === 0)) {
      this.toA(left)
      // Shifts by so much give 0, and Linux takes no such constant.
      if ((op === 'lsh' || op === 'rsh') && k > 31) this.#emit('ld_imm', 0)
      else this.#emit(`${op}_k`, k)
      return
    }
    this.both(left, right, COMMUTES.has(op))
    if ((op === 'lsh' || op === 'rsh') && this.#values.max(right) > 31) this.#shift(op)
    else this.#emit(`${op}_x`)
  }

  /** By 32 and more, which Linux takes modulo 32: A << X, then cleared unless X < 32. */
  #shift(op: 'lsh' | 'rsh'): void {
    const word = this.#memory.spare(this.#depth)
    this.#emit(`${op}_x`)
    this.#emit('st', word)
    this.#emit('txa')
    this.out.push(insn('jge_k', 32, 0, 2), insn('ld_imm', 0), insn('ja', 1), insn('ld_mem', word))
  }
}
