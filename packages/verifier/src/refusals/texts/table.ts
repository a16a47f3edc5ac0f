import type { RefusalTexts } from '../refusal.ts'
import type { RefusalCode } from '../table.ts'
import { calls } from './calls.ts'
import { controlFlow } from './control-flow.ts'
import { encoding } from './encoding.ts'
import { kernel } from './kernel.ts'
import { kfunc } from './kfunc.ts'
import { memory } from './memory.ts'
import { ownership } from './ownership.ts'
import { pointers } from './pointers.ts'
import { stack } from './stack.ts'

/** The tables by subject, in the order of the documentation. */
export const subjects: Readonly<Record<string, RefusalTexts<string>>> = {
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

/** The texts of all kinds of refusals. */
export const refusalTexts: RefusalTexts<RefusalCode> = {
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
