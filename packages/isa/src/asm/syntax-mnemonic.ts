import { allDefs, defs, type OpDef } from '../ebpf/table.ts'
import type { Cursor } from './cursor.ts'
import { address, atRegister, type Item, imm64, register, target } from './operands.ts'
import type { Token } from './tokens.ts'

/** Other names for the same instruction: ubpf, bpf_conformance and rbpf write these. */
function aliasesOf(def: OpDef): string[] {
  if (def.kind === 'endian' && def.order === 'bswap') return [`swap${def.size * 8}`]
  const full64 = ['alu', 'mov', 'neg', 'jump', 'atomic'].includes(def.kind) && !/32$/.test(def.mnemonic)
  return full64 ? [`${def.mnemonic}64`] : []
}

/** The rows of each mnemonic; several where the operands decide. */
function buildMnemonics(): ReadonlyMap<string, readonly OpDef[]> {
  const byMnemonic = new Map<string, OpDef[]>()
  for (const def of allDefs) {
    if (def.mnemonic === '') continue
    for (const name of [def.mnemonic, ...aliasesOf(def)]) {
      byMnemonic.set(name, [...(byMnemonic.get(name) ?? []), def])
    }
  }
  return byMnemonic
}

const byMnemonic: ReadonlyMap<string, readonly OpDef[]> = /* @__PURE__ */ buildMnemonics()

const MOST_WORDS = 3

/** The longest run of words, from the cursor on, that is a mnemonic. */
function findMnemonic(
  cursor: Cursor,
): { readonly rows: readonly OpDef[]; readonly words: number } | undefined {
  for (let words = MOST_WORDS; words > 0; words--) {
    const texts: string[] = []
    for (let i = 0; i < words; i++) texts.push(cursor.peek(i)?.text ?? '')
    const rows = byMnemonic.get(texts.join(' '))
    if (rows !== undefined) return { rows, words }
  }
  return undefined
}

/** Where the kernel's and LLVM's text has a helper's name, its number. */
export type HelperLookup = (name: string) => number | undefined

/** `call 5`, `call r2`, `call bpf_ktime_get_ns#5`, `call local +3`, `call kfunc 7`, `call pc+3`, `call name`. */
export function parseCall(cursor: Cursor, at: Token, helperId: HelperLookup): Item {
  const token = cursor.peek()
  if (token?.kind === 'helper') {
    cursor.skip(1)
    const [name, id] = token.text.split('#') as [string, string]
    const imm = Number(id)
    if (!Number.isSafeInteger(imm) || (imm | 0) !== imm) {
      cursor.fail('OUT_OF_RANGE', token, `${id} is no 32-bit immediate`)
    }
    return { def: name === 'kernel-function' ? defs.call_kfunc : defs.call_helper, imm, at }
  }
  if (atRegister(cursor)) return { def: defs.callx, dst: register(cursor, 64).number, at }
  if (cursor.atNumber()) return { def: defs.call_helper, imm: cursor.imm32(), at }
  const afterWord = cursor.peek(1)
  if (afterWord !== undefined) {
    if (cursor.accept('local')) return { def: defs.call_local, target: target(cursor, 32), at }
    if (cursor.accept('kfunc')) {
      const imm = cursor.imm32()
      const off = cursor.accept(',') ? cursor.off16() : 0
      return { def: defs.call_kfunc, imm, off, at }
    }
    if (cursor.looksAt('pc')) return { def: defs.call_local, target: target(cursor, 32), at }
  }
  if (token?.kind === 'word') {
    const imm = helperId(token.text)
    if (imm !== undefined) {
      cursor.skip(1)
      return { def: defs.call_helper, imm, at }
    }
  }
  const goal = target(cursor, 32)
  return { def: defs.call_local, target: goal, at }
}

