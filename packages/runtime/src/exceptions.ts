import { type Insn, insn as make } from '@skep/isa'
import type { LinkedProgram, ProgramFacts } from '@skep/registry'

const grown = <T extends Uint8Array | Int32Array>(array: T, by: number, value: number): T => {
  const more = new (array.constructor as new (length: number) => T)(array.length + by)
  more.set(array as never)
  more.fill(value, array.length)
  return more
}

const extended = (facts: ProgramFacts, start: number, size: number): ProgramFacts => ({
  ...facts,
  reachable: grown(facts.reachable, size, 1),
  access: grown(facts.access, size, 0),
  callMap: grown(facts.callMap, size, -1),
  callback: grown(facts.callback, size, -1),
  flags: grown(facts.flags, size, 0),
  subprograms: [...facts.subprograms, start],
  stackDepth: [...facts.stackDepth, 0],
})

/**
 * A program whose main function names an exception callback: what bpf_throw throws goes through that function, and what it
 * returns is the run's result. Throws become calls of a function behind the program, which asks the callback and throws
 * its answer; engines need not know. `thrower` is bpf_throw's number; others are left as they are.
 */
export function withExceptionCallback(program: LinkedProgram, thrower: number): LinkedProgram {
  const { facts } = program
  const handler = facts?.exceptionCallback
  if (!facts || handler === undefined) return program
  const start = program.insns.length
  const isThrow = (insn: Insn): boolean => insn.def.name === 'call_helper' && insn.imm === thrower
  const ending: readonly Insn[] = [
    make.call_local(handler - start - 1),
    make.mov64_reg(1, 0),
    make.call_helper(thrower),
    make.exit(),
  ]
  return {
    ...program,
    insns: [
      ...program.insns.map((insn, slot) => (isThrow(insn) ? make.call_local(start - slot - 1) : insn)),
      ...ending,
    ],
    subprograms: [...program.subprograms, start],
    facts: extended(facts, start, ending.length),
  }
}
