import { definePlugin, type PluginDef } from '@skep/registry'
import { tcAttachPoint } from './attach.ts'
import { lwtInProgramType, lwtOutProgramType, lwtSeg6localProgramType, lwtXmitProgramType } from './lwt.ts'
import { netfilterProgramType } from './netfilter.ts'
import { schedActProgramType, schedClsProgramType } from './sched.ts'
import { tcxAttachPoint } from './tcx.ts'

/** Program types of traffic control, lightweight tunnels and netfilter. */
export const tcPlugin: PluginDef = definePlugin({
  name: 'hook-tc',
  programTypes: [
    schedClsProgramType,
    schedActProgramType,
    lwtInProgramType,
    lwtOutProgramType,
    lwtXmitProgramType,
    lwtSeg6localProgramType,
    netfilterProgramType,
  ],
  attachPoints: [tcAttachPoint, tcxAttachPoint],
})

export type { Direction, TcAction, TcActionProgram } from './actions.ts'
export {
  attachTc,
  type TcAttachOptions,
  type TcLink,
  type TcProgram,
  tcAttachPoint,
  tcEgress,
  tcIngress,
} from './attach.ts'
export { TcAttachError, type TcAttachErrorCode, TcDropError } from './errors.ts'
export { ETH_P_ALL, type TcFilterStats } from './filter-table.ts'
export { forwardingHelpers } from './forward.ts'
export type { TcBatchView, TcStats } from './hook.ts'
export {
  lwtContext,
  lwtInProgramType,
  lwtOutProgramType,
  lwtSeg6localProgramType,
  lwtXmitProgramType,
} from './lwt.ts'
export type { Hop, Neighbour, NeighbourQuery } from './neighbour.ts'
export { netfilterContext, netfilterProgramType } from './netfilter.ts'
export {
  schedActProgramType,
  schedClsProgramType,
  TC_ACT_OK,
  TC_ACT_PIPE,
  TC_ACT_QUEUED,
  TC_ACT_RECLASSIFY,
  TC_ACT_REDIRECT,
  TC_ACT_REPEAT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TC_ACT_UNSPEC,
  tcContext,
} from './sched.ts'
export type { SideOptions } from './side-link.ts'
export {
  attachTcx,
  type TcxAttachOptions,
  type TcxLink,
  type TcxRelative,
  tcxAttachPoint,
  tcxQuery,
} from './tcx.ts'
export { TCX_DROP, TCX_NEXT, TCX_PASS, TCX_REDIRECT } from './tcx-run.ts'
