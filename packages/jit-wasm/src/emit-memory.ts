import type { AtomicOp, Insn } from '@skep/isa'
import { ACCESS } from '@skep/registry'
import type { MemoryInstruction, PlainInstruction } from '@skep/wasm'
import { OPERAND } from './effects.ts'
import type { Emitter } from './emitter.ts'

type Size = 1 | 2 | 4 | 8
type ByWidth = { readonly i32: MemoryInstruction; readonly i64: MemoryInstruction }

// A load of 8 bytes into 32 bits takes the low four: nobody asks for the others.
const loads: Readonly<Record<Size, ByWidth>> = {
  1: { i32: 'i32_load8_u', i64: 'i64_load8_u' },
  2: { i32: 'i32_load16_u', i64: 'i64_load16_u' },
  4: { i32: 'i32_load', i64: 'i64_load32_u' },
  8: { i32: 'i32_load', i64: 'i64_load' },
}

const signedLoads: Readonly<Record<Size, ByWidth>> = {
  1: { i32: 'i32_load8_s', i64: 'i64_load8_s' },
  2: { i32: 'i32_load16_s', i64: 'i64_load16_s' },
  4: { i32: 'i32_load', i64: 'i64_load32_s' },
  8: { i32: 'i32_load', i64: 'i64_load' },
}

const stores: Readonly<Record<Size, ByWidth>> = {
  1: { i32: 'i32_store8', i64: 'i64_store8' },
  2: { i32: 'i32_store16', i64: 'i64_store16' },
  4: { i32: 'i32_store', i64: 'i64_store32' },
  8: { i32: 'i64_store', i64: 'i64_store' },
}

const atomicLoads: Readonly<Record<Size, MemoryInstruction>> = {
  1: 'i32_atomic_load8_u',
  2: 'i32_atomic_load16_u',
  4: 'i32_atomic_load',
  8: 'i64_atomic_load',
}

const atomicStores: Readonly<Record<Size, MemoryInstruction>> = {
  1: 'i32_atomic_store8',
  2: 'i32_atomic_store16',
  4: 'i32_atomic_store',
  8: 'i64_atomic_store',
}

const atomicOps: Readonly<Record<AtomicOp, ByWidth>> = {
  add: { i32: 'i32_atomic_rmw_add', i64: 'i64_atomic_rmw_add' },
  or: { i32: 'i32_atomic_rmw_or', i64: 'i64_atomic_rmw_or' },
  and: { i32: 'i32_atomic_rmw_and', i64: 'i64_atomic_rmw_and' },
  xor: { i32: 'i32_atomic_rmw_xor', i64: 'i64_atomic_rmw_xor' },
  xchg: { i32: 'i32_atomic_rmw_xchg', i64: 'i64_atomic_rmw_xchg' },
  cmpxchg: { i32: 'i32_atomic_rmw_cmpxchg', i64: 'i64_atomic_rmw_cmpxchg' },
}

const plainOps: Readonly<Record<'add' | 'or' | 'and' | 'xor', Record<'i32' | 'i64', PlainInstruction>>> = {
  add: { i32: 'i32_add', i64: 'i64_add' },
  or: { i32: 'i32_or', i64: 'i64_or' },
  and: { i32: 'i32_and', i64: 'i64_and' },
  xor: { i32: 'i32_xor', i64: 'i64_xor' },
}

/** The first page of the arena is never handed out: include/uapi has no name for it, ours is the null page. */
const NULL_PAGE = 65536

/** Loads, stores and atomic operations: RFC 9669 sections 5.2 and 5.3, and Linux's load-acquire and store-release. */
export function emitMemory(e: Emitter, slot: number, insn: Insn): void {
  if (e.program.facts?.access[slot] === ACCESS.arena) emitInWindow(e, slot, insn)
  else emitAccess(e, slot, insn, (operand, again) => e.pushAddress(slot, operand, insn.off, again))
}

/** Pushes an access's address, all but the offset that it returns. */
type PushAddress = (operand: number, again?: boolean) => number

