import { type Insn, targetDelta } from '@skep/isa'
import type { Cpu, LinkedProgram } from '@skep/registry'
import { InterpreterError } from './errors.ts'
import * as h from './handler.ts'
import { handlerOf } from './handlers.ts'
import * as layout from './layout.ts'

/** A program as records in the arena. */
export interface Code {
  /** Address of the header: PROG_CODE. */
  readonly address: number
  readonly first: number
  readonly checked: boolean
  /** The record of a slot (the second slot of ld_imm64 has its first one's). */
  recordOf(slot: number): number
  /** The slot of a record's index, as faults give it. */
  slotOf(record: number): number
}

export interface TranslateOptions {
  /** Instructions that one run may take. */
  readonly budget: bigint
  /** Bytes of context that checked code may touch, where the program type does not say. */
  readonly contextSize?: number
  /** Turns a callback's record into a function-table slot. */
  readonly callback: (code: number, record: number) => number
}

/** Decodes once: targets become record addresses, helpers table slots, ld_imm64 one record. */
export function translate(program: LinkedProgram, cpu: Cpu, options: TranslateOptions): Code {
  const { insns } = program
  const indexOf = new Int32Array(insns.length + 1)
  const slots: number[] = []
  for (const [slot, insn] of insns.entries()) {
    if (insn.def.name === 'ld_imm64_hi') indexOf[slot] = slots.length - 1
    else {
      indexOf[slot] = slots.length
      slots.push(slot)
    }
  }
  const checked = program.facts === undefined
  const { arena } = cpu
  // One record more than the program has: running off the end is a fault, not a read of what lies behind.
  const records = (slots.length + 1) * layout.REC_SIZE
  const address = arena.alloc(layout.CODE_HEADER_SIZE + records + program.helpers.size * 8, 16)
  arena.exports.setShape(address, 1)
  const first = address + layout.CODE_HEADER_SIZE
  const recordAt = (slot: number): number => first + indexOf[slot]! * layout.REC_SIZE
  let pair = first + records
  arena.view.setUint32(address + layout.CODE_HELPERS, pair, true)
  arena.view.setUint32(address + layout.CODE_HELPER_COUNT, program.helpers.size, true)
  for (const [id, helper] of program.helpers) {
    arena.view.setUint32(pair, id, true)
    arena.view.setUint32(pair + 4, helper.slot, true)
    pair += 8
  }
  writeHeader(cpu, address, first, slots.length, program, checked, options)

  const reachable = program.facts?.reachable
  for (const [index, slot] of slots.entries()) {
    const insn = insns[slot]!
    const at = first + index * layout.REC_SIZE
    const dead = reachable !== undefined && reachable[slot] === 0
    const record = dead
      ? { handler: h.ILLEGAL, off: 0, imm: 0n }
      : encode(program, slot, insn, recordAt, address, options)
    const view = arena.view
    view.setUint16(at + layout.REC_HANDLER, record.handler, true)
    view.setUint8(at + layout.REC_DST, insn.dst * 8)
    view.setUint8(at + layout.REC_SRC, insn.src * 8)
    view.setInt32(at + layout.REC_OFF, record.off, true)
    view.setBigInt64(at + layout.REC_IMM, record.imm, true)
  }
  arena.view.setUint16(first + slots.length * layout.REC_SIZE, h.ILLEGAL, true)
  return { address, first, checked, recordOf: recordAt, slotOf: (record) => slots[record] ?? insns.length }
}

interface RecordFields {
  readonly handler: number
  readonly off: number
  readonly imm: bigint
}

function encode(
  program: LinkedProgram,
  slot: number,
  insn: Insn,
  recordAt: (slot: number) => number,
  code: number,
  options: TranslateOptions,
): RecordFields {
  const { def } = insn
  const handler = handlerOf(def.name)
  const illegal = (fact: string): InterpreterError =>
    new InterpreterError('BAD_PROGRAM', `${program.name}: insn ${slot}: ${fact}`, slot)
  const target = (delta: number): number => {
    const to = slot + 1 + delta
    if (to < 0 || to >= program.insns.length || program.insns[to]!.def.name === 'ld_imm64_hi') {
      throw illegal(`jumps to ${to}, which is no instruction of the program`)
    }
    return recordAt(to)
  }
  switch (def.kind) {
    case 'jump':
    case 'ja':
    case 'may_goto': {
      const imm = def.kind === 'jump' && def.width === 32 ? BigInt(insn.imm >>> 0) : BigInt(insn.imm)
      return { handler, off: target(targetDelta(insn)!), imm: BigInt.asIntN(64, imm) }
    }
    case 'ld_imm64':
      if (insn.src === 4) {
        const record = recordAt(Number(insn.imm64))
        return { handler, off: 0, imm: BigInt(options.callback(code, record)) }
      }
      return { handler, off: 0, imm: BigInt.asIntN(64, insn.imm64 ?? 0n) }
    case 'call': {
      if (def.name === 'call_local') return { handler, off: target(insn.imm), imm: 0n }
      const helper = program.helpers.get(insn.imm)
      if (def.name !== 'call_helper' || !helper) throw illegal(`calls ${insn.imm}, which is not linked`)
      return { handler: helper.def.tailCall ? h.TAIL_CALL : h.CALL_HELPER, off: helper.slot, imm: 0n }
    }
    default:
      return { handler, off: insn.off, imm: BigInt(insn.imm) }
  }
}

function writeHeader(
  cpu: Cpu,
  address: number,
  first: number,
  count: number,
  program: LinkedProgram,
  checked: boolean,
  options: TranslateOptions,
): void {
  const { view } = cpu.arena
  const { context } = program
  const fieldOffset = (name: string | undefined): number =>
    context?.fields.find((f) => f.name === name)?.offset ?? layout.NO_FIELD
  view.setUint32(address + layout.CODE_FIRST, first, true)
  view.setUint32(address + layout.CODE_DATA, fieldOffset(context?.packet?.data), true)
  view.setUint32(address + layout.CODE_DATA_END, fieldOffset(context?.packet?.end), true)
  view.setUint32(address + layout.CODE_DATA_META, fieldOffset(context?.packet?.meta), true)
  view.setUint32(address + layout.CODE_CONTEXT_SIZE, context?.size ?? options.contextSize ?? 0, true)
  view.setBigInt64(address + layout.CODE_BUDGET, options.budget, true)
  view.setUint32(address + layout.CODE_CHECKED, checked ? 1 : 0, true)
  view.setUint32(address + layout.CODE_COUNT, count, true)
}
