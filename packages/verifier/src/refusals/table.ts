import { type CallCode, calls } from './calls.ts'
import { type ControlFlowCode, controlFlow } from './control-flow.ts'
import { type EncodingCode, encoding } from './encoding.ts'
import { type KernelCode, kernel } from './kernel.ts'
import { type KfuncCode, kfunc } from './kfunc.ts'
import { type MemoryCode, memory } from './memory.ts'
import { type OwnershipCode, ownership } from './ownership.ts'
import { type PointerCode, pointers } from './pointers.ts'
import type { Refusals } from './refusal.ts'
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

/** The tables by subject, in the order of the documentation. */
export const subjects: Readonly<Record<string, Readonly<Record<string, Refusals<string>[string]>>>> = {
  Instructions: encoding,
  'Control flow and cost': controlFlow,
  'Registers and pointers': pointers,
  'Loads and stores': memory,
  'The stack': stack,
  'Calls and return values': calls,
  'References, locks and special fields': ownership,
  'Kernel functions and objects': kfunc,
  'The kernel, and what comes with the program': kernel,
}

/** All kinds of refusals, by code. */
export const refusals: Refusals<RefusalCode> = {
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
