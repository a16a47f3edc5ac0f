import type { RowMap } from '@skep/registry'
import { LD_IMM64, type Node, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC } from '../draft.ts'
import { MAPS } from './maps.ts'

/** A place in the program that jumps may name before it is there. */
export interface Label {
  node?: Node
  readonly users: Node[]
}

const ALU: Readonly<Record<string, number>> = {
  '+=': 0x00,
  '-=': 0x10,
  '*=': 0x20,
  '/=': 0x30,
  '|=': 0x40,
  '&=': 0x50,
  '<<=': 0x60,
  '>>=': 0x70,
  '%=': 0x90,
  '^=': 0xa0,
  '=': 0xb0,
  's>>=': 0xc0,
}
export type AluSign = '+=' | '-=' | '*=' | '/=' | '|=' | '&=' | '<<=' | '>>=' | '%=' | '^=' | '=' | 's>>='
export const ALU_SIGNS: readonly AluSign[] = Object.keys(ALU) as AluSign[]

const JUMP: Readonly<Record<string, number>> = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '&': 0x40,
  '!=': 0x50,
  's>': 0x60,
  's>=': 0x70,
  '<': 0xa0,
  '<=': 0xb0,
  's<': 0xc0,
  's<=': 0xd0,
}
export type JumpSign = '==' | '>' | '>=' | '&' | '!=' | 's>' | 's>=' | '<' | '<=' | 's<' | 's<='
export const JUMP_SIGNS: readonly JumpSign[] = Object.keys(JUMP) as JumpSign[]

const SIZE: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 }
export type Width = 1 | 2 | 4 | 8

/** Writes instructions one after another, with labels and maps by name. Operands that are numbers of registers come first. */
export class Writer {
  readonly nodes: Node[] = []
  readonly maps: RowMap[] = []
  #pending: Label[] = []

  emit(code: number, dst: number, src = 0, off = 0, imm = 0): Node {
    return this.push({ code, dst, src, off, imm })
  }

  push(node: Node): Node {
    for (const label of this.#pending) label.node = node
    this.#pending = []
    this.nodes.push(node)
    return node
  }

  label(): Label {
    return { users: [] }
  }

  /** The label is at the next instruction. */
  place(label: Label): void {
    this.#pending.push(label)
  }

  /** Is a label waiting for the instruction after the last? */
  get open(): boolean {
    return this.#pending.length > 0
  }

  #to(node: Node, label: Label): Node {
    label.users.push(node)
    this.#labels.add(label)
    return this.push(node)
  }

  readonly #labels = new Set<Label>()

  /** Ties the jumps to their labels; every label must be placed. */
  finish(): void {
    for (const { node, users } of this.#labels) for (const user of users) if (node) user.target = node
  }

  alu(sign: AluSign, dst: number, imm: number, wide = true): Node {
    return this.emit(ALU[sign]! | (wide ? 7 : 4), dst, 0, 0, imm)
  }

  aluReg(sign: AluSign, dst: number, src: number, wide = true): Node {
    return this.emit(ALU[sign]! | 8 | (wide ? 7 : 4), dst, src)
  }

  mov(dst: number, imm: number): Node {
    return this.alu('=', dst, imm)
  }

  movReg(dst: number, src: number): Node {
    return this.aluReg('=', dst, src)
  }

  /** dst = base + offset, for pointers. */
  pointer(dst: number, base: number, offset: number): void {
    this.movReg(dst, base)
    if (offset !== 0) this.alu('+=', dst, offset)
  }

  load(width: Width, dst: number, base: number, off: number, signed = false): Node {
    return this.emit((signed ? 0x81 : 0x61) | SIZE[width]!, dst, base, off)
  }

  store(width: Width, base: number, off: number, src: number): Node {
    return this.emit(0x63 | SIZE[width]!, base, src, off)
  }

  storeImm(width: Width, base: number, off: number, imm: number): Node {
    return this.emit(0x62 | SIZE[width]!, base, 0, off, imm)
  }

  atomic(width: 4 | 8 | 1 | 2, base: number, off: number, src: number, op: number): Node {
    return this.emit(0xc3 | SIZE[width]!, base, src, off, op)
  }

  jump(sign: JumpSign, dst: number, imm: number, label: Label, wide = true): Node {
    return this.#to({ code: JUMP[sign]! | (wide ? 5 : 6), dst, src: 0, off: 0, imm }, label)
  }

  jumpReg(sign: JumpSign, dst: number, src: number, label: Label, wide = true): Node {
    return this.#to({ code: JUMP[sign]! | 8 | (wide ? 5 : 6), dst, src, off: 0, imm: 0 }, label)
  }

  goto(label: Label, long = false): Node {
    return this.#to({ code: long ? 0x06 : 0x05, dst: 0, src: 0, off: 0, imm: 0 }, label)
  }

  mayGoto(label: Label): Node {
    return this.#to({ code: 0xe5, dst: 0, src: 0, off: 0, imm: 0 }, label)
  }

  constant(dst: number, low: number, high: number): Node {
    return this.push({ code: LD_IMM64, dst, src: 0, off: 0, imm: low, high })
  }

  #map(name: string): number {
    const known = this.maps.findIndex((map) => map.name === name)
    if (known >= 0) return known
    this.maps.push(MAPS[name]!)
    return this.maps.length - 1
  }

  /** The map's address, or with an offset an address in its first value. */
  map(dst: number, name: string, offset?: number): Node {
    const src = offset === undefined ? 1 : 2
    return this.push({ code: LD_IMM64, dst, src, off: 0, imm: 0, high: offset ?? 0, map: this.#map(name) })
  }

  function(dst: number, label: Label): Node {
    return this.#to({ code: LD_IMM64, dst, src: PSEUDO_FUNC, off: 0, imm: 0, high: 0 }, label)
  }

  helper(id: number): Node {
    return this.emit(0x85, 0, 0, 0, id)
  }

  kfunc(name: string): Node {
    return this.push({ code: 0x85, dst: 0, src: PSEUDO_KFUNC, off: 0, imm: 0, kfunc: name })
  }

  call(label: Label): Node {
    return this.#to({ code: 0x85, dst: 0, src: PSEUDO_CALL, off: 0, imm: 0 }, label)
  }

  exit(): Node {
    return this.emit(0x95, 0)
  }
}
