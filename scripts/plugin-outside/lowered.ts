import { arg, defineHelper, definePlugin, ret } from '@skep/runtime'

/** How often the function in JS was called: not at all by the JIT, which writes the expression in its place. */
export let calls = 0

export const mixing = definePlugin({
  name: 'acme-mix',
  helpers: [
    defineHelper({
      name: 'acme_mix',
      id: 0x1_0003,
      args: [arg.u64(), arg.u32()],
      returns: ret.u64(),
      programTypes: ['xdp'],
      call: (value, salt) => {
        calls++
        return BigInt.asUintN(64, (value ^ BigInt(salt)) * 31n)
      },
      lower: ['i64.mul', ['i64.xor', ['arg', 0], ['arg', 1]], ['i64', 31]],
    }),
  ],
})
