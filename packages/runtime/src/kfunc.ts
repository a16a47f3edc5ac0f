import type { ArgDesc, HelperDef, KfuncDef } from '@skep/registry'

/** Whole registers, where nothing describes the arguments. */
const REGISTERS: readonly ArgDesc[] = Array.from(
  { length: 5 },
  () => ({ kind: 'anything', js: 'u64' }) as const,
)

/** A kernel function as engines see it: a helper under a number of its own. */
export const kfuncAsHelper = (name: string, id: number, def: KfuncDef | undefined): HelperDef => ({
  name,
  id,
  args: def?.args ?? REGISTERS,
  returns: def?.returns ?? { kind: 'integer' },
  ...(def?.wasm ? { wasm: def.wasm } : {}),
  // Without its arguments' descriptions a function in JavaScript cannot be called.
  ...(def?.call && def.args ? { call: def.call } : {}),
  ...(def?.absent ? { absent: def.absent } : {}),
})
