import type { ArgDesc, PluginDef } from '@skep/registry'
import { RuntimeError } from '../errors.ts'

/** A plugin by name, and a number for each of its definitions that workers rely on. */
export interface PluginPrint {
  readonly name: string
  readonly definitions: readonly (readonly [definition: string, print: number])[]
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let h = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193)
  return h >>> 0
}

const argument = (arg: ArgDesc): string => `${arg.kind}:${arg.js ?? ''}:${arg.size ?? ''}`

/** What a plugin defines, not how: two builds of one source have the same prints. Loaders do not count: workers parse nothing. */
export function printPlugin(plugin: PluginDef): PluginPrint {
  const definitions: [string, number][] = []
  const add = (definition: string, what: unknown): void => {
    definitions.push([definition, hash(JSON.stringify(what))])
  }
  for (const h of plugin.helpers ?? []) {
    const args = (h.args as readonly ArgDesc[]).map(argument)
    add(`helper ${h.name}`, [h.id, args, h.returns.kind, h.returns.js, h.wasm?.export, h.call !== undefined])
  }
  for (const k of plugin.kfuncs ?? []) {
    const args = (k.args as readonly ArgDesc[] | undefined)?.map(argument)
    add(`kfunc ${k.name}`, [args, k.wasm?.export, k.call !== undefined])
  }
  for (const m of plugin.mapTypes ?? []) {
    add(`map type ${m.name}`, [m.id, m.value, m.wasm?.init, m.wasm?.ops, m.create !== undefined])
  }
  for (const p of plugin.programTypes ?? []) {
    const { context } = p
    add(`program type ${p.name}`, [
      p.id,
      context.kind === 'struct' ? [context.name, context.size] : context.kind,
    ])
  }
  for (const e of plugin.engines ?? []) add(`engine ${e.name}`, [e.checked])
  return { name: plugin.name, definitions }
}

/** Throws RuntimeError PLUGIN_MISMATCH when a worker lacks what programs of the runtime may use, or has it otherwise. */
export function checkPlugins(wanted: readonly PluginPrint[], plugins: readonly PluginDef[]): void {
  const own = new Map(plugins.map((plugin) => [plugin.name, printPlugin(plugin)]))
  for (const { name, definitions } of wanted) {
    if (definitions.length === 0) continue
    const print = own.get(name)
    if (!print) {
      const known = [...own.keys()].join(', ') || 'none'
      throw new RuntimeError(
        'PLUGIN_MISMATCH',
        name,
        `the runtime has plugin "${name}", and this worker has not (it has: ${known}); pass joinRuntime the plugins of createRuntime`,
      )
    }
    const here = new Map(print.definitions)
    const odd = definitions.find(([definition, value]) => here.get(definition) !== value)
    if (!odd) continue
    const how = here.has(odd[0]) ? 'is another in this worker' : 'is missing in this worker'
    throw new RuntimeError(
      'PLUGIN_MISMATCH',
      name,
      `plugin "${name}": ${odd[0]} ${how}; pass joinRuntime the same version of the plugin as createRuntime`,
    )
  }
}