function emitAccess(e: Emitter, slot: number, insn: Insn, pushAddress: PushAddress): void {
  const { def, off, imm } = insn
  const { code } = e
  switch (def.kind) {
    case 'ldx':
    case 'ldxsx': {
      const type = e.values.defIsWide(slot) ? 'i64' : 'i32'
      const load = (def.kind === 'ldx' ? loads : signedLoads)[def.size][type]
      if (e.program.facts?.access[slot] === ACCESS.btf) {
        emitProbed(e, slot, off, load, type)
      } else {
        const offset = pushAddress(OPERAND.src)
        code[load](offset)
      }
      setResult(e, slot, type)
      return
    }
    case 'st': {
      const offset = pushAddress(OPERAND.dst)
      if (def.size === 8) code.i64_const(imm)
      else code.i32_const(imm)
      code[stores[def.size].i32](offset)
      return
    }
    case 'stx': {
      const offset = pushAddress(OPERAND.dst)
      const wide = def.size === 8 || e.values.isWide(slot, OPERAND.src)
      if (wide) e.push64(slot, OPERAND.src)
      else e.push32(slot, OPERAND.src)
      code[stores[def.size][wide ? 'i64' : 'i32']](offset)
      return
    }
    case 'load_acq': {
      const offset = pushAddress(OPERAND.src)
      const type = def.size === 8 ? 'i64' : 'i32'
      code[(e.env.shared ? atomicLoads : mapLoads)[def.size]](offset)
      setResult(e, slot, type)
      return
    }
    case 'store_rel': {
      const offset = pushAddress(OPERAND.dst)
      if (def.size === 8) e.push64(slot, OPERAND.src)
      else e.push32(slot, OPERAND.src)
      code[e.env.shared ? atomicStores[def.size] : stores[def.size].i32](offset)
      return
    }
    case 'atomic':
      if (e.env.shared) emitSharedAtomic(e, slot, def, pushAddress)
      else emitPlainAtomic(e, slot, def, pushAddress)
      return
    default:
      return
  }
}

/** Plain loads of the width that an acquiring load has: 8 bytes as i64, others as i32. */
const mapLoads: Readonly<Record<Size, MemoryInstruction>> = {
  1: loads[1].i32,
  2: loads[2].i32,
  4: loads[4].i32,
  8: loads[8].i64,
}

function setResult(e: Emitter, slot: number, type: 'i32' | 'i64'): void {
  if (type === 'i64') e.set64(slot)
  else e.set32(slot)
}

/** A load through a pointer that may be bad: it reads 0 where the kernel's exception table would make it so. */
function emitProbed(
  e: Emitter,
  slot: number,
  off: number,
  load: MemoryInstruction,
  type: 'i32' | 'i64',
): void {
  const { code } = e
  const address = e.scratch('probe', 'i64')
  e.push64(slot, OPERAND.src)
  code.i64_const(off).i64_add().local_tee(address)
  code.i64_const(NULL_PAGE).i64_sub()
  code.memory_size().i64_extend_i32_u().i64_const(16).i64_shl()
  code
    .i64_const(NULL_PAGE + 8)
    .i64_sub()
    .i64_le_u()
  code.if(type)
  code.local_get(address).i32_wrap_i64()
  code[load](0)
  code.else()
  if (type === 'i64') code.i64_const(0)
  else code.i32_const(0)
  code.end()
}

const PAGE_SHIFT = 12
const PAGE_SIZE = 1 << PAGE_SHIFT

/**
 * An access through a number that the program takes for a pointer into its arena (LinkedMap.window). Of a store both ends lie
 * in pages that are there. Elsewhere a load gives 0, and an atomic operation leaves its register as it is.
 */
