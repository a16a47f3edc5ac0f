import { decodeLenient, formatKernel, type RawSlot } from '@skep/isa'
import type { Env } from './env.ts'
import { knownName } from './helper-lookup.ts'
import { kernelFunctionAt } from './kfunc/prototype.ts'
import {
  BPF_ADD_CONST,
  REG_AUX2,
  REG_AUX3,
  REG_S32_MAX,
  REG_S32_MIN,
  REG_SMAX,
  REG_SMIN,
  REG_U32_MAX,
  REG_U32_MIN,
  REG_UMAX,
  REG_UMIN,
  REG_VAR_OFF_MASK,
  REG_VAR_OFF_VALUE,
} from './layout.ts'
import { MAX_BPF_REG } from './limits.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  isNonOwningRef,
  isPacketPointer,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_STACK,
  SCALAR_VALUE,
  typeName,
} from './reg-type.ts'
import { aux0, aux1, idOf, isPrecise, mapOf, offOf, refOf, typeOf, word } from './regs.ts'
import { type Frame, STACK_DYNPTR, STACK_INVALID, STACK_ITER, STACK_SPILL, type State } from './state.ts'

// 64-bit values are BigInts here: formatting happens only at log level 1 and above, and for refusals.

const u64At = (env: Env, address: number): bigint => {
  const { i32 } = env.heap
  return (BigInt(i32[(address >> 2) + 1]! >>> 0) << 32n) | BigInt(i32[address >> 2]! >>> 0)
}
export const smin64 = (env: Env, reg: number): bigint => BigInt.asIntN(64, u64At(env, reg + REG_SMIN))
export const smax64 = (env: Env, reg: number): bigint => BigInt.asIntN(64, u64At(env, reg + REG_SMAX))
export const umin64 = (env: Env, reg: number): bigint => u64At(env, reg + REG_UMIN)
export const umax64 = (env: Env, reg: number): bigint => u64At(env, reg + REG_UMAX)
export const value64 = (env: Env, reg: number): bigint => u64At(env, reg + REG_VAR_OFF_VALUE)

const U64_MAX = 2n ** 64n - 1n
const S64_MAX = 2n ** 63n - 1n
const S64_MIN = -(2n ** 63n)

const hex = (n: bigint): string => `0x${BigInt.asUintN(64, n).toString(16)}`
const unsigned = (n: bigint): string => (n <= 0xffffn ? `${n}` : hex(n))
const isSmallSigned = (n: bigint): boolean => n >= -0x8000n && n <= 0x7fffn
const signed = (n: bigint): string => (isSmallSigned(n) ? `${n}` : hex(n))

/** A tnum as tnum_strn prints it. */
export function tnumText(env: Env, reg: number): string {
  const value = u64At(env, reg + REG_VAR_OFF_VALUE)
  const mask = u64At(env, reg + REG_VAR_OFF_MASK)
  if (mask !== 0n) return `(${hex(value)}; ${hex(mask)})`
  if (value <= 0xffffn) return `${value}`
  return signed(BigInt.asIntN(64, value))
}

