import { SECCOMP_DATA_SIZE } from '@skep/isa'
import { control, type ProgramHandle } from '@skep/registry'
import { SeccompError, type SeccompPlace } from './errors.ts'
import type { FilterFunction } from './filter.ts'

const isProgram = (value: unknown): value is ProgramHandle =>
  typeof (value as Partial<ProgramHandle> | undefined)?.run === 'function'

/**
 * What is called a program is one, of type `seccomp`.
 *
 * @throws SeccompError `BAD_PROGRAM`
 */
export function checkProgram(program: ProgramHandle, place: SeccompPlace = {}): void {
  if (!isProgram(program)) {
    const fact =
      'neither classic instructions nor a program; give parseClassic(text) or collection.program(name)'
    throw new SeccompError('BAD_PROGRAM', fact, place)
  }
  if (program.type === 'seccomp') return
  const fact = `program ${program.name} is of type ${program.type}, not seccomp; make it with seccompSpec(insns)`
  throw new SeccompError('BAD_PROGRAM', fact, place)
}

/**
 * A program of a runtime as a filter. Each call has its own context, which lies in the arena for as long as it takes.
 *
 * @throws SeccompError `BAD_PROGRAM`; the function throws what `program.run` throws
 */
export function programFilter(program: ProgramHandle, filter?: number): FilterFunction {
  checkProgram(program, filter === undefined ? {} : { filter })
  const { arena } = program.host
  return (words) => {
    const block = arena.alloc(control.RUN_HEADER_SIZE + SECCOMP_DATA_SIZE, 64)
    const context = block + control.RUN_HEADER_SIZE
    try {
      arena.u32.set(words, context >> 2)
      return program.run(context)
    } finally {
      arena.free(block)
    }
  }
}
