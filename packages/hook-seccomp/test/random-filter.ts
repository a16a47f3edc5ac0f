import { type ClassicInsn, type ClassicOpDef, classicDefs } from '@skep/isa'
import type { Random } from '../../vm-interpreter/test/random-numbers.ts'
import * as seccomp from '../src/index.ts'

const ACTIONS: readonly number[] = [
  seccomp.SECCOMP_RET_KILL_PROCESS,
  seccomp.SECCOMP_RET_KILL_THREAD,
  seccomp.SECCOMP_RET_TRAP,
  seccomp.SECCOMP_RET_ERRNO,
  seccomp.SECCOMP_RET_ERRNO,
  seccomp.SECCOMP_RET_ERRNO,
  seccomp.SECCOMP_RET_USER_NOTIF,
  seccomp.SECCOMP_RET_TRACE,
  seccomp.SECCOMP_RET_LOG,
  seccomp.SECCOMP_RET_ALLOW,
  seccomp.SECCOMP_RET_ALLOW,
  seccomp.SECCOMP_RET_ALLOW,
  // No actions: they kill.
  0x0001_0000,
  0x7fff_0000 - 0x1_0000,
  0x8001_0000,
]

/** Calls whose arguments mean nothing, so that any of them may be made for real: getpid and the like. */
export const HARMLESS: readonly number[] = [39, 102, 104, 107, 108, 110, 111, 186]

/** One that no kernel has, and what lets a filter be followed by another: `seccomp`. */
export const MISSING: readonly number[] = [1000, 1001, 0x3fff_ffff]
const SECCOMP = 317

const DEFS: readonly ClassicOpDef[] = Object.values(classicDefs)
const PLAIN = DEFS.filter(
  (def) =>
    ['alu', 'st', 'stx', 'neg', 'tax', 'txa'].includes(def.kind) ||
    ((def.kind === 'ld' || def.kind === 'ldx') && ['imm', 'len', 'mem'].includes(def.mode)),
).filter((def) => def.kind !== 'alu' || def.aluOp !== 'mod')
const JUMPS = DEFS.filter((def) => def.kind === 'jump')

/** What a filter may return. */
export function randomReturn(random: Random): number {
  const data = random.below(10) < 3 ? random.below(0x10000) : random.below(200)
  return (random.pick(ACTIONS) | data) >>> 0
}

/** A filter that Linux takes and that lets `seccomp` pass, with values at which things happen. */
export function randomFilter(random: Random, count: number): ClassicInsn[] {
  const insn = (def: ClassicOpDef, k = 0, jt = 0, jf = 0): ClassicInsn => ({ code: def.code, jt, jf, k })
  const program: ClassicInsn[] = [
    insn(classicDefs.ld_w_abs, 0),
    insn(classicDefs.jeq_k, SECCOMP, 0, 1),
    insn(classicDefs.ret_k, seccomp.SECCOMP_RET_ALLOW),
  ]
  const total = program.length + count
  // Words that every path to an instruction has written.
  const written = new Int32Array(total + 2).fill(-1)
  written.fill(0, 0, 4)
  for (let index = program.length; index < total; index++) {
    const words = written[index]!
    const made = one(random, total - index - 1, words, insn)
    program.push(made)
    const def = DEFS.find((row) => row.code === made.code)!
    const after = def.kind === 'st' || def.kind === 'stx' ? words | (1 << made.k) : words
    const targets = def.kind === 'ja' ? [made.k] : def.kind === 'jump' ? [made.jt, made.jf] : [0]
    for (const to of targets) written[index + 1 + to]! &= after
  }
  return [
    ...program,
    insn(random.below(10) < 2 ? classicDefs.ret_a : classicDefs.ret_k, randomReturn(random)),
  ]
}

function one(
  random: Random,
  ahead: number,
  words: number,
  insn: (def: ClassicOpDef, k?: number, jt?: number, jf?: number) => ClassicInsn,
): ClassicInsn {
  const kind = random.below(100)
  if (kind < 30) return insn(classicDefs.ld_w_abs, 4 * random.pick([0, 0, 1, 4, 5, 6, 7, 8, 9, 14, 15]))
  if (kind < 58) {
    const near = Math.min(ahead, random.below(10) < 8 ? 4 : 255)
    return insn(random.pick(JUMPS), constant(random), random.below(near + 1), random.below(near + 1))
  }
  if (kind < 61) return insn(classicDefs.ja, random.below(Math.min(ahead, 3) + 1))
  if (kind < 68) return insn(classicDefs.ret_k, randomReturn(random))
  const def = random.pick(PLAIN)
  if (def.kind === 'st' || def.kind === 'stx') return insn(def, random.below(16))
  if ((def.kind === 'ld' || def.kind === 'ldx') && def.mode === 'mem') {
    const known = Array.from({ length: 16 }, (_, word) => word).filter((word) => (words & (1 << word)) !== 0)
    return known.length > 0 ? insn(def, random.pick(known)) : insn(classicDefs.st, random.below(16))
  }
  if (def.kind === 'alu')
    return insn(
      def,
      def.aluOp === 'lsh' || def.aluOp === 'rsh' ? random.below(32) : Math.max(1, constant(random)),
    )
  return insn(def, 'mode' in def && def.mode === 'imm' ? constant(random) : 0)
}

const constant = (random: Random): number =>
  random.pick([
    0,
    1,
    39,
    110,
    random.below(16),
    random.below(200),
    0xc000_003e,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    random.next(),
    randomReturn(random),
  ])

/** An argument of a call. */
export function randomArgument(random: Random): bigint {
  const word = (): number => constant(random) >>> 0
  return random.below(10) < 6 ? BigInt(word()) : (BigInt(word()) << 32n) | BigInt(word())
}