function scalarRanges(env: Env, reg: number): string[] {
  const s32 = (field: number): bigint => {
    const value = BigInt(word(env, reg, field))
    return isSmallSigned(value) ? value : BigInt.asUintN(32, value)
  }
  const u32 = (field: number): bigint => BigInt(word(env, reg, field) >>> 0)
  const bounds: { name: string; value: bigint; omit: boolean }[] = [
    { name: 'smin', value: smin64(env, reg), omit: smin64(env, reg) === S64_MIN },
    { name: 'smax', value: smax64(env, reg), omit: smax64(env, reg) === S64_MAX },
    { name: 'umin', value: umin64(env, reg), omit: umin64(env, reg) === 0n },
    { name: 'umax', value: umax64(env, reg), omit: umax64(env, reg) === U64_MAX },
    { name: 'smin32', value: s32(REG_S32_MIN), omit: word(env, reg, REG_S32_MIN) === -0x80000000 },
    { name: 'smax32', value: s32(REG_S32_MAX), omit: word(env, reg, REG_S32_MAX) === 0x7fffffff },
    { name: 'umin32', value: u32(REG_U32_MIN), omit: word(env, reg, REG_U32_MIN) === 0 },
    { name: 'umax32', value: u32(REG_U32_MAX), omit: word(env, reg, REG_U32_MAX) === -1 },
  ]
  const texts: string[] = []
  for (let i = 0; i < bounds.length; i++) {
    const bound = bounds[i]!
    if (bound.omit) continue
    const isSigned = bound.name.startsWith('s')
    const bits = BigInt.asUintN(64, bound.value)
    const negative = isSigned && BigInt.asIntN(64, bits) < 0n
    let text = `${bound.name}=`
    for (let j = i + 2; j < bounds.length; j += 2) {
      const other = bounds[j]!
      const otherBits = BigInt.asUintN(64, other.value)
      if (other.omit || otherBits !== bits) continue
      if ((other.name.startsWith('s') && BigInt.asIntN(64, otherBits) < 0n) !== negative) continue
      other.omit = true
      text += `${other.name}=`
    }
    texts.push(text + (isSigned ? signed(BigInt.asIntN(64, bits)) : unsigned(bits)))
  }
  return texts
}

const isMapPointer = (type: number): boolean => {
  const base = baseType(type)
  return base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_KEY || base === PTR_TO_MAP_VALUE
}

export const DYNPTR_NAMES: readonly string[] = ['<invalid>', 'local', 'ringbuf', 'skb', 'xdp', 'skb_meta']
const ITER_STATES: readonly string[] = ['<invalid>', 'active', 'drained']

/** One register, as print_reg_state. */
export function regText(env: Env, frame: Frame, reg: number): string {
  const type = typeOf(env, reg)
  const constant = env.domain.isConst(reg) !== 0
  let text = type === SCALAR_VALUE && isPrecise(env, reg) ? 'P' : ''
  if (type === SCALAR_VALUE && constant) return text + signed(BigInt.asIntN(64, value64(env, reg)))
  text += typeName(type)
  if (type === PTR_TO_ARENA) return text
  if (type === PTR_TO_STACK) {
    if (frame.frameno !== aux0(env, reg)) text += `[${aux0(env, reg)}]`
    if (constant) return text + signed(BigInt.asIntN(64, value64(env, reg) + BigInt(offOf(env, reg))))
  }
  if (baseType(type) === PTR_TO_BTF_ID) text += env.btfName(aux0(env, reg), aux1(env, reg))
  const parts: string[] = []
  const id = idOf(env, reg)
  if (id) {
    const linked = id & BPF_ADD_CONST ? `${offOf(env, reg) < 0 ? '' : '+'}${offOf(env, reg)}` : ''
    parts.push(`id=${id & ~BPF_ADD_CONST}${linked}`)
  }
  if (refOf(env, reg)) parts.push(`ref_obj_id=${refOf(env, reg)}`)
  if (isNonOwningRef(type)) parts.push('non_own_ref')
  if (isMapPointer(type)) {
    const map = mapOf(env, reg)
    if (map.name) parts.push(`map=${map.name}`)
    parts.push(`ks=${map.keySize},vs=${map.valueSize}`)
  }
  if (type !== SCALAR_VALUE && offOf(env, reg)) parts.push(`off=${signed(BigInt(offOf(env, reg)))}`)
  if (isPacketPointer(type)) parts.push(`r=${unsigned(BigInt.asUintN(64, BigInt(aux0(env, reg))))}`)
  if (baseType(type) === PTR_TO_MEM) parts.push(`sz=${unsigned(BigInt(aux0(env, reg) >>> 0))}`)
  if (type === CONST_PTR_TO_DYNPTR) parts.push(`type=${DYNPTR_NAMES[aux0(env, reg)]}`)
  if (constant) {
    const value = value64(env, reg)
    if (value) parts.push(`imm=${signed(BigInt.asIntN(64, value))}`)
  } else {
    parts.push(...scalarRanges(env, reg))
    if (!env.domain.tnum.isUnknown(reg + REG_VAR_OFF_VALUE)) parts.push(`var_off=${tnumText(env, reg)}`)
  }
  return `${text}(${parts.join(',')})`
}

