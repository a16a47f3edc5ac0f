import { definePlugin, type HelperDef, type PluginDef } from '@skep/registry'
import { implementations } from './impl/index.ts'
import { type HelperImplementation, joinHelpers } from './join.ts'
import { prototypes } from './proto/index.ts'

/** Linux's helpers: prototypes of all, implementations of those that mean something here. */
export const helpers: readonly HelperDef[] = joinHelpers(prototypes, implementations)

export const helpersPlugin: PluginDef = definePlugin({ name: 'helpers', helpers })

/**
 * The same with implementations of a host's own, by helper name, added or in place of Skep's: what a socket lookup or the
 * current process is, the host may know. `call` gets its arguments as the prototype describes them.
 */
export const createHelpersPlugin = (own: Readonly<Record<string, HelperImplementation>>): PluginDef =>
  definePlugin({ name: 'helpers', helpers: joinHelpers(prototypes, { ...implementations, ...own }) })

export { type FormatMemory, type FormatResult, formatText } from './impl/format.ts'
export { implementations } from './impl/index.ts'
export { helpersModule } from './impl/module.ts'
export { type HelperImplementation, joinHelpers } from './join.ts'
export { prototypes } from './proto/index.ts'
