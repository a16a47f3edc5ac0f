import { type Insn, targetDelta } from '@skep/isa'
import {
  ACCESS,
  type Cpu,
  control,
  type LinkedHelper,
  type LinkedMap,
  type LinkedProgram,
  mapLayout,
  type StructContext,
} from '@skep/registry'
import { type ArgumentCheck, argumentChecks, type MapTypeIds } from './arguments.ts'
import { InterpreterError } from './errors.ts'
import { fuse } from './fuse.ts'
import { handlerOf } from './handler-of.ts'
import { findKnown, type KnownCode, writtenRegister } from './known.ts'
import * as h from './layout/handlers.ts'
import * as layout from './layout/structures.ts'

/** Frames are cleared in steps of so many bytes (assembly/activation.ts). */
const FRAME_STEP = 16

/** A program as records in the arena. */
export interface Code {
  readonly name: string
  /** Address of the header: PROG_CODE. */
  readonly address: number
  /** Address of the first record. */
  readonly first: number
  /** Bytes of everything. */
  readonly size: number
  readonly checked: boolean
  /** The record of a slot, 0 for the second slot of an ld_imm64 and for what is no slot of the program. */
  recordOf(slot: number): number
  /** The slot of a record. */
  slotOf(record: number): number
}

export interface TranslateOptions {
  /** Instructions that a run may take when CTL_BUDGET does not say. */
  readonly budget: bigint
  /** Bytes of context that checked code may read, when its program type has no struct. */
  readonly contextSize: number
  readonly mapTypes: MapTypeIds
  /** Makes a function-table slot that enters code at a record. */
  readonly callback: (code: number, record: number) => number
}

/** Where the parts of a program's code lie, in bytes from the header. */
interface Plan {
  readonly records: number
  readonly slots: number
  readonly helpers: number
  readonly maps: number
  readonly callbacks: number
  readonly access: number
  readonly args: number
  readonly mapLists: number
  readonly size: number
}

/**
 * Decodes a program once: targets become addresses of records, helpers function-table slots, each ld_imm64 one record.
 *
 * @throws InterpreterError `BAD_PROGRAM`
 */
export function translate(program: LinkedProgram, cpu: Cpu, options: TranslateOptions): Code {
  return new Translation(program, cpu, options).run()
}

class Translation {
  readonly #program: LinkedProgram
  readonly #cpu: Cpu
  readonly #options: TranslateOptions
  readonly #checked: boolean
  /** Slots by record, and records by slot (-1 for the second slot of an ld_imm64). */
  readonly #slots: number[] = []
  readonly #indices: Int32Array
  readonly #callbackTargets: readonly number[]
  /** Helpers that a register may name. */
  readonly #callable: readonly (readonly [number, LinkedHelper])[]
  /** Maps whose values checked code may touch. */
  readonly #valueMaps: readonly LinkedMap[]
  readonly #argChecks = new Map<number, readonly ArgumentCheck[]>()
  readonly #argsOf = new Map<number, number>()
  readonly #callbackSlots = new Map<number, number>()
  /** For checked code. */
  readonly #known: KnownCode | undefined
  #access: Uint8Array = new Uint8Array(0)
  #address = 0
  #first = 0

