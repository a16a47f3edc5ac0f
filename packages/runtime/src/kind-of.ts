export const isPromise = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** What was given, in the words of whoever gave it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (isPromise(value)) return 'a promise'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') {
    const { name } = Object.getPrototypeOf(value)?.constructor ?? {}
    return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object'
  }
  return `a ${typeof value}`
}
