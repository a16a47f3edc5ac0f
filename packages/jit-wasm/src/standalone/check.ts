import type { LinkedHelper } from '@skep/registry'
import { hostNeeds } from './abi.ts'
import { StandaloneError } from './errors.ts'
import { linkedTo, type StandaloneInput, type StandaloneProgram } from './input.ts'
import type { Linker } from './linker.ts'
import { type Modules, missingHost } from './modules.ts'

/**
 * Refuses what has no meaning without a runtime: helpers that ask it for something, helpers and maps in JavaScript. Throws
 * StandaloneError NEEDS_RUNTIME with the call's place, and UNSUPPORTED_MAP.
 */
export function checkInput(input: StandaloneInput, linker: Linker, modules: Modules): void {
  for (const { name, def } of input.maps) {
    if (def.wasm) continue
    throw new StandaloneError(
      'UNSUPPORTED_MAP',
      `map ${name}`,
      `map type ${def.name} is written in JavaScript; a standalone module takes types whose operations are wasm`,
    )
  }
  for (const program of input.programs) {
    const { insns, facts, helpers, maps } = program.linked
    for (const [slot, insn] of insns.entries()) {
      if (facts && facts.reachable[slot] !== 1) continue
      const { kind } = insn.def
      if (kind === 'callx') {
        for (const helper of helpers.values()) checkHelper(program, helper, slot, linker, modules)
      }
      if (kind !== 'call' || insn.def.callee !== 'helper') continue
      const helper = helpers.get(insn.imm)
      if (!helper || helper.def.tailCall) continue
      const map = maps[facts?.callMap[slot] ?? -1]
      const { mapOp } = helper.def
      if (mapOp && map?.ops[mapOp] !== undefined && linkedTo(input.maps, map)) continue
      checkHelper(program, helper, slot, linker, modules)
    }
  }
}

function checkHelper(
  program: StandaloneProgram,
  { def }: LinkedHelper,
  slot: number,
  linker: Linker,
  modules: Modules,
): void {
  const refuse = (why: string): StandaloneError =>
    new StandaloneError(
      'NEEDS_RUNTIME',
      program.linked.name,
      `calls ${def.name}, which needs ${why}; a standalone module has no runtime around it${place(program, slot)}`,
      slot,
    )
  if (!def.wasm) throw refuse('JavaScript')
  const target = linker.exported(modules.of(def.wasm.module), def.wasm.export)
  if (!target) throw refuse(`an export ${def.wasm.export} that module ${def.wasm.module.name} has not`)
  for (const host of linker.reach(target).hosts) {
    const missing = missingHost(host)
    if (missing !== undefined) throw refuse(hostNeeds[missing] ?? `the host function ${missing}`)
  }
}

/** Where the call stands in the source, when the object tells. */
export function place({ spec }: Pick<StandaloneProgram, 'spec'>, slot: number): string {
  const line = spec?.lines.findLast(({ insn }) => insn <= slot)
  return line ? ` (${line.file.split('/').pop()}:${line.line}: ${line.text.trim()})` : ''
}
