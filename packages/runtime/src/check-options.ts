import { RuntimeError } from './errors.ts'
import { kindOf } from './kind-of.ts'

const bad = (name: string, message: string): RuntimeError =>
  new RuntimeError('BAD_OPTION', name, `option ${name}: ${message}`)

/** Checks what neither the platform nor the arena checks of a runtime's options. Throws RuntimeError BAD_OPTION. */
export function checkOptions(
  plugins: unknown,
  { seed, clock }: { readonly seed?: unknown; readonly clock?: unknown },
): void {
  if (!Array.isArray(plugins)) {
    throw bad('plugins', `${kindOf(plugins)} is no list of plugins; give [definePlugin({ … })]`)
  }
  for (const [n, plugin] of plugins.entries()) {
    if (typeof plugin?.name === 'string') continue
    throw bad(`plugins[${n}]`, `${kindOf(plugin)} is no plugin; give what definePlugin returns`)
  }
  if (seed !== undefined && typeof seed !== 'bigint') {
    throw bad('seed', `${kindOf(seed)} is no bigint; write 1n for 1`)
  }
  if (clock === undefined) return
  const { now, schedule } = (clock ?? {}) as Partial<Record<'now' | 'schedule', unknown>>
  if (typeof now !== 'function' || typeof schedule !== 'function') {
    throw bad('clock', `${kindOf(clock)} is no clock; give { now, schedule }, or createVirtualClock()`)
  }
}
