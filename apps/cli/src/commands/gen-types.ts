import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createDefaultPlatform } from '@skep/runtime'
import { Command } from 'commander'
import { genTypes } from '../gen-types.ts'
import { readInput, readObject } from '../input.ts'
import { print, printJson } from '../output.ts'
import { pluginsOf } from '../plugin-files.ts'
import { UsageError } from '../report.ts'
import { targetKernel } from '../target-kernel.ts'

interface Options {
  readonly output?: string
  readonly name?: string
  readonly kernelBtf?: string
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `skep gen types OBJECT`: a TypeScript module of programs, maps and globals with their types, and the object in it. */
export function genTypesCommand(): Command {
  return new Command('types')
    .description(
      'write a TypeScript module for an object: programs, typed maps and globals, the object itself',
    )
    .argument('<object>', 'object file')
    .option('-o, --output <file>', 'write it there, not to standard output')
    .option('--name <Name>', 'what its names begin with; from the file when absent')
    .option('--kernel-btf <file>', 'types of the kernel for CO-RE; the running one’s when absent')
    .option('--plugin <file>', 'with the plugins that this module exports; may be given again', collect)
    .option('--json', 'answer with one JSON object')
    .addHelpText('after', '\nExample:\n  skep gen types firewall.o -o firewall.ts')
    .action(async (file: string, options: Options) => {
      const plugins = []
      for (const one of options.plugin ?? []) plugins.push(...(await pluginsOf(one)))
      const platform = createDefaultPlatform(plugins)
      const name = options.name ?? nameOf(file)
      if (!/^[A-Za-z_$][\w$]*$/.test(name)) throw new UsageError(`--name ${name} is no name of TypeScript`)
      const spec = await readObject(file, platform, await targetKernel(options.kernelBtf))
      const module = genTypes(spec, platform, { file: basename(file), name, object: await readInput(file) })
      if (options.output !== undefined) await writeFile(options.output, module)
      if (options.json) printJson(options.output === undefined ? { module } : { output: options.output })
      else if (options.output === undefined) print(module.trimEnd())
    })
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]

/** `tcp_life.bpf.o`: TcpLife. */
function nameOf(file: string): string {
  const words = basename(file)
    .replace(/(\.bpf)?\.o$/, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(name) ? name : `Object${name}`
}
