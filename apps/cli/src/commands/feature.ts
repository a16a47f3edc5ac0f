import { createDefaultPlatform, type Platform, type PluginDef } from '@skep/runtime'
import { Command } from 'commander'
import { kernelFeatures } from '../kernel/feature.ts'
import { withKernel } from '../kernel/with-kernel.ts'
import { print, printJson } from '../output.ts'
import { pluginsOf } from '../plugin-files.ts'
import { UsageError } from '../report.ts'

interface FeatureOptions {
  readonly json?: boolean
  readonly kernel?: boolean
  readonly plugin?: readonly string[]
}

/** What a runtime has, under the names of `bpftool feature probe --json`. */
export interface Features {
  readonly program_types: Readonly<Record<string, boolean>>
  readonly map_types: Readonly<Record<string, boolean>>
  readonly helpers: Readonly<Record<string, readonly string[]>>
  readonly kfuncs: Readonly<Record<string, boolean>>
}

/** `skep feature [probe]`: the program types, map types, helpers and kfuncs that programs can use here. */
export function featureCommand(): Command {
  return new Command('feature')
    .description('list the program types, maps, helpers and kfuncs of the runtime')
    .argument('[probe]', "bpftool's word, which changes nothing")
    .option('--json', 'answer with JSON')
    .option('--kernel', 'ask the running kernel what it has')
    .option(
      '--plugin <file>',
      'with the plugins that this module exports; may be given again',
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .addHelpText('after', '\nExample:\n  skep feature --plugin acme.js --json')
    .action(async (probe: string | undefined, options: FeatureOptions) => {
      if (probe !== undefined && probe !== 'probe')
        throw new UsageError(`feature ${probe}: the only word here is probe`)
      const plugins: PluginDef[] = []
      for (const file of options.plugin ?? []) plugins.push(...(await pluginsOf(file)))
      const platform = createDefaultPlatform(plugins)
      let features = featuresOf(platform)
      if (options.kernel) {
        await withKernel('feature', options, (kernel) => {
          features = kernelFeatures(kernel, platform)
        })
      }
      if (options.json) printJson(features)
      else printFeatures(features)
    })
}

const byName = <D extends { readonly name: string }>(
  prefix: string,
  suffix: string,
  defs: Iterable<D>,
  here: (def: D) => boolean,
): Record<string, boolean> =>
  Object.fromEntries([...defs].map((def) => [`${prefix}${def.name}${suffix}`, here(def)]))

interface Callable {
  readonly wasm?: unknown
  readonly call?: unknown
  readonly tailCall?: boolean
}

const runs = (def: Callable): boolean =>
  def.wasm !== undefined || def.call !== undefined || def.tailCall === true

function featuresOf(platform: Platform): Features {
  const helpers = [...platform.helpers].filter(runs)
  return {
    program_types: byName('have_', '_prog_type', platform.programTypes, () => true),
    map_types: byName('have_', '_map_type', platform.mapTypes, (def) => !def.absent),
    helpers: Object.fromEntries(
      [...platform.programTypes].map((type) => [
        `${type.name}_available_helpers`,
        helpers.filter((helper) => platform.allows(type, helper)).map((helper) => helper.name),
      ]),
    ),
    kfuncs: byName('have_', '_kfunc', platform.kfuncs, runs),
  }
}

function printFeatures({ program_types, map_types, helpers, kfuncs }: Features): void {
  const each = (what: string, table: Readonly<Record<string, boolean>>, suffix: string): void => {
    for (const [name, here] of Object.entries(table))
      print(`eBPF ${what} ${name.slice('have_'.length, -suffix.length)} is ${here ? '' : 'NOT '}available`)
  }
  print('Scanning eBPF program types...')
  each('program_type', program_types, '_prog_type')
  print('\nScanning eBPF map types...')
  each('map_type', map_types, '_map_type')
  print('\nScanning eBPF helper functions...')
  for (const [key, names] of Object.entries(helpers)) {
    print(`eBPF helpers supported for program type ${key.slice(0, -'_available_helpers'.length)}:`)
    for (const name of names) print(`\t- ${name}`)
  }
  print('\nScanning eBPF kernel functions...')
  each('kfunc', kfuncs, '_kfunc')
}
