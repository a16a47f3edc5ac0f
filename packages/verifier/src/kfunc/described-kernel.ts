import { BtfBuilder, parseBtf } from '@skep/btf'
import { C_INTEGERS, type CType, type Platform, parsePrototype } from '@skep/registry'
import { KernelTypes } from '../kernel-btf.ts'

const known = new WeakMap<Platform, KernelTypes>()

/**
 * Types of a kernel that is known only by the platform's kernel functions: those that are declared in C, and the structs
 * that they name. Calls of them are checked against these where no kernel's BTF is given.
 */
export function describedKernel(platform: Platform): KernelTypes {
  let types = known.get(platform)
  if (!types) known.set(platform, (types = new KernelTypes(parseBtf(build(platform)))))
  return types
}

function build(platform: Platform): Uint8Array {
  const builder = new BtfBuilder()
  const ids = new Map<string, number>()
  const once = (key: string, make: () => number): number => {
    const id = ids.get(key) ?? make()
    ids.set(key, id)
    return id
  }
  const sizes = new Map<string, number>()
  for (const { structs = {} } of platform.kfuncs) {
    for (const [name, size] of Object.entries(structs)) sizes.set(name, size)
  }
  const base = ({ base: name, kind }: CType): number => {
    switch (kind) {
      case 'void':
        return 0
      case 'struct':
        return once(`struct ${name}`, () => builder.struct(name, [], sizes.get(name) ?? 0))
      case 'function':
        return once('function', () => builder.funcProto(0))
      case 'integer': {
        const { size, signed } = C_INTEGERS[name]!
        return once(name, () => builder.int(name, size, { signed, bool: name === 'bool' }))
      }
    }
  }
  const typeOf = (type: CType): number => {
    let id = base(type)
    for (let stars = 0; stars < type.pointers; stars++) {
      const to = id
      id = once(`${to} *`, () => builder.pointer(to))
    }
    return id
  }
  for (const { prototype } of platform.kfuncs) {
    const declared = prototype === undefined ? undefined : parsePrototype(prototype)
    if (!declared) continue
    const returns = typeOf(declared.returns)
    const params = declared.params.map(({ name, type }) => [name, typeOf(type)] as const)
    builder.func(declared.name, builder.funcProto(returns, params))
  }
  return builder.build()
}
