import type { EngineDef, Platform } from '@skep/registry'
import type { CoreOptions } from './core-options.ts'
import { RuntimeError } from './errors.ts'

/** Options whose engine has a name. */
export type NamedEngine = Omit<CoreOptions, 'engine'> & { readonly engine?: string }

/** Options whose engine is a name: one that was given itself joins the plugins. */
export function withEngine(options: CoreOptions): NamedEngine {
  const { engine, plugins, ...rest } = options
  if (engine === undefined || typeof engine === 'string') return options as NamedEngine
  if (typeof engine?.name !== 'string' || typeof engine.create !== 'function') {
    throw new RuntimeError(
      'BAD_OPTION',
      'engine',
      'option engine: give an engine of defineEngine, as kernel() of @skep/linux, or the name of one',
    )
  }
  return {
    ...rest,
    plugins: [...plugins, { name: `engine ${engine.name}`, engines: [engine] }],
    engine: engine.name,
  }
}

/** The engine of that name. Throws RuntimeError NO_SUCH_ENGINE. */
export function engineDef(platform: Platform, name: string | undefined): EngineDef {
  const def = name === undefined ? undefined : platform.engines.byName(name)
  if (def) return def
  const known = [...platform.engines].map((e) => e.name).join(', ') || 'none'
  throw new RuntimeError(
    'NO_SUCH_ENGINE',
    name ?? '',
    `no engine "${name ?? ''}"; the plugins give: ${known}`,
  )
}
