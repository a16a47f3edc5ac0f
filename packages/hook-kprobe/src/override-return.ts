import { arg, defineHelper, definePlugin, type PluginDef, ret } from '@skep/registry'
import { OVERRIDE_ASKED, OVERRIDE_VALUE } from './function-probe.ts'

/** Name of the helper that ends a call before its function begins. */
export const OVERRIDE_RETURN = 'skep_override_return'

/**
 * `skep_override_return(struct pt_regs *regs, __u64 rc)`: what bpf_override_return is to kernels with error injection, under a
 * number of its own, since most kernels, and so the verifier, refuse that one. The function is not called; what the call
 * returns, or throws, `options.override` of the attachment makes of `rc`. For `createRuntime({ plugins: [overridePlugin] })`.
 */
export const overridePlugin: PluginDef = definePlugin({
  name: 'kprobe-override',
  helpers: [
    defineHelper({
      name: OVERRIDE_RETURN,
      id: 0x1_0058,
      args: [arg.ctx(), arg.u64()],
      returns: ret.scalar(),
      programTypes: ['kprobe'],
      call(context, value) {
        const view = new DataView(this.memory.buffer)
        view.setBigUint64(context + OVERRIDE_VALUE, value, true)
        view.setUint32(context + OVERRIDE_ASKED, 1, true)
        return 0
      },
    }),
  ],
})