/** The operands of an instruction whose mnemonic has been read. */
function parseOperands(cursor: Cursor, rows: readonly OpDef[], at: Token, helperId: HelperLookup): Item {
  const bySource = (source: 'imm' | 'reg'): OpDef => rows.find((row) => row.source === source) ?? rows[0]!
  const def = rows[0]!
  switch (def.kind) {
    case 'alu':
    case 'mov': {
      const dst = register(cursor, 64).number
      cursor.expect(',')
      return atRegister(cursor)
        ? { def: bySource('reg'), dst, src: register(cursor, 64).number, at }
        : { def: bySource('imm'), dst, imm: valueOperand(cursor), at }
    }
    case 'movsx': {
      const dst = register(cursor, 64).number
      cursor.expect(',')
      return { def, dst, src: register(cursor, 64).number, at }
    }
    case 'neg':
    case 'endian':
    case 'callx':
    case 'gotox':
      return { def, dst: register(cursor, 64).number, at }
    case 'addr_space_cast': {
      const dst = register(cursor, 64).number
      cursor.expect(',')
      const src = register(cursor, 64).number
      cursor.expect(',')
      const to = addressSpace(cursor)
      cursor.expect(',')
      return { def, dst, src, imm: (to << 16) | addressSpace(cursor), at }
    }
    case 'ldx':
    case 'ldxsx':
    case 'load_acq': {
      const dst = register(cursor, 64).number
      cursor.expect(',')
      const from = bracketed(cursor)
      return { def, dst, src: from.register, off: from.off, at }
    }
    case 'st': {
      const to = bracketed(cursor)
      cursor.expect(',')
      return { def, dst: to.register, off: to.off, imm: cursor.imm32(), at }
    }
    case 'stx':
    case 'store_rel':
    case 'atomic': {
      const to = bracketed(cursor)
      cursor.expect(',')
      return { def, dst: to.register, off: to.off, src: register(cursor, 64).number, at }
    }
    case 'ld_abs':
      return { def, imm: cursor.imm32(), at }
    case 'ld_ind': {
      const src = register(cursor, 64).number
      cursor.expect(',')
      return { def, src, imm: cursor.imm32(), at }
    }
    case 'ld_imm64': {
      const dst = register(cursor, 64).number
      cursor.expect(',')
      return { def, dst, ...imm64(cursor), at }
    }
    case 'jump': {
      const dst = register(cursor, 64).number
      cursor.expect(',')
      const operand = atRegister(cursor)
        ? { def: bySource('reg'), src: register(cursor, 64).number }
        : { def: bySource('imm'), imm: valueOperand(cursor) }
      cursor.expect(',')
      return { ...operand, dst, target: target(cursor, 16), at }
    }
    case 'ja':
      return { def, target: target(cursor, def.name === 'ja' ? 16 : 32), at }
    case 'may_goto':
      return { def, target: target(cursor, 16), at }
    case 'call':
      if (def.callee === 'local') return { def, target: target(cursor, 32), at }
      if (def.callee === 'helper') return parseCall(cursor, at, helperId)
      return {
        def,
        imm: cursor.imm32(),
        off: cursor.accept(',') ? cursor.off16() : 0,
        at,
      }
    case 'exit':
    case 'ld_imm64_hi':
      return { def, at }
  }
}

function valueOperand(cursor: Cursor): number {
  if (!cursor.atNumber()) cursor.unexpected('a register r0 to r10', 'a number')
  return cursor.imm32()
}

export function addressSpace(cursor: Cursor): number {
  return Number(cursor.integer('16-bit address space', 0n, 0xffffn))
}

function bracketed(cursor: Cursor): { readonly register: number; readonly off: number } {
  cursor.expect('[')
  const found = address(cursor)
  cursor.expect(']')
  return found
}

/** One statement in the mnemonic syntax. */
export function parseMnemonic(cursor: Cursor, helperId: HelperLookup): Item {
  const at = cursor.peek()!
  const found = findMnemonic(cursor)
  if (found === undefined) {
    cursor.fail('UNKNOWN_MNEMONIC', at, `\`${at.text}\` is no instruction`, nearest(at.text))
  }
  cursor.skip(found.words)
  return parseOperands(cursor, found.rows, at, helperId)
}

/** Mnemonics one edit away, to be named in an error. */
function nearest(word: string): string[] {
  if (word.length > 24) return []
  const close = [...byMnemonic.keys()].filter((name) => isOneEditApart(name, word))
  return close.slice(0, 3).map((name) => `\`${name}\``)
}

function isOneEditApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return (
    a.slice(at + 1) === b.slice(at + 1) ||
    a.slice(at + 1) === b.slice(at) ||
    a.slice(at) === b.slice(at + 1) ||
    (a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2))
  )
}
