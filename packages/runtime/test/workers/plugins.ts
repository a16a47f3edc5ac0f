import { arg, defineHelper, definePlugin, type PluginDef, ret } from '@skep/registry'

/** A helper in JS, as each thread gets it. */
const twice = defineHelper({
  name: 'acme_twice',
  id: 0x1_0001,
  args: [arg.scalar()],
  returns: ret.scalar(),
  programTypes: 'all',
  call: (n: number) => 2 * n,
})

/** The same name with other arguments: another version. */
const twiceOfTwo = defineHelper({
  name: 'acme_twice',
  id: 0x1_0001,
  args: [arg.scalar(), arg.scalar()],
  returns: ret.scalar(),
  programTypes: 'all',
  call: (n: number, m: number) => 2 * n + m,
})

export const plugins: Readonly<Record<string, PluginDef>> = {
  acme: definePlugin({ name: 'acme', helpers: [twice] }),
  other: definePlugin({ name: 'acme', helpers: [twiceOfTwo] }),
}
