import { writeFile } from 'node:fs/promises'
import { assemble } from '@skep/isa'
import { Command, Option } from 'commander'
import { readInput } from '../input.ts'
import { print, toHex } from '../output.ts'

/** `skep asm FILE`: text to instructions. */
export function asmCommand(): Command {
  return new Command('asm')
    .description('assemble eBPF text (LLVM or mnemonic syntax) to instructions')
    .argument('<file>', 'assembly text, or - for standard input')
    .option('-o, --output <file>', 'write raw 8-byte little-endian instructions')
    .addOption(
      new Option('--syntax <name>', 'syntax of the text')
        .choices(['auto', 'llvm', 'mnemonic'])
        .default('auto'),
    )
    .option('--json', 'answer with one JSON object')
    .addHelpText('after', '\nExample:\n  echo "r0 = 2\nexit" | skep asm -')
    .action(
      async (
        file: string,
        options: { output?: string; syntax: 'auto' | 'llvm' | 'mnemonic'; json?: boolean },
      ) => {
        const text = file === '-' ? await readStdin() : Buffer.from(await readInput(file)).toString('utf8')
        const bytes = assemble(text, { syntax: options.syntax })
        if (options.output !== undefined) await writeFile(options.output, bytes)
        else if (options.json) print(JSON.stringify({ insns: toHex(bytes), count: bytes.length / 8 }))
        else for (let at = 0; at < bytes.length; at += 8) print(toHex(bytes.subarray(at, at + 8)))
      },
    )
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
