import { definePlugin, defineProgramType, type PluginDef, type ProgramTypeDef } from '@skep/registry'
import { guardEventContext } from './event.ts'
import { guardHelpers } from './helpers.ts'
import { guardConstants } from './operations.ts'

/**
 * Programs that decide what plugins of a process may call: 0 lets it happen, minus an errno refuses it with that, and anything
 * else with EPERM. The result is an int: its lower 32 bits.
 */
export const guardProgramType: ProgramTypeDef = defineProgramType({
  name: 'guard',
  id: 0x1_6a00,
  context: guardEventContext,
  packetAccess: 'read',
  packetToAnyHelper: true,
  unprivileged: true,
  kfuncs: false,
  verdicts: { 0: 'GUARD_ALLOW', [-1]: 'GUARD_EPERM', [-13]: 'GUARD_EACCES' },
  constants: guardConstants,
  sections: [{ name: 'guard', prefix: true }],
})

/** The program type of guards and its helpers, for `createRuntime({ plugins })`; `attachGuard` is in `@skep/hook-seccomp/node`. */
export const guardPlugin: PluginDef = definePlugin({
  name: 'guard',
  programTypes: [guardProgramType],
  helpers: guardHelpers,
})
