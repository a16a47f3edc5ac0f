import { defineHelper, defineKfunc, type HelperDef, type KfuncDef, type WasmModuleDef } from '@skep/registry'
import { cryptoKfuncs } from './impl/host-crypto.ts'
import { needsTypes } from './impl/host-types.ts'
import { providerOf } from './impl/provided.ts'
import { kfuncLacking } from './kfunc/lacking.ts'
import { lacking } from './proto/index.ts'

/** How a helper runs here: by its wasm export or its JS function, and perhaps by an expression that engines inline. */
export type HelperImplementation = Pick<HelperDef, 'call' | 'wasm' | 'lower'>

/** What a prototype that nothing implements says of itself; nothing for those that engines and map types perform. */
const absent = (helper: HelperDef): string | undefined =>
  helper.tailCall || helper.mapOp
    ? undefined
    : `it needs ${lacking(helper.name)}; to supply it, ${mend(helper.name)}`

const mend = (name: string): string => {
  const provider = needsTypes(name) ? 'types' : providerOf(name)
  return provider
    ? `give createRuntime({ providers: { ${provider} } })`
    : `compose the runtime with createHelpersPlugin({ ${name}: { call } })`
}

/**
 * Prototypes with their implementations, by name. Helpers that engines and map types perform (`tailCall`, `mapOp`) need
 * none; any other without one is `absent`: programs that call it verify, and do not run. Throws RangeError for the name
 * of no prototype.
 */
export const joinHelpers = (
  prototypes: readonly HelperDef[],
  implementations: Readonly<Record<string, HelperImplementation>>,
): readonly HelperDef[] => {
  const unknown = Object.keys(implementations).filter((name) => !prototypes.some((p) => p.name === name))
  if (unknown.length > 0)
    throw new RangeError(`no helper is named ${unknown.join(', ')}; see enum bpf_func_id`)
  return prototypes.map((prototype) => {
    const implementation = implementations[prototype.name]
    if (implementation) return defineHelper({ ...prototype, ...implementation })
    const reason = absent(prototype)
    return defineHelper(reason ? { ...prototype, absent: reason } : prototype)
  })
}

/** Kernel functions with their implementations, exports of the module by name; those without one verify and do not run. */
export const joinKfuncs = (
  kfuncs: readonly KfuncDef[],
  exports: Readonly<Record<string, string>>,
  module: WasmModuleDef,
): readonly KfuncDef[] =>
  kfuncs.map((kfunc) => {
    const name = exports[kfunc.name]
    const absent = cryptoKfuncs[kfunc.name]
      ? 'it needs ciphers; to supply them, give createRuntime({ providers: { crypto } })'
      : `it needs ${kfuncLacking(kfunc.name)}; a plugin supplies it with defineKfunc, on a platform made without this one`
    return defineKfunc(
      name === undefined ? { ...kfunc, absent } : { ...kfunc, wasm: { module, export: name } },
    )
  })
