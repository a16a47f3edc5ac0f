import type { Platform, ProgramSpec } from '@skep/registry'
import type { CodeMap } from './code.ts'
import { DebuggerError } from './errors.ts'
import type { Location } from './stops.ts'

/** Where locations are looked for. */
export interface Region {
  /** The program that is meant where a location names none. */
  readonly program: string
  readonly programs: readonly ProgramSpec[]
  readonly helpers: Platform['helpers']
  readonly code: (program: string) => CodeMap | undefined
}

export interface Located {
  /** Slots by program. */
  readonly slots: ReadonlyMap<string, readonly number[]>
  /** The line that was found, where one was asked for. */
  readonly line?: number
}

/** The instructions of a location. Throws DebuggerError NO_SUCH_PLACE. */
export function locate(location: Location, region: Region): Located {
  if (location.kind === 'helper') return { slots: callsOf(location.name, region) }
  const name = location.program ?? region.program
  const code = region.code(name)
  if (!code) {
    const known = region.programs.map((program) => program.name).join(', ')
    throw new DebuggerError('NO_SUCH_PLACE', name, `no program ${name}; the collection has ${known}`)
  }
  switch (location.kind) {
    case 'insn':
      if (code.at(location.pc)) return { slots: new Map([[name, [location.pc]]]) }
      throw new DebuggerError(
        'NO_SUCH_PLACE',
        `${location.pc}`,
        `slot ${location.pc} is no instruction of ${name}, which has ${code.insns.length} slots`,
      )
    case 'function':
      return { slots: new Map([[name, [code.slotOfFunction(location.name)]]]) }
    case 'line': {
      const { line, slots } = code.slotsOfLine(location.line, location.file)
      return { slots: new Map([[name, slots]]), line }
    }
  }
}

function callsOf(name: string | number, { programs, helpers, code }: Region): Map<string, readonly number[]> {
  const slots = new Map<string, readonly number[]>()
  for (const { name: program, references } of programs) {
    const kfuncs = references.flatMap((one) => (one.kind === 'kfunc' && one.name === name ? [one.insn] : []))
    const calls = code(program)!.insns.flatMap((insn, slot) => {
      const { def, imm } = insn ?? {}
      if (def?.kind !== 'call' || def.callee !== 'helper') return []
      return imm === name || helpers.get(imm!)?.name === name ? [slot] : []
    })
    if (kfuncs.length + calls.length > 0) slots.set(program, [...kfuncs, ...calls])
  }
  if (slots.size > 0) return slots
  throw new DebuggerError('NO_SUCH_PLACE', `${name}`, `no program of the collection calls ${name}`)
}
