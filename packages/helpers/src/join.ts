import { defineHelper, type HelperDef } from '@skep/registry'

/** How a helper runs here: by its wasm export or its JS function. */
export type HelperImplementation = Pick<HelperDef, 'call' | 'wasm'>

/** What a prototype that nothing implements says of itself. */
const absent = (helper: HelperDef): string => {
  if (helper.tailCall || helper.mapOp) return ''
  return `${helper.name} works on the kernel's own objects or devices, and no plugin here supplies them; define a helper of this name with a 'call' in place of the built-in one`
}

/**
 * Prototypes with their implementations, by name. Helpers that engines and map types perform (`tailCall`, `mapOp`) need
 * none; any other without one is `absent`: programs that call it verify, and do not run.
 */
export const joinHelpers = (
  prototypes: readonly HelperDef[],
  implementations: Readonly<Record<string, HelperImplementation>>,
): readonly HelperDef[] => {
  const unknown = Object.keys(implementations).filter((name) => !prototypes.some((p) => p.name === name))
  if (unknown.length > 0) throw new RangeError(`no prototype of ${unknown.join(', ')}`)
  return prototypes.map((prototype) => {
    const implementation = implementations[prototype.name]
    if (implementation) return defineHelper({ ...prototype, ...implementation })
    const reason = absent(prototype)
    return defineHelper(reason ? { ...prototype, absent: reason } : prototype)
  })
}
