import { definePlugin, type PluginDef } from '@skep/registry'
import { seccompAttachPoint } from './attach.ts'
import { seccompProgramType } from './program-type.ts'

/** seccomp: the program type and its attach point. */
export const seccompPlugin: PluginDef = definePlugin({
  name: 'seccomp',
  programTypes: [seccompProgramType],
  attachPoints: [seccompAttachPoint],
})