  constructor(program: LinkedProgram, cpu: Cpu, options: TranslateOptions) {
    this.#program = program
    this.#cpu = cpu
    this.#options = options
    this.#checked = program.facts === undefined
    const { insns } = program
    this.#indices = new Int32Array(insns.length).fill(-1)
    const targets = new Set<number>()
    for (const [slot, insn] of insns.entries()) {
      if (insn.def.name === 'ld_imm64_hi') continue
      this.#indices[slot] = this.#slots.push(slot) - 1
      if (isCallback(insn)) targets.add(Number(insn.imm64))
    }
    this.#callbackTargets = [...targets]
    this.#callable = [...program.helpers].filter(
      ([, helper]) => helper.slot !== 0 && !helper.def.tailCall && this.#suits(helper),
    )
    this.#valueMaps = this.#checked ? program.maps.filter(hasValues) : []
    this.#known = this.#checked ? findKnown(program) : undefined
  }

  run(): Code {
    const { arena } = this.#cpu
    this.#validate()
    if (this.#checked) this.#prepareChecks()
    const plan = this.#plan()
    this.#address = arena.alloc(plan.size, 16)
    arena.exports.setShape(this.#address, 1)
    this.#first = this.#address + plan.records
    try {
      this.#writeHeader(plan)
      this.#writeTables(plan)
      this.#writeRecords(plan)
    } catch (error) {
      arena.free(this.#address)
      throw error
    }
    const slots = this.#slots
    const [first, length] = [this.#first, this.#program.insns.length]
    return {
      name: this.#program.name,
      address: this.#address,
      first,
      size: plan.size,
      checked: this.#checked,
      recordOf: (slot) => this.#recordOf(slot),
      slotOf: (record) => slots[(record - first) / layout.REC_SIZE] ?? length,
    }
  }

  #error(slot: number, fact: string): InterpreterError {
    return new InterpreterError('BAD_PROGRAM', this.#program.name, fact, slot)
  }

  #recordOf(slot: number): number {
    const index = this.#indices[slot] ?? -1
    return index < 0 ? 0 : this.#first + index * layout.REC_SIZE
  }

  /** Refuses what no run could give a meaning. */
  #validate(): void {
    const { insns } = this.#program
    if (insns.length === 0) throw this.#error(0, 'there is no instruction')
    for (const slot of this.#slots) {
      const insn = insns[slot]!
      for (const field of ['dst', 'src'] as const) {
        if (insn.def.fields.some((used) => used === field) && !(insn[field] >= 0 && insn[field] <= 10))
          throw this.#error(slot, `${field} is r${insn[field]}, registers go up to r10`)
      }
      const delta = isCallback(insn) ? Number(insn.imm64) - slot - 1 : targetDelta(insn)
      if (delta !== undefined && (this.#indices[slot + 1 + delta] ?? -1) < 0)
        throw this.#error(slot, `${insn.def.name} goes to ${slot + 1 + delta}, which is no instruction`)
    }
  }

  /** Why an instruction may not run, or undefined. */
  #refusal(insn: Insn): string | undefined {
    const { def } = insn
    const { helpers, context } = this.#program
    if (writtenRegister(insn) === 10) return 'writes r10, which is read-only'
    switch (def.kind) {
      case 'ld_abs':
      case 'ld_ind':
        return context?.packet ? undefined : `${def.name} needs a context with a packet`
      case 'call': {
        if (def.name === 'call_local') return undefined
        const helper = def.name === 'call_helper' ? helpers.get(insn.imm) : undefined
        if (helper === undefined || (helper.slot === 0 && !helper.def.tailCall))
          return `calls ${def.callee === 'kfunc' ? 'kfunc' : 'helper'} ${insn.imm}, which is not linked`
        return this.#suits(helper) ? undefined : `calls ${helper.def.name}, which is for other programs`
      }
      case 'gotox':
        return 'gotox has no meaning here'
      default:
        return undefined
    }
  }

  /** Helpers of certain program types rely on how their hooks lay out memory; around bare memory nothing is laid out. */
  #suits({ def }: LinkedHelper): boolean {
    const isBare = this.#checked && this.#program.context?.fields.length === 0
    return !isBare || def.programTypes === undefined || def.programTypes === 'all'
  }

  #prepareChecks(): void {
    const { arena } = this.#cpu
    const linked = {
      program: this.#program,
      mapTypes: this.#options.mapTypes,
      typeOf: (map: number) => arena.view.getUint32(map + mapLayout.MAP_TYPE, true),
    }
    for (const [id, { def }] of this.#program.helpers) this.#argChecks.set(id, argumentChecks(def, linked))
  }

  #contextSize(): number {
    return this.#program.context?.size ?? this.#options.contextSize
  }

  #plan(): Plan {
    let size: number = layout.CODE_HEADER_SIZE
    const take = (bytes: number): number => {
      const at = size
      size += Math.ceil(bytes / 16) * 16
      return at
    }
    // One record more than there are instructions: running off the end is a fault, not a read of what lies behind.
    const count = this.#slots.length + 1
    let lists = 0
    for (const checks of this.#argChecks.values())
      for (const { kind, maps } of checks) if (kind === layout.ARG_MAP) lists += 4 + maps.length * 4
    return {
      records: take(count * layout.REC_SIZE),
      slots: take(count * 4),
      helpers: take(this.#callable.length * layout.HELPER_SIZE),
      callbacks: take(this.#callbackTargets.length * 4),
      maps: take(this.#valueMaps.length * layout.VALUES_SIZE),
      access: take(this.#checked ? this.#contextSize() : 0),
      args: take(this.#argChecks.size * layout.ARGS_SIZE),
      mapLists: take(lists),
      size,
    }
  }

  #writeHeader(plan: Plan): void {
    const { view } = this.#cpu.arena
    const { context } = this.#program
    const put = (field: number, value: number): void => view.setUint32(this.#address + field, value, true)
    const offsetOf = (name: string | undefined): number =>
      context?.fields.find((field) => field.name === name)?.offset ?? layout.NO_FIELD
    put(layout.CODE_FIRST, this.#first)
    put(layout.CODE_END, this.#first + (this.#slots.length + 1) * layout.REC_SIZE)
    put(layout.CODE_SLOTS, this.#address + plan.slots)
    const isBare = this.#checked && context?.fields.length === 0
    put(layout.CODE_DATA, isBare ? layout.BARE_MEMORY : offsetOf(context?.packet?.data))
    put(layout.CODE_DATA_END, offsetOf(context?.packet?.end))
    put(layout.CODE_DATA_META, offsetOf(context?.packet?.meta))
    put(layout.CODE_CONTEXT_SIZE, this.#checked ? this.#contextSize() : 0)
    put(layout.CODE_CONTEXT_ACCESS, this.#address + plan.access)
    const window = this.#program.maps.find((map) => map.window)?.window
    put(layout.CODE_WINDOW, window?.base ?? 0)
    put(layout.CODE_WINDOW_PAGES, window?.pages ?? 0)
    put(layout.CODE_WINDOW_TABLE, window?.table ?? 0)
    put(layout.CODE_CHECKED, this.#checked ? 1 : 0)
    put(layout.CODE_FRAME_BYTES, Math.ceil((this.#known?.frameBytes ?? 0) / FRAME_STEP) * FRAME_STEP)
    put(layout.CODE_HELPERS, this.#address + plan.helpers)
    put(layout.CODE_HELPER_COUNT, this.#callable.length)
    put(layout.CODE_MAPS, this.#address + plan.maps)
    put(layout.CODE_MAP_COUNT, this.#valueMaps.length)
    put(layout.CODE_CALLBACKS, this.#address + plan.callbacks)
    put(layout.CODE_CALLBACK_COUNT, this.#callbackTargets.length)
    view.setBigInt64(this.#address + layout.CODE_BUDGET, this.#options.budget, true)
  }

  #writeTables(plan: Plan): void {
    const { arena } = this.#cpu
    for (const [n, target] of this.#callbackTargets.entries()) {
      const slot = this.#options.callback(this.#address, this.#recordOf(target))
      this.#callbackSlots.set(target, slot)
      arena.view.setUint32(this.#address + plan.callbacks + n * 4, slot, true)
    }
    const { view } = arena
    if (this.#checked) {
      for (const [n, map] of this.#valueMaps.entries())
        view.setUint32(this.#address + plan.maps + n * layout.VALUES_SIZE, map.address, true)
      this.#access = contextAccess(this.#program.context, this.#contextSize())
      arena.u8.set(this.#access, this.#address + plan.access)
      this.#writeArgs(plan)
    }
    let at = this.#address + plan.helpers
    for (const [id, { slot }] of this.#callable) {
      view.setUint32(at + layout.HELPER_ID, id, true)
      view.setUint32(at + layout.HELPER_SLOT, slot, true)
      view.setUint32(at + layout.HELPER_ARGS, this.#argsOf.get(id) ?? 0, true)
      at += layout.HELPER_SIZE
    }
  }

  #writeArgs(plan: Plan): void {
    const { view } = this.#cpu.arena
    let at = this.#address + plan.args
    let list = this.#address + plan.mapLists
    for (const [id, checks] of this.#argChecks) {
      this.#argsOf.set(id, at)
      for (const { kind, flags, other, bytes, maps } of checks) {
        view.setUint8(at + layout.ARG_KIND, kind)
        view.setUint8(at + layout.ARG_FLAGS, flags)
        view.setUint8(at + layout.ARG_OTHER, other)
        view.setUint32(at + layout.ARG_VALUE, kind === layout.ARG_MAP ? list : bytes, true)
        at += layout.ARG_SIZE
        if (kind !== layout.ARG_MAP) continue
        for (const word of [maps.length, ...maps]) {
          view.setUint32(list, word, true)
          list += 4
        }
      }
    }
  }

  #writeRecords(plan: Plan): void {
    const { view } = this.#cpu.arena
    const { insns, facts } = this.#program
    let at = this.#first
    for (const [index, slot] of this.#slots.entries()) {
      const insn = insns[slot]!
      const refusal = this.#refusal(insn)
      const reachable = facts === undefined || facts.reachable[slot] !== 0
      if (refusal !== undefined && facts !== undefined && reachable) throw this.#error(slot, refusal)
      if (refusal !== undefined || !reachable) view.setUint8(at + layout.REC_SINGLE, h.ILLEGAL)
      else this.#writeRecord(at, slot, insn)
      view.setUint32(this.#address + plan.slots + index * 4, slot, true)
      at += layout.REC_SIZE
    }
    view.setUint8(at + layout.REC_SINGLE, h.ILLEGAL)
    view.setUint32(this.#address + plan.slots + this.#slots.length * 4, insns.length, true)
    fuse(view, this.#first, this.#slots.length + 1)
  }

  #writeRecord(at: number, slot: number, insn: Insn): void {
    const { def } = insn
    let handler = handlerOf(def.name)
    let off = insn.off
    let imm = BigInt(insn.imm)
    const delta = isCallback(insn) ? undefined : targetDelta(insn)
    if (delta !== undefined) off = this.#recordOf(slot + 1 + delta)
    else if (def.kind === 'call') {
      const helper = this.#program.helpers.get(insn.imm)!
      if (helper.def.tailCall) handler = h.TAIL_CALL
      off = helper.slot
      imm = BigInt(this.#argsOf.get(insn.imm) ?? 0)
    } else if (def.kind === 'ld_imm64') {
      imm = isCallback(insn) ? BigInt(this.#callbackSlots.get(Number(insn.imm64))!) : (insn.imm64 ?? 0n)
    }
    const { view } = this.#cpu.arena
    view.setUint8(at + layout.REC_SINGLE, handler)
    view.setUint8(at + layout.REC_DST, insn.dst * 8)
    view.setUint8(at + layout.REC_SRC, insn.src * 8)
    view.setInt32(at + layout.REC_OFF, off, true)
    view.setBigInt64(at + layout.REC_IMM, BigInt.asIntN(64, imm), true)
    if (this.#program.facts?.access[slot] === ACCESS.arena) {
      view.setUint8(at + layout.REC_SINGLE, h.IN_WINDOW)
      view.setUint32(at + layout.REC_INNER, handler, true)
    }
    if (!this.#known) return
    if (def.name === 'call_helper') view.setUint8(at + layout.REC_DST, this.#allowedArguments(slot, insn))
    else if (accessOf(insn))
      view.setUint32(at + layout.REC_ALLOWED, this.#isAllowed(slot, insn) ? 1 : 0, true)
  }

  /** Whether an access surely is to what the program may touch. */
  #isAllowed(slot: number, insn: Insn): boolean {
    const { size, write } = accessOf(insn)!
    const known = this.#known!.baseAt(slot)
    if (!known) return false
    const at = known.offset + insn.off
    if (known.base === 'fp') return inFrame(at, size)
    if (known.base !== 'ctx' || at < 0 || at + size > this.#access.length) return false
    return this.#access.subarray(at, at + size).every((byte) => (byte & (write ? 2 : 1)) !== 0)
  }

  /** The arguments of a helper call that surely are what its descriptor asks for: bit 0 for r1. */
  #allowedArguments(slot: number, insn: Insn): number {
    const known = this.#known!.argumentsAt(slot)
    const { view } = this.#cpu.arena
    let allowed = 0
    for (const [n, check] of (this.#argChecks.get(insn.imm) ?? []).slice(0, 5).entries()) {
      const { base, offset = 0 } = known[n] ?? {}
      const map = known[check.other]?.base === 'map' ? known[check.other]!.offset : undefined
      const fits =
        check.kind === layout.ARG_ANY ||
        (check.kind === layout.ARG_CONTEXT && base === 'ctx' && offset === 0) ||
        (check.kind === layout.ARG_MAP && base === 'map' && check.maps.includes(offset)) ||
        (check.kind === layout.ARG_BYTES && base === 'fp' && inFrame(offset, check.bytes)) ||
        // The map's own check comes first, and is among these or made while it runs.
        (map !== undefined &&
          base === 'fp' &&
          ((check.kind === layout.ARG_KEY &&
            inFrame(offset, view.getUint32(map + mapLayout.MAP_KEY_SIZE, true))) ||
            (check.kind === layout.ARG_MAP_VALUE &&
              inFrame(offset, view.getUint32(map + mapLayout.MAP_VALUE_SIZE, true)))))
      if (fits) allowed |= 1 << n
    }
    return allowed
  }
}

/** The memory access of an instruction that REC_ALLOWED is for. */
function accessOf({ def }: Insn): { readonly size: number; readonly write: boolean } | undefined {
  switch (def.kind) {
    case 'ldx':
    case 'ldxsx':
      return { size: def.size, write: false }
    case 'st':
    case 'stx':
      return { size: def.size, write: true }
    default:
      return undefined
  }
}

const inFrame = (offset: number, size: number): boolean =>
  offset >= -control.MAX_BPF_STACK && offset + size <= 0

/** An ld_imm64 of a function. */
function isCallback(insn: Insn): boolean {
  return insn.def.kind === 'ld_imm64' && insn.src === 4
}

/** Whether a map gives pointers to its values. Others (rings, queues) keep books in the same memory. */
function hasValues({ ops, array }: LinkedMap): boolean {
  return array !== undefined || ops.lookup !== undefined || ops.lookup_percpu !== undefined
}

/** For each byte of the context: bit 0 it may be read, bit 1 written. */
function contextAccess(context: StructContext | undefined, size: number): Uint8Array {
  const access = new Uint8Array(size)
  if (!context) return access.fill(1)
  // A struct without fields is bare memory.
  if (context.fields.length === 0) return access.fill(3)
  for (const field of context.fields) {
    // What only some attach types may read or write is decided by the verifier; here it is memory of the program's own.
    const reads = field.read !== false
    // Pointers say where other memory is.
    const writes = field.write !== undefined && field.write !== false && field.pointer === undefined
    access.fill((reads ? 1 : 0) | (writes ? 2 : 0), field.offset, field.offset + field.size)
  }
  return access
}
