import { definePlugin, type PluginDef } from '@skep/registry'
import { xdpAttachPoint } from './attach.ts'
import { xdpProgramType } from './program-type.ts'

/** XDP: the program type and its attach point. */
export const xdpPlugin: PluginDef = definePlugin({
  name: 'xdp',
  programTypes: [xdpProgramType],
  attachPoints: [xdpAttachPoint],
})
