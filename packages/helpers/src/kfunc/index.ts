import type { KfuncDef } from '@skep/registry'
import { controlKfuncs } from './control.ts'
import { dynptrKfuncs } from './dynptr.ts'
import { iteratorKfuncs } from './iterators.ts'
import { memoryKfuncs } from './memory.ts'
import { netKfuncs } from './net.ts'
import { objectKfuncs } from './objects.ts'
import { prototypes } from './prototypes.ts'

/**
 * Kernel functions that programs may call, in Linux 6.18: their prototypes are in the kernel's BTF, and here for those that
 * do without its structs.
 */
export const kernelFunctions: readonly KfuncDef[] = [
  ...controlKfuncs,
  ...iteratorKfuncs,
  ...dynptrKfuncs,
  ...memoryKfuncs,
  ...objectKfuncs,
  ...netKfuncs,
].map((kfunc) => ({ ...kfunc, ...prototypes.get(kfunc.name) }))
