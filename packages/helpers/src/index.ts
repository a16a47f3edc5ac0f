import { definePlugin, type HelperDef, type PluginDef } from '@skep/registry'
import { implementations } from './impl/index.ts'
import { joinHelpers } from './join.ts'
import { prototypes } from './proto/index.ts'

/** Linux's helpers: prototypes of all, implementations of those that mean something here. */
export const helpers: readonly HelperDef[] = joinHelpers(prototypes, implementations)

export const helpersPlugin: PluginDef = definePlugin({ name: 'helpers', helpers })

export { type FormatMemory, type FormatResult, formatText } from './impl/format.ts'
export { implementations } from './impl/index.ts'
export { helpersModule } from './impl/module.ts'
export { type HelperImplementation, joinHelpers } from './join.ts'
export { prototypes } from './proto/index.ts'
