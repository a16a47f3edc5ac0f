import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PluginDef } from '@skep/runtime'
import { RefusedError } from './report.ts'
import { importModule } from './starter.ts'

/** Not a program type, which has a number, and lists helpers too. */
const isPlugin = (value: unknown): value is PluginDef =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { name?: unknown }).name === 'string' &&
  !('id' in value)

/** Everything that a module exports and that is a plugin. */
export async function pluginsOf(file: string): Promise<PluginDef[]> {
  const path = resolve(file)
  if (!existsSync(path)) throw new RefusedError('ENOENT', `${file}: no such file`)
  let exported: Record<string, unknown>
  try {
    exported = await importModule(pathToFileURL(path).href)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new RefusedError('BAD_PLUGIN', `${file}: ${why.split('\n')[0]}`)
  }
  const parts = ['helpers', 'kfuncs', 'mapTypes', 'programTypes', 'attachPoints', 'loaders', 'engines']
  const plugins = Object.values(exported).filter(
    (value): value is PluginDef => isPlugin(value) && parts.some((part) => part in value),
  )
  if (plugins.length === 0)
    throw new RefusedError('BAD_PLUGIN', `${file}: no export is a plugin; export what definePlugin returns`)
  return [...new Set(plugins)]
}
