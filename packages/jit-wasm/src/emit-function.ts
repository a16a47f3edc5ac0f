import type { Label } from '@skep/wasm'
import type { Block } from './blocks.ts'
import { OPERAND } from './effects.ts'
import { emitAlu } from './emit-alu.ts'
import { emitCall } from './emit-call.ts'
import { emitCounter } from './emit-counters.ts'
import { emitCondition, MAX_MAY_GOTO, mayGotoCounter } from './emit-jump.ts'
import { emitMemory } from './emit-memory.ts'
import { emitPacketLoad } from './emit-packet.ts'
import type { Emitter } from './emitter.ts'
import { JitError } from './errors.ts'
import type { CompiledFunction } from './functions.ts'

/** Writes a function's body: its blocks in structured order. The code behind it is not reached. */
export function emitBody(e: Emitter, fn: CompiledFunction): void {
  const { code } = e
  const { roles } = fn.graph
  const labels = new Map<number, Label>()
  if (fn.usesMayGoto) code.i32_const(MAX_MAY_GOTO).local_set(mayGotoCounter(e))

  const blockOf = (node: number): Block => {
    const role = roles[node]!
    if (role.kind !== 'original') throw new TypeError(`node ${node} is no block`)
    return fn.blocks[role.node]!
  }
  const condition = (node: number, when: boolean): void => {
    const { branch } = blockOf(node)
    emitCondition(e, branch, e.program.insns[branch]!, when)
  }
  for (const step of fn.steps) {
    switch (step.op) {
      case 'block':
      case 'loop':
        labels.set(step.label, code[step.op]())
        break
      case 'end':
        code.end()
        break
      case 'if':
        condition(step.node, step.when)
        code.if()
        break
      case 'br':
        code.br(labels.get(step.label)!)
        break
      case 'br_if':
        condition(step.node, step.when)
        code.br_if(labels.get(step.label)!)
        break
      case 'switch': {
        const targets = step.labels.map((label) => labels.get(label)!)
        code.local_get(e.scratch('selector', 'i32')).br_table(targets.slice(0, -1), targets.at(-1)!)
        break
      }
      case 'code': {
        const role = roles[step.node]!
        if (role.kind === 'route') {
          code.i32_const(role.selector).local_set(e.scratch('selector', 'i32'))
        } else if (role.kind === 'original') {
          emitBlock(e, fn.blocks[role.node]!)
        }
        break
      }
    }
  }
  code.unreachable()
}

function emitBlock(e: Emitter, block: Block): void {
  const { counters } = e
  const { insns } = e.program
  for (let slot = block.first; slot < block.end; slot++) {
    const insn = insns[slot]!
    const { kind } = insn.def
    const site = counters?.counters.sites.get(slot)
    if (counters && site) emitCounter(e, slot, counters, site)
    if (site || counters?.counters.parts.has(slot)) continue
    switch (kind) {
      case 'alu':
      case 'mov':
      case 'movsx':
      case 'neg':
      case 'endian':
      case 'addr_space_cast':
      case 'ld_imm64':
        if (!e.values.isIdle(slot)) emitAlu(e, slot, insn)
        if (kind === 'ld_imm64') slot++
        break
      case 'ldx':
      case 'ldxsx':
      case 'st':
      case 'stx':
      case 'atomic':
      case 'load_acq':
      case 'store_rel':
        if (!e.values.isIdle(slot)) emitMemory(e, slot, insn)
        break
      case 'ld_abs':
      case 'ld_ind':
        emitPacketLoad(e, slot, insn)
        break
      case 'call':
      case 'callx':
        emitCall(e, slot, insn)
        break
      case 'exit':
        e.push64(slot, OPERAND.dst)
        e.leave()
        break
      case 'gotox':
        throw new JitError('UNSUPPORTED_INSN', e.program.name, 'indirect jumps are not in Linux 6.18', slot)
      case 'jump':
      case 'ja':
      case 'may_goto':
      case 'ld_imm64_hi':
        break
    }
  }
  if (block.trap) e.code.unreachable()
}
