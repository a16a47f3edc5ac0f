import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { linkElf } from '@skep/loader-elf/linker'
import { Command } from 'commander'
import { readInput } from '../input.ts'
import { printJson } from '../output.ts'

/** `skep gen object OUTPUT INPUT...`: static linking, as `bpftool gen object`. */
export function genObjectCommand(): Command {
  return new Command('object')
    .description('link objects to one, as bpftool gen object does')
    .argument('<output>', 'the object to write')
    .argument('<input...>', 'objects')
    .option('--json', 'answer with one JSON object')
    .addHelpText('after', '\nExample:\n  skep gen object all.o main.o library.o')
    .action(async (output: string, inputs: string[], options: { json?: boolean }) => {
      const objects = []
      for (const file of inputs) objects.push({ name: basename(file), bytes: await readInput(file) })
      const bytes = linkElf(objects)
      await writeFile(output, bytes)
      if (options.json) printJson({ output, inputs, bytes: bytes.length })
    })
}
