import { definePlugin, type HelperDef, type PluginDef } from '@skep/registry'
import { type HelperImplementation, joinHelpers } from './join.ts'
import { prototypes } from './proto/index.ts'

const implementations: Readonly<Record<string, HelperImplementation>> = {}

/** Linux's helpers: prototypes of all, implementations of those that mean something here. */
export const helpers: readonly HelperDef[] = joinHelpers(prototypes, implementations)

export const helpersPlugin: PluginDef = definePlugin({ name: 'helpers', helpers })

export { type HelperImplementation, joinHelpers } from './join.ts'
export { prototypes } from './proto/index.ts'
