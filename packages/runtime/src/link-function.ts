import { type Cpu, control, type HelperDef, type HostEnv, type LinkedHelper } from '@skep/registry'
import { createThunks, type MemoryType } from '@skep/wasm'
import type { Activity } from './activity.ts'
import { RuntimeError } from './errors.ts'
import { helperThunk } from './js-helper.ts'
import type { ModuleSet } from './modules.ts'

/** What a helper or kernel function becomes callable with, on one CPU. */
export interface FunctionLinker {
  readonly cpu: Cpu
  readonly modules: ModuleSet
  readonly env: HostEnv
  readonly activity: Activity
}

const memoryType = (shared: boolean): MemoryType =>
  shared ? { initial: 1, maximum: 65536, shared } : { initial: 1 }

/** Makes a definition callable and puts it into the function table, at `slot` if one is given. Throws RuntimeError ABSENT. */
export async function linkFunction(
  def: HelperDef,
  kind: 'helper' | 'kfunc',
  { cpu, modules, env, activity }: FunctionLinker,
  slot?: number,
): Promise<LinkedHelper> {
  if (def.wasm) {
    const fn = await modules.function(def.wasm)
    return { def, fn, slot: cpu.addFunction(fn, slot) }
  }
  if (def.call || def.tailCall) {
    // A tail call is performed by the engine itself; the function stands for the case that it fails.
    const thunk = def.call
      ? helperThunk(def, env, activity)
      : { params: [], result: 'i32' as const, call: () => -2 }
    const { memory, shared } = cpu.arena
    const [fn] = createThunks([thunk], {
      high: { memory, type: memoryType(shared), address: cpu.control + control.CTL_RET_HI },
    })
    return { def, fn: fn!, slot: cpu.addFunction(fn, slot) }
  }
  throw new RuntimeError(
    'ABSENT',
    def.name,
    `${kind} ${def.name} is known to the verifier, but this runtime lacks it: ${def.absent ?? `a plugin may supply it with ${kind === 'helper' ? 'defineHelper' : 'defineKfunc'}`}`,
  )
}
