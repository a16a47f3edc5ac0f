import type { Insn } from './insn.ts'
import { targetDelta } from './insn.ts'
import { ALU_OPERATOR, JUMP_OPERATOR } from './operators.ts'

/** A name for a place in the section, as in the object's symbol table. */
export interface CodeSymbol {
  readonly name: string
  /** In bytes from the start of the section. */
  readonly offset: number
}

export interface FormatLlvmOptions {
  /**
   * Whose text: `generic` is `llvm-objdump -d`, `v3` is `llvm-objdump -d --mcpu=v3`. The generic one writes
   * r for w registers in narrow loads and stores, prints an atomic32_fetch_add as if it fetched nothing and
   * the other 32-bit atomics as `<unknown>`. Default `generic`.
   */
  readonly cpu?: 'generic' | 'v3'
  /** Symbols of the section; jump targets are written relative to the nearest one at or before them. */
  readonly symbols?: readonly CodeSymbol[]
  /** The section's name, which stands for a symbol where none comes before the target. */
  readonly section?: string
}

const hex = (value: number): string => (value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`)
const signedHex = (value: number): string => (value < 0 ? hex(value) : `+${hex(value)}`)
const hex64 = (value: bigint): string => {
  const signed = BigInt.asIntN(64, value)
  return signed < 0n ? `-0x${(-signed).toString(16)}` : `0x${signed.toString(16)}`
}
const address = (register: number, off: number): string =>
  off < 0 ? `r${register} - 0x${(-off).toString(16)}` : `r${register} + 0x${off.toString(16)}`

type SortedSymbols = readonly CodeSymbol[]

/** In the order in which llvm-objdump looks: by address, then by name; the last one at an address wins. */
function sortSymbols(symbols: readonly CodeSymbol[]): SortedSymbols {
  return symbols.toSorted((a, b) => a.offset - b.offset || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function place(target: number, symbols: SortedSymbols, section: string | undefined): string {
  // A target before the section wraps around as an unsigned address, so that the last symbol is nearest.
  let low = 0
  let high = symbols.length
  if (target < 0) low = high
  while (low < high) {
    const middle = (low + high) >> 1
    if (symbols[middle]!.offset <= target) low = middle + 1
    else high = middle
  }
  const nearest = symbols[low - 1] ?? (section === undefined ? undefined : { name: section, offset: 0 })
  if (nearest === undefined) return ''
  const distance = BigInt.asUintN(64, BigInt(target - nearest.offset))
  return distance === 0n ? ` <${nearest.name}>` : ` <${nearest.name}+0x${distance.toString(16)}>`
}

/** The text of one instruction; `where` says what goes after a jump's distance. */
function format(insn: Insn, alu32: boolean, where: (insn: Insn) => string): string {
  const { def, dst, src, off, imm } = insn
  const r = 'width' in def && def.width === 32 ? 'w' : 'r'
  switch (def.kind) {
    case 'alu':
      return `${r}${dst} ${ALU_OPERATOR[def.aluOp]}= ${def.source === 'reg' ? `${r}${src}` : hex(imm)}`
    case 'mov':
      return `${r}${dst} = ${def.source === 'reg' ? `${r}${src}` : hex(imm)}`
    case 'movsx':
      return `${r}${dst} = (s${def.from})${r}${src}`
    case 'neg':
      return `${r}${dst} = -${r}${dst}`
    case 'endian':
      return `r${dst} = ${def.name} r${dst}`
    case 'addr_space_cast':
      return `r${dst} = addr_space_cast(r${src}, ${hex(imm >>> 16)}, ${hex(imm & 0xffff)})`
    case 'ldx': {
      const to = alu32 && def.size < 8 ? 'w' : 'r'
      return `${to}${dst} = *(u${def.size * 8} *)(${address(src, off)})`
    }
    case 'ldxsx':
      return `r${dst} = *(s${def.size * 8} *)(${address(src, off)})`
    case 'st':
      return `*(u${def.size * 8} *)(${address(dst, off)}) = ${hex(imm)}`
    case 'stx': {
      const from = alu32 && def.size < 8 ? 'w' : 'r'
      return `*(u${def.size * 8} *)(${address(dst, off)}) = ${from}${src}`
    }
    case 'atomic': {
      const at = `(u${def.width} *)(${address(dst, off)})`
      if (def.width === 32 && !alu32) {
        return def.atomicOp === 'add' ? `lock *${at} += r${src}` : '<unknown>'
      }
      const value = `${r}${src}`
      if (def.atomicOp === 'xchg') {
        return `${value} = xchg${def.width === 32 ? '32_32' : '_64'}(${address(dst, off)}, ${value})`
      }
      if (def.atomicOp === 'cmpxchg') {
        const name = def.width === 32 ? 'cmpxchg32_32' : 'cmpxchg_64'
        return `${r}0 = ${name}(${address(dst, off)}, ${r}0, ${value})`
      }
      return def.fetch
        ? `${value} = atomic_fetch_${def.atomicOp}(${at}, ${value})`
        : `lock *${at} ${ALU_OPERATOR[def.atomicOp]}= ${value}`
    }
    case 'load_acq':
      return `${def.size < 8 ? 'w' : 'r'}${dst} = load_acquire((u${def.size * 8} *)(${address(src, off)}))`
    case 'store_rel':
      return `store_release((u${def.size * 8} *)(${address(dst, off)}), ${def.size < 8 ? 'w' : 'r'}${src})`
    case 'ld_abs':
      return `r0 = *(u${def.size * 8} *)skb[${hex(imm)}]`
    case 'ld_ind':
      return `r0 = *(u${def.size * 8} *)skb[r${src}]`
    case 'ld_imm64':
      return src === 0
        ? `r${dst} = ${hex64(insn.imm64 ?? BigInt(imm))} ll`
        : `ld_pseudo r${dst}, ${hex(src)}, ${hex(imm >>> 0)}`
    case 'ld_imm64_hi':
      return ''
    case 'jump': {
      const right = def.source === 'reg' ? `${r}${src}` : hex(imm)
      return `if ${r}${dst} ${JUMP_OPERATOR[def.jumpOp]} ${right} goto ${signedHex(off)}${where(insn)}`
    }
    case 'ja':
      return def.name === 'ja'
        ? `goto ${signedHex(off)}${where(insn)}`
        : `gotol ${signedHex(imm)}${where(insn)}`
    case 'may_goto':
      return `may_goto ${signedHex(off)}${where(insn)}`
    case 'call':
      return `call ${hex(imm)}`
    case 'callx':
      return `callx r${dst}`
    case 'gotox':
      return `gotox r${dst}`
    case 'exit':
      return 'exit'
  }
}

/**
 * Disassembles a section in LLVM's syntax: the text that llvm-objdump 19 prints after the bytes. The array
 * is parallel to `insns`; the entry of an ld_imm64_hi is empty. Instructions that LLVM 19 does not know
 * (load_acq, store_rel, gotox) are written as later versions write them.
 *
 * The syntax does not say everything: a call's kind, the high half of a pseudo ld_imm64 and the imm of
 * ld_ind are lost. `formatMnemonic` says everything.
 */
export function formatLlvm(insns: readonly Insn[], options: FormatLlvmOptions = {}): string[] {
  const symbols = sortSymbols(options.symbols ?? [])
  const alu32 = options.cpu === 'v3'
  return insns.map((insn, index) =>
    format(insn, alu32, () => place((index + 1 + (targetDelta(insn) ?? 0)) * 8, symbols, options.section)),
  )
}
