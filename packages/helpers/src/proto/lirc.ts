import type { HelperDef } from '@skep/registry'
import { CTX, helper, I32, RESULT, U32, U64 } from './kinds.ts'

export const lircHelpers: readonly HelperDef[] = [
  helper(77, 'bpf_rc_repeat', { ctx: CTX }, RESULT, { programTypes: ['lirc_mode2'], gplOnly: true }),
  helper(78, 'bpf_rc_keydown', { ctx: CTX, protocol: U32, scancode: U64, toggle: U32 }, RESULT, {
    programTypes: ['lirc_mode2'],
    gplOnly: true,
  }),
  helper(92, 'bpf_rc_pointer_rel', { ctx: CTX, rel_x: I32, rel_y: I32 }, RESULT, {
    programTypes: ['lirc_mode2'],
    gplOnly: true,
  }),
]
