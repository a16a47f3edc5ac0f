import { writeFile } from 'node:fs/promises'
import { createDefaultPlatform } from '@skep/runtime'
import { Command } from 'commander'
import { contextHeader } from '../context-header.ts'
import { print, printJson } from '../output.ts'
import { pluginsOf } from '../plugin-files.ts'
import { UsageError } from '../report.ts'

interface Options {
  readonly output?: string
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `skep gen header TYPE`: the C header that programs of a type include. */
export function genHeaderCommand(): Command {
  return new Command('header')
    .description('write the C header of a program type: its context, its verdicts, helpers of plugins')
    .argument('<type>', 'program type: xdp, or one of a plugin')
    .option('-o, --output <file>', 'write it there, not to standard output')
    .option('--plugin <file>', 'with the plugins that this module exports; may be given again', collect)
    .option('--json', 'answer with one JSON object')
    .addHelpText('after', '\nExample:\n  skep gen header http_request --plugin acme.js -o http_request.h')
    .action(async (name: string, options: Options) => {
      const plugins = []
      for (const one of options.plugin ?? []) plugins.push(...(await pluginsOf(one)))
      const platform = createDefaultPlatform(plugins)
      const type = platform.programTypes.byName(name)
      if (!type) {
        const known = [...platform.programTypes].map((one) => one.name).join(', ')
        throw new UsageError(`no program type ${name}; there are: ${known}`)
      }
      const header = contextHeader(type, platform)
      if (options.output !== undefined) await writeFile(options.output, header)
      if (options.json) printJson(options.output === undefined ? { header } : { output: options.output })
      else if (options.output === undefined) print(header.trimEnd())
    })
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]
