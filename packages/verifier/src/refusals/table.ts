import { type CallCode, calls } from './calls.ts'
import { type ControlFlowCode, controlFlow } from './control-flow.ts'
import { type EncodingCode, encoding } from './encoding.ts'
import { type KernelCode, kernel } from './kernel.ts'
import { type KfuncCode, kfunc } from './kfunc.ts'
import { type MemoryCode, memory } from './memory.ts'
import { type OwnershipCode, ownership } from './ownership.ts'
import { type PointerCode, pointers } from './pointers.ts'
import type { RefusalLines } from './refusal.ts'
import { type StackCode, stack } from './stack.ts'

/** Why a program was refused, as a word that stays the same. Each has a page in docs/reference/refusals. */
export type RefusalCode =
  | EncodingCode
  | ControlFlowCode
  | PointerCode
  | MemoryCode
  | StackCode
  | CallCode
  | OwnershipCode
  | KernelCode
  | KfuncCode

/** The decisive lines of all kinds of refusals. */
export const refusalLines: RefusalLines<RefusalCode> = {
  ...encoding,
  ...controlFlow,
  ...pointers,
  ...memory,
  ...stack,
  ...calls,
  ...ownership,
  ...kfunc,
  ...kernel,
}

/** A refusal that the table has no entry for: a line of another kernel's log, say. */
export const UNCLASSIFIED = 'UNCLASSIFIED'

/** Where a decisive log line is found in the table. */
export interface FoundLine {
  readonly code: RefusalCode
  /** Which of the lines of its code it is. */
  readonly index: number
  readonly groups: Readonly<Record<string, string | undefined>>
}

/** The entry of a decisive log line: of this verifier, or of a running kernel. */
export function classify(line: string): FoundLine | undefined {
  for (const [code, patterns] of Object.entries(refusalLines)) {
    for (const [index, pattern] of patterns.entries()) {
      const match = pattern.exec(line)
      if (match) return { code: code as RefusalCode, index, groups: match.groups ?? {} }
    }
  }
  return undefined
}

/** The code alone, as verdicts carry it. */
export const refusalCode = (line: string): RefusalCode | typeof UNCLASSIFIED =>
  classify(line)?.code ?? UNCLASSIFIED
