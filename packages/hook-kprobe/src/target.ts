import { KprobeAttachError } from './errors.ts'

/** An object in a message: by its class. */
export function describeTarget(target: unknown): string {
  if (typeof target === 'function') return target.name || 'function'
  if (typeof target !== 'object' || target === null) return String(target)
  const tag = (target as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  if (typeof tag === 'string') return tag
  const { constructor: type } = target as { constructor?: { name?: string; prototype?: unknown } }
  const name = type?.name || 'object'
  return type?.prototype === target ? `${name}.prototype` : name
}

/** Where a function is, on the object or above it in its prototypes. Throws KprobeAttachError. */
export function ownerOf(
  target: object,
  name: PropertyKey,
  accessor: 'get' | 'set' | undefined,
): { readonly owner: object; readonly descriptor: PropertyDescriptor } {
  for (let owner: object | null = target; owner; owner = Object.getPrototypeOf(owner)) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name)
    if (!descriptor) continue
    const found = descriptor[accessor ?? 'value']
    if (typeof found === 'function') return { owner, descriptor }
    const is = descriptor.get || descriptor.set ? 'an accessor' : kindOf(descriptor.value)
    const mend = accessor
      ? `it has no ${accessor}ter`
      : descriptor.get || descriptor.set
        ? "give { accessor: 'get' } or { accessor: 'set' }"
        : 'name a function'
    throw new KprobeAttachError(
      'NOT_A_FUNCTION',
      `${describeTarget(target)}.${String(name)} is ${is}; ${mend}`,
    )
  }
  throw new KprobeAttachError(
    'NO_SUCH_FUNCTION',
    `${describeTarget(target)} has no ${String(name)}; its functions: ${functionsOf(target).slice(0, 12).join(', ') || 'none'}`,
  )
}

const kindOf = (value: unknown): string => (value === null ? 'null' : `a value of type ${typeof value}`)

/** Names of the functions that an object has of its own, and its prototypes but `Object.prototype`. */
export function functionsOf(target: object): readonly string[] {
  const names = new Set<string>()
  for (
    let owner: object | null = target;
    owner && owner !== Object.prototype && owner !== Function.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(owner)))
      if (typeof descriptor.value === 'function' && name !== 'constructor') names.add(name)
  }
  return [...names]
}

/** The object and the name that a path leads to: `Class.prototype.method`. Throws KprobeAttachError. */
export function resolvePath(
  module: object,
  path: string,
): { readonly target: object; readonly name: string } {
  const parts = path.split('.')
  const name = parts.pop()!
  let target: unknown = module
  for (const [n, part] of parts.entries()) {
    const here = target as Record<string, unknown>
    if (!(part in here)) {
      throw new KprobeAttachError(
        'NO_SUCH_FUNCTION',
        `${path}: ${parts.slice(0, n).join('.') || 'the module'} has no ${part}; it has: ${Object.getOwnPropertyNames(here).slice(0, 12).join(', ')}`,
      )
    }
    target = here[part]
    if (!isObject(target)) {
      throw new KprobeAttachError(
        'BAD_TARGET',
        `${path}: ${parts.slice(0, n + 1).join('.')} is ${kindOf(target)}; only objects have functions`,
      )
    }
  }
  return { target: target as object, name }
}

export const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

/** A glob of `*` and `?`, as tracers take it, or a regular expression: whether a name is meant. */
export function matcher(pattern: string | RegExp | readonly string[]): (name: string) => boolean {
  if (pattern instanceof RegExp)
    return (name) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(name)
  if (typeof pattern !== 'string') return (name) => pattern.includes(name)
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  const regexp = new RegExp(`^${text}$`)
  return (name) => regexp.test(name)
}