const SLOT_CHARS = '?rm0dif'

/** Prints registers and stack of one frame (print_verifier_state); only what the last instruction touched unless `all`. */
export function printState(env: Env, state: State, frameno: number, all: boolean): void {
  const { log, heap } = env
  if (!log.needed) return
  const frame = state.frames[frameno]!
  let text = frame.frameno ? ` frame${frame.frameno}:` : ''
  for (let r = 0; r < MAX_BPF_REG; r++) {
    const reg = frame.reg(r)
    if (typeOf(env, reg) === NOT_INIT || (!all && !log.regScratched(r))) continue
    text += ` R${r}=${regText(env, frame, reg)}`
  }
  for (let spi = 0; spi < frame.slots; spi++) {
    if (!all && !log.slotScratched(spi)) continue
    const types = heap.u8.subarray(frame.types(spi), frame.types(spi) + 8)
    if (types.every((t) => t === STACK_INVALID)) continue
    let chars = ''
    for (const t of types) chars += SLOT_CHARS[t]
    let at = spi
    let slot = frame.slot(spi)
    switch (types[7]) {
      case STACK_SPILL:
        text += ` fp${-(spi + 1) * 8}=${chars.slice(0, chars.indexOf('r'))}${regText(env, frame, slot)}`
        break
      case STACK_DYNPTR: {
        at = ++spi
        slot = frame.slot(at)
        const parts: string[] = []
        if (idOf(env, slot)) parts.push(`id=${idOf(env, slot)}`)
        if (refOf(env, slot)) parts.push(`ref_id=${refOf(env, slot)}`)
        // The kernel prints the mark of a dynptr's first slot under this name.
        if (aux1(env, slot)) parts.push('dynptr_id=1')
        text += ` fp${-(at + 1) * 8}=dynptr_${DYNPTR_NAMES[aux0(env, slot)]}(${parts.join(',')})`
        break
      }
      case STACK_ITER:
        if (!refOf(env, slot)) break
        text += ` fp${-(spi + 1) * 8}=iter_${env.btfName(aux0(env, slot), aux1(env, slot)).replace(/^bpf_iter_/, '')}`
        text += `(ref_id=${refOf(env, slot)},state=${ITER_STATES[word(env, slot, REG_AUX2)]},depth=${word(env, slot, REG_AUX3)})`
        break
      default:
        text += ` fp${-(spi + 1) * 8}=${chars}`
    }
  }
  if (state.refCount && state.refId[0]) {
    text += ` refs=${state.refId.slice(0, state.refCount).filter(Boolean).join(',')}`
  }
  if (frame.inCallback) text += ' cb'
  if (frame.inAsyncCallback) text += ' async_cb'
  log.print(`${text}\n`)
  if (!all) log.clean()
}

/** print_insn_state: what the instruction changed, behind its line. */
export function printInsnState(env: Env): void {
  env.log.beginState(env.insn)
  printState(env, env.cur, env.cur.curframe, false)
}

const decoded = new WeakMap<Env, readonly RawSlot[]>()

/** One instruction as the kernel's disassembler prints it, with its opcode byte. */
export function insnText(env: Env, insn: number): string {
  let slots = decoded.get(env)
  if (!slots) {
    const { insns } = env.program.spec
    slots = decodeLenient(insns.subarray(0, insns.length & ~7))
    decoded.set(env, slots)
  }
  const slot = slots[insn]
  if (slot === undefined) return ''
  const kfunc = kernelFunctionAt(env, insn)
  if (kfunc) return formatKernel({ ...slot, imm: kfunc.id }, { kfuncName: () => kfunc.name })
  return formatKernel(slot, { helperName: (id) => knownName(env, id) })
}
