import { arg, defineHelper, definePlugin, ret } from '@skep/runtime'

/** A helper: FNV-1a of a block of memory that the verifier has proved readable. */
export const hashing = definePlugin({
  name: 'acme-hash',
  helpers: [
    defineHelper({
      name: 'acme_hash',
      id: 0x1_0001,
      args: [arg.mem({ access: 'read' }), arg.size(), arg.scalar()],
      returns: ret.u32(),
      programTypes: ['xdp'],
      call: (bytes, seed) => {
        const block: Uint8Array = bytes
        return block.reduce((hash, byte) => Math.imul(hash ^ byte, 0x0100_0193), seed) >>> 0
      },
    }),
  ],
})

/** The arguments have the descriptors' types: this does not compile without the note above it. */
defineHelper({
  name: 'acme_wrong',
  id: 0x1_0002,
  args: [arg.mem({ access: 'read' }), arg.size()],
  returns: ret.u32(),
  // @ts-expect-error a block of memory is no number
  call: (bytes: number) => bytes,
})
