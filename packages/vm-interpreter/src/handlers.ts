import type { OpName } from '@skep/isa'
import * as h from './handler.ts'

type HandlerName = keyof typeof h

/** The handlers that have no instruction of their own name. */
const special = {
  gotol: h.JA,
  call_kfunc: h.CALL_HELPER,
  gotox: h.ILLEGAL,
  callx: h.CALLX,
  // Never reached: ld_imm64 and its second slot become one record.
  ld_imm64_hi: h.ILLEGAL,
} as const satisfies Partial<Record<OpName, number>>

type Named = Exclude<OpName, keyof typeof special>
/** Fails to compile when isa's table has an instruction that no handler is named after. */
type Missing = Exclude<Uppercase<Named>, HandlerName>
const complete: [Missing] extends [never] ? true : Missing = true

/** The handler of each instruction of isa's table. */
export function handlerOf(name: OpName): number {
  if (!complete) return h.ILLEGAL
  return name in special ? special[name as keyof typeof special] : h[name.toUpperCase() as HandlerName]
}
