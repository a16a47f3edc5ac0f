import type { RawSlot } from './decode.ts'
import type { Insn, RawFields } from './insn.ts'
import { ALU_OPERATOR, JUMP_OPERATOR } from './operators.ts'
import { allDefs, type OpDef } from './table.ts'

export interface FormatKernelOptions {
  /** The name of a helper; `unknown` is written where it gives none. */
  readonly helperName?: (id: number) => string | undefined
  /** The name of a kernel function; `kernel-function` is written where it gives none. */
  readonly kfuncName?: (btfId: number, off: number) => string | undefined
  /** What an ld_imm64 loads, such as an address; otherwise its 64 bits are written in hex. */
  readonly imm64?: (insn: Insn) => string | undefined
}

const signed = (value: number): string => (value < 0 ? `${value}` : `+${value}`)
const hex2 = (value: number): string => value.toString(16).padStart(2, '0')

type AtomicDef = Extract<OpDef, { readonly kind: 'atomic' }>

function atomic(def: AtomicDef, { dst, src, off }: Omit<RawFields, 'code'>, type: string): string {
  const at = `(${type} *)(r${dst} ${signed(off)})`
  const prefix = type === 'u64' ? 'atomic64' : 'atomic'
  if (def.atomicOp === 'cmpxchg') return `r0 = ${prefix}_cmpxchg(${at}, r0, r${src})`
  if (def.atomicOp === 'xchg') return `r${src} = ${prefix}_xchg(${at}, r${src})`
  return def.fetch
    ? `r${src} = ${prefix}_fetch_${def.atomicOp}(${at}, r${src})`
    : `lock *${at} ${ALU_OPERATOR[def.atomicOp]}= r${src}`
}

function body(insn: Insn, options: FormatKernelOptions): string {
  const { def, dst, src, off, imm } = insn
  const r = 'width' in def && def.width === 32 ? 'w' : 'r'
  const type = 'size' in def ? `u${def.size * 8}` : ''
  switch (def.kind) {
    case 'alu':
      return `${r}${dst} ${ALU_OPERATOR[def.aluOp]}= ${def.source === 'reg' ? `${r}${src}` : imm}`
    case 'mov':
      if (def.source === 'imm') return `${r}${dst} = ${imm}`
      // Bad programs: values of off that mean something elsewhere still show.
      if (off === 32) return `${r}${dst} = (s32)${r}${src}`
      return off === -1 && r === 'r' ? `r${dst} = &(void __percpu *)(r${src})` : `${r}${dst} = ${r}${src}`
    case 'movsx':
      return `${r}${dst} = (s${def.from})${r}${src}`
    case 'neg':
      return `${r}${dst} = -${r}${dst}`
    case 'endian':
      return `r${dst} = ${def.name} r${dst}`
    case 'addr_space_cast':
      return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`
    case 'ldx':
      return `r${dst} = *(${type} *)(r${src} ${signed(off)})`
    case 'ldxsx':
      return `r${dst} = *(s${def.size * 8} *)(r${src} ${signed(off)})`
    case 'st':
      return `*(${type} *)(r${dst} ${signed(off)}) = ${imm}`
    case 'stx':
      return `*(${type} *)(r${dst} ${signed(off)}) = r${src}`
    case 'atomic':
      return atomic(def, insn, type)
    case 'load_acq':
      return `r${dst} = load_acquire((${type} *)(r${src} ${signed(off)}))`
    case 'store_rel':
      return `store_release((${type} *)(r${dst} ${signed(off)}), r${src})`
    case 'ld_abs':
      return `r0 = *(${type} *)skb[${imm}]`
    case 'ld_ind':
      return `r0 = *(${type} *)skb[r${src} + ${imm}]`
    case 'ld_imm64':
      return `r${dst} = ${options.imm64?.(insn) ?? `0x${(insn.imm64 ?? BigInt(imm >>> 0)).toString(16)}`}`
    case 'ld_imm64_hi':
      return ''
    case 'jump': {
      const right = def.source === 'reg' ? `${r}${src}` : `0x${(imm >>> 0).toString(16)}`
      return `if ${r}${dst} ${JUMP_OPERATOR[def.jumpOp]} ${right} goto pc${signed(off)}`
    }
    case 'ja':
      return def.name === 'ja' ? `goto pc${signed(off)}` : `gotol pc${signed(imm)}`
    case 'may_goto':
      // A bad program: the kernel takes it for a jump without a condition, and prints a null pointer as that.
      if (src !== 0) return `if r${dst} (null) 0x${(imm >>> 0).toString(16)} goto pc${signed(off)}`
      return `may_goto pc${signed(off)}`
    case 'call':
      switch (def.callee) {
        case 'helper':
          return `call ${options.helperName?.(imm) ?? 'unknown'}#${imm}`
        case 'local':
          return `call pc${signed(imm)}`
        case 'kfunc':
          return `call ${options.kfuncName?.(imm, off) ?? 'kernel-function'}#${imm}`
      }
      break
    case 'callx':
      return `callx r${dst}`
    case 'gotox':
      return `gotox r${dst}`
    case 'exit':
      return 'exit'
  }
}

const BYTES: readonly number[] = [4, 2, 1, 8]

/** Slots that are no instruction, but that the kernel prints before it refuses them. */
function undefinedSlot(slot: RawFields): string {
  const { code, dst, imm } = slot
  const prefix = `(${hex2(code)})`
  switch (code) {
    case 0xd4:
      return `${prefix} r${dst} = le${imm} r${dst}`
    case 0xdc:
      return `${prefix} r${dst} = be${imm} r${dst}`
    case 0xd7:
      return `${prefix} r${dst} = bswap${imm} r${dst}`
    case 0x85:
      return `${prefix} call unknown#${imm}`
  }
  if ((code & 0xe7) === 0xc3) {
    // An atomic operation on one or two bytes.
    const def = allDefs.find((row): row is AtomicDef => row.kind === 'atomic' && row.imm === imm)
    if (def !== undefined) return `${prefix} ${atomic(def, slot, `u${BYTES[(code >> 3) & 3]! * 8}`)}`
  }
  return `BUG_${hex2(code)}`
}

/**
 * The text of one instruction as the kernel's verifier log and bpftool's dumps write it, the opcode byte in
 * front: `(bf) r6 = r1`. Follows kernel/bpf/disasm.c, Linux 6.18, also where a slot from `decodeLenient` has
 * a problem. An ld_imm64_hi has no text.
 */
export function formatKernel(insn: Insn | RawSlot, options: FormatKernelOptions = {}): string {
  const { def } = insn
  if (def === undefined) return undefinedSlot(insn as RawSlot)
  return def.kind === 'ld_imm64_hi' ? '' : `(${hex2(def.code)}) ${body(insn as Insn, options)}`
}
