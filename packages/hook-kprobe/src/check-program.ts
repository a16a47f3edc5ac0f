import type { ProgramHandle } from '@skep/registry'
import { KprobeAttachError } from './errors.ts'

/** A program of a type: `collection.program(name, 'kprobe')`. */
export type ProgramOf<T extends string> = ProgramHandle & { readonly type: T }

/**
 * Refuses what is no program of the types, or of other attach types (undefined for none). Throws KprobeAttachError BAD_PROGRAM
 * and WRONG_PROGRAM_TYPE.
 */
export function checkProgram(
  program: ProgramHandle,
  types: readonly string[],
  attachTypes?: { readonly allowed: readonly (string | undefined)[]; readonly mend: string },
): void {
  if (typeof program?.run !== 'function') {
    const promised = typeof (program as { then?: unknown } | null | undefined)?.then === 'function'
    throw new KprobeAttachError(
      'BAD_PROGRAM',
      promised
        ? 'a promise was given as program; await it first'
        : `what was given is no program; give collection.program(name, '${types[0]}')`,
    )
  }
  if (program.attach) {
    throw new KprobeAttachError(
      'BAD_PROGRAM',
      `program ${program.name} runs elsewhere, where no JavaScript is; load it with the engine jit or interpreter`,
    )
  }
  if (!types.includes(program.type)) {
    throw new KprobeAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not ${types.join(' or ')}; attach it with the hook of its type`,
    )
  }
  if (attachTypes && !attachTypes.allowed.includes(program.attachType)) {
    throw new KprobeAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is for ${program.attachType ?? 'one function (SEC("kprobe"))'}; ${attachTypes.mend}`,
    )
  }
}
