import type { Cpu, HelperDef, HostEnv, LinkedHelper } from '@skep/registry'
import type { Activity } from './activity.ts'
import { RuntimeError } from './errors.ts'
import type { ModuleSet } from './modules.ts'

/** What a helper or kernel function becomes callable with, on one CPU. */
export interface FunctionLinker {
  readonly cpu: Cpu
  readonly modules: ModuleSet
  readonly env: HostEnv
  readonly activity: Activity
}

type JsHelpers = typeof import('./js-helper.ts')

/** What makes functions in JS callable: not all runtimes have some. */
let js: JsHelpers | undefined

/** For entries that have it at hand. */
export function provideJsHelpers(helpers: JsHelpers): void {
  js ??= helpers
}

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
    js ??= await import('./js-helper.ts')
    const fn = js.jsFunction(def, env, activity, cpu.arena)
    return { def, fn, slot: cpu.addFunction(fn, slot) }
  }
  throw new RuntimeError(
    'ABSENT',
    def.name,
    `${kind} ${def.name} is known to the verifier, but this runtime lacks it: ${def.absent ?? `a plugin may supply it with ${kind === 'helper' ? 'defineHelper' : 'defineKfunc'}`}`,
  )
}
