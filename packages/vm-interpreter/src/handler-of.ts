import type { OpName } from '@skep/isa'
import { handlerTable } from './handler-table.ts'
import * as h from './layout/handlers.ts'

/** Instructions that no handler is named after. */
const special = {
  gotol: h.JA,
  call_kfunc: h.ILLEGAL,
  gotox: h.ILLEGAL,
  // Never reached: ld_imm64 and its second slot become one record.
  ld_imm64_hi: h.ILLEGAL,
} as const satisfies Partial<Record<OpName, number>>

type Special = keyof typeof special
/** Does not compile when isa's table has an instruction without a handler. */
const named: { readonly [Name in Uppercase<Exclude<OpName, Special>>]: number } = handlerTable

/** The handler of each instruction of isa's table. */
export function handlerOf(name: OpName): number {
  return name in special
    ? special[name as Special]
    : named[name.toUpperCase() as Uppercase<Exclude<OpName, Special>>]
}
