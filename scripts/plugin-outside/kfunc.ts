import { arg, defineKfunc, definePlugin, ret } from '@skep/runtime'

/** A kernel function, called by its name: `extern int acme_scale(u32 factor, const void *data, u32 data__sz) __ksym;` */
export const scaling = definePlugin({
  name: 'acme-scale',
  kfuncs: [
    defineKfunc({
      name: 'acme_scale',
      args: [arg.u32(), arg.mem({ access: 'read' }), arg.size()],
      returns: ret.scalar(),
      programTypes: ['xdp'],
      call: (factor, data) => factor * data.reduce((sum, byte) => sum + byte, 0),
    }),
  ],
})