function emitInWindow(e: Emitter, slot: number, insn: Insn): void {
  const { code } = e
  const { def, off } = insn
  const window = e.program.maps.find((map) => map.window)?.window
  const size = 'size' in def ? (def.size as number) : 8
  const loads = def.kind === 'ldx' || def.kind === 'ldxsx' || def.kind === 'load_acq'
  const address = e.scratch('arena', 'i32')
  e.push32(slot, loads ? OPERAND.src : OPERAND.dst)
  if (off !== 0) code.i32_const(off).i32_add()
  code.local_set(address)
  if (!window) {
    code.i32_const(0)
  } else {
    const { base, pages, table } = window
    const within = (): void =>
      void code
        .local_get(address)
        .i32_const(base | 0)
        .i32_sub()
    within()
    code.i32_const((pages * PAGE_SIZE - size) | 0).i32_le_u()
    if (!loads) {
      code.if('i32')
      within()
      code.i32_const(PAGE_SHIFT).i32_shr_u().i32_load8_u(table)
      within()
      code
        .i32_const(size - 1)
        .i32_add()
        .i32_const(PAGE_SHIFT)
        .i32_shr_u()
        .i32_load8_u(table)
      code.i32_and().else().i32_const(0).end()
    }
  }
  const push: PushAddress = () => {
    code.local_get(address)
    return 0
  }
  code.if()
  emitAccess(e, slot, insn, push)
  if (loads) {
    const type =
      def.kind === 'load_acq' ? (size === 8 ? 'i64' : 'i32') : e.values.defIsWide(slot) ? 'i64' : 'i32'
    code.else()
    if (type === 'i64') code.i64_const(0)
    else code.i32_const(0)
    setResult(e, slot, type)
  } else if (def.kind === 'atomic' && def.fetch) {
    const type = size === 8 ? 'i64' : 'i32'
    code.else()
    pushValue(e, slot, def.atomicOp === 'cmpxchg' ? OPERAND.r0 : OPERAND.src, type)
    setResult(e, slot, type)
  }
  code.end()
}

interface AtomicDef {
  readonly size: 4 | 8
  readonly atomicOp: AtomicOp
  readonly fetch: boolean
}

function pushValue(e: Emitter, slot: number, operand: number, type: 'i32' | 'i64'): void {
  if (type === 'i64') e.push64(slot, operand)
  else e.push32(slot, operand)
}

function emitSharedAtomic(e: Emitter, slot: number, def: AtomicDef, pushAddress: PushAddress): void {
  const type = def.size === 8 ? 'i64' : 'i32'
  const offset = pushAddress(OPERAND.dst)
  if (def.atomicOp === 'cmpxchg') pushValue(e, slot, OPERAND.r0, type)
  pushValue(e, slot, OPERAND.src, type)
  e.code[atomicOps[def.atomicOp][type]](offset)
  if (def.fetch) setResult(e, slot, type)
  else e.code.drop()
}

function emitPlainAtomic(e: Emitter, slot: number, def: AtomicDef, pushAddress: PushAddress): void {
  const { code } = e
  const type = def.size === 8 ? 'i64' : 'i32'
  const load = loads[def.size][type]
  const store = stores[def.size][type]
  const old = def.fetch ? e.scratch(`old ${type}`, type) : -1
  switch (def.atomicOp) {
    case 'cmpxchg': {
      const offset = pushAddress(OPERAND.dst, true)
      code[load](offset).local_tee(old)
      pushValue(e, slot, OPERAND.r0, type)
      code[`${type}_eq`]().if()
      const again = pushAddress(OPERAND.dst)
      pushValue(e, slot, OPERAND.src, type)
      code[store](again).end()
      break
    }
    case 'xchg': {
      const offset = pushAddress(OPERAND.dst, true)
      code[load](offset).local_set(old)
      const again = pushAddress(OPERAND.dst)
      pushValue(e, slot, OPERAND.src, type)
      code[store](again)
      break
    }
    default: {
      pushAddress(OPERAND.dst, true)
      const offset = pushAddress(OPERAND.dst)
      code[load](offset)
      if (def.fetch) code.local_tee(old)
      pushValue(e, slot, OPERAND.src, type)
      code[plainOps[def.atomicOp][type]]()
      code[store](offset)
    }
  }
  if (!def.fetch) return
  code.local_get(old)
  setResult(e, slot, type)
}
